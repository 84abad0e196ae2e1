//! Where AWS's shared files are.

use std::path::{Path, PathBuf};

use crate::delivery::ini::Place;
use crate::limits;
use crate::secret::Secret;
use crate::store::read_regular;

use super::{Context, Error};

/// The file that was given, else the one that its variable names, else the one
/// in `~/.aws`.
pub(super) fn path(
    place: Place,
    given: Option<&Path>,
    context: &Context,
) -> Result<PathBuf, Error> {
    let (variable, name) = match place {
        Place::Config => ("AWS_CONFIG_FILE", "config"),
        Place::Credentials => ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    };
    let named = given
        .or_else(|| context.environment.get(variable).map(Path::new))
        .map(Path::to_owned);
    let path = named.unwrap_or_else(|| Path::new("~/.aws").join(name));
    let path = context.path(&path);
    if path.starts_with("~") {
        return Err(Error::NoHome { variable });
    }
    Ok(path)
}

/// What stands in a file, which need not exist. It is only read: a write that
/// was cut short is completed by what writes.
pub(super) fn read(path: &Path) -> Result<Secret, Error> {
    let text = read_regular(path, limits::MAX_SHARED_FILE)?;
    Ok(text.unwrap_or_else(|| Secret::new(Vec::new())))
}
