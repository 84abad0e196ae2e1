//! What a profile must not name: places that are gone when an SDK runs the
//! program, and files that are not there.

use std::path::{Path, PathBuf};

use crate::cli::{Origin, SelectorArgument};
use crate::commands::identity::check_managed;
use crate::commands::{ConfigureError, Context, Error, config_file};
use crate::key::{KeySource, Pkcs11Uri, Source};

/// Where the value of an option leads.
pub(in crate::commands) enum Named {
    /// To a file.
    File(PathBuf),
    /// To the directory of a managed identity.
    Identity(PathBuf),
    /// To the standard input or another descriptor of this process, in words.
    Descriptor(String),
    /// Elsewhere, or to no place at all.
    Other,
}

impl Named {
    /// Looks at the form of the value alone.
    pub(in crate::commands) fn by(key: &str, value: &str) -> Self {
        let of_source = |source: Source| match source {
            Source::File(path) => Self::at(path),
            Source::Stdin | Source::Fd(_) => Self::Descriptor(source.to_string()),
            _ => Self::Other,
        };
        match key {
            "certificate" | "intermediates" | "private_key" => match value.parse() {
                Ok(KeySource::Material(source)) => of_source(source),
                _ => Self::Other,
            },
            "identity" => Self::Identity(value.into()),
            "passphrase_from" if value != "tty" => value.parse().map_or(Self::Other, of_source),
            "passphrase_fd" => Self::Descriptor(format!("the descriptor {value}")),
            "cert_selector" => match value.parse() {
                Ok(SelectorArgument::File(path)) => Self::at(path),
                _ => Self::Other,
            },
            "cache_dir" | "passphrase_from" => Self::Other,
            _ if config_file::FILES.contains(&key) => Self::at(value.into()),
            _ => Self::Other,
        }
    }

    /// A shell's `<(command)` looks like a file, and is a descriptor too.
    fn at(path: PathBuf) -> Self {
        let is_standard = ["/dev/stdin", "/dev/stdout", "/dev/stderr"]
            .iter()
            .any(|standard| path == Path::new(standard));
        let of_process = path.starts_with("/proc") && path.iter().any(|name| name == "fd");
        if is_standard || of_process || path.starts_with("/dev/fd") {
            Self::Descriptor(path.display().to_string())
        } else {
            Self::File(path)
        }
    }
}

/// Checks every place that the options name; whether the files are there only
/// where they have to be by now.
pub(super) fn named(
    said: &[(String, Vec<String>)],
    are_there: bool,
    context: &Context,
) -> Result<(), Error> {
    for (key, values) in said {
        let origin = || Origin::Option { key: key.clone() };
        if values.iter().any(|value| holds_pin(key, value)) {
            return Err(ConfigureError::Pin { origin: origin() }.into());
        }
        for value in values.iter().filter(|_| key != "config") {
            match Named::by(key, value) {
                Named::File(path) if are_there => check_file(context.path(&path), origin())?,
                Named::Descriptor(which) => {
                    let origin = origin();
                    return Err(ConfigureError::Descriptor { origin, which }.into());
                }
                Named::Identity(path) if are_there => {
                    let origin = origin();
                    check_managed(&context.path(&path)).map_err(|source| {
                        ConfigureError::Identity {
                            origin,
                            source: Box::new(source),
                        }
                    })?;
                }
                Named::File(_) | Named::Identity(_) | Named::Other => {}
            }
        }
    }
    Ok(())
}

/// Whether it is a PKCS#11 URI with the PIN itself in it, which is meant for the
/// command line that it was typed into.
fn holds_pin(key: &str, value: &str) -> bool {
    let is_source = ["certificate", "intermediates", "private_key"].contains(&key);
    is_source
        && match value.parse() {
            Ok(KeySource::Token(uri)) => uri.as_ref().as_ref().is_ok_and(Pkcs11Uri::has_pin_value),
            _ => false,
        }
}

/// Whether the file is there and this user can read it. A pipe is not opened:
/// that would wait for whoever writes it.
fn check_file(path: PathBuf, origin: Origin) -> Result<(), ConfigureError> {
    let opened = std::fs::metadata(&path).and_then(|metadata| {
        if metadata.is_file() {
            std::fs::File::open(&path)?;
        }
        Ok(metadata.is_dir())
    });
    match opened {
        Ok(false) => Ok(()),
        Ok(true) => Err(ConfigureError::Directory { origin, path }),
        Err(source) => Err(ConfigureError::NoFile {
            origin,
            path,
            source,
        }),
    }
}
