//! Where a database must not be: SQLite's write-ahead log needs memory that all
//! its processes share and locks that hold, and network file systems have
//! neither.

use std::path::{Path, PathBuf};

use crate::store::Error;

/// The kernel's list of what is mounted (proc_pid_mountinfo(5)).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Types of file systems that another machine serves, or the host of this one.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "pvfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];

/// Refuses a path on such a file system. Where the kernel's list cannot be read
/// nothing is refused.
pub(super) fn refuse_network(path: &Path) -> Result<(), Error> {
    let Ok(mounts) = std::fs::read_to_string(MOUNTS) else {
        return Ok(());
    };
    let Ok(real) = path.canonicalize() else {
        return Ok(());
    };
    match network_type(&mounts, &real) {
        Some(file_system) => Err(Error::NetworkFileSystem {
            path: path.to_owned(),
            file_system,
        }),
        None => Ok(()),
    }
}

/// The type of the file system that holds `path`, if it is one of a network.
fn network_type(mounts: &str, path: &Path) -> Option<String> {
    let mut holds: Option<(PathBuf, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else {
            continue;
        };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else {
            continue;
        };
        let point = PathBuf::from(unescape(point));
        // The longest mount point holds it, and of two on one the later.
        let is_nearer = holds
            .as_ref()
            .is_none_or(|(nearest, _)| point.components().count() >= nearest.components().count());
        if path.starts_with(&point) && is_nearer {
            holds = Some((point, kind));
        }
    }
    let (_, kind) = holds?;
    let served = kind.strip_prefix("fuse.").map_or_else(
        || NETWORK.contains(&kind),
        |program| NETWORK.contains(&program) || matches!(program, "sshfs" | "s3fs" | "rclone"),
    );
    served.then(|| kind.to_owned())
}

/// Blank, tab, line feed and backslash stand as three octal digits.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:31 / /srv rw - nfs4 files:/srv rw
31 30 0:32 / /srv/local\\040disk rw - xfs /dev/vdb rw
32 22 0:33 / /home/a rw shared:7 - fuse.sshfs a@b: rw
33 22 0:34 / /enc rw - fuse.gocryptfs /c rw
34 22 0:35 / /over rw - ext4 /dev/vdc rw
35 22 0:36 / /over rw - cifs //files/over rw
damaged line
";

    #[test]
    fn the_nearest_mount_point_decides() {
        let kind = |path: &str| network_type(LINES, Path::new(path));
        assert_eq!(kind("/var/ca/inventory.db"), None);
        assert_eq!(kind("/srv/ca/inventory.db").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srvx/inventory.db"), None);
        assert_eq!(kind("/srv/local disk/inventory.db"), None);
        assert_eq!(kind("/home/a/ca").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind("/enc/ca"), None);
        assert_eq!(kind("/over/ca").as_deref(), Some("cifs"));
    }

    #[test]
    fn this_machine_has_a_list_and_its_temporary_directory_is_local() {
        let home = tempfile::tempdir().unwrap();
        assert!(refuse_network(home.path()).is_ok());
        assert!(!std::fs::read_to_string(MOUNTS).unwrap().is_empty());
    }
}
