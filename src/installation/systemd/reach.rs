//! What a service needs of its host.

use std::path::PathBuf;
use std::time::Duration;

/// What a service needs of its host. Everything else is kept from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Directories in which it writes.
    pub writable: Vec<PathBuf>,
    /// Devices that it opens, as a TPM.
    pub devices: Vec<PathBuf>,
    /// Groups to which it gives files.
    pub groups: Vec<String>,
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
