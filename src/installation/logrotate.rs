//! The rule by which logrotate puts a log away.
//!
//! The program opens its log for every line, so that nothing has to be told to it and
//! nothing is lost: neither `copytruncate`, which loses lines, nor `postrotate` is
//! needed. `create` without words makes the new file with the old one's mode and owner
//! (logrotate(8)); where it stays away, the program makes one for its owner alone.

use std::path::{Path, PathBuf};

use super::Planned;
use super::job::Job;
use super::quote::{self, Unwritable};

/// The log of a job.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The file.
    pub path: PathBuf,
    /// Whose directory it is in, as user and group, where it is not root's: root does
    /// not act in directories of others, who could lead it elsewhere.
    pub su: Option<(String, String)>,
}

/// The rule of a job that `starter` runs; none where there is no log. Its name has the
/// starter in it: a host may have the same job of two, as while it changes from cron to
/// systemd, and neither takes the other's rule away.
pub(super) fn file(job: &Job, starter: &str, log: Option<&Rotated>) -> Result<Planned, Unwritable> {
    let text = log.map(|log| rule(job, log)).transpose()?;
    let place = Path::new("/etc/logrotate.d").join(format!("{}-{starter}", job.name));
    Ok(Planned::text(place, text, job))
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
    Ok(format!(
        "# Written by 'windlass install', which also changes it: what '{verb}' logs.\n\
         # Nothing has to be told when it is put away: the file is opened for each line.\n\
         \"{path}\" {{\n{su}    weekly\n    rotate 8\n    compress\n    delaycompress\n    \
         missingok\n    notifempty\n    create\n}}\n",
        verb = job.service.verb(),
    ))
}
