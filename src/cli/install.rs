//! `windlass install`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::installation::{
    Calendar, Credential, CronSchedule, GroupName, JobName, Listen, MailTo, Service, Spread,
    UnitName, UserName,
};

/// Have the host run windlass: by systemd, by cron, by init scripts
///
/// What is written is text that can be read first (--print). It is written at once, and
/// only where nobody else has written; the same call writes nothing a second time, and
/// --remove takes away what it wrote. No program of the system is called: what to
/// type next is said on stderr. --log-file, --syslog and --error-format are handed on to
/// what is run.
#[derive(Args, Debug)]
pub struct Install {
    /// For what
    #[command(subcommand)]
    pub command: InstallCommand,
}

/// The verbs of `windlass install`.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum InstallCommand {
    Cron(Box<InstallCron>),
    Systemd(Box<InstallSystemd>),
    Sysv(Box<InstallSysv>),
}

/// Have cron run 'windlass rotate' once an hour
///
/// Writes a table into /etc/cron.d, with a minute that is this host's own. It is silent
/// until something is wrong; what is said then cron mails. Nothing of its bare
/// environment is relied on. Two runs at once do no harm.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass install cron --print
  windlass install cron --print --schedule '*/20 * * * *' --syslog
  windlass install cron --user-crontab --profile backup")]
pub struct InstallCron {
    /// When it is run: the five fields of crontab(5); by default once an hour
    #[arg(long, value_name = "FIELDS")]
    pub schedule: Option<CronSchedule>,

    /// To whom cron mails what is wrong, as ops@example.com; by default to the user
    ///
    /// A line MAILTO= that stands in the table already stays without the option
    #[arg(long, value_name = "ADDRESS")]
    pub mailto: Option<MailTo>,

    /// Print a line for a user's own table (crontab -e), and write nothing
    #[arg(
        long,
        conflicts_with_all = ["user", "root", "check", "remove", "exit_code", "json", "print", "name", "force", "mailto"]
    )]
    pub user_crontab: bool,

    /// What is run
    #[command(flatten)]
    pub job: InstallArgs,
}

/// Have systemd run windlass, in a sandbox
///
/// For rotation a service and a timer, once an hour; for 'serve' and 'update' a service
/// that is always there, with --listen also a socket. A service can write only where
/// its profiles say that it writes, opens no devices but those that they name, and as
/// root has no capabilities unless it keeps files of others. So the units follow the
/// profiles: after a change there, install them again.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass install systemd --print
  windlass install systemd --print --load-credential ca:/etc/windlass/passphrase \\
      --on-failure mail@%n.service
  windlass install systemd --print --service serve --user www-data --listen 127.0.0.1:9911 \\
      --profile backup -- --no-imds --token-file /run/windlass-serve-backup/token")]
pub struct InstallSystemd {
    /// What is run: rotate, serve or update
    #[arg(
        long,
        value_name = "VERB",
        default_value = "rotate",
        hide_possible_values = true
    )]
    pub service: InstallService,

    /// When rotation is run, as in '*:0/20'; by default once an hour
    ///
    /// A calendar event of systemd.time(7). Without the option the minute is this
    /// host's own, with a delay that tells hosts of one image apart
    #[arg(long, value_name = "EVENT")]
    pub schedule: Option<Calendar>,

    /// Longest delay of a run, a fixed one for each host, as in 10m; with --schedule
    ///
    /// Hosts that have the same --schedule come one after the other so, and not at once
    #[arg(long, value_name = "TIME", requires = "schedule")]
    pub random_delay: Option<Spread>,

    /// Where systemd listens for 'serve': ADDRESS:PORT or /path/of/a/socket
    #[arg(long, value_name = "WHERE")]
    pub listen: Option<Listen>,

    /// Group whose members may use the socket of --listen
    #[arg(long, value_name = "GROUP", requires = "listen")]
    pub socket_group: Option<GroupName>,

    /// File that the service finds as credential:NAME; may be repeated
    ///
    /// systemd reads it before the service loses its rights (LoadCredential=, from 247
    /// on). The profile says passphrase_credential = 'NAME'
    #[arg(long, value_name = "NAME:FILE")]
    pub load_credential: Vec<Credential>,

    /// The same for a file that systemd-creds has encrypted, from 250 on
    #[arg(long, value_name = "NAME:FILE")]
    pub load_credential_encrypted: Vec<Credential>,

    /// Unit that is started when it fails, as in mail@%n.service
    #[arg(long, value_name = "UNIT")]
    pub on_failure: Option<UnitName>,

    /// Further directory to which it may write, as for hooks; may be repeated
    #[arg(long, value_name = "DIR")]
    pub write_path: Vec<PathBuf>,

    /// Device that it may open, as for a PKCS#11 module; may be repeated
    ///
    /// Those of a TPM that a profile names are known
    #[arg(long, value_name = "PATH")]
    pub device: Vec<PathBuf>,

    /// What is run
    #[command(flatten)]
    pub job: InstallArgs,
}

/// Write an init script for 'serve' or 'update'
///
/// For hosts without systemd: it starts, stops and looks after the process by what the
/// kernel says of it, so that a number that is another process's by now is not taken for
/// its own. What the service says goes to the system's log, unless --log-file is given.
/// Rotation is cron's: 'windlass install cron'.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass install sysv --service update --profile backup --user www-data --print")]
pub struct InstallSysv {
    /// What is run: serve or update
    #[arg(long, value_name = "VERB", hide_possible_values = true)]
    pub service: InstallLasting,

    /// What is run
    #[command(flatten)]
    pub job: InstallArgs,
}

/// What is run, as whom, and what is done with the files.
#[derive(Args, Debug)]
pub struct InstallArgs {
    /// Profile of the config file that it is for; by default every one
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,

    /// User as whom it runs
    ///
    /// It has to read the config file and what the profiles name, and for rotation to
    /// write the identities' directories. root keeps files of any service and reloads
    /// it by a hook
    #[arg(long, value_name = "USER", default_value = UserName::ROOT)]
    pub user: UserName,

    /// What the files are called [default: windlass-VERB or windlass-VERB-PROFILE]
    #[arg(long, value_name = "NAME")]
    pub name: Option<JobName>,

    /// The program, if it is not this one
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,

    /// File with profiles, if it is none of the usual ones
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Directory that stands for /, as for a package: the files are made below it
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,

    /// What tells the host from others, as its name: when it is run follows from it
    ///
    /// By default the machine id of the host, which files for several hosts (--root) do
    /// not have
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// Print the files, and write nothing; several are headed by their places
    #[arg(long, conflicts_with_all = ["check", "remove", "force", "exit_code", "json"])]
    pub print: bool,

    /// Say what would change, and change nothing
    #[arg(long)]
    pub check: bool,

    /// Take away what this command wrote
    #[arg(long)]
    pub remove: bool,

    /// Replace or remove also what others have written or changed
    #[arg(long, conflicts_with = "check")]
    pub force: bool,

    /// End with 10 when something changed, or with --check would
    #[arg(long)]
    pub exit_code: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,

    /// Further options of what is run, behind --
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// What systemd can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InstallService {
    /// `windlass rotate`
    Rotate,
    /// `windlass serve`
    Serve,
    /// `windlass update`
    Update,
}

impl From<InstallService> for Service {
    fn from(asked: InstallService) -> Self {
        match asked {
            InstallService::Rotate => Self::Rotate,
            InstallService::Serve => Self::Serve,
            InstallService::Update => Self::Update,
        }
    }
}

/// What an init script can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InstallLasting {
    /// `windlass serve`
    Serve,
    /// `windlass update`
    Update,
}

impl From<InstallLasting> for Service {
    fn from(asked: InstallLasting) -> Self {
        match asked {
            InstallLasting::Serve => Self::Serve,
            InstallLasting::Update => Self::Update,
        }
    }
}
