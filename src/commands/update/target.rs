//! The credentials file that is written, and what there is to say about it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use crate::cli::Update;
use crate::commands::shared_file;
use crate::commands::{Context, Error, Printer};
use crate::delivery::ini::{Place, ProfileName};
use crate::delivery::{
    CredentialsFileError, Session, check_section, key_id_of, passes_by, write_session,
};
use crate::limits;
use crate::store::{self, EditReport, Manner, Recovery, read_regular};

/// A credentials file, and how it is written.
pub(super) struct Target {
    path: PathBuf,
    manner: Manner,
    force: bool,
    /// Held while something is written: whoever ends the program waits for it,
    /// and holds it until the end.
    writing: Mutex<()>,
    /// Nothing is written any more.
    is_closed: AtomicBool,
    /// What has been said already.
    said: Mutex<BTreeSet<String>>,
}

impl Target {
    pub(super) fn find(arguments: &Update, context: &Context) -> Result<Self, Error> {
        let given = arguments.credentials_file.as_deref();
        Ok(Self {
            path: shared_file::path(Place::Credentials, given, context)?,
            manner: if arguments.in_place {
                Manner::InPlace
            } else {
                Manner::Replace
            },
            force: arguments.force,
            writing: Mutex::default(),
            is_closed: AtomicBool::new(false),
            said: Mutex::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a session can be put into its section, as the file is now.
    pub(super) fn check(&self, section: &ProfileName, printer: &Printer) -> Result<(), Error> {
        self.tell_recovery(
            store::recover(&self.path, limits::MAX_SHARED_FILE)?,
            printer,
        );
        let Some(text) = read_regular(&self.path, limits::MAX_SHARED_FILE)? else {
            return Ok(());
        };
        check_section(text.expose(), section, self.force).map_err(|reason| self.refused(reason))?;
        if let Ok(Some((key, line))) = passes_by(text.expose(), section) {
            let path = self.path.display();
            self.say(
                printer,
                format!("SDKs take other credentials for [{section}] than those that are written there: {key} on line {line} of {path}; remove it, or name another --profile"),
            );
        }
        Ok(())
    }

    fn refused(&self, reason: CredentialsFileError) -> Error {
        Error::CredentialsFile {
            path: self.path.clone(),
            reason,
        }
    }

    /// Puts a session into its section; `None` when it is closed.
    pub(super) fn write(
        &self,
        section: &ProfileName,
        session: &Session,
        printer: &Printer,
    ) -> Result<Option<EditReport>, Error> {
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind the lock: whoever closes it must not be overtaken.
        if self.is_closed() {
            return Ok(None);
        }
        let mut respelled = None;
        let report = store::edit(&self.path, limits::MAX_SHARED_FILE, self.manner, |text| {
            let edited = write_session(text, section, &session.credentials, self.force);
            let edited = edited.map_err(|reason| self.refused(reason))?;
            respelled = edited.respelled;
            Ok::<_, Error>(edited.text)
        })?;
        drop(guard);
        self.tell(&report, printer);
        if let Some(old) = respelled {
            self.say(
                printer,
                format!("the header {old} is [{section}] now: boto3 did not find it"),
            );
        }
        Ok(Some(report))
    }

    /// Whether this key stands in the section.
    pub(super) fn has(&self, section: &ProfileName, key_id: &str) -> bool {
        read_regular(&self.path, limits::MAX_SHARED_FILE).is_ok_and(|text| {
            text.is_some_and(|text| key_id_of(text.expose(), section).as_deref() == Some(key_id))
        })
    }

    /// Whether nothing is written any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Lets nothing more be written and waits a moment for what is. As long as
    /// the guard is held, no other thread can begin and be cut short by the end
    /// of the program. There is none where a write takes too long.
    pub(super) fn settle(&self) -> Option<MutexGuard<'_, ()>> {
        self.is_closed.store(true, Ordering::SeqCst);
        let began = Instant::now();
        while began.elapsed() < limits::SETTLE_PATIENCE {
            match self.writing.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(limits::EDIT_LOCK_POLL),
            }
        }
        None
    }

    /// What about the file should be known although it was written.
    fn tell(&self, report: &EditReport, printer: &Printer) {
        let path = report.path.display();
        self.tell_recovery(report.recovery, printer);
        if report.could_not_rename {
            self.say(
                printer,
                format!("nothing can be renamed onto {path}, so it was written into; --in-place does so from the start"),
            );
        }
        if report.written == Some(Manner::Replace) && report.names > 1 {
            self.say(
                printer,
                format!(
                    "{path} had {} names (hard links): the others keep the old content; --in-place keeps them together",
                    report.names
                ),
            );
        }
        if report.mode & 0o077 != 0 {
            let may = match (report.mode & 0o044 != 0, report.mode & 0o022 != 0) {
                (true, true) => "read and write",
                (false, true) => "write",
                _ => "read",
            };
            self.say(
                printer,
                format!(
                    "others may {may} {path} (mode {:04o}); close it with: chmod 600 {path}",
                    report.mode
                ),
            );
        }
    }

    fn tell_recovery(&self, recovery: Option<Recovery>, printer: &Printer) {
        let path = self.path.display();
        let text = match recovery {
            Some(Recovery::Completed) => {
                format!("{path} had been written in part only, and was completed")
            }
            Some(Recovery::Superseded) => {
                format!("{path} was changed after a write had been cut short, and kept as it is")
            }
            Some(Recovery::Whole) | None => return,
        };
        self.say(printer, text);
    }

    /// Warns of something once.
    fn say(&self, printer: &Printer, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(text.clone()) {
            printer.warning(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Style;
    use crate::rolesanywhere::SessionCredentials;
    use crate::secret::Secret;

    /// With `--all` a thread could begin to write while another one ends the
    /// program.
    #[test]
    fn nobody_writes_once_it_is_settled() {
        let directory = tempfile::tempdir().unwrap();
        let target = Target {
            path: directory.path().join("credentials"),
            manner: Manner::Replace,
            force: false,
            writing: Mutex::default(),
            is_closed: AtomicBool::new(false),
            said: Mutex::default(),
        };
        let write = |section: &str| {
            let session = Session {
                credentials: SessionCredentials {
                    access_key_id: "ASIAX".to_owned(),
                    secret_access_key: Secret::from("s".to_owned()),
                    session_token: Secret::from("t".to_owned()),
                    expiration: chrono::DateTime::UNIX_EPOCH,
                },
                obtained: chrono::DateTime::UNIX_EPOCH,
                role: "arn:aws:iam::123456789012:role/backup".parse().unwrap(),
            };
            let printer = Printer::new(Style::default());
            target.write(&section.parse().unwrap(), &session, &printer)
        };
        assert!(write("a").unwrap().is_some());
        let before = std::fs::read(target.path()).unwrap();
        // One that was waiting for its turn at that moment.
        let turn = target.writing.lock().unwrap();
        let written = std::thread::scope(|scope| {
            let late = scope.spawn(|| write("b"));
            target.is_closed.store(true, Ordering::SeqCst);
            drop(turn);
            let settled = target.settle();
            assert!(settled.is_some() && target.writing.try_lock().is_err());
            drop(settled);
            late.join().unwrap()
        });
        assert!(written.unwrap().is_none());
        assert!(write("c").unwrap().is_none());
        assert_eq!(std::fs::read(target.path()).unwrap(), before);
    }
}
