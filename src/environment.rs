//! A snapshot of the process environment, taken once by `main` and handed in.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A variable that this program reads besides those that are an option's own,
/// which stand where the option is defined.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it has to do with.
    pub role: Role,
    /// What it says, for the manual.
    pub meaning: &'static str,
}

/// What a variable has to do with; options are named with underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It helps to find what an option names or would name.
    Beside(&'static str),
    /// Every verb may need it.
    Every,
    /// It stands in for an option that is not given; of several that do, the
    /// first that is set.
    InPlaceOf(&'static str),
    /// It is for these verbs.
    Verbs(&'static [&'static str]),
}

const fn variable(name: &'static str, role: Role, meaning: &'static str) -> Variable {
    Variable {
        name,
        role,
        meaning,
    }
}

/// All of them. A test compares them with the manual and with the code.
pub const VARIABLES: [Variable; 39] = {
    use Role::{Beside, Every, InPlaceOf, Verbs};
    [
        variable(
            "HOME",
            Every,
            "the directory that ~ stands for; without it the one in /etc/passwd",
        ),
        variable(
            "XDG_CONFIG_HOME",
            Beside("config"),
            "the directory of windlass/config.toml instead of ~/.config",
        ),
        variable(
            "XDG_RUNTIME_DIR",
            Beside("cache_dir"),
            "the directory in which the cache is, if it is this user's",
        ),
        variable(
            "XDG_CACHE_HOME",
            Beside("cache_dir"),
            "the directory in which the cache is where there is no $XDG_RUNTIME_DIR",
        ),
        variable(
            "WINDLASS_PASSPHRASE_FILE",
            InPlaceOf("passphrase_file"),
            "file with the passphrase",
        ),
        variable(
            "CREDENTIALS_DIRECTORY",
            Beside("passphrase_credential"),
            "where systemd puts the credentials of a unit",
        ),
        variable("TPM_DEVICE", InPlaceOf("tpm_device"), "TPM to use"),
        variable(
            "AWS_CA_BUNDLE",
            InPlaceOf("ca_bundle"),
            "file with further CA certificates to trust for TLS",
        ),
        variable(
            "SSL_CERT_FILE",
            InPlaceOf("ca_bundle"),
            "the same; that the file is missing is no error",
        ),
        variable(
            "WINDLASS_PROXY",
            InPlaceOf("proxy"),
            "URL of the HTTP proxy, which may hold a user and a password",
        ),
        variable("HTTPS_PROXY", InPlaceOf("proxy"), "the same"),
        variable("https_proxy", InPlaceOf("proxy"), "the same"),
        variable("ALL_PROXY", InPlaceOf("proxy"), "the same"),
        variable("all_proxy", InPlaceOf("proxy"), "the same"),
        variable(
            "NO_PROXY",
            InPlaceOf("no_proxy"),
            "hosts to reach without the proxy",
        ),
        variable("no_proxy", InPlaceOf("no_proxy"), "the same"),
        variable(
            "AWS_ENDPOINT_URL_ROLESANYWHERE",
            InPlaceOf("endpoint"),
            "endpoint of Roles Anywhere",
        ),
        variable(
            "AWS_ENDPOINT_URL_STS",
            InPlaceOf("sts_endpoint"),
            "endpoint of STS, for role chaining",
        ),
        variable(
            "AWS_ENDPOINT_URL",
            InPlaceOf("endpoint"),
            "endpoint of both, where neither is named by itself",
        ),
        variable(
            "AWS_USE_FIPS_ENDPOINT",
            InPlaceOf("fips"),
            "true to call FIPS endpoints",
        ),
        variable(
            "AWS_USE_DUALSTACK_ENDPOINT",
            InPlaceOf("dual_stack"),
            "true to call dual-stack endpoints",
        ),
        variable(
            "AWS_SHARED_CREDENTIALS_FILE",
            Verbs(&["configure", "doctor", "update"]),
            "file instead of ~/.aws/credentials",
        ),
        variable(
            "AWS_CONFIG_FILE",
            Verbs(&["configure", "doctor"]),
            "file instead of ~/.aws/config",
        ),
        variable(
            "PATH",
            Verbs(&["configure", "doctor", "exec"]),
            "where programs are looked for",
        ),
        variable(
            "AWS_PROFILE",
            Verbs(&["doctor"]),
            "profile of AWS's files that programs use which name none",
        ),
        variable("AWS_DEFAULT_PROFILE", Verbs(&["doctor"]), "the same"),
        variable(
            "AWS_ACCESS_KEY_ID",
            Verbs(&["doctor"]),
            "whether it is set: SDKs take it before any profile",
        ),
        variable("AWS_SECRET_ACCESS_KEY", Verbs(&["doctor"]), "the same"),
        variable("AWS_SESSION_TOKEN", Verbs(&["doctor"]), "the same"),
        variable("AWS_SECURITY_TOKEN", Verbs(&["doctor"]), "the same"),
        variable(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            Verbs(&["doctor"]),
            "the same",
        ),
        variable(
            "AWS_REGION",
            Verbs(&["env", "exec"]),
            "region that is passed on; without it that of the trust anchor",
        ),
        variable("AWS_DEFAULT_REGION", Verbs(&["env", "exec"]), "the same"),
        variable(
            "SUDO_USER",
            Verbs(&[
                "ca crl",
                "ca init",
                "ca issue",
                "ca release",
                "ca revoke",
                "ca sign",
            ]),
            "who runs the command as root by sudo; the audit log has it",
        ),
        variable(
            "TMPDIR",
            Verbs(&["emulate"]),
            "where the throw-away root for TLS is put; without it /tmp",
        ),
        variable(
            "LISTEN_FDS",
            Verbs(&["serve"]),
            "how many sockets systemd hands over, to the process of $LISTEN_PID",
        ),
        variable(
            "LISTEN_PID",
            Verbs(&["serve"]),
            "the process that sockets are handed over to",
        ),
        variable(
            "NOTIFY_SOCKET",
            Verbs(&["serve"]),
            "where systemd is told that the service is ready",
        ),
        variable(
            "WATCHDOG_USEC",
            Verbs(&["serve"]),
            "how often systemd wants to be told that it is alive",
        ),
    ]
};

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
    find_entry(passwd, user, |entry| {
        let home = Path::new(OsStr::from_bytes(entry.get(5)?));
        home.is_absolute().then(|| home.to_owned())
    })
}

/// The name of a user in the password database, the text of `/etc/passwd`
/// (passwd(5)).
#[must_use]
pub fn user_name(passwd: &[u8], user: u32) -> Option<String> {
    find_entry(passwd, user, |entry| {
        let name = entry.first().filter(|name| !name.is_empty())?;
        Some(String::from_utf8_lossy(name).into_owned())
    })
}

/// A user, as the password database knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The number of the group that is the user's first.
    pub gid: u32,
    /// The home directory.
    pub home: PathBuf,
}

/// A user in the password database, the text of `/etc/passwd` (passwd(5)).
#[must_use]
pub fn account(passwd: &[u8], name: &str) -> Option<Account> {
    passwd.split(|octet| *octet == b'\n').find_map(|line| {
        let entry: Vec<&[u8]> = line.split(|octet| *octet == b':').collect();
        let number = |at: usize| std::str::from_utf8(entry.get(at)?).ok()?.parse().ok();
        let account = Account {
            uid: number(2)?,
            gid: number(3)?,
            home: PathBuf::from(OsStr::from_bytes(entry.get(5)?)),
        };
        (entry.first() == Some(&name.as_bytes())).then_some(account)
    })
}

/// What is read from the fields of the user's first entry that has it.
fn find_entry<T>(passwd: &[u8], user: u32, read: impl Fn(&[&[u8]]) -> Option<T>) -> Option<T> {
    let user = user.to_string();
    passwd.split(|octet| *octet == b'\n').find_map(|line| {
        let entry: Vec<&[u8]> = line.split(|octet| *octet == b':').collect();
        read(&entry).filter(|_| entry.get(2).is_some_and(|id| *id == user.as_bytes()))
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
    #[test]
    fn the_name_of_a_user_stands_in_the_password_database() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\n:x:5\na:x:7:7::/home/a:\nb:x:7:8::/b:/bin/sh";
        assert_eq!(user_name(passwd, 0).as_deref(), Some("root"));
        assert_eq!(user_name(passwd, 7).as_deref(), Some("a"));
        assert_eq!((user_name(passwd, 5), user_name(passwd, 9)), (None, None));
        let found = Account {
            uid: 7,
            gid: 7,
            home: "/home/a".into(),
        };
        assert_eq!(account(passwd, "a"), Some(found));
        assert_eq!((account(passwd, ""), account(passwd, "x")), (None, None));
    }
}
