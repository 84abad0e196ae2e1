//! The file that says that a server is ready, and where; and what may be replaced
//! at all.

use std::io;
use std::path::Path;

use crate::limits;
use crate::store::{self, Readers};

use super::Error;

/// Checks that a ready file can be written at `path`, and removes one of an
/// earlier run: it would tell a waiting script too much too early.
///
/// # Errors
///
/// [`Error::InTheWay`] when something else is there, [`Error::Store`].
pub(super) fn check(path: &Path, verb: &'static str) -> Result<(), Error> {
    let what = match verb {
        "serve" => "a ready file of windlass serve",
        _ => "a ready file of windlass emulate",
    };
    check_replaceable(path, what, is_ready_line)?;
    Ok(store::remove_if_present(path)?)
}

/// Writes it. Signals must be heeded already: who has seen it may send one.
pub(super) fn write(path: &Path, line: &str) -> io::Result<()> {
    store::write_atomic(path, line.as_bytes(), Readers::Owner).map_err(io::Error::other)
}

/// Removes it at the end, unless another run has put its own there.
pub(super) fn remove(path: &Path, line: String) -> Result<(), Error> {
    if store::read_bounded(path, 8192).is_ok_and(|content| content == line.into_bytes()) {
        store::remove_if_present(path)?;
    }
    Ok(())
}

/// A file that is there is replaced only when it is one that windlass wrote: a
/// typing mistake must not cost a key or an inventory.
pub(super) fn check_replaceable(
    path: &Path,
    what: &'static str,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<(), Error> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        // Before anything is announced: where it cannot be written later.
        return Ok(store::check_parent(path)?);
    };
    let ours = metadata.is_file()
        && store::read_start(path, limits::MAX_FILE)
            // An empty file is one that mktemp has made.
            .is_ok_and(|content| content.is_empty() || is_ours(&content));
    if ours {
        Ok(())
    } else {
        Err(Error::InTheWay {
            path: path.to_owned(),
            what,
        })
    }
}

/// One line with a URL, or with the path of a UNIX socket.
fn is_ready_line(content: &[u8]) -> bool {
    let line = std::str::from_utf8(content)
        .ok()
        .and_then(|text| text.strip_suffix('\n'));
    line.is_some_and(|line| {
        let is_url = line.starts_with("http://") || line.starts_with("https://");
        (is_url && !line.contains(char::is_whitespace))
            || (line.starts_with("unix:/") && !line.contains('\n'))
    })
}
