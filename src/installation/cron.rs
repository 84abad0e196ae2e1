//! cron: a table of its own in /etc/cron.d, or a line for a user's table.

use std::path::Path;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use sha2::{Digest, Sha256};

use super::Planned;
use super::job::Job;
use super::logrotate::{self, Rotated};
use super::quote::{self, Unwritable};
use super::seal::sealed;

/// Where programs are looked for: cron's own list lacks the places of daemons, whose
/// programs hooks call.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest command that vixie cron takes (`MAX_COMMAND`), in octets.
const LONGEST: usize = 998;

/// When a job is run: cron's five fields (crontab(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronSchedule(String);

impl CronSchedule {
    /// Once an hour, at a minute that is the host's own, so that a fleet does not come
    /// at once. It is a fixed one: the text stays the same whenever it is made.
    #[must_use]
    pub fn hourly(host: &str) -> Self {
        Self(format!("{} * * * *", minute(host)))
    }

    /// The five fields.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The minute of the hour that is a host's own; 0 where nothing is known of the host.
#[must_use]
pub(super) fn minute(host: &str) -> u8 {
    if host.is_empty() {
        return 0;
    }
    let mut hash = Sha256::new();
    hash.update(b"windlass minute 1 ");
    hash.update(host);
    let digest = hash.finalize();
    let number = digest
        .iter()
        .take(4)
        .fold(0_u32, |sum, octet| (sum << 8) | u32::from(*octet));
    u8::try_from(number % 60).unwrap_or(0)
}

impl FromStr for CronSchedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "cron's five fields are expected, as in '17 * * * *'".to_owned();
        let is_field = |c: char| c.is_ascii_alphanumeric() || " *,/-".contains(c);
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        // What more croner reads (L, W, #, ?) no crontab does.
        let is_word = |field: &&str| {
            let letters = field.chars().filter(char::is_ascii_alphabetic).count();
            letters == 0 || letters >= 3
        };
        if fields.len() != 5 || !text.chars().all(is_field) || !fields.iter().all(is_word) {
            return Err(wrong());
        }
        let joined = fields.join(" ");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        parser.parse(&joined).map_err(|_| wrong())?;
        Ok(Self(joined))
    }
}

/// The command: what is printed on stdout is good news, of which nobody wants a mail.
fn command(job: &Job) -> Result<String, Unwritable> {
    let words = [job.program()?].into_iter().chain(job.words());
    let words: Result<Vec<String>, Unwritable> = words.map(quote::cron).collect();
    let line = format!("{} >/dev/null", words?.join(" "));
    if line.len() > LONGEST {
        return Err(Unwritable::TooLong {
            length: line.len(),
            most: LONGEST,
        });
    }
    Ok(line)
}

/// The table of a job, and the rule for its log.
///
/// # Errors
///
/// What cannot be written into a crontab.
pub fn files(
    job: &Job,
    schedule: &CronSchedule,
    log: Option<&Rotated>,
) -> Result<Vec<Planned>, Unwritable> {
    let text = sealed(&format!(
        "# Written by 'windlass install cron', which also changes it: {purpose}.\n\
         # It is silent until something is wrong, and then cron mails it to {user}: a line\n\
         # MAILTO=somebody@example.com before the next ones has it sent elsewhere.\n\
         SHELL=/bin/sh\nPATH={PATH}\n{schedule} {user} {command}\n",
        purpose = job.service.purpose(),
        user = job.user.as_str(),
        schedule = schedule.as_str(),
        command = command(job)?,
    ));
    let place = Path::new("/etc/cron.d").join(job.name.as_str());
    Ok(vec![
        Planned::text(place, Some(text)),
        logrotate::file(job, log)?,
    ])
}

/// The line for a user's own table (`crontab -e`), which names no user. It sets the
/// search path for itself alone, since a line of its own would do so for what follows.
///
/// # Errors
///
/// What cannot be written into a crontab.
pub fn crontab_line(job: &Job, schedule: &CronSchedule) -> Result<String, Unwritable> {
    Ok(format!(
        "{} PATH={PATH} {}\n",
        schedule.as_str(),
        command(job)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_what_every_cron_reads() {
        for good in [
            "17 * * * *",
            "* * * * *",
            "*/20 2-4 * * SUN",
            " 0  3 1,15 jan-mar *",
        ] {
            assert!(good.parse::<CronSchedule>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "@hourly",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "* * * * *\n",
            "0 0 L * *",
            "0 0 15W * *",
            "0 0 * * 5#3",
            "? * * * *",
            "* * * * * root rm",
            "%",
            "0 0 * * $x",
        ] {
            assert!(wrong.parse::<CronSchedule>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn minutes_are_fixed_and_spread() {
        // Otherwise a text that was written last year is another one today.
        assert_eq!(minute(""), 0);
        assert_eq!(
            minute("b08dfa6083e7567a1921a715000001fb"),
            minute("b08dfa6083e7567a1921a715000001fb")
        );
        let mut hosts = [0_u32; 60];
        for host in 0..6000 {
            hosts[usize::from(minute(&format!("host-{host}")))] += 1;
        }
        assert!(
            hosts.iter().all(|count| (50..170).contains(count)),
            "{hosts:?}"
        );
    }
}
