//! systemd's units: what is run, when, and what it can reach.
//!
//! The text is the same on every version of systemd: settings that an older one does
//! not know it ignores with a line in its log, down to 219 (CentOS 7). One kind is
//! avoided, since it would be fatal there: a list of the system calls that are
//! *allowed* by groups (`SystemCallFilter=@system-service`). Before 231 no group is
//! known, and before 239 not this one, and what is left of the list allows next to
//! nothing. So groups are denied.

mod hardening;
mod reach;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::job::{Job, Service};
use super::logrotate::{self, Rotated};
use super::name::{GroupName, UnitName};
use super::quote::{self, Unwritable};
use super::{Planned, cron};

pub use self::reach::{Reach, StateDirectory};

/// Where units of this host's administrator are (systemd.unit(5)).
#[must_use]
pub fn directory() -> &'static Path {
    Path::new("/etc/systemd/system")
}

/// When a timer elapses, as systemd.time(7) has it ("Calendar Events").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar(String);

impl FromStr for Calendar {
    type Err = String;

    /// Only characters that such an expression has; whether it is one systemd says.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_its = |c: char| c.is_ascii_alphanumeric() || " *,./:~_+-".contains(c);
        let is_some = text.chars().any(|c| c.is_ascii_alphanumeric() || c == '*');
        if is_some && text.chars().all(is_its) && has_its_words(text) {
            return Ok(Self(text.to_owned()));
        }
        Err("a calendar event is expected, as in hourly or '*-*-* *:0/20'; 'systemd-analyze calendar' tests it".to_owned())
    }
}

/// Whether the words are those of a calendar event: a shorthand by itself, days of the
/// week before the rest, a time zone behind it.
fn has_its_words(text: &str) -> bool {
    const SHORT: [&str; 9] = [
        "minutely",
        "hourly",
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "semiannually",
        "yearly",
        "annually",
    ];
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let is_days = |word: &str| {
        word.split([',', '.'])
            .filter(|day| !day.is_empty())
            .all(|day| {
                let day = day.to_ascii_lowercase();
                DAYS.iter().any(|name| *name == day || name[..3] == day)
            })
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().all(|(at, word)| {
        let is_time = !word.contains(is_letter);
        let is_zone = at > 0 && at + 1 == words.len() && !is_days(word);
        let is_short = at == 0 && SHORT.contains(&word.to_ascii_lowercase().as_str());
        is_time || is_short || at == 0 && is_days(word) || is_zone && is_event(words[at - 1])
    })
}

/// Whether a time zone may stand behind it.
fn is_event(word: &str) -> bool {
    word.ends_with("ly") || word.contains([':', '-'])
}

/// The longest delay by which runs at the same time are spread (systemd.timer(5),
/// `RandomizedDelaySec=`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread(String);

impl FromStr for Spread {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(['s', 'm', 'h']);
        let number: Option<u32> = digits.parse().ok();
        let is_it = number.is_some_and(|number| number > 0) && text.len() == digits.len() + 1;
        match (is_it, text.strip_suffix('m')) {
            (true, Some(minutes)) => Ok(Self(format!("{minutes}min"))),
            (true, None) => Ok(Self(text.to_owned())),
            (false, _) => Err("a time is expected, as in 10m or 1h".to_owned()),
        }
    }
}

/// Where systemd listens for a service (systemd.socket(5), `ListenStream=`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address with its port.
    Address(SocketAddr),
    /// A UNIX socket.
    Path(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Path(text.into()));
        }
        text.parse().map(Self::Address).map_err(|_| {
            "an address with its port or the absolute path of a socket is expected, as in 127.0.0.1:9911".to_owned()
        })
    }
}

/// A secret that systemd hands to a service (systemd.exec(5), "Credentials").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it is called in the service.
    name: String,
    /// The file that holds it.
    path: PathBuf,
}

impl FromStr for Credential {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |name: &str| {
            let is_its = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            !name.is_empty() && !name.starts_with('.') && name.chars().all(is_its)
        };
        match text.split_once(':') {
            Some((name, path)) if is_name(name) && path.starts_with('/') => Ok(Self {
                name: name.to_owned(),
                path: path.into(),
            }),
            _ => Err(
                "a name and the absolute path of a file are expected, as in ca:/etc/windlass/passphrase"
                    .to_owned(),
            ),
        }
    }
}

/// What of a unit is its own.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// When it is run, instead of once an hour; of what ends by itself.
    pub schedule: Option<Calendar>,
    /// By how much runs at that time are spread.
    pub spread: Option<Spread>,
    /// Who may use the socket.
    pub socket_group: Option<GroupName>,
    /// What tells this host from others: its machine id (machine-id(5)); empty where
    /// the files are for any host.
    pub host: String,
    /// Where systemd listens for it.
    pub listen: Option<Listen>,
    /// Secrets in files.
    pub credentials: Vec<Credential>,
    /// Secrets in files that systemd-creds(1) has encrypted.
    pub encrypted: Vec<Credential>,
    /// A unit that is started when it fails.
    pub on_failure: Option<UnitName>,
    /// What it needs of the host.
    pub reach: Reach,
}

/// The units of a job, and the rule for its log.
///
/// # Errors
///
/// What cannot be written into a unit.
pub fn files(job: &Job, unit: &Unit, log: Option<&Rotated>) -> Result<Vec<Planned>, Unwritable> {
    let place = |kind: &str| directory().join(format!("{}.{kind}", job.name));
    let timer = (job.service == Service::Rotate).then(|| timer(job, unit));
    let socket = unit.listen.as_ref();
    let socket = socket.map(|listen| self::socket(job, listen, unit.socket_group.as_ref()));
    Ok(vec![
        Planned::text(place("service"), Some(service(job, unit)?), job),
        Planned::text(place("timer"), timer, job),
        Planned::text(place("socket"), socket.transpose()?, job),
        logrotate::file(job, "systemd", log)?,
    ])
}

/// The lines with which every unit begins.
fn opening(job: &Job) -> String {
    format!(
        "# Written by 'windlass install systemd', which also changes it.\n\
         # What is this host's own goes into a file beside it ('systemctl edit {}').\n",
        job.name
    )
}

fn service(job: &Job, unit: &Unit) -> Result<String, Unwritable> {
    let mut text = opening(job);
    let verb = job.service.verb();
    let _ = write!(
        text,
        "[Unit]\nDescription={}\nDocumentation=man:windlass-{verb}(1)\n\
         Wants=network-online.target\nAfter=network-online.target time-sync.target nss-lookup.target\n",
        job.service.purpose(),
    );
    if unit.listen.is_some() {
        let _ = write!(text, "Requires={0}.socket\nAfter={0}.socket\n", job.name);
    }
    if let Some(other) = &unit.on_failure {
        let _ = writeln!(text, "OnFailure={}", other.as_str());
    }
    text.push_str("\n[Service]\n");
    text.push_str(&how(job, unit));
    let _ = writeln!(
        text,
        "ExecStart={}",
        quote::systemd_line(job.program()?, &job.words)?
    );
    if !job.user.is_root() {
        let _ = writeln!(text, "User={}", job.user.as_str());
    }
    for (setting, credentials) in [
        ("LoadCredential", &unit.credentials),
        ("LoadCredentialEncrypted", &unit.encrypted),
    ] {
        for one in credentials {
            let path = quote::systemd_rest(quote::path(&one.path)?)?;
            let _ = writeln!(text, "{setting}={}:{path}", one.name);
        }
    }
    text.push('\n');
    text.push_str(&hardening::lines(job, &unit.reach)?);
    if job.service != Service::Rotate {
        text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
        if unit.listen.is_some() {
            let _ = writeln!(text, "Also={}.socket", job.name);
        }
    }
    Ok(text)
}

/// How it is started, and what is done when it ends.
fn how(job: &Job, unit: &Unit) -> String {
    match job.service {
        // An end with 5, "try again", is shown as a failure too: the identity that is in
        // force stays, and the next run tries again.
        Service::Rotate => format!(
            "Type=oneshot\n\
             # Its own deadlines come before: each program that it runs has one.\n\
             TimeoutStartSec={}\n",
            unit.reach.deadline.as_secs()
        ),
        Service::Serve | Service::Update => {
            let kind = match job.service {
                Service::Serve => "Type=notify\nNotifyAccess=main\nWatchdogSec=60\n",
                Service::Rotate | Service::Update => "Type=simple\n",
            };
            format!(
                "{kind}\
                 # Not for options that are wrong (2): another start would not mend them. It never\n\
                 # gives up otherwise, since AWS or the network may be away for longer than any\n\
                 # number of starts takes.\n\
                 # Starts that fail come at growing intervals, from 254 on: what AWS refuses it may\n\
                 # grant again, and a certificate that has expired may be renewed.\n\
                 Restart=on-failure\nRestartSec=15\nRestartSteps=8\nRestartMaxDelaySec=10min\n\
                 RestartPreventExitStatus=2\nStartLimitInterval=0\n\
                 TimeoutStartSec=180\nTimeoutStopSec=30\n\
                 # The cache of sessions: memory, this user's alone, gone when it is stopped.\n\
                 RuntimeDirectory={0}\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=restart\n\
                 Environment=XDG_RUNTIME_DIR=/run/{0}\n",
                job.name
            )
        }
    }
}

/// Once an hour: a run for which nothing is due costs next to nothing, a failure is
/// tried again soon, and a certificate that lives for 6 hours is renewed in time.
///
/// When a certificate is due differs from host to host by a twentieth of its life
/// already. What is spread here are the runs within the hour, so that those hosts that
/// are due in the same hour do not come at its first second: by a minute of the host's
/// own, which the oldest systemd obeys, and by a delay, for files that were made once
/// for all hosts (a package, a golden image). It is a fixed one from 247 on, so that
/// the runs stay an hour apart; before, a new one is drawn each time, which is as good;
/// before 229 there is none.
fn timer(job: &Job, unit: &Unit) -> String {
    let when = match &unit.schedule {
        Some(Calendar(when)) => {
            let spread = unit
                .spread
                .as_ref()
                .map_or_else(String::new, |Spread(time)| {
                    format!("RandomizedDelaySec={time}\nFixedRandomDelay=yes\n")
                });
            format!("OnCalendar={when}\n{spread}")
        }
        None => format!(
            "OnCalendar=*-*-* *:{:02}:00\n\
             # For hosts that have the same minute, as those of one image.\n\
             RandomizedDelaySec=50min\nFixedRandomDelay=yes\n",
            cron::minute(&unit.host)
        ),
    };
    format!(
        "{}[Unit]\nDescription={} (timer)\nDocumentation=man:windlass-rotate(1)\n\n\
         [Timer]\n{when}AccuracySec=1min\n\
         # A host that was off or asleep runs it when it is back.\nPersistent=yes\n\n\
         [Install]\nWantedBy=timers.target\n",
        opening(job),
        job.service.purpose(),
    )
}

fn socket(job: &Job, listen: &Listen, group: Option<&GroupName>) -> Result<String, Unwritable> {
    let stream = match listen {
        Listen::Address(address) => address.to_string(),
        Listen::Path(path) => quote::systemd_rest(quote::path(path)?)?,
    };
    let mode = match listen {
        Listen::Address(_) => String::new(),
        Listen::Path(_) if group.is_some() => format!(
            "SocketMode=0660\nSocketGroup={}\n",
            group.map_or("", GroupName::as_str)
        ),
        Listen::Path(_) => {
            "# Who may connect: SocketMode=, SocketUser= and SocketGroup= in a file beside it.\n\
             SocketMode=0600\n"
                .to_owned()
        }
    };
    Ok(format!(
        "{}[Unit]\nDescription={} (socket)\nDocumentation=man:windlass-serve(1)\n\n\
         [Socket]\nListenStream={stream}\n{mode}\n[Install]\nWantedBy=sockets.target\n",
        opening(job),
        job.service.purpose(),
    ))
}
