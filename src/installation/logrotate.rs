//! The rule by which logrotate puts a log away.
//!
//! The program opens its log for every line, so that nothing has to be told to it and
//! nothing is lost: neither `copytruncate`, which loses lines, nor `postrotate` is
//! needed. `create` without words makes the new file with the old one's mode and owner
//! (logrotate(8)); where it stays away, the program makes one for its owner alone.

use std::path::{Path, PathBuf};

use super::Planned;
use super::job::Job;
use super::name::JobName;
use super::quote::{self, Unwritable};
use super::seal::sealed;

/// The log of a job.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The file.
    pub path: PathBuf,
    /// Whose directory it is in, as user and group, where it is not root's: root does
    /// not act in directories of others, who could lead it elsewhere.
    pub su: Option<(String, String)>,
}

/// Where the rule of a job stands.
fn place(name: &JobName) -> PathBuf {
    Path::new("/etc/logrotate.d").join(name.as_str())
}

/// The rule; none where there is no log.
pub(super) fn file(job: &Job, log: Option<&Rotated>) -> Result<Planned, Unwritable> {
    let text = log.map(|log| rule(job, log)).transpose()?;
    Ok(Planned::text(place(&job.name), text))
}

fn rule(job: &Job, log: &Rotated) -> Result<String, Unwritable> {
    let path = quote::path(&log.path)?;
    // Its quotes know no escapes, and what it takes for patterns has some.
    if path.contains(['\\', '"', '*', '?', '[', '{']) {
        return Err(Unwritable::Pattern {
            path: log.path.clone(),
        });
    }
    let su = match &log.su {
        Some((user, group)) => format!("    su {user} {group}\n"),
        None => String::new(),
    };
    Ok(sealed(&format!(
        "# Written by 'windlass install', which also changes it: what '{verb}' logs.\n\
         # Nothing has to be told when it is put away: the file is opened for each line.\n\
         \"{path}\" {{\n{su}    weekly\n    rotate 8\n    compress\n    delaycompress\n    \
         missingok\n    notifempty\n    create\n}}\n",
        verb = job.service.verb(),
    )))
}
