//! What a service needs of its host.

use std::path::PathBuf;
use std::time::Duration;

use crate::installation::name::GroupName;

/// A directory below /var/lib that systemd makes for the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDirectory {
    /// The path from there on.
    pub(super) path: PathBuf,
    /// Its mode, which it gets at each start.
    pub(super) mode: &'static str,
}

impl StateDirectory {
    /// One that is the service's alone.
    #[must_use]
    pub const fn private(path: PathBuf) -> Self {
        Self { path, mode: "0700" }
    }

    /// One in which other services have directories too.
    #[must_use]
    pub const fn shared(path: PathBuf) -> Self {
        Self { path, mode: "0755" }
    }
}

/// What a service needs of its host. Everything else is kept from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Directories in which it writes.
    pub writable: Vec<PathBuf>,
    /// Directories below /var/lib that are made for it.
    pub state: Vec<StateDirectory>,
    /// Devices that it opens, as a TPM.
    pub devices: Vec<PathBuf>,
    /// Groups to which it gives files.
    pub groups: Vec<GroupName>,
    /// Whether it runs other programs, which nobody knows here: hooks, an issuer's, a
    /// signer's.
    pub programs: bool,
    /// Whether files that it reads or writes may be in somebody's home directory.
    pub homes: bool,
    /// Whether it reads files that belong to others.
    pub reads_others: bool,
    /// Whether it keeps files that belong to others.
    pub keeps_others: bool,
    /// The longest that a run may take.
    pub deadline: Duration,
}
