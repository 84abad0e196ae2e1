//! An init script (LSB 5.0, "Init Script Actions"; chkconfig(8)) for hosts without
//! systemd. It is written for any POSIX sh.

use std::path::Path;

use super::job::Job;
use super::logrotate::{self, Rotated};
use super::quote::{self, Unwritable};
use super::{Planned, cron};

/// The script of a job, and the rule for its log.
///
/// # Errors
///
/// What cannot be written into a script.
pub fn files(job: &Job, log: Option<&Rotated>) -> Result<Vec<Planned>, Unwritable> {
    // Parted before anything is put in: nothing is looked for in what somebody has typed.
    let (head, rest) = TEMPLATE.split_once("@PROGRAM@").unwrap_or((TEMPLATE, ""));
    let (middle, tail) = rest.split_once("@WORDS@").unwrap_or((rest, ""));
    let head = head
        .replace("@PURPOSE@", job.service.purpose())
        .replace("@VERB@", job.service.verb())
        .replace("@PATH@", cron::PATH)
        .replace("@USER@", job.user.as_str())
        .replace("@NAME@", job.name.as_str());
    let tail = tail.replace("@USER@", job.user.as_str());
    let program = quote::shell(job.program()?)?;
    let words = quote::shell_line(job.words())?;
    let text = format!("{head}{program}{middle}{words}{tail}");
    let place = Path::new("/etc/init.d").join(job.name.as_str());
    let script = Planned::script(place, text, job);
    Ok(vec![script, logrotate::file(job, "sysv", log)?])
}

/// The script. That a process number in its file is still that of this service it
/// believes /proc alone: the kernel gives numbers out again.
const TEMPLATE: &str = include_str!("sysv.sh");
