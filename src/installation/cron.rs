//! cron: a table of its own in /etc/cron.d, or a line for a user's table.

use std::path::Path;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use sha2::{Digest, Sha256};

use super::Planned;
use super::job::Job;
use super::logrotate::{self, Rotated};
use super::quote::{self, Unwritable};
use super::seal::MAILTO;

/// Where programs are looked for: cron's own list lacks the places of daemons, whose
/// programs hooks call.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest command that vixie cron takes (`MAX_COMMAND`), in octets.
const LONGEST: usize = 998;

/// To whom cron mails what is said: addresses with commas between them, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTo(String);

impl MailTo {
    /// What stands in a table already, be it that somebody has put it there.
    #[must_use]
    pub fn in_table(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix(MAILTO))?;
        line.trim().trim_matches('"').parse().ok()
    }
}

impl FromStr for MailTo {
    type Err = String;

    /// Only what every cron hands to its mailer: Debian's refuses others, and a word that
    /// begins with `-` would be an option there.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_its = |c: char| c.is_ascii_alphanumeric() || "@._%+-".contains(c);
        let is_address =
            |one: &str| !one.is_empty() && !one.starts_with('-') && one.chars().all(is_its);
        if text.split(',').all(is_address) {
            return Ok(Self(text.to_owned()));
        }
        Err(
            "an address is expected, as in ops@example.com; several with commas between them"
                .to_owned(),
        )
    }
}

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
        if !fields
            .iter()
            .enumerate()
            .all(|(at, field)| is_crontabs(at, field))
        {
            return Err(wrong());
        }
        let joined = fields.join(" ");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(&joined).map_err(|_| wrong())?;
        // Any time will do: what comes at all comes again within some years of it.
        let next = cron.find_next_occurrence(&chrono::DateTime::UNIX_EPOCH, false);
        next.map_err(|_| format!("'{joined}' never comes: no such day is in the calendar"))?;
        Ok(Self(joined))
    }
}

/// Whether a field is one that Debian's cron takes too: it does not load the table
/// otherwise, and says so in the system's log alone. Names are for months and weekdays.
fn is_crontabs(at: usize, field: &str) -> bool {
    let has_names = at >= 3;
    let is_value = |value: &str| {
        let is_number = !value.is_empty() && value.chars().all(|c| c.is_ascii_digit());
        let is_name = value.len() == 3 && value.chars().all(|c| c.is_ascii_alphabetic());
        is_number || has_names && is_name
    };
    field.split(',').all(|part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let is_range =
            range == "*" || range.split('-').count() <= 2 && range.split('-').all(is_value);
        let is_wide = range == "*" || range.contains('-');
        let is_step = |step: &str| {
            is_wide && step.parse::<u8>().is_ok_and(|step| step > 0) && !step.starts_with('+')
        };
        is_range && step.is_none_or(is_step)
    })
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
    mailto: Option<&MailTo>,
    log: Option<&Rotated>,
) -> Result<Vec<Planned>, Unwritable> {
    let mail = match mailto {
        Some(MailTo(address)) => format!("{MAILTO}{address}\n"),
        None => String::new(),
    };
    let text = format!(
        "# Written by 'windlass install cron', which also changes it: {purpose}.\n\
         # It is silent until something is wrong, and then cron mails it to {user}, or to\n\
         # whom MAILTO names: --mailto, or a line here, which stays.\n\
         {mail}SHELL=/bin/sh\nPATH={PATH}\n{schedule} {user} {command}\n",
        purpose = job.service.purpose(),
        user = job.user.as_str(),
        schedule = schedule.as_str(),
        command = command(job)?,
    );
    let place = Path::new("/etc/cron.d").join(job.name.as_str());
    Ok(vec![
        Planned::text(place, Some(text), job),
        logrotate::file(job, "cron", log)?,
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
            "jan * * * *",
            "0,,1 * * * *",
            "0, * * * *",
            "5/15 * * * *",
            "*/0 * * * *",
            "1-2-3 * * * *",
            "0 0 1 january *",
            "0 0 30 2 *",
            "0 0 31 4,6 *",
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
