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
use crate::store::{SocketFile, directory_access};

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
    let directory = path.parent().unwrap_or(path);
    let access = directory_access(directory)?;
    if access.is_open() && !access.is_sticky() {
        return Err(ServeError::OpenDirectory {
            directory: directory.to_owned(),
            mode: access.mode,
        }
        .into());
    }
    let warn = |who: &str| {
        printer.warning(&format!(
            "{who} can put a socket at {} and give clients other credentials; use a directory like /run/windlass",
            path.display()
        ));
    };
    if access.is_open() {
        warn(&format!(
            "everybody can write into {} (mode {:04o}): while nothing is served, somebody else",
            directory.display(),
            access.mode
        ));
    }
    if access.is_strangers() {
        warn(&format!(
            "{} belongs to the user {}, who",
            directory.display(),
            access.owner
        ));
    }
    // The directory itself can be exchanged there, or a link to it.
    let real = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let above = directory.ancestors().chain(real.ancestors());
    for above in above.filter(|above| *above != directory) {
        let access = directory_access(above)?;
        if access.is_open() && !access.is_sticky() {
            warn(&format!(
                "everybody can replace what is in {} (mode {:04o}), also the directory of the socket: anybody",
                above.display(),
                access.mode
            ));
            break;
        }
    }
    Ok(())
}
