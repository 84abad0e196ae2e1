//! Whose the files of an identity are, and who else may read them.

use std::fs::{File, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use super::narrowing::of_key;

/// Whose the files of an identity are, and who else may read them. Directories
/// stay those of the user who makes them: whoever owns a directory decides what is
/// in it. They have the group, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    uid: Option<u32>,
    gid: Option<u32>,
    modes: Modes,
}

/// Permission bits, whatever the umask says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// Of directories: at most 0755, at least 0700.
    pub directory: u32,
    /// Of `key.pem`, and of what is no certificate: at most 0640, at least 0400.
    pub key: u32,
    /// Of certificates: at most 0644, at least 0400.
    pub certificate: u32,
}

/// Permissions that would let others write an identity or everybody read its key,
/// or keep its owner out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mode {mode:04o} of {what} is not between {least:04o} and {most:04o}")]
pub struct UnsafeMode {
    /// `directories`, `the key` or `certificates`.
    pub what: &'static str,
    /// The mode that was asked for.
    pub mode: u32,
    /// The bits that it must have.
    pub least: u32,
    /// The bits that it may have.
    pub most: u32,
}

/// What it is about, the bits that it must have, and those that it may have.
pub(super) const DIRECTORY_MODES: (&str, u32, u32) = ("directories", 0o700, 0o755);
pub(in crate::store) const KEY_MODES: (&str, u32, u32) = ("the key", 0o400, 0o640);
pub(in crate::store) const CERTIFICATE_MODES: (&str, u32, u32) = ("certificates", 0o400, 0o644);

impl Modes {
    /// For the owner alone.
    pub const PRIVATE: Self = Self {
        directory: 0o700,
        key: 0o600,
        certificate: 0o644,
    };

    /// For the owner, and to be read by the group.
    pub const GROUP: Self = Self {
        directory: 0o750,
        key: 0o640,
        certificate: 0o644,
    };
}

impl Ownership {
    /// Everything is the maker's alone; certificates could be read by everybody,
    /// but that the directory lets nobody in.
    pub const PRIVATE: Self = Self {
        uid: None,
        gid: None,
        modes: Modes::PRIVATE,
    };

    /// What a group may read: directories 0750, the key 0640.
    #[must_use]
    pub const fn for_group(gid: u32) -> Self {
        Self {
            uid: None,
            gid: Some(gid),
            modes: Modes::GROUP,
        }
    }

    /// The user to whom files belong, the group of files and directories, as
    /// numbers, where they are not those of the process; and the modes.
    ///
    /// # Errors
    ///
    /// [`UnsafeMode`].
    pub fn new(uid: Option<u32>, gid: Option<u32>, modes: Modes) -> Result<Self, UnsafeMode> {
        check_mode(modes.directory, DIRECTORY_MODES)?;
        check_mode(modes.key, KEY_MODES)?;
        check_mode(modes.certificate, CERTIFICATE_MODES)?;
        Ok(Self { uid, gid, modes })
    }

    /// As the version in force has it, where there is one with these files; only the
    /// modes of the directory are known without. A mode that is too open is
    /// narrowed. Whom root has given the files has the next ones too; who is not root
    /// cannot give any away, and what another user has put there is not followed.
    pub(super) fn found(directory: &Metadata, files: Option<(&Metadata, &Metadata)>) -> Self {
        let narrowed = |found: &Metadata, (_, least, most)| found.mode() & most | least;
        let modes = Modes {
            directory: narrowed(directory, DIRECTORY_MODES),
            ..Modes::PRIVATE
        };
        let Some((key, certificate)) = files else {
            return Self {
                modes,
                ..Self::PRIVATE
            };
        };
        let user = rustix::process::geteuid().as_raw();
        let is_ours = user == 0 || key.uid() == user;
        Self {
            uid: Some(key.uid()).filter(|_| is_ours),
            gid: Some(key.gid()).filter(|_| is_ours),
            modes: Modes {
                key: narrowed(key, KEY_MODES) & of_key(directory.mode()),
                certificate: narrowed(certificate, CERTIFICATE_MODES),
                ..modes
            },
        }
    }

    /// The modes.
    #[must_use]
    pub const fn modes(&self) -> Modes {
        self.modes
    }

    /// Gives an open file to its owner, before it has its content or its name.
    pub(super) fn give_file(&self, file: &File, mode: u32) -> std::io::Result<()> {
        give(file, (self.uid, self.gid), mode)
    }

    /// Gives the group what is read by people and by this program alone, which
    /// stays the maker's: what its owner wrote into it would be believed.
    pub(super) fn give_record(&self, file: &File) -> std::io::Result<()> {
        give(file, (None, self.gid), self.modes.key | 0o200)
    }

    /// Gives an open directory to its group.
    pub(super) fn give_directory(&self, directory: &File) -> std::io::Result<()> {
        give(directory, (None, self.gid), self.modes.directory)
    }
}

/// A changed owner takes bits of the mode away, so the mode comes last.
fn give(file: &File, (uid, gid): (Option<u32>, Option<u32>), mode: u32) -> std::io::Result<()> {
    let found = file.metadata()?;
    let is_other = |wanted: Option<u32>, is| wanted.is_some_and(|wanted| wanted != is);
    if is_other(uid, found.uid()) || is_other(gid, found.gid()) {
        fchown(file, uid, gid)?;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

/// Whether a mode has the bits that it must have, and none that it may not have.
pub(in crate::store) fn check_mode(
    mode: u32,
    (what, least, most): (&'static str, u32, u32),
) -> Result<(), UnsafeMode> {
    if mode & least == least && mode & !most == 0 {
        return Ok(());
    }
    Err(UnsafeMode {
        what,
        mode,
        least,
        most,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::super::tests::{fill, identity, make_version, mode, number};
    use super::super::{FULLCHAIN, KEY, Versions};
    use super::*;

    #[test]
    fn nobody_else_may_write_and_nobody_at_all_read_the_key() {
        let modes = |directory, key, certificate| Modes {
            directory,
            key,
            certificate,
        };
        for good in [
            Modes::PRIVATE,
            Modes::GROUP,
            modes(0o755, 0o400, 0o444),
            modes(0o711, 0o440, 0o600),
        ] {
            assert!(Ownership::new(None, None, good).is_ok(), "{good:?}");
        }
        for (bad, what) in [
            (modes(0o770, 0o600, 0o644), "directories"),
            (modes(0o500, 0o600, 0o644), "directories"),
            (modes(0o700, 0o644, 0o644), "the key"),
            (modes(0o700, 0o660, 0o644), "the key"),
            (modes(0o700, 0o040, 0o644), "the key"),
            (modes(0o700, 0o600, 0o664), "certificates"),
            (modes(0o700, 0o600, 0o4644), "certificates"),
        ] {
            assert_eq!(Ownership::new(None, None, bad).unwrap_err().what, what);
        }
    }

    /// Whatever the umask; it is a process's own, so this runs in another one.
    #[test]
    fn modes_do_not_depend_on_the_umask() {
        for umask in ["000", "077"] {
            let program = std::env::current_exe().unwrap();
            let output = Command::new("sh")
                .args(["-c", "umask \"$0\" && exec \"$@\"", umask])
                .arg(program)
                .args(["--exact", "--include-ignored", "--test-threads=1"])
                .arg("store::versions::ownership::tests::modes_under_this_umask")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{umask}: {said}");
        }
    }

    #[test]
    #[ignore = "run by the test above"]
    fn modes_under_this_umask() {
        let (_home, versions) = identity();
        versions.write_state(b"{}").unwrap();
        let path = versions.path().to_owned();
        let group = rustix::process::getegid().as_raw();
        let shared = Versions::create(&path, Some(Ownership::for_group(group))).unwrap();
        let building = shared.begin(number(2)).unwrap();
        fill(&building, "2").unwrap();
        building.write("request.pem", b"2").unwrap();
        assert_eq!(mode(building.path()), 0o700, "until it is published");
        building.publish().unwrap();
        shared.switch(number(2)).unwrap();
        // The next run is told nothing of it.
        let later = Versions::open(&path).unwrap();
        assert_eq!(later.ownership().modes(), Modes::GROUP);
        make_version(&later, 3);
        later.write_state(b"[]").unwrap();
        let expected = [
            ("", 0o750),
            ("v0001", 0o700),
            ("v0001/key.pem", 0o600),
            ("v0001/cert.pem", 0o644),
            ("v0001/chain.pem", 0o644),
            ("v0001/fullchain.pem", 0o644),
            ("v0002", 0o750),
            ("v0002/key.pem", 0o640),
            ("v0002/request.pem", 0o640),
            ("v0003", 0o750),
            ("v0003/key.pem", 0o640),
            ("v0003/cert.pem", 0o644),
            ("state.json", 0o640),
        ];
        for (name, expected) in expected {
            assert_eq!(mode(&path.join(name)), expected, "{name}");
        }
    }

    #[test]
    fn files_belong_to_whom_they_are_for_and_directories_to_their_maker() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: it needs root");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("above/web");
        let modes = Modes {
            directory: 0o751,
            key: 0o440,
            certificate: 0o444,
        };
        let ownership = Ownership::new(Some(4711), Some(4712), modes).unwrap();
        Versions::create(&path, Some(ownership)).unwrap();
        let empty = Versions::open(&path).unwrap();
        assert_eq!(empty.ownership().modes().directory, 0o751);
        let versions = Versions::create(&path, Some(ownership)).unwrap();
        make_version(&versions, 1);
        versions.switch(number(1)).unwrap();
        let later = Versions::open(&path).unwrap();
        assert_eq!(later.ownership(), ownership);
        make_version(&later, 2);
        later.write_state(b"{}").unwrap();
        let owner = |name: &str| {
            let found = fs::symlink_metadata(path.join(name)).unwrap();
            (found.uid(), found.gid(), found.mode() & 0o7777)
        };
        for version in ["v0001", "v0002"] {
            assert_eq!(owner(version), (0, 4712, 0o751));
            let file = |name: &str| owner(&format!("{version}/{name}"));
            assert_eq!(file(KEY), (4711, 4712, 0o440));
            assert_eq!(file(FULLCHAIN), (4711, 4712, 0o444));
        }
        assert_eq!(owner(""), (0, 4712, 0o751));
        assert_eq!(owner("../"), (0, 4712, 0o751), "made for it");
        assert_eq!(owner("state.json"), (0, 4712, 0o640));
    }
}
