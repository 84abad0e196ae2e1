//! Writing into a file that must stay the same inode. A journal that holds the
//! old and the new content is made durable first, and removed when the file is;
//! whoever edits next and finds one completes the write.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::secret::Secret;

use super::super::{Action, Error};
use super::Old;
use super::beside::Beside;

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
    let file = old.open_for_writing(beside)?;
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
                path: beside.place.path.clone(),
                journal: beside.place.beside(&beside.journal),
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
    let Some(journal) = read_journal(beside, max)? else {
        return Ok(None);
    };
    let Some((old, new)) = parse(journal.expose()) else {
        return Err(Error::Journal {
            path: beside.place.beside(&beside.journal),
        });
    };
    let file = Old::read(&beside.place, max)?;
    let found = file.content.expose();
    let recovery = if file.metadata.is_some() && (found == old || found == new) {
        Recovery::Whole
    } else if file.metadata.is_some() && is_torn(found, old, new) {
        let file = file.open_for_writing(beside)?;
        overwrite(&file, new).map_err(|source| beside.failed(Action::Write, source))?;
        Recovery::Completed
    } else {
        Recovery::Superseded
    };
    forget(beside)?;
    Ok(Some(recovery))
}

/// The journal's text, of this user's own journal alone: whoever else may write
/// the directory could have put there what this user is to write. What root has
/// made stays root's for the same reason.
fn read_journal(beside: &Beside, max: u64) -> Result<Option<Secret>, Error> {
    let path = beside.place.beside(&beside.journal);
    let failed = |source| Error::Io {
        path: path.clone(),
        action: Action::Read,
        source,
    };
    let is_own = |found: &Metadata| {
        found.is_file()
            && found.nlink() == 1
            && found.mode() & 0o077 == 0
            && found.uid() == rustix::process::geteuid().as_raw()
    };
    let planted = || Error::Planted { path: path.clone() };
    // Before it is opened, so that it is refused as what it is.
    match beside.place.look(&beside.journal).map_err(failed)? {
        None => return Ok(None),
        Some(found) if !is_own(&found) => return Err(planted()),
        Some(_) => {}
    }
    let opened = beside.place.open(&beside.journal, OFlags::RDONLY);
    let bound = max.saturating_mul(2).saturating_add(1024);
    let journal = Old::read_from(opened, &path, bound)?;
    match journal.metadata {
        None => Ok(None),
        Some(found) if !is_own(&found) => Err(planted()),
        Some(_) => Ok(Some(journal.content)),
    }
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
    beside.write_new(journal.expose(), |_| Ok(()), |_| Ok(()))?;
    if let Err(source) = beside.place.rename(&beside.new, &beside.journal) {
        beside.discard_new();
        return Err(failed(source));
    }
    if let Err(error) = beside.place.sync() {
        beside.place.remove(&beside.journal)?;
        return Err(error);
    }
    Ok(())
}

fn forget(beside: &Beside) -> Result<(), Error> {
    beside.place.remove(&beside.journal)?;
    beside.place.sync()
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
