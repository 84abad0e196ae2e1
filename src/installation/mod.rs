//! How this program is made a part of a host: the texts of systemd's units, cron's
//! tables, init scripts and logrotate's rules, and how they come to their places
//! without taking anything away that somebody else has put there.

mod cron;
mod job;
mod logrotate;
mod name;
mod place;
mod quote;
mod seal;
mod systemd;
mod sysv;

pub use cron::{CronSchedule, crontab_line, files as cron_files};
pub use job::{Job, Service};
pub use logrotate::Rotated;
pub use name::{JobName, UnitName, UserName};
pub use place::{Change, Entry, Fault, Plan, Program, is_home};
pub use quote::Unwritable;
pub use systemd::{
    Calendar, Credential, Listen, Reach, Unit, directory as unit_directory, files as systemd_files,
};
pub use sysv::files as sysv_files;

use std::path::PathBuf;

use crate::store::Readers;

/// A file that belongs to an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its place, from the root of the host's files.
    pub path: PathBuf,
    /// What it holds; `None` where there is to be none.
    pub text: Option<String>,
    /// Who may read or run it.
    pub readers: Readers,
}

impl Planned {
    fn text(path: impl Into<PathBuf>, text: Option<String>) -> Self {
        Self {
            path: path.into(),
            text,
            readers: Readers::Everyone,
        }
    }
}
