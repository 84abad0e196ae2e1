//! Several files in one, as tar has it (POSIX.1-1988 `ustar`, as GNU writes it):
//! what a backup is kept in. The files are owner-only, in the archive as outside.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::text::printable;

use super::files::{ensure_directory, new_file, open_regular, parent};
use super::{Action, Error, Staging};

/// A file that is in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Its path there, with slashes.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, lowercase hex.
    pub sha256: String,
}

/// An archive that is being written.
pub struct Packer {
    builder: tar::Builder<File>,
    path: PathBuf,
    time: u64,
}

impl Packer {
    /// Starts an archive as a file of a directory under construction. `time`, in
    /// seconds since 1970, is when all its files were changed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn begin(staging: &Staging, name: &str, time: u64) -> Result<Self, Error> {
        let path = staging.path().join(name);
        match new_file(&path) {
            Ok(file) => Ok(Self {
                builder: tar::Builder::new(file),
                path,
                time,
            }),
            Err(source) => Err(Error::Io {
                path,
                action: Action::Create,
                source,
            }),
        }
    }

    /// Adds octets under a name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn add(&mut self, name: &str, content: &[u8]) -> Result<Archived, Error> {
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.append(name, size, Cursor::new(content))
    }

    /// Adds a file that nobody else writes, of any size.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn add_file(&mut self, name: &str, source: &Path) -> Result<Archived, Error> {
        let opened = File::open(source).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = opened.map_err(|error| Error::Io {
            path: source.to_owned(),
            action: Action::Read,
            source: error,
        })?;
        self.append(name, size, file.take(size))
    }

    fn append(&mut self, name: &str, size: u64, content: impl Read) -> Result<Archived, Error> {
        let mut header = plain_header(size, self.time);
        let mut hashed = Hashed::new(content);
        let appended = self.builder.append_data(&mut header, name, &mut hashed);
        appended.map_err(|source| Error::Io {
            path: self.path.clone(),
            action: Action::Write,
            source,
        })?;
        Ok(hashed.archived(name))
    }

    /// Writes the archive's end and makes it durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn finish(self) -> Result<(), Error> {
        let Self { builder, path, .. } = self;
        let finished = builder.into_inner().and_then(|file| file.sync_all());
        finished.map_err(|source| Error::Io {
            path,
            action: Action::Write,
            source,
        })
    }
}

impl std::fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expected({})", self.last)
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packer({})", self.path.display())
    }
}

/// What an archive may hold.
pub struct Expected<'a> {
    /// The name of the file that comes last, and is given as it is instead of being
    /// written.
    pub last: &'a str,
    /// How large a file of a name may be, in bytes; `None` where there is none of
    /// that name.
    pub limit_of: &'a dyn Fn(&str) -> Option<u64>,
}

/// Takes an archive apart into a directory, durably, and tells what was in it, in
/// its order, with the content of the last file.
///
/// # Errors
///
/// [`Error::Archive`] for what [`Packer`] does not write: links, devices, other
/// names, headers of other kinds, files that come twice, anything behind the end;
/// and [`Error::Io`].
pub fn unpack(
    archive: &Path,
    directory: &Path,
    expected: &Expected<'_>,
) -> Result<(Vec<Archived>, Option<Vec<u8>>), Error> {
    let unreadable = |source| Error::Io {
        path: archive.to_owned(),
        action: Action::Read,
        source,
    };
    let damaged = |reason: String| Error::Archive {
        path: archive.to_owned(),
        reason,
    };
    let file = open_regular(archive)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut reader = tar::Archive::new(file);
    let mut found: Vec<Archived> = Vec::new();
    let mut content = None;
    let mut end = 0;
    // As they stand there: names and sizes that other headers would give are
    // not looked for, and take no memory.
    for entry in reader.entries().map_err(unreadable)?.raw(true) {
        let entry = entry.map_err(|error| damaged(printable(&error.to_string(), 200)))?;
        let name = name_of(&entry, expected).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            damaged(format!("it holds '{}'", printable(&shown, 80)))
        })?;
        if content.is_some() || found.iter().any(|one| one.name == name) {
            return Err(damaged(format!("it holds {name} twice, or too late")));
        }
        let size = entry.size();
        end = entry.raw_file_position().saturating_add(padded(size));
        if name == expected.last {
            let mut octets = Vec::new();
            let read = entry.take(size).read_to_end(&mut octets);
            read.map_err(|error| damaged(error.to_string()))?;
            content = Some(octets);
            continue;
        }
        let written = write_entry(&directory.join(&name), &name, entry)?;
        if written.size != size {
            return Err(damaged(format!("it ends within {name}")));
        }
        found.push(written);
    }
    if length != end.saturating_add(END) {
        return Err(damaged("it ends elsewhere than it says".to_owned()));
    }
    Ok((found, content))
}

/// The two empty blocks at the end of an archive.
const END: u64 = 1024;

/// The size of a content with what fills its last block.
const fn padded(size: u64) -> u64 {
    size.saturating_add(511) & !511
}

fn write_entry(path: &Path, name: &str, content: impl Read) -> Result<Archived, Error> {
    ensure_directory(&parent(path))?;
    let mut hashed = Hashed::new(content);
    let written = new_file(path).and_then(|mut file| {
        std::io::copy(&mut hashed, &mut file)?;
        file.flush()?;
        file.sync_all()
    });
    written.map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Write,
        source,
    })?;
    Ok(hashed.archived(name))
}

/// The name of a file that there may be, whose header is one that [`Packer`] has
/// written.
fn name_of(entry: &tar::Entry<'_, File>, expected: &Expected<'_>) -> Option<String> {
    let header = entry.header();
    let name = std::str::from_utf8(&header.path_bytes()).ok()?.to_owned();
    let size = header.size().ok()?;
    if size > (expected.limit_of)(&name)? {
        return None;
    }
    let mut wanted = plain_header(size, header.mtime().ok()?);
    wanted.set_path(&name).ok()?;
    wanted.set_cksum();
    (wanted.as_bytes() == header.as_bytes()).then_some(name)
}

/// The header of a file, but for its name.
fn plain_header(size: u64, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(time);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Hashes what is read through it.
struct Hashed<R> {
    inner: R,
    digest: Sha256,
    size: u64,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            digest: Sha256::new(),
            size: 0,
        }
    }

    fn archived(self, name: &str) -> Archived {
        Archived {
            name: name.to_owned(),
            size: self.size,
            sha256: hex::encode(self.digest.finalize()),
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.size += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}
