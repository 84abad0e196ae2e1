//! A snapshot of the process environment, taken once by `main` and handed in.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Environment variables as they stood when the program started.
///
/// `Debug` names the variables and never their values, since any of them may
/// hold a secret.
#[derive(Clone, Default)]
pub struct Environment(HashMap<OsString, OsString>);

impl Environment {
    /// The variable's value, or `None` when it is not set or is empty: an
    /// empty variable counts as unset everywhere in this program.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Fills in `HOME` from the password database, the text of `/etc/passwd`
    /// (passwd(5)): services and cron jobs may run without the variable.
    pub fn supply_home(&mut self, passwd: &[u8], user: u32) {
        if self.get("HOME").is_none()
            && let Some(home) = home_in(passwd, user)
        {
            self.0.insert("HOME".into(), home.into_os_string());
        }
    }

    /// Whether the variable is set, but to nothing.
    #[must_use]
    pub fn is_set_to_nothing(&self, name: &OsStr) -> bool {
        self.0.get(name).is_some_and(|value| value.is_empty())
    }

    /// Whether any of this program's own variables is set, be it to nothing.
    #[must_use]
    pub fn has_own(&self) -> bool {
        self.own().next().is_some()
    }

    /// Whether any of this program's own variables is set to nothing.
    #[must_use]
    pub fn has_own_set_to_nothing(&self) -> bool {
        self.own().any(|value| value.is_empty())
    }

    /// The values of this program's own variables.
    fn own(&self) -> impl Iterator<Item = &OsString> {
        self.0
            .iter()
            .filter(|(name, _)| name.as_encoded_bytes().starts_with(b"WINDLASS_"))
            .map(|(_, value)| value)
    }

    /// The path that is meant: `~/` at its beginning is the home directory,
    /// since neither AWS SDKs nor `--option=~/…` in a shell expand it.
    #[must_use]
    pub fn path(&self, typed: &Path) -> PathBuf {
        match (typed.strip_prefix("~"), self.get("HOME")) {
            (Ok(rest), Some(home)) => Path::new(home).join(rest),
            _ => typed.to_owned(),
        }
    }

    /// Like [`Environment::get`], for values that must be UTF-8; one that is
    /// not counts as unset.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn home_in(passwd: &[u8], user: u32) -> Option<PathBuf> {
    let user = user.to_string();
    passwd.split(|octet| *octet == b'\n').find_map(|line| {
        let mut fields = line.split(|octet| *octet == b':');
        let id = fields.nth(2)?;
        let home = Path::new(OsStr::from_bytes(fields.nth(2)?));
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
