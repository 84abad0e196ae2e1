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

pub use cron::{CronSchedule, MailTo, crontab_line, files as cron_files};
pub use job::{Job, Service};
pub use logrotate::Rotated;
pub use name::{GroupName, JobName, UnitName, UserName};
pub use place::{Change, Entry, Fault, Plan, Program, is_home, plain};
pub use quote::Unwritable;
pub use systemd::{
    Calendar, Credential, Listen, Reach, Spread, StateDirectory, Unit, directory as unit_directory,
    files as systemd_files,
};
pub use sysv::files as sysv_files;

use std::path::PathBuf;

use crate::store::Readers;

use self::seal::sealed;

/// A file that belongs to an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its place, from the root of the host's files.
    pub path: PathBuf,
    /// What it holds; `None` where there is to be none.
    pub text: Option<String>,
    /// Who may read or run it.
    pub readers: Readers,
    /// The job whose file it is.
    job: String,
}

impl Planned {
    /// A text, which is sealed here.
    fn text(path: impl Into<PathBuf>, text: Option<String>, job: &Job) -> Self {
        let job = job.identity();
        Self {
            path: path.into(),
            text: text.map(|text| sealed(&text, &job)),
            readers: Readers::Everyone,
            job,
        }
    }

    /// The same of a script.
    fn script(path: impl Into<PathBuf>, text: String, job: &Job) -> Self {
        Self {
            readers: Readers::Runners,
            ..Self::text(path, Some(text), job)
        }
    }
}
