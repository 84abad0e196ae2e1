//! What is kept: the only room that writes files and holds locks, the inventory
//! database and the cache of sessions.

mod append;
mod archive;
mod bulk;
mod edit;
mod file_lock;
mod files;
mod fixed;
mod inventory;
mod lines;
mod lock;
mod log;
mod session_cache;
mod several;
mod size_limit;
mod socket;
mod staging;
mod step;
mod trust;
mod versions;

pub use archive::{Archived, Expected, Packer, unpack};
pub use bulk::{Bulk, DirectoryLock};
pub use edit::{EditReport, Manner, Recovery, edit, read_regular, recover};
pub use file_lock::NamedFileLock;
pub use files::{
    DirectoryAccess, Readers, check_new, check_parent, check_private, directory_access,
    ensure_directory, read_bounded, read_start, read_with_metadata, remove_if_empty,
    remove_if_present, remove_tree, remove_unfinished, temporary_directory, write_atomic,
    write_new,
};
pub use fixed::{
    FixedContents, FixedFile, FixedFiles, FixedRecovery, FixedReport, is_pending, recover_fixed,
};
pub use inventory::{
    AuditEntry, AuditFault, AuditRecord, AuditSummary, Checkpoint, CrlRecord, Ending, Ends,
    GenerationRow, GenerationState, Holder, Inventory, Kind, LiveLeaves, Order, Pattern, Query,
    Record, Reservation, Revocation, State, Status, Summary, Told, Writer,
};
pub use lines::LineFile;
pub use log::{Log, Severity, append_line};
pub use session_cache::{CacheEntry, CacheLock, SessionCache, is_own_directory};
pub use several::{Occupant, Several};
pub use size_limit::outlive_size_limit;
pub use socket::{SocketFile, bind_socket};
pub use staging::{Staging, remove_abandoned};
pub use trust::{check_entry, check_trusted, is_unmapped};
pub use versions::{
    Building, CERTIFICATE, CHAIN, CURRENT, FULLCHAIN, KEY, Kept, Modes, NoVersionNumber, Ownership,
    Stranger, TooOpen, UnsafeMode, VersionNumber, Versions,
};

use std::path::PathBuf;

/// What was tried with a file, as the word that goes with "cannot be".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `created`
    Create,
    /// `found`
    Find,
    /// `followed`, of a symbolic link
    Follow,
    /// `given to its owner and group`
    Give,
    /// `locked`
    Lock,
    /// `brought up to date`, of the inventory's schema
    Migrate,
    /// `opened`
    Open,
    /// `read`
    Read,
    /// `removed`
    Remove,
    /// `made durable`
    Sync,
    /// `written`
    Write,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "created",
            Self::Find => "found",
            Self::Follow => "followed",
            Self::Give => "given to its owner and group",
            Self::Lock => "locked",
            Self::Migrate => "brought up to date",
            Self::Open => "opened",
            Self::Read => "read",
            Self::Remove => "removed",
            Self::Sync => "made durable",
            Self::Write => "written",
        })
    }
}

/// Why something could not be read or kept. Every variant names the path, or the
/// serial number or the request that it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is no archive that was written here, or it is damaged.
    #[error("{path} is damaged or no backup: {reason}")]
    Archive {
        /// The path.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Somebody who does not know the lock keeps writing the file.
    #[error("{path} is written by another program again and again")]
    Changing {
        /// The path.
        path: PathBuf,
    },
    /// A file cannot have the SELinux context that was asked for.
    #[error(
        "{path} cannot be given the SELinux context '{}'",
        crate::text::printable(context, 200)
    )]
    Context {
        /// The path.
        path: PathBuf,
        /// The context.
        context: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The target is there already and holds something.
    #[error("{path} exists already{}", if path.is_dir() { " and is not an empty directory" } else { "" })]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// One of several files could not be changed, and those before it not be put back.
    #[error(
        "{} cannot be put back as {} before",
        shown(paths),
        if paths.len() == 1 { "it was" } else { "they were" }
    )]
    HalfDone {
        /// The files that stay changed.
        paths: Vec<PathBuf>,
        /// Why the rest was not changed.
        #[source]
        source: Box<Self>,
    },
    /// The version that an identity has in force is not removed.
    #[error("{path} is in force")]
    InForce {
        /// The version's directory.
        path: PathBuf,
    },
    /// A version of an identity that cannot be put in force.
    #[error("{path} has no {missing}, or an empty one")]
    Incomplete {
        /// The version's directory.
        path: PathBuf,
        /// The file that is missing.
        missing: &'static str,
    },
    /// Another process has not let go of the inventory's lock.
    #[error("the inventory {path} has been in use by other processes for {seconds} s")]
    InventoryBusy {
        /// The database file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The inventory's pages or its log are not what was written.
    #[error("the inventory {path} is damaged: {reason}")]
    InventoryDamaged {
        /// The database file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The inventory's schema is not the one that this program makes.
    #[error(
        "the inventory {path} is not as windlass makes it: its {kind} '{}' is another, or missing",
        crate::text::printable(name, 80)
    )]
    InventoryForeign {
        /// The database file.
        path: PathBuf,
        /// `table`, `index`, `trigger` or `view`.
        kind: String,
        /// The object's name.
        name: String,
    },
    /// The inventory has to be brought up to date before it can be read, by
    /// somebody who may write it.
    #[error("the inventory {path} has the schema of an earlier version")]
    InventoryOld {
        /// The database file.
        path: PathBuf,
    },
    /// The inventory is of a version that this program does not know.
    #[error("the inventory {path} has schema version {found}, this program knows up to {known}")]
    InventoryVersion {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known version.
        known: i64,
    },
    /// The operating system refused.
    #[error("{path} cannot be {action}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        action: Action,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// What lets a write that was cut short be completed cannot be read.
    #[error("{path} is damaged, and the file beside it may be")]
    Journal {
        /// The journal.
        path: PathBuf,
    },
    /// A link of somebody who may not say which file is written.
    #[error("{path} is a link that the user {owner} has made to what is not theirs")]
    Link {
        /// The link, or the path on which it stands.
        path: PathBuf,
        /// Who has made it.
        owner: u32,
    },
    /// Another process is editing the file, and does not come to an end.
    #[error("{path} has been locked by another process for {seconds} s")]
    Locked {
        /// The path.
        path: PathBuf,
        /// The file whose lock it holds.
        lock: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The link to the version in force leads elsewhere, or is none.
    #[error(
        "{path} {}",
        if path == target {
            "is a file or a directory, and no link to a version beside it".to_owned()
        } else {
            format!("leads to '{}', and to no version beside it", crate::text::printable(&target.to_string_lossy(), 200))
        }
    )]
    Misled {
        /// The link.
        path: PathBuf,
        /// Where it leads; the path itself where it is no link.
        target: PathBuf,
    },
    /// Two different contents for one place.
    #[error("{path} is named for two files of different content")]
    NamedTwice {
        /// The second path; links are followed.
        path: PathBuf,
    },
    /// Locks and shared memory do not work where the inventory is.
    #[error("{path} is on a network file system ({file_system})")]
    NetworkFileSystem {
        /// The database file.
        path: PathBuf,
        /// Its type, as the kernel names it.
        file_system: String,
    },
    /// It is something that cannot be edited.
    #[error("{path} is {}", if *is_directory { "a directory" } else { "no regular file" })]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// Whether it is a directory, and no FIFO, socket or device.
        is_directory: bool,
    },
    /// Somebody else has access to what must be this user's alone.
    #[error("{path} is not this user's alone")]
    NotPrivate {
        /// The directory or file.
        path: PathBuf,
    },
    /// Something else is where a socket is to be.
    #[error("{path} exists already and is not a socket")]
    NotSocket {
        /// The path.
        path: PathBuf,
    },
    /// A new file in its place could not belong to its owner.
    #[error("{path} cannot be replaced by a file of the same owner and group")]
    Owner {
        /// The path.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// What stands where the journal does, and may be anybody's.
    #[error("{path} is no journal that this user has made")]
    Planted {
        /// The path.
        path: PathBuf,
    },
    /// A request of this name has been taken already.
    #[error("the request '{request_id}' has been taken already")]
    RequestTaken {
        /// The name.
        request_id: String,
    },
    /// The serial number is in the inventory already.
    #[error("the serial number {serial} is taken")]
    SerialTaken {
        /// The number in hex.
        serial: String,
    },
    /// Somebody listens on the socket.
    #[error("another program listens on {path}")]
    Served {
        /// The path.
        path: PathBuf,
    },
    /// It was settled that nothing is issued under the serial number.
    #[error("the serial number {serial} is not reserved any more")]
    Settled {
        /// The number in hex.
        serial: String,
    },
    /// The database refused.
    #[error("the inventory {path} cannot be {action}")]
    Sql {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        action: Action,
        /// SQLite's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It belongs to another user than root and this one.
    #[error("{path} belongs to the user {owner}, and not to root or the one who runs this")]
    Strangers {
        /// The path.
        path: PathBuf,
        /// The number of that user.
        owner: u32,
    },
    /// A file is larger than is read.
    #[error("{path} is larger than the {max} bytes that are read")]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The bound in bytes.
        max: u64,
    },
    /// Writing into the file failed, and so did writing the old content back.
    #[error("{path} is partly written; the next edit completes it from {journal}")]
    Torn {
        /// The path.
        path: PathBuf,
        /// What holds both contents.
        journal: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Others can write it.
    #[error("{path} can be written by others (mode {mode:04o})")]
    Writable {
        /// The path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// Several paths, for a message.
fn shown(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    shown.join(", ")
}

/// What kept SQLite from its work, where something can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlTrouble {
    /// The disk, or what this user may have of it, is full.
    Full,
    /// The disk failed.
    Failing,
    /// The file or its directory must not be written.
    ReadOnly,
    /// Another reason.
    Other,
}

impl Error {
    /// What kept SQLite from its work; of every other error
    /// [`SqlTrouble::Other`].
    #[must_use]
    pub fn sql_trouble(&self) -> SqlTrouble {
        use rusqlite::ErrorCode as E;
        let Self::Sql { source, .. } = self else {
            return SqlTrouble::Other;
        };
        let code = source
            .downcast_ref::<rusqlite::Error>()
            .and_then(rusqlite::Error::sqlite_error_code);
        match code {
            Some(E::DiskFull) => SqlTrouble::Full,
            Some(E::SystemIoFailure) => SqlTrouble::Failing,
            Some(E::ReadOnly | E::CannotOpen | E::PermissionDenied) => SqlTrouble::ReadOnly,
            _ => SqlTrouble::Other,
        }
    }

    /// Whether the operating system said that the path does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}
