//! What is looked at of an identity: read once, without its lock, by a user who may
//! be another than the one who renews it.

mod exposed;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::key::{Signer, open_software};
use crate::limits;
use crate::pki::{Certificate, read_certificates};
use crate::secret::Secret;
use crate::store::{
    self, FixedContents, FixedFiles, VersionNumber, Versions, is_pending, read_regular,
};
use crate::text::with_causes;

use self::exposed::exposed_of;
pub use self::exposed::{Exposed, Whom};
use super::KEY_ORIGIN;
use super::health::Expected;
use super::issuer::Word;
use super::shelf::{Pair, Part};
use super::standing::{Reason, Standing};
use super::state::State;

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
    /// The files of the version in force that have other certificates than the one
    /// from which these were read. Those that this user may not read are none of them.
    pub torn: Vec<Part>,
    /// Why what is kept between runs cannot be used, if that is so.
    pub state: Option<Unusable>,
    /// What others could change or read that must be its owner's.
    pub exposed: Vec<Exposed>,
    /// The files at fixed paths.
    pub files: FilesSeen,
}

/// Why what is kept between runs cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// In words.
    pub why: String,
    /// Whether this user may just not read it.
    pub is_denied: bool,
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
    /// Looks at an identity, and at the files at fixed paths that follow it; `says`
    /// is what its issuer says of its certificate.
    ///
    /// # Errors
    ///
    /// [`store::Error`] where nothing says which version is in force.
    pub fn look(
        versions: &Versions,
        expected: &Expected,
        at: DateTime<Utc>,
        says: impl Fn(&Certificate) -> Word,
    ) -> Result<Self, store::Error> {
        let mut looks = 0..MAX_LOOKS;
        loop {
            let in_force = versions.current()?;
            let seen = Self::of(versions, in_force.clone(), (expected, at), &says);
            // Two rotations may have gone by since, and the files with them.
            if versions.current()? == in_force || looks.next().is_none() {
                return Ok(seen);
            }
        }
    }

    fn of(
        versions: &Versions,
        in_force: Option<(VersionNumber, PathBuf)>,
        (expected, at): (&Expected, DateTime<Utc>),
        says: &impl Fn(&Certificate) -> Word,
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
        let mut standing = Standing::of(pair.as_ref(), state, &expected.terms, at, says);
        if read.as_ref().is_some_and(|(_, read)| read.is_denied()) {
            standing.reason = standing.reason_if_whole(&expected.terms);
        }
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
        Self {
            key: read
                .as_ref()
                .map_or(KeySeen::Denied, |(_, read)| read.key_of(leaf)),
            files: match (&expected.fixed, &in_force) {
                (Some(fixed), Some((number, path))) => files_of(versions, fixed, *number, path),
                _ if is_pending(versions.path()) => FilesSeen::Pending,
                _ => FilesSeen::None,
            },
            torn: match (&in_force, &standing.certificate) {
                (Some((_, path)), Some(leaf)) => torn(path, leaf, &others),
                _ => Vec::new(),
            },
            standing,
            others,
            state: unusable,
            exposed: exposed_of(
                versions,
                in_force.as_ref().map(|(number, _)| *number),
                expected.fixed.as_ref(),
            ),
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

    fn is_denied(&self) -> bool {
        self.key.as_ref().err().is_some_and(is_denied)
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

/// The files with certificates that are not these: an edit, or a backup of which a
/// part was put back.
fn torn(version: &Path, leaf: &Certificate, others: &[Certificate]) -> Vec<Part> {
    let has = |part: Part, expected: &[Certificate]| match read_regular(
        &version.join(part.file()),
        limits::MAX_FILE,
    ) {
        Err(error) if is_denied(&error) => true,
        Err(_) | Ok(None) => false,
        Ok(Some(content)) if content.expose().trim_ascii().is_empty() => expected.is_empty(),
        Ok(Some(content)) => read_certificates(content.expose(), part.file()).is_ok_and(|found| {
            found
                .iter()
                .map(Certificate::der)
                .eq(expected.iter().map(Certificate::der))
        }),
    };
    let mut torn = Vec::new();
    if !has(Part::Certificate, std::slice::from_ref(leaf)) {
        torn.push(Part::Certificate);
    }
    if !has(Part::Chain, others) {
        torn.push(Part::Chain);
    }
    torn
}

fn is_denied(error: &store::Error) -> bool {
    matches!(error, store::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
}

/// What is kept between runs, or why that cannot be used.
fn state_of(versions: &Versions) -> (State, Option<Unusable>) {
    let none = State::default;
    let unusable = |why, is_denied| Some(Unusable { why, is_denied });
    match versions.read_state() {
        Ok(None) => (none(), None),
        Err(error) => (none(), unusable(with_causes(&error), is_denied(&error))),
        Ok(Some(content)) => match State::from_json(&content) {
            Ok(state) => (state, None),
            Err(error) => {
                let path = versions.state_path();
                let said = format!("the state in {} cannot be used: {error}", path.display());
                (none(), unusable(said, false))
            }
        },
    }
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
