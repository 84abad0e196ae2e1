//! The file with a token's PIN that a URI may name (`pin-source`, RFC 7512
//! section 2.4); read by its spelling alone, with or without the feature.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::Pkcs11Uri;

impl Pkcs11Uri {
    /// The file with the PIN that the URI names (`pin-source`, RFC 7512 section 2.4).
    #[must_use]
    pub fn pin_file(&self) -> Option<PathBuf> {
        source_path(self.pin_source.as_deref()?).ok()
    }
}

/// The absolute path of a file, or a `file:` URI (RFC 8089) of this host.
///
/// # Errors
///
/// What is wrong with it, as a part of a sentence.
pub(super) fn source_path(source: &str) -> Result<PathBuf, &'static str> {
    if source.starts_with('|') {
        return Err("commands are not run; give a file");
    }
    let path = match source.strip_prefix("file:") {
        Some(rest) => {
            let path = rest
                .strip_prefix("//localhost")
                .or_else(|| rest.strip_prefix("//"))
                .unwrap_or(rest);
            percent_decode_str(path)
                .decode_utf8()
                .map_err(|_| "its name is not UTF-8")?
                .into_owned()
        }
        None => source.to_owned(),
    };
    if path.starts_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err("it must be the absolute path of a file, or a file: URI")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_sources_are_files_of_this_host() {
        for source in [
            "/etc/a b",
            "file:/etc/a%20b",
            "file:///etc/a%20b",
            "file://localhost/etc/a%20b",
        ] {
            assert_eq!(
                source_path(source),
                Ok(PathBuf::from("/etc/a b")),
                "{source}"
            );
        }
        for source in [
            "",
            "pin",
            "file:pin",
            "file://host/pin",
            "|/bin/pin",
            "file:%ff",
        ] {
            assert!(source_path(source).is_err(), "{source}");
        }
    }
}
