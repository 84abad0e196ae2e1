//! The file of a UNIX socket while it is served: whoever may write its directory
//! can put another one in its place, and then clients reach somebody else
//! although everything here goes on.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use crate::commands::printer::{Incident, Level};
use crate::commands::{Error, Printer, ServeError};
use crate::limits;
use crate::store::{SocketFile, parent_mode};

/// A socket's file that is looked at as long as the value lives. With it the file
/// is removed.
pub(super) struct Watched {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Begins to look at it.
    pub(super) fn start(file: SocketFile, printer: Printer) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let file = Arc::new(file);
        let thread = std::thread::Builder::new()
            .name("socket".to_owned())
            .spawn(move || {
                let mut was_ours = true;
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(limits::KEEPER_TICK)
                {
                    let is_ours = file.is_in_place();
                    if was_ours && !is_ours {
                        tell(&file, &printer);
                    }
                    was_ours = is_ours;
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tell(file: &SocketFile, printer: &Printer) {
    printer.tell(&Incident {
        level: Level::Warning,
        kind: "socketReplaced",
        message: &format!(
            "{} is not the socket of this process any more: who connects there reaches somebody else, or nobody",
            file.path().display()
        ),
        cause: None,
        hint: Some("find out who has removed or replaced it, and start 'windlass serve' anew"),
    });
}

/// Who else could put a socket there: nobody should.
pub(super) fn check_neighbours(path: &Path, printer: &Printer) -> Result<(), Error> {
    const EVERYBODY: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let mode = parent_mode(path)? & 0o7777;
    let directory = path.parent().unwrap_or(path);
    match (mode & EVERYBODY != 0, mode & STICKY != 0) {
        (false, _) => Ok(()),
        (true, true) => {
            printer.warning(&format!(
                "everybody can write into {} (mode {mode:04o}): while nothing is served, somebody else can put a socket at {} and give clients other credentials; use a directory like /run/windlass",
                directory.display(),
                path.display()
            ));
            Ok(())
        }
        (true, false) => Err(ServeError::OpenDirectory {
            directory: directory.to_owned(),
            mode,
        }
        .into()),
    }
}
