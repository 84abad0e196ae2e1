//! What is looked at of an identity: read once, without its lock, by a user who may
//! be another than the one who renews it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::key::{Signer, is_too_open, open_software};
use crate::limits;
use crate::pki::{Certificate, read_certificates};
use crate::secret::Secret;
use crate::store::{
    self, FixedContents, FixedFiles, VersionNumber, Versions, check_entry, is_pending, read_regular,
};
use crate::text::with_causes;

use super::super::KEY_ORIGIN;
use super::super::issuer::Word;
use super::super::shelf::{Pair, Part};
use super::super::standing::{Reason, Standing};
use super::super::state::State;
use super::Expected;

/// How often the version in force is looked up again, because it has changed.
const MAX_LOOKS: usize = 20;

/// What was seen of an identity. What cannot be read is told, and stands in the
/// way of nothing else.
#[derive(Debug)]
pub struct Seen {
    /// How it stands.
    pub standing: Standing,
    /// Its key.
    pub key: KeySeen,
    /// The certificates that stand with it, as the file has them.
    pub others: Vec<Certificate>,
    /// Why what is kept between runs cannot be used, and whether this user may just
    /// not read it.
    pub state: Option<(String, bool)>,
    /// Who could change or read what must be its owner's, in words, and whether
    /// everybody is among them.
    pub exposed: Vec<(String, bool)>,
    /// The files at fixed paths.
    pub files: FilesSeen,
}

/// What was seen of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySeen {
    /// This user may not read it.
    Denied,
    /// It is the certificate's.
    Fits,
    /// It is another one's.
    Other,
    /// It is none, and why.
    Unreadable(String),
}

/// What was seen of the files at fixed paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesSeen {
    /// Nobody has said that there are any.
    None,
    /// They are those of the version in force.
    Same,
    /// A replacement was begun and is not complete: they may be mixed.
    Pending,
    /// These are others.
    Stale(Vec<PathBuf>),
    /// They could not be compared, and why.
    Unknown(String),
}

impl Seen {
    /// Looks at an identity, and at the files at fixed paths that follow it.
    ///
    /// # Errors
    ///
    /// [`store::Error`] where nothing says which version is in force.
    pub fn look(
        versions: &Versions,
        expected: &Expected,
        at: DateTime<Utc>,
    ) -> Result<Self, store::Error> {
        let mut looks = 0..MAX_LOOKS;
        loop {
            let in_force = versions.current()?;
            let seen = Self::of(versions, in_force.clone(), expected, at);
            // Two rotations may have gone by since, and the files with them.
            if versions.current()? == in_force || looks.next().is_none() {
                return Ok(seen);
            }
        }
    }

    fn of(
        versions: &Versions,
        in_force: Option<(VersionNumber, PathBuf)>,
        expected: &Expected,
        at: DateTime<Utc>,
    ) -> Self {
        let (state, unusable) = state_of(versions);
        let read = in_force
            .as_ref()
            .map(|(number, path)| (*number, Read::of(path)));
        let pair = read.as_ref().map(|(number, read)| Pair {
            number: *number,
            key: read.key.as_ref().map_or_else(|_| none(), Secret::copy),
            fullchain: read.fullchain.clone(),
        });
        let mut standing = Standing::of(pair.as_ref(), state, &expected.terms, at, |_| {
            Word::default()
        });
        if !expected.knows_names && standing.reason == Some(Reason::Names) {
            standing.reason = standing.state.next.as_ref().map(|_| Reason::Begun);
        }
        let leaf = standing.certificate.as_ref();
        let mut others = read_certificates(
            pair.as_ref().map_or(&[], |pair| &pair.fullchain),
            Part::Fullchain.file(),
        )
        .unwrap_or_default();
        if !others.is_empty() {
            others.remove(0);
        }
        let mut exposed = exposed_of(versions.path());
        if let Some((_, path)) = &in_force {
            exposed.extend(key_exposed(&path.join(Part::Key.file())));
        }
        Self {
            key: read
                .as_ref()
                .map_or(KeySeen::Denied, |(_, read)| read.key_of(leaf)),
            files: match (&expected.fixed, &in_force) {
                (Some(fixed), Some((number, path))) => files_of(versions, fixed, *number, path),
                _ if is_pending(versions.path()) => FilesSeen::Pending,
                _ => FilesSeen::None,
            },
            standing,
            others,
            state: unusable,
            exposed,
        }
    }
}

/// The files of a version.
struct Read {
    key: Result<Secret, store::Error>,
    fullchain: Vec<u8>,
}

fn none() -> Secret {
    Secret::new(Vec::new())
}

impl Read {
    fn of(path: &Path) -> Self {
        let read = |part: Part| read_regular(&path.join(part.file()), limits::MAX_FILE);
        let fullchain = read(Part::Fullchain).ok().flatten();
        Self {
            key: read(Part::Key).map(|key| key.unwrap_or_else(none)),
            fullchain: fullchain.map_or_else(Vec::new, |content| content.expose().to_vec()),
        }
    }

    fn key_of(&self, leaf: Option<&Certificate>) -> KeySeen {
        let content = match &self.key {
            Ok(content) => content,
            Err(error) if is_denied(error) => return KeySeen::Denied,
            Err(error) => return KeySeen::Unreadable(with_causes(error)),
        };
        match open_software(content.expose(), KEY_ORIGIN, || Ok(None)) {
            Err(error) => KeySeen::Unreadable(with_causes(&error)),
            Ok(key) if leaf.is_none_or(|leaf| leaf.public_key() == key.public_key()) => {
                KeySeen::Fits
            }
            Ok(_) => KeySeen::Other,
        }
    }
}

fn is_denied(error: &store::Error) -> bool {
    matches!(error, store::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
}

/// What is kept between runs, or why that cannot be used.
fn state_of(versions: &Versions) -> (State, Option<(String, bool)>) {
    let none = State::default;
    match versions.read_state() {
        Ok(None) => (none(), None),
        Err(error) => (none(), Some((with_causes(&error), is_denied(&error)))),
        Ok(Some(content)) => match State::from_json(&content) {
            Ok(state) => (state, None),
            Err(error) => {
                let path = versions.state_path();
                let said = format!("the state in {} cannot be used: {error}", path.display());
                (none(), Some((said, false)))
            }
        },
    }
}

/// Who else could change the identity. Who looks may be another user than who renews
/// it: then whose its files may be is not known, and only modes are looked at.
fn exposed_of(path: &Path) -> Vec<(String, bool)> {
    let owner = fs::metadata(path).ok().map(|found| found.uid());
    let is_own = owner.is_some_and(|owner| owner == 0 || owner == user());
    let state = Versions::for_readers(path).state_path();
    let checked = [Versions::open(path).map(drop), check_entry(&state)];
    let errors = checked.into_iter().filter_map(Result::err);
    let errors = errors.filter(|error| match error {
        store::Error::Strangers { .. } => is_own,
        store::Error::Writable { .. } => true,
        _ => false,
    });
    errors.map(|error| (error.to_string(), true)).collect()
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who can read the key that may not, so that its readers refuse it.
fn key_exposed(path: &Path) -> Option<(String, bool)> {
    let found = fs::metadata(path).ok()?;
    let mode = found.mode() & 0o7777;
    let said = format!(
        "the key {} can be read by others (mode {mode:04o}), and is refused by who uses it",
        path.display()
    );
    is_too_open(found.uid(), mode).then_some((said, mode & 0o007 != 0))
}

fn files_of(
    versions: &Versions,
    fixed: &FixedFiles,
    version: VersionNumber,
    path: &Path,
) -> FilesSeen {
    if is_pending(versions.path()) {
        return FilesSeen::Pending;
    }
    let read = |part: Part| {
        let found = read_regular(&path.join(part.file()), limits::MAX_FILE)?;
        Ok::<_, store::Error>(found.unwrap_or_else(none))
    };
    let compare = || {
        fixed.stale(&FixedContents {
            version,
            key: &read(Part::Key)?,
            certificate: read(Part::Certificate)?.expose(),
            chain: read(Part::Chain)?.expose(),
            fullchain: read(Part::Fullchain)?.expose(),
        })
    };
    match compare() {
        Ok(stale) if stale.is_empty() => FilesSeen::Same,
        Ok(stale) => FilesSeen::Stale(stale),
        Err(error) => FilesSeen::Unknown(with_causes(&error)),
    }
}
