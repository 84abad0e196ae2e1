//! The key pair of the emulated account's administrator, in a credentials file
//! as AWS's clients read it.

use std::path::Path;

use crate::commands::{Error, ready};
use crate::emulator::{AdministratorKeys, WorldError};
use crate::secret::Secret;
use crate::store::{self, Readers};

const HEAD: &str =
    "# The administrator of an account of windlass emulate; opens nothing else\n[default]\n";
const KEY_ID: &str = "aws_access_key_id = ";
const SECRET: &str = "\naws_secret_access_key = ";

/// Larger files are not ours.
const LARGEST: u64 = 1024;

/// Takes the pair of an earlier run, or makes one and writes the file, for its
/// owner alone.
pub(super) fn keys(path: &Path) -> Result<AdministratorKeys, Error> {
    ready::check_replaceable(path, "a credentials file of windlass emulate", |content| {
        read(content).is_some()
    })?;
    match store::read_bounded(path, LARGEST) {
        // What others can read or write is nobody's key.
        Ok(content) if !content.is_empty() => {
            store::check_private(path)?;
            if let Some(keys) = read(&content) {
                return Ok(keys);
            }
        }
        Err(error) if !error.is_not_found() => return Err(error.into()),
        _ => {}
    }
    let keys = AdministratorKeys::generate().ok_or(WorldError::NoRandomness)?;
    let content = Secret::new(
        [
            HEAD.as_bytes(),
            KEY_ID.as_bytes(),
            keys.key_id().as_bytes(),
            SECRET.as_bytes(),
            keys.secret().expose(),
            b"\n",
        ]
        .concat(),
    );
    store::write_atomic(path, content.expose(), Readers::Owner)?;
    Ok(keys)
}

fn read(content: &[u8]) -> Option<AdministratorKeys> {
    let text = std::str::from_utf8(content).ok()?;
    let rest = text.strip_prefix(HEAD)?.strip_prefix(KEY_ID)?;
    let (key_id, rest) = rest.split_once(SECRET)?;
    AdministratorKeys::made_earlier(key_id, rest.strip_suffix('\n')?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_other_files_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials");
        let made = keys(&path).unwrap();
        let again = keys(&path).unwrap();
        assert_eq!(made.key_id(), again.key_id());
        assert_eq!(made.secret().expose(), again.secret().expose());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(keys(&path), Err(Error::Store(_))));
        let theirs = directory.path().join("theirs");
        let pair = format!(
            "{HEAD}{KEY_ID}AKIAIOSFODNN7EXAMPLE{SECRET}{}\n",
            "x".repeat(40)
        );
        store::write_atomic(&theirs, pair.as_bytes(), Readers::Owner).unwrap();
        assert!(matches!(keys(&theirs), Err(Error::InTheWay { .. })));
        assert_eq!(fs::read_to_string(&theirs).unwrap(), pair);
    }
}
