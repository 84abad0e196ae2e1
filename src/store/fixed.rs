//! The files of an identity at fixed paths, for programs that know nothing of
//! versions. Several files cannot change as one there, but what was begun is
//! completed, or taken back:
//!
//! 1. A journal in the identity's directory says what goes where.
//! 2. The new contents are written beside their targets, under hidden names
//!    (`.NAME.windlass-next`), durably. Whatever is full, read-only or not allowed
//!    shows here, before anything is changed.
//! 3. Each changes places with its target: first the certificates, and the key
//!    last, as programs read them; so the time in which one can read a mixed pair
//!    is shortest. When a target refuses, those before it are taken back.
//! 4. The old contents, which have the hidden names now, are removed, and then the
//!    journal.
//!
//! After a crash the next run goes on from what it finds ([`recover_fixed`]). Until
//! then, and for a moment in each replacement, the files can be mixed:
//! [`is_pending`] says so, and the version in force is whole all the time.
//!
//! A target that is a symbolic link stays one, and the file that it leads to is
//! replaced; a link of somebody who is neither root, nor this user, nor the owner of
//! what it leads to is refused. Directories, devices and pipes are refused, and
//! directories are not made.

mod journal;
mod started;
mod target;

use std::path::{Path, PathBuf};

use crate::secret::Secret;

use super::versions::{CERTIFICATE_MODES, KEY_MODES, Kept, TooOpen, VersionNumber, check_mode};
use super::{Action, Error, UnsafeMode};

use self::journal::{Entry, Journal};
use self::started::{Started, clear_mixed};
use self::target::{Old, Target, digest};

/// A fixed path, and what its file is to have; where nothing is said it is what the
/// file there has. Access control lists and other attributes are always kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedFile {
    /// The path.
    pub path: PathBuf,
    /// The user to whom it belongs, as a number.
    pub uid: Option<u32>,
    /// Its group, as a number.
    pub gid: Option<u32>,
    /// Its permission bits.
    pub mode: Option<u32>,
    /// Its SELinux context, as `system_u:object_r:cert_t:s0`.
    pub context: Option<String>,
}

impl FixedFile {
    /// A path with nothing said. A new file there belongs to this user, or, when
    /// root makes it, to the owner of its directory; a key has mode 0600 then, and
    /// a certificate 0644.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            uid: None,
            gid: None,
            mode: None,
            context: None,
        }
    }
}

/// The files that a program wants at fixed paths: any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedFiles {
    key: Option<FixedFile>,
    certificate: Option<FixedFile>,
    chain: Option<FixedFile>,
    fullchain: Option<FixedFile>,
}

/// What is to stand there, as PEM.
#[derive(Debug)]
pub struct FixedContents<'a> {
    /// The version whose files they are.
    pub version: VersionNumber,
    /// The private key.
    pub key: &'a Secret,
    /// The certificate alone.
    pub certificate: &'a [u8],
    /// The certificates above it; empty where there are none.
    pub chain: &'a [u8],
    /// The certificate and those above it.
    pub fullchain: &'a [u8],
}

/// What an installation has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedReport {
    /// What was replaced or made, with links followed, in this order.
    pub written: Vec<PathBuf>,
    /// The key's path, where everybody may read it: it had such a mode.
    pub exposed: Option<PathBuf>,
    /// What became of an earlier one that a crash had cut short.
    pub recovery: Option<FixedRecovery>,
}

/// What became of an installation that a crash had cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixedRecovery {
    /// All files have the new content.
    Completed,
    /// All files have the old content.
    TakenBack,
    /// Some files may have the new content and others the old one, as what was to
    /// be put at this path, or its directory, is not there; installing again mends
    /// it.
    Mixed(PathBuf),
}

impl FixedFiles {
    /// The private key's file.
    ///
    /// # Errors
    ///
    /// [`UnsafeMode`].
    pub fn with_key(mut self, file: FixedFile) -> Result<Self, UnsafeMode> {
        file.mode
            .map_or(Ok(()), |mode| check_mode(mode, KEY_MODES))?;
        self.key = Some(file);
        Ok(self)
    }

    /// The certificate's file.
    ///
    /// # Errors
    ///
    /// [`UnsafeMode`].
    pub fn with_certificate(mut self, file: FixedFile) -> Result<Self, UnsafeMode> {
        self.certificate = Some(checked(file)?);
        Ok(self)
    }

    /// The file of the certificates above it.
    ///
    /// # Errors
    ///
    /// [`UnsafeMode`].
    pub fn with_chain(mut self, file: FixedFile) -> Result<Self, UnsafeMode> {
        self.chain = Some(checked(file)?);
        Ok(self)
    }

    /// The file of the certificate and those above it.
    ///
    /// # Errors
    ///
    /// [`UnsafeMode`].
    pub fn with_fullchain(mut self, file: FixedFile) -> Result<Self, UnsafeMode> {
        self.fullchain = Some(checked(file)?);
        Ok(self)
    }

    /// Whether no file is wanted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.key.is_none()
            && self.certificate.is_none()
            && self.chain.is_none()
            && self.fullchain.is_none()
    }

    /// The paths that [`Self::install`] would write now, with links followed, in
    /// this order. Nothing is changed.
    ///
    /// # Errors
    ///
    /// As [`Self::install`], of what shows without writing.
    pub fn stale(&self, contents: &FixedContents<'_>) -> Result<Vec<PathBuf>, Error> {
        let plan = self.plan(contents)?;
        Ok(plan.iter().map(Planned::path).collect())
    }

    /// Puts the contents at their paths. What is there already is not written.
    /// `identity` is the directory of the identity, whose lock the caller holds;
    /// the journal stands there.
    ///
    /// # Errors
    ///
    /// [`Error`]; then nothing has changed, unless [`is_pending`] says that the
    /// next run has to complete it or to take it back.
    pub fn install(
        &self,
        identity: &Path,
        contents: &FixedContents<'_>,
    ) -> Result<FixedReport, Error> {
        let recovery = recover_fixed(identity)?;
        let plan = self.plan(contents)?;
        let mut report = FixedReport {
            written: plan.iter().map(Planned::path).collect(),
            recovery,
            exposed: None,
        };
        if let Some(FixedRecovery::Mixed(_)) = report.recovery {
            clear_mixed(identity)?;
        }
        if plan.is_empty() {
            if is_pending(identity) {
                Journal::forget(identity)?;
            }
        } else {
            let entries: Result<_, Error> = plan.iter().map(Planned::entry).collect();
            let journal = Journal::new(contents.version.to_string(), entries?);
            journal.write(identity)?;
            let started = Started::find(identity, journal)?;
            if let Err(error) = plan.iter().try_for_each(Planned::stage) {
                // What cannot be taken back now, is by the next run.
                let _ = started.take_back();
                return Err(error);
            }
            started.complete()?;
        }
        report.exposed = self.exposed()?;
        Ok(report)
    }

    /// What is to be written, the key last.
    fn plan<'a>(&'a self, contents: &'a FixedContents<'_>) -> Result<Vec<Planned<'a>>, Error> {
        let all = [
            (&self.chain, contents.chain, CERTIFICATE_MODE),
            (&self.fullchain, contents.fullchain, CERTIFICATE_MODE),
            (&self.certificate, contents.certificate, CERTIFICATE_MODE),
            (&self.key, contents.key.expose(), KEY_MODE),
        ];
        let mut found: Vec<Planned<'a>> = Vec::new();
        for (file, content, usual_mode) in all {
            let Some(wanted) = file else {
                continue;
            };
            let target = Target::find(&wanted.path)?.ok_or_else(|| Error::Io {
                path: wanted.path.clone(),
                action: Action::Create,
                source: std::io::ErrorKind::NotFound.into(),
            })?;
            for other in &found {
                if other.target.is_same(&target)? {
                    return Err(Error::NamedTwice {
                        path: wanted.path.clone(),
                    });
                }
            }
            found.push(Planned {
                old: target.old()?,
                target,
                wanted,
                content,
                usual_mode,
            });
        }
        found.retain(|planned| !planned.is_done());
        Ok(found)
    }

    /// Those of the files that are there and that others could change, and the key
    /// where everybody could read it; the modes are theirs, and are kept.
    ///
    /// # Errors
    ///
    /// As [`Self::stale`], of where they are.
    pub fn too_open(&self) -> Result<Vec<TooOpen>, Error> {
        let of_key = (Kept::Key, KEY_MODES.2);
        let of_others = (Kept::Certificate, CERTIFICATE_MODES.2 | 0o111);
        let mut found = Vec::new();
        for (file, (what, most)) in [
            (&self.key, of_key),
            (&self.certificate, of_others),
            (&self.chain, of_others),
            (&self.fullchain, of_others),
        ] {
            let target = match file {
                Some(file) => Target::find(&file.path)?,
                None => None,
            };
            let Some(target) = target else {
                continue;
            };
            let mode = target.mode().unwrap_or(0);
            if mode & !most != 0 {
                found.push(TooOpen {
                    path: target.path().to_owned(),
                    what,
                    mode,
                    narrowed: mode & most,
                });
            }
        }
        Ok(found)
    }

    /// The key's path, where everybody may read it.
    fn exposed(&self) -> Result<Option<PathBuf>, Error> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let Some(target) = Target::find(&key.path)? else {
            return Ok(None);
        };
        let is_open = target.old()?.is_some_and(|old| old.mode() & 0o004 != 0);
        Ok(is_open.then(|| target.path().to_owned()))
    }
}

/// The mode of a new key.
const KEY_MODE: u32 = 0o600;

/// The mode of new certificates.
const CERTIFICATE_MODE: u32 = 0o644;

fn checked(file: FixedFile) -> Result<FixedFile, UnsafeMode> {
    let mode = file.mode;
    mode.map_or(Ok(()), |mode| check_mode(mode, CERTIFICATE_MODES))?;
    Ok(file)
}

/// A file that is to be written.
struct Planned<'a> {
    target: Target,
    wanted: &'a FixedFile,
    content: &'a [u8],
    usual_mode: u32,
    old: Option<Old>,
}

impl Planned<'_> {
    fn path(&self) -> PathBuf {
        self.target.path().to_owned()
    }

    fn is_done(&self) -> bool {
        self.old
            .as_ref()
            .is_some_and(|old| old.content.expose() == self.content && old.fits(self.wanted))
    }

    fn entry(&self) -> Result<Entry, Error> {
        let old = self.old.as_ref();
        let old = old.map(|old| digest(old.content.expose()));
        Entry::new(self.target.path(), digest(self.content), old)
    }

    fn stage(&self) -> Result<(), Error> {
        let old = self.old.as_ref();
        self.target
            .stage(self.wanted, self.usual_mode, old, self.content)?;
        self.target.sync()
    }
}

/// Whether an installation was begun and is not known to be complete: until it is,
/// files at fixed paths may be mixed.
#[must_use]
pub fn is_pending(identity: &Path) -> bool {
    std::fs::symlink_metadata(Journal::place(identity)).is_ok()
}

/// Completes an installation that a crash has cut short, or takes it back where
/// that cannot be done; `None` where there is none. The caller holds the lock of
/// the identity.
///
/// # Errors
///
/// [`Error`]; it is pending still.
pub fn recover_fixed(identity: &Path) -> Result<Option<FixedRecovery>, Error> {
    let Some(journal) = Journal::read(identity)? else {
        return Ok(None);
    };
    let started = Started::find(identity, journal)?;
    let states = started.survey()?;
    let Some(lost) = started.lost(&states) else {
        started.complete()?;
        return Ok(Some(FixedRecovery::Completed));
    };
    Ok(Some(match started.take_back()? {
        true => FixedRecovery::TakenBack,
        false => FixedRecovery::Mixed(lost),
    }))
}

#[cfg(test)]
mod tests;
