//! What to do about files that cannot be read or kept.

use std::path::{Path, PathBuf};

use crate::commands::Outcome;
use crate::store;

pub(super) fn of_store(error: &store::Error) -> Outcome {
    match error {
        store::Error::Context { .. }
        | store::Error::Exists { .. }
        | store::Error::InForce { .. }
        | store::Error::Link { .. }
        | store::Error::Misled { .. }
        | store::Error::NamedTwice { .. }
        | store::Error::NotAFile { .. }
        | store::Error::NetworkFileSystem { .. }
        | store::Error::NotPrivate { .. }
        | store::Error::NotSocket { .. }
        | store::Error::RequestTaken { .. }
        | store::Error::Served { .. }
        | store::Error::Strangers { .. }
        | store::Error::TooLarge { .. }
        | store::Error::Writable { .. } => Outcome::Usage,
        store::Error::Changing { .. }
        | store::Error::InventoryBusy { .. }
        | store::Error::Locked { .. }
        | store::Error::Settled { .. } => Outcome::Temporary,
        store::Error::Archive { .. } | store::Error::Incomplete { .. } => Outcome::Unusable,
        store::Error::Io {
            action: store::Action::Read,
            ..
        } => Outcome::Usage,
        store::Error::Io { source, .. } if is_of_path(source) => Outcome::Usage,
        store::Error::HalfDone { .. }
        | store::Error::Io { .. }
        | store::Error::InventoryDamaged { .. }
        | store::Error::InventoryForeign { .. }
        | store::Error::InventoryOld { .. }
        | store::Error::InventoryVersion { .. }
        | store::Error::Journal { .. }
        | store::Error::Owner { .. }
        | store::Error::Planted { .. }
        | store::Error::Torn { .. }
        | store::Error::SerialTaken { .. }
        | store::Error::Sql { .. } => Outcome::Failed,
    }
}

/// Whether another path, or other modes, would be better: the configuration is
/// wrong, and not the disk.
fn is_of_path(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

pub(in crate::commands) fn hint_store(error: &store::Error) -> Option<String> {
    let shown = |path: &PathBuf| path.display().to_string();
    match error {
        store::Error::Changing { .. } => {
            Some("nothing was changed; find out what writes it, and try again".to_owned())
        }
        store::Error::Exists { path } => Some(format!(
            "nothing was changed; give another {}, or move {} away first",
            if path.is_dir() { "directory" } else { "name" },
            shown(path)
        )),
        store::Error::Archive { .. } => Some(
            "nothing was written; give a file that 'ca backup' has made, all of it".to_owned(),
        ),
        store::Error::Context { .. } => Some(
            "nothing was changed; does this machine run SELinux ('getenforce'), and know the context ('matchpathcon FILE')?"
                .to_owned(),
        ),
        store::Error::NamedTwice { .. } => Some(
            "nothing was changed; give each a path of its own, and let a hook join them for a program that wants one file".to_owned(),
        ),
        store::Error::HalfDone { .. } => Some(
            "these files are the new ones, and the others the old ones: mend what is in the way, and run the same command again".to_owned(),
        ),
        store::Error::Incomplete { .. } => {
            Some("nothing was changed, and what was in force still is".to_owned())
        }
        store::Error::InForce { .. } => None,
        store::Error::Misled { path, .. } => Some(format!(
            "nothing was changed; find out who made it so, move it away, and make it a link to the newest version that is whole: ln -s VERSION {}",
            shown(path)
        )),
        store::Error::InventoryBusy { path, .. } => Some(format!(
            "nothing was written; try again, or see with 'fuser {}' who holds it",
            shown(path)
        )),
        store::Error::Settled { .. } => Some(
            "somebody has settled it with 'windlass ca audit reconcile' while this process was slow; nothing was handed out, run the same command again".to_owned(),
        ),
        store::Error::InventoryDamaged { .. } => Some(
            "restore the CA directory from its backup; nothing is signed from a damaged one"
                .to_owned(),
        ),
        store::Error::InventoryForeign { .. } => Some(
            "somebody has changed the database itself, and what stands in it would be run: nothing was done with it. Find out who, and restore the CA from a backup of before"
                .to_owned(),
        ),
        store::Error::NetworkFileSystem { .. } => Some(
            "locks do not hold there; keep the CA's directory on a local disk, and its backups elsewhere".to_owned(),
        ),
        store::Error::RequestTaken { request_id } => Some(format!(
            "'windlass ca list --request-id {request_id}' shows what was issued; another request needs another name"
        )),
        store::Error::InventoryOld { .. } => Some(
            "run 'windlass ca list' once as the user to whom it belongs, which brings it up to date"
                .to_owned(),
        ),
        store::Error::InventoryVersion { .. } => {
            Some("a newer windlass has written it; use that version".to_owned())
        }
        store::Error::Io {
            action: store::Action::Give,
            ..
        } => Some(
            "run as root, or as that user with a group that is theirs; nothing was put in force"
                .to_owned(),
        ),
        store::Error::Io {
            action: store::Action::Lock,
            ..
        } => Some(
            "its directory must be writable: the lock and the new file are made there".to_owned(),
        ),
        store::Error::Io {
            action: store::Action::Create | store::Action::Write,
            source,
            ..
        } if source.kind() == std::io::ErrorKind::NotFound => {
            Some("its directory does not exist; make it first, or name another".to_owned())
        }
        store::Error::Io { path, source, .. } => hint_io(path, source),
        store::Error::Journal { path } => Some(format!(
            "look at the file that it belongs to, and remove {}",
            shown(path)
        )),
        store::Error::Link { .. } => {
            Some("nothing was changed; run as that user, or name the file itself".to_owned())
        }
        store::Error::Locked { lock, .. } => {
            Some(format!("'fuser {}' shows which process it is", shown(lock)))
        }
        store::Error::NotAFile {
            is_directory: true, ..
        } => Some("name the file in it".to_owned()),
        store::Error::NotAFile { .. } => Some("is this the right file?".to_owned()),
        store::Error::NotSocket { .. } => {
            Some("nothing was changed; name a new file with --unix-socket".to_owned())
        }
        store::Error::Strangers { path, .. } => Some(format!(
            "whoever owns it decides what is issued; run as that user, or take it over: chown {} {}",
            rustix::process::geteuid().as_raw(),
            shown(path)
        )),
        store::Error::Writable { path, .. } => Some(format!(
            "whoever writes it decides what is issued: chmod go-w {}",
            shown(path)
        )),
        store::Error::Served { .. } => Some(
            "is windlass serve running already? Give this one its own --unix-socket".to_owned(),
        ),
        store::Error::Owner { .. } => Some(
            "nothing was changed; run as its owner or as root, or write into it with --in-place"
                .to_owned(),
        ),
        store::Error::Planted { path } => Some(format!(
            "nothing was changed; run as the user to whom it belongs, or look at the file beside it and remove {}",
            shown(path)
        )),
        store::Error::Torn { .. } => {
            Some("make room on the disk, or mend it, and run the same command again".to_owned())
        }
        store::Error::NotPrivate { path } => Some(format!(
            "it must belong to the user who runs this, and be closed to all others: chmod go= {}",
            shown(path)
        )),
        store::Error::Sql { path, .. } => Some(match error.sql_trouble() {
            store::SqlTrouble::Full => format!(
                "the disk of {} is full, or a quota or a limit is reached; make room and run the same command again: what was not said to be done was not done",
                shown(path)
            ),
            store::SqlTrouble::Failing => format!(
                "the disk of {} is full, or fails ('df' and 'dmesg' say more); what was not said to be done was not done, and 'windlass ca check --deep' tells whether all is whole",
                shown(path)
            ),
            store::SqlTrouble::ReadOnly => format!(
                "run as the user to whom {} belongs; its directory must be writable too, and not mounted read-only",
                shown(path)
            ),
            store::SqlTrouble::Other => format!(
                "is {} a file of windlass, on a local disk with space left?",
                shown(path)
            ),
        }),
        store::Error::TooLarge { .. } => Some("is this the right file?".to_owned()),
        store::Error::SerialTaken { .. } => None,
    }
}

/// What to do about a file that the operating system refuses.
pub(super) fn hint_io(path: &Path, error: &std::io::Error) -> Option<String> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Some(format!("is the path right? {}", path.display())),
        std::io::ErrorKind::PermissionDenied => {
            Some("run as the user who owns it, or change its mode".to_owned())
        }
        std::io::ErrorKind::IsADirectory => {
            Some("this is a directory; name the file in it".to_owned())
        }
        std::io::ErrorKind::NotADirectory => {
            Some("a part of the path is a file; name one below a directory".to_owned())
        }
        std::io::ErrorKind::AlreadyExists => Some("it is there already; name another".to_owned()),
        std::io::ErrorKind::ResourceBusy | std::io::ErrorKind::CrossesDevices => Some(
            "the file is mounted there by itself, as into a container, and cannot be replaced; mount its directory instead".to_owned(),
        ),
        std::io::ErrorKind::ReadOnlyFilesystem => {
            Some("it is on a file system that is mounted read-only, or that the unit does not let it write to (ReadWritePaths=); make it writable, as with mount -o remount,rw, or name another place".to_owned())
        }
        _ => None,
    }
}
