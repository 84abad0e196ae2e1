//! Where AWS's shared files are.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::delivery::ini::Place;
use crate::limits;
use crate::secret::Secret;
use crate::store::{read_bounded, read_regular, recover};

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
    match (path.strip_prefix("~"), context.environment.get("HOME")) {
        // Services and cron jobs may run without $HOME.
        (Ok(rest), None) => home_of_user()
            .map(|home| home.join(rest))
            .ok_or(Error::NoHome { variable }),
        _ => Ok(context.path(&path)),
    }
}

/// The home directory of whoever runs this.
pub(super) fn home(context: &Context) -> Option<PathBuf> {
    let home = context.environment.get("HOME").map(PathBuf::from);
    home.or_else(home_of_user)
}

/// What stands in a file, which need not exist.
pub(super) fn read(path: &Path) -> Result<Secret, Error> {
    recover(path, limits::MAX_SHARED_FILE)?;
    let text = read_regular(path, limits::MAX_SHARED_FILE)?;
    Ok(text.unwrap_or_else(|| Secret::new(Vec::new())))
}

/// The home directory of this user in `/etc/passwd` (passwd(5)).
fn home_of_user() -> Option<PathBuf> {
    let passwd = read_bounded(Path::new("/etc/passwd"), limits::MAX_FILE).ok()?;
    home_in(&passwd, rustix::process::getuid().as_raw())
}

fn home_in(passwd: &[u8], user: u32) -> Option<PathBuf> {
    let user = user.to_string();
    passwd.split(|octet| *octet == b'\n').find_map(|line| {
        let mut fields = line.split(|octet| *octet == b':');
        let id = fields.nth(2)?;
        let home = Path::new(std::ffi::OsStr::from_bytes(fields.nth(2)?));
        (id == user.as_bytes() && home.is_absolute()).then(|| home.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_stands_in_the_password_database() {
        let passwd = b"root:x:0:0:root:/root:/bin/bash\n# c\nbad:x:7\na:x:7:7::/home/a:\nb:x:8:8::relative:/bin/sh";
        let home = |user| home_in(passwd, user);
        assert_eq!(home(0), Some(PathBuf::from("/root")));
        assert_eq!(home(7), Some(PathBuf::from("/home/a")));
        assert_eq!((home(8), home(9)), (None, None));
    }
}
