//! Where a CA's directory ends: what goes to others is not written into it.

use std::path::{Path, PathBuf};

use crate::authority;
use crate::cli::Origin;
use crate::commands::Error;

/// Refuses a place inside of the CA's directory.
pub(super) fn check_outside(path: &Path, directory: &Path) -> Result<(), authority::Error> {
    let Ok(own) = directory.canonicalize() else {
        return Ok(());
    };
    if real(path).starts_with(&own) {
        return Err(authority::Error::InsideAuthority {
            path: path.to_owned(),
            directory: directory.to_owned(),
        });
    }
    Ok(())
}

/// The path without symbolic links, as far as there is one.
fn real(path: &Path) -> PathBuf {
    let there = path
        .ancestors()
        .find_map(|ancestor| Some((ancestor, existing(ancestor)?)));
    match there {
        Some((ancestor, real)) => match path.strip_prefix(ancestor) {
            Ok(rest) => real.join(rest),
            Err(_) => real,
        },
        None => path.to_owned(),
    }
}

fn existing(path: &Path) -> Option<PathBuf> {
    let here = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    here.canonicalize().ok()
}

/// stdout holds one thing: data in a form of its own, or what `--json` tells of it.
pub(super) fn refuse_both(json: bool, option: &str) -> Result<(), Error> {
    match json {
        true => Err(Error::Value {
            origin: Origin::Option {
                key: option.to_owned(),
            },
            value: Some("-".to_owned()),
            reason: "--json takes the standard output; name a file".to_owned(),
        }),
        false => Ok(()),
    }
}
