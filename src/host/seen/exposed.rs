//! What others could do with the files of an identity.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::key::is_too_open;
use crate::store::{
    self, FixedFiles, Kept, Stranger, TooOpen, VersionNumber, Versions, check_entry,
};
use crate::text::with_causes;

use super::super::shelf::Part;

/// Something of an identity that others could change or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// What, in words.
    pub said: String,
    /// To whom.
    pub to: Whom,
}

/// To whom something is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// To a group.
    Group,
    /// Nobody knows.
    Unknown,
    /// To everybody, or to a user who has nothing to do with it.
    Everybody,
}

/// What others could use of the identity: its directory and state, its versions and
/// its lock by the rules by which a run narrows their modes, whose they are, and the
/// files at fixed paths.
pub(super) fn exposed_of(
    versions: &Versions,
    in_force: Option<VersionNumber>,
    fixed: Option<&FixedFiles>,
) -> Vec<Exposed> {
    let mut exposed = entries_exposed(versions.path());
    let mut known = |found: Result<Vec<Exposed>, store::Error>| {
        exposed.extend(found.unwrap_or_else(|error| vec![not_looked_at(&error)]));
    };
    let found = versions.too_open();
    let keys: Vec<_> = found.iter().flatten().map(|one| one.path.clone()).collect();
    let owner = versions.owner().ok();
    known(found.map(|found| found.iter().map(|one| too_open(one, owner)).collect()));
    let strangers = versions.strangers();
    known(strangers.map(|found| found.iter().map(stranger).collect()));
    // What is wrong with where they are, is told of the files themselves.
    let of_fixed = fixed.and_then(|fixed| fixed.too_open().ok());
    exposed.extend(of_fixed.iter().flatten().map(fixed_too_open));
    // What a run leaves, since it may be meant, and who uses the key refuses.
    let refused = in_force
        .map(|number| versions.version(number).join(Part::Key.file()))
        .filter(|key| !keys.contains(key));
    exposed.extend(refused.as_deref().and_then(key_refused));
    exposed
}

fn not_looked_at(error: &store::Error) -> Exposed {
    Exposed {
        said: format!("modes could not be looked at: {}", with_causes(error)),
        to: Whom::Unknown,
    }
}

/// Who looks may be another user than who renews it: then whose its files may be is
/// not known, and only modes are looked at.
fn entries_exposed(path: &Path) -> Vec<Exposed> {
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
    let exposed = errors.map(|error| Exposed {
        said: error.to_string(),
        to: Whom::Everybody,
    });
    exposed.collect()
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// `owner` is the identity's, who renews it, if root does not.
fn too_open(one: &TooOpen, owner: Option<u32>) -> Exposed {
    let (path, mode, narrowed) = (one.path.display(), one.mode, one.narrowed);
    let what = match one.what {
        Kept::Certificate => format!("the certificates in {path} can be changed by others"),
        Kept::Directory => format!("the directory {path} can be written by others"),
        Kept::Key => format!("the key {path} can be used by others"),
        Kept::Lock => format!("the lock {path} can be held by others, so that nothing is renewed,"),
    };
    let own = fs::symlink_metadata(&one.path)
        .map(|found| found.uid())
        .ok();
    // Who renews it can change what is theirs.
    let then = match owner == Some(0) || owner == own {
        true => format!("the next run makes it {narrowed:04o}"),
        false => format!("'chmod {narrowed:04o} {path}' as its owner or root narrows it"),
    };
    Exposed {
        said: format!("{what} (mode {mode:04o}); {then}"),
        to: whom(mode & !narrowed),
    }
}

fn stranger(one: &Stranger) -> Exposed {
    let (path, owner) = (one.path.display(), one.owner);
    Exposed {
        said: format!(
            "{path} belongs to the user {owner}, who is neither root nor the owner of the identity and can put something else there"
        ),
        to: Whom::Everybody,
    }
}

/// A run keeps the modes that files at fixed paths have.
fn fixed_too_open(one: &TooOpen) -> Exposed {
    let (path, mode, narrowed) = (one.path.display(), one.mode, one.narrowed);
    let what = match one.what {
        Kept::Key => "the key",
        Kept::Certificate | Kept::Directory | Kept::Lock => "what is in",
    };
    let done = match mode & !narrowed & 0o222 {
        0 => "read",
        _ => "changed",
    };
    Exposed {
        said: format!(
            "{what} {path} can be {done} by others (mode {mode:04o}): 'chmod {narrowed:04o} {path}'"
        ),
        to: whom(mode & !narrowed),
    }
}

/// That a key can be read by more than its readers accept.
fn key_refused(path: &Path) -> Option<Exposed> {
    let found = fs::metadata(path).ok()?;
    let mode = found.mode() & 0o7777;
    let path = path.display();
    is_too_open(found.uid(), mode).then(|| Exposed {
        said: format!(
            "the key {path} can be read by others (mode {mode:04o}), and is refused by who uses it"
        ),
        to: whom(mode),
    })
}

/// Who has these bits.
const fn whom(bits: u32) -> Whom {
    match bits & 0o007 {
        0 => Whom::Group,
        _ => Whom::Everybody,
    }
}
