//! UNIX sockets in the file system: with their mode from the first moment,
//! instead of those that nobody serves any more, and removed by their owner.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::files::{parent, remove_if_present, temporary_directory};
use super::{Action, Error};

/// A socket's file; it is removed with the value, unless another one has taken
/// its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Binds a socket at `path` that only those can connect to whom `mode` lets.
///
/// It is bound in a private directory beside and moved into its place: between
/// bind(2) and chmod(2) it would have the umask's mode.
///
/// # Errors
///
/// [`Error::Served`] when somebody listens there already, [`Error::NotSocket`]
/// when something else is there, [`Error::Io`].
pub fn bind_socket(path: &Path, mode: u32) -> Result<(UnixListener, SocketFile), Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Create,
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(Error::NotSocket {
                path: path.to_owned(),
            });
        }
        Ok(_) if is_abandoned(path) => {}
        Ok(_) => {
            return Err(Error::Served {
                path: path.to_owned(),
            });
        }
    }
    let directory = temporary_directory(&parent(path), ".wl-").map_err(|error| match error {
        Error::Io { source, .. } => failed(source),
        other => other,
    })?;
    let first = directory.path().join("s");
    let listener = UnixListener::bind(&first).map_err(failed)?;
    let place = || {
        fs::set_permissions(&first, fs::Permissions::from_mode(mode))?;
        let metadata = fs::symlink_metadata(&first)?;
        fs::rename(&first, path)?;
        Ok((metadata.dev(), metadata.ino()))
    };
    let identity = place().map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity,
    };
    Ok((listener, file))
}

/// Whether the socket's process is gone: it refuses then. It is not waited for
/// one that accepts nothing, whose queue is full: somebody has it (connect(2),
/// EAGAIN).
fn is_abandoned(path: &Path) -> bool {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let tried = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .and_then(|socket| connect(&socket, &SocketAddrUnix::new(path)?));
    tried == Err(Errno::CONNREFUSED)
}

impl SocketFile {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still there, and no other one in its place.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_in_place() {
            // What is left is replaced at the next start.
            let _ = remove_if_present(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_that_accepts_nothing_is_served_and_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let _waiting = UnixStream::connect(&path).unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || tell.send(bind_socket(&path, 0o600)));
        let outcome = told.recv_timeout(Duration::from_secs(10));
        assert!(matches!(outcome, Ok(Err(Error::Served { .. }))));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let (listener, file) = bind_socket(&path, 0o660).unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(UnixStream::connect(&path).is_ok());
        assert!(matches!(
            bind_socket(&path, 0o600),
            Err(Error::Served { .. })
        ));
        // As after kill -9: the file stays, and nobody listens.
        drop(listener);
        std::mem::forget(file);
        let (_listener, second) = bind_socket(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(second);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_a_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        crate::store::write_atomic(&path, b"key", crate::store::Readers::Owner).unwrap();
        assert!(matches!(
            bind_socket(&path, 0o600),
            Err(Error::NotSocket { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"key");
    }

    #[test]
    fn another_ones_socket_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let (_listener, file) = bind_socket(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}
