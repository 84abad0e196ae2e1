//! Whose a file is: those that are written here say so, with a checksum by which it
//! is seen that somebody has changed one since.

use sha2::{Digest, Sha256};

/// What stands before the checksum.
const MARK: &str = "# windlass-sha256: ";

/// Who has written what is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// This program, and nobody since.
    Own,
    /// This program, and somebody has changed it since.
    Edited,
    /// Somebody else.
    Other,
}

/// The text with a checksum over all of it, on the line after the first. It tells
/// changes that people make, and is no proof of anything.
pub(super) fn sealed(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{first}\n{MARK}{}\n{rest}", checksum(first, rest))
}

fn checksum(first: &str, rest: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(first);
    hash.update("\n");
    hash.update(rest);
    hex::encode(hash.finalize())
}

/// Who has written it.
pub(super) fn author(content: &[u8]) -> Author {
    let Ok(text) = std::str::from_utf8(content) else {
        return Author::Other;
    };
    let mut parts = text.splitn(3, '\n');
    let (first, second, rest) = (parts.next(), parts.next(), parts.next());
    let sealed = second.and_then(|line| line.strip_prefix(MARK));
    match (first, sealed, rest) {
        (Some(first), Some(found), Some(rest)) if found == checksum(first, rest) => Author::Own,
        _ if text.contains(MARK) => Author::Edited,
        _ => Author::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_and_what_others_wrote_too() {
        let text = sealed("#!/bin/sh\n# about\nexit 0\n");
        assert!(text.starts_with("#!/bin/sh\n# windlass-sha256: "));
        assert_eq!(author(text.as_bytes()), Author::Own);
        for changed in [
            text.replace("exit 0", "exit 1"),
            format!("{text}\n"),
            format!("\n{text}"),
            text.replace("#!/bin/sh", "#!/bin/bash"),
            text.replace('\n', "\r\n"),
        ] {
            assert_eq!(author(changed.as_bytes()), Author::Edited, "{changed}");
        }
        assert_eq!(author(b"#!/bin/sh\nexit 0\n"), Author::Other);
        assert_eq!(author(b""), Author::Other);
        assert_eq!(author(b"\xff"), Author::Other);
    }
}
