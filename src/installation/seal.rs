//! Whose a file is: those that are written here say so, with a checksum by which it
//! is seen that somebody has changed one since.

use sha2::{Digest, Sha256};

/// What stands before the checksum.
const MARK: &str = "# windlass-sha256: ";

/// What stands before the job whose file it is.
const JOB: &str = "# windlass-job: ";

/// Where cron sends what is said (crontab(5)): it may be changed by hand.
pub(super) const MAILTO: &str = "MAILTO=";

/// Who has written what is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// This program, and nobody since; for this job.
    Own(String),
    /// This program, and somebody has changed it since.
    Edited,
    /// Somebody else.
    Other,
}

/// The text with a checksum over all of it, on the line after the first, and the job. It
/// tells changes that people make, and is no proof of anything.
pub(super) fn sealed(text: &str, job: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let rest = format!("{JOB}{job}\n{rest}");
    format!("{first}\n{MARK}{}\n{rest}", checksum(first, &rest))
}

fn checksum(first: &str, rest: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(first);
    hash.update("\n");
    let lines = rest.split_inclusive('\n');
    for line in lines.filter(|line| !line.starts_with(MAILTO)) {
        hash.update(line);
    }
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
        (Some(first), Some(found), Some(rest)) if found == checksum(first, rest) => {
            let job = rest.lines().next().and_then(|line| line.strip_prefix(JOB));
            Author::Own(job.unwrap_or_default().to_owned())
        }
        _ if text.contains(MARK) => Author::Edited,
        _ => Author::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_and_what_others_wrote_too() {
        let text = sealed("#!/bin/sh\n# about\nMAILTO=a\nexit 0\n", "rotate as root");
        assert!(text.starts_with("#!/bin/sh\n# windlass-sha256: "));
        let own = Author::Own("rotate as root".to_owned());
        assert_eq!(author(text.as_bytes()), own);
        assert_eq!(author(text.replace("MAILTO=a", "MAILTO=b").as_bytes()), own);
        for changed in [
            text.replace("exit 0", "exit 1"),
            text.replace("as root", "as a"),
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
