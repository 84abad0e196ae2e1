//! Writing into a file that must stay the same inode. A journal that holds the
//! old and the new content is made durable first, and removed when the file is;
//! whoever edits next and finds one completes the write.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::secret::Secret;

use super::super::{Action, Error, read_bounded, remove_if_present};
use super::beside::{Beside, give_to_owner};
use super::{Old, open};

/// What the journal begins with.
const MAGIC: &str = "windlass journal 1";

/// What became of a write into a file that a crash had cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The file was torn, and was completed.
    Completed,
    /// The file had the old content or the new one.
    Whole,
    /// Somebody else had written something else meanwhile, which was kept.
    Superseded,
}

/// Writes into the file.
pub(super) fn write(beside: &Beside, old: &Old, content: &[u8]) -> Result<(), Error> {
    let failed = |source| beside.failed(Action::Write, source);
    let file = open(&beside.target, OFlags::WRONLY).map_err(failed)?;
    let before = old.content.expose();
    record(beside, before, content)?;
    if let Err(error) = reserve(&file, content.len()) {
        // Nothing has been written yet.
        forget(beside)?;
        return Err(failed(error));
    }
    if let Err(error) = overwrite(&file, content) {
        if overwrite(&file, before).is_err() {
            return Err(Error::Torn {
                path: beside.target.clone(),
                journal: beside.journal.clone(),
                source: error,
            });
        }
        forget(beside)?;
        return Err(failed(error));
    }
    forget(beside)
}

/// Completes or forgets what a process that died has begun.
pub(super) fn recover(beside: &Beside, max: u64) -> Result<Option<Recovery>, Error> {
    let bound = max.saturating_mul(2).saturating_add(1024);
    let journal = match read_bounded(&beside.journal, bound) {
        Err(error) if error.is_not_found() => return Ok(None),
        read => Secret::new(read?),
    };
    let Some((old, new)) = parse(journal.expose()) else {
        return Err(Error::Journal {
            path: beside.journal.clone(),
        });
    };
    let recovery = match read_bounded(&beside.target, max) {
        Err(error) if error.is_not_found() => Recovery::Superseded,
        Err(error) => return Err(error),
        Ok(found) => {
            let found = Secret::new(found);
            let found = found.expose();
            if found == old || found == new {
                Recovery::Whole
            } else if is_torn(found, old, new) {
                let failed = |source| beside.failed(Action::Write, source);
                let file = open(&beside.target, OFlags::WRONLY).map_err(failed)?;
                overwrite(&file, new).map_err(failed)?;
                Recovery::Completed
            } else {
                Recovery::Superseded
            }
        }
    };
    forget(beside)?;
    Ok(Some(recovery))
}

/// Makes the journal appear as a whole.
fn record(beside: &Beside, old: &[u8], new: &[u8]) -> Result<(), Error> {
    let failed = |source| beside.failed(Action::Write, source);
    let head = format!(
        "{MAGIC} {} {} {}\n",
        old.len(),
        new.len(),
        checksum(old, new)
    );
    let mut journal = Vec::with_capacity(head.len() + old.len() + new.len());
    journal.extend_from_slice(head.as_bytes());
    journal.extend_from_slice(old);
    journal.extend_from_slice(new);
    let journal = Secret::new(journal);
    let prepare = |file: &File| give_to_owner(file, &beside.target).map_err(failed);
    beside.write_new(journal.expose(), prepare, |_| Ok(()))?;
    if let Err(source) = fs::rename(&beside.new, &beside.journal) {
        beside.discard_new();
        return Err(failed(source));
    }
    if let Err(error) = beside.sync() {
        remove_if_present(&beside.journal)?;
        return Err(error);
    }
    Ok(())
}

fn forget(beside: &Beside) -> Result<(), Error> {
    remove_if_present(&beside.journal)?;
    beside.sync()
}

fn checksum(old: &[u8], new: &[u8]) -> String {
    let digest = Sha256::new().chain_update(old).chain_update(new);
    hex::encode(digest.finalize())
}

fn parse(journal: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = journal.iter().position(|octet| *octet == b'\n')?;
    let head = std::str::from_utf8(journal.get(..end)?).ok()?;
    let body = journal.get(end + 1..)?;
    let mut words = head.strip_prefix(MAGIC)?.split_whitespace();
    let old: usize = words.next()?.parse().ok()?;
    let new: usize = words.next()?.parse().ok()?;
    let (old, rest) = body.split_at_checked(old)?;
    let fits = rest.len() == new && words.next()? == checksum(old, rest);
    fits.then_some((old, rest))
}

/// Whether the content can be what a write of `new` over `old` left when it was
/// cut short: octet by octet one of the two, or, behind the old end, one that
/// the file system had not written yet.
fn is_torn(found: &[u8], old: &[u8], new: &[u8]) -> bool {
    let (shorter, longer) = (old.len().min(new.len()), old.len().max(new.len()));
    (shorter..=longer).contains(&found.len())
        && found.iter().enumerate().all(|(index, octet)| {
            let (old, new) = (old.get(index), new.get(index));
            old == Some(octet) || new == Some(octet) || (old.is_none() && *octet == 0)
        })
}

/// Asks for the room before anything is overwritten, where the file system can
/// tell.
fn reserve(file: &File, length: usize) -> std::io::Result<()> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    if length == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) => Err(error.into()),
        _ => Ok(()),
    }
}

fn overwrite(file: &File, content: &[u8]) -> std::io::Result<()> {
    loop {
        match file.write_all_at(content, 0) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            written => break written?,
        }
    }
    file.set_len(u64::try_from(content.len()).unwrap_or(u64::MAX))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_file_is_told_from_one_that_somebody_has_written() {
        let (old, new) = (b"aaaaaa".as_slice(), b"bbbbbbbb".as_slice());
        for torn in ["bbbaaa", "bbbbbbb", "bbbbbb\0\0", "bbbaaa\0b"] {
            assert!(is_torn(torn.as_bytes(), old, new), "{torn}");
        }
        for other in ["", "aaaaa", "bbbcaa", "bbbbbba", "bbbbbbbbb", "bbb\0aa"] {
            assert!(!is_torn(other.as_bytes(), old, new), "{other}");
        }
        // Cut short before the end was cut off.
        assert!(is_torn(b"bbaaaa", b"aaaaaa", b"bb"));
        assert!(!is_torn(b"bb", b"aaaaaa", b"bbb"));
    }

    #[test]
    fn a_journal_says_what_it_holds() {
        let head = format!("{MAGIC} 2 3 {}\n", checksum(b"ab", b"cde"));
        let journal = [head.as_bytes(), b"abcde"].concat();
        assert_eq!(parse(&journal), Some((b"ab".as_slice(), b"cde".as_slice())));
        for damage in [&journal[..journal.len() - 1], b"", &journal[1..]] {
            assert_eq!(parse(damage), None);
        }
        let mut changed = journal;
        *changed.last_mut().unwrap() = b'x';
        assert_eq!(parse(&changed), None);
    }
}
