//! The users and groups of the host that the files are for.

use std::path::Path;

use crate::environment::{Account, account, user_name};
use crate::installation::UserName;
use crate::limits;
use crate::store::read_bounded;

/// The users and groups of a host, as its two databases have them: those of a directory
/// service are not known.
pub(super) struct Accounts {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

impl Accounts {
    /// Of the host whose files are below `root`.
    pub(super) fn below(root: &Path) -> Self {
        let read = |name: &str| {
            let place = root.join("etc").join(name);
            read_bounded(&place, limits::MAX_FILE).unwrap_or_default()
        };
        Self {
            passwd: read("passwd"),
            group: read("group"),
        }
    }

    /// The user; root is known where no database has him.
    pub(super) fn user(&self, name: &UserName) -> Option<Account> {
        let root = || Account {
            uid: 0,
            gid: 0,
            home: "/root".into(),
        };
        account(&self.passwd, name.as_str()).or_else(|| name.is_root().then(root))
    }

    /// Whether the databases say that there is no such user.
    pub(super) fn is_unknown(&self, name: &UserName) -> bool {
        !self.passwd.is_empty() && self.user(name).is_none()
    }

    /// The number of a user who is named or numbered.
    pub(super) fn uid(&self, named: &str) -> Option<u32> {
        let number = || account(&self.passwd, named).map(|account| account.uid);
        named.parse().ok().or_else(number)
    }

    /// The number of a group that is named or numbered.
    pub(super) fn gid(&self, named: &str) -> Option<u32> {
        let fields = |fields: &[&[u8]]| {
            let number = std::str::from_utf8(fields.get(2)?).ok()?.parse().ok();
            number.filter(|_| fields.first() == Some(&named.as_bytes()))
        };
        named.parse().ok().or_else(|| self.groups(fields))
    }

    /// What a user is called; the number where nothing says it.
    pub(super) fn user_name(&self, number: u32) -> String {
        user_name(&self.passwd, number).unwrap_or_else(|| number.to_string())
    }

    /// What a group is called; the number where nothing says it.
    pub(super) fn group_name(&self, number: u32) -> String {
        // Name and number stand in the same fields in both databases.
        user_name(&self.group, number).unwrap_or_else(|| number.to_string())
    }

    /// Whether the user is in the group anyway.
    pub(super) fn is_member(&self, name: &UserName, group: u32) -> bool {
        let first = self.user(name).is_some_and(|user| user.gid == group);
        let number = group.to_string();
        let listed = self.groups(|fields| {
            let members = fields.get(3)?.split(|octet| *octet == b',');
            let is_it = fields.get(2) == Some(&number.as_bytes())
                && members
                    .into_iter()
                    .any(|one| one == name.as_str().as_bytes());
            is_it.then_some(())
        });
        first || listed.is_some()
    }

    /// What is read from the first line of group(5) that has it.
    fn groups<T>(&self, read: impl Fn(&[&[u8]]) -> Option<T>) -> Option<T> {
        self.group.split(|octet| *octet == b'\n').find_map(|line| {
            let fields: Vec<&[u8]> = line.split(|octet| *octet == b':').collect();
            read(&fields)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Readers, ensure_directory, write_atomic};

    #[test]
    fn users_and_groups_are_those_of_the_two_files() {
        let home = tempfile::tempdir().unwrap();
        ensure_directory(&home.path().join("etc")).unwrap();
        let none = Accounts::below(home.path());
        let name = |name: &str| name.parse::<UserName>().unwrap();
        assert!(!none.is_unknown(&name("web")) && none.user(&name("root")).is_some());
        for (file, text) in [
            ("passwd", "web:x:7:8::/srv/web:/bin/sh\n"),
            ("group", "web:x:8:\nkeys:x:9:a,web\nother:x:10:webs\n"),
        ] {
            let place = home.path().join("etc").join(file);
            write_atomic(&place, text.as_bytes(), Readers::Owner).unwrap();
        }
        let accounts = Accounts::below(home.path());
        assert!(!accounts.is_unknown(&name("web")) && accounts.is_unknown(&name("webs")));
        assert_eq!(
            (accounts.uid("web"), accounts.uid("11")),
            (Some(7), Some(11))
        );
        assert_eq!((accounts.gid("keys"), accounts.gid("x")), (Some(9), None));
        assert_eq!(
            (accounts.group_name(9), accounts.user_name(12)),
            ("keys".into(), "12".into())
        );
        let member = |group| accounts.is_member(&name("web"), group);
        assert_eq!([member(8), member(9), member(10)], [true, true, false]);
    }
}
