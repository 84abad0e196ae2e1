//! What is to be run: the command line, tried out before it is written down.

use std::path::{Path, PathBuf};

use crate::cli::{Command, ErrorFormat, InstallArgs};
use crate::commands::{Context, Error, InstallationError, config_file, configure};
use crate::environment::Environment;
use crate::installation::{Job, JobName, Service};

use super::accounts::Accounts;
use super::log::LogPlace;
use super::trial::{Trial, is_about_one};

/// The syslog socket that needs no name.
const USUAL_SYSLOG: &str = "/dev/log";

/// Who starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// cron, which mails what is said on stderr.
    Cron,
    /// systemd, whose journal has it.
    Systemd,
    /// An init script: nobody reads stderr, and so the system's log has it.
    Script,
}

/// What is to be run, with what is known of it.
pub(super) struct Asked {
    pub(super) job: Job,
    /// The users and groups of the host.
    pub(super) accounts: Accounts,
    /// The number of the user as whom it runs, if this host knows it.
    pub(super) uid: Option<u32>,
    /// The number of the user's first group.
    pub(super) gid: Option<u32>,
    /// What that user finds in the environment.
    pub(super) environment: Environment,
    /// The verb with the options of each profile that it is for; none where there is no
    /// such profile yet.
    pub(super) commands: Vec<Command>,
    /// The further options by themselves, where they can be parsed without a profile.
    pub(super) typed: Option<Command>,
    /// The config files that it reads.
    pub(super) configs: Vec<PathBuf>,
    /// Why there are no profiles yet.
    unknown: Option<String>,
    by: By,
    /// What stands for / .
    pub(super) root: PathBuf,
}

impl Asked {
    /// Puts the command line together and tries it.
    pub(super) fn new(
        service: Service,
        arguments: &InstallArgs,
        by: By,
        context: &Context,
    ) -> Result<Self, Error> {
        let program = match &arguments.program {
            Some(path) => absolute(&context.path(path)),
            None => configure::program(context)?,
        };
        let root = arguments.root.as_deref();
        let root = root.map_or_else(|| PathBuf::from("/"), |root| context.path(root));
        let accounts = Accounts::below(&root);
        let user = accounts.user(&arguments.user);
        let home = user.as_ref().map(|user| user.home.clone());
        let environment: Environment = home.into_iter().map(|home| ("HOME", home)).collect();
        let (config, options) = config_and_options(arguments, &environment, context);
        // What is taken away need not work: a config file may be broken by now.
        let (own, typed) = match arguments.remove {
            true => (false, None),
            false => is_about_one(service, &options, context)?,
        };
        let mut line = Line {
            verb: vec![service.verb().to_owned()],
            rest: Vec::new(),
        };
        match &arguments.profile {
            // Else it would be taken for an option.
            Some(profile) if profile.starts_with('-') => {
                line.verb.push(format!("--profile={profile}"));
            }
            Some(profile) => line.verb.extend(["--profile".to_owned(), profile.clone()]),
            None if own => {}
            None => line.verb.push("--all".to_owned()),
        }
        let log_file = context.printer.style().log.file.as_deref().map(absolute);
        line.rest = spoken(context, log_file.as_deref(), by == By::Script)?;
        line.rest.extend(options);
        let below = config_below(&root, config.as_deref(), arguments);
        let words = line.words(config.as_deref())?;
        let trial = Trial {
            words: &words,
            tried: line.words(below.as_deref())?,
            needs_none: own,
            named: arguments.profile.clone(),
            config: below,
            environment: &environment,
            owner: user.as_ref().map(|user| user.uid),
        };
        let (commands, unknown) = match arguments.remove {
            true => (Vec::new(), None),
            false => trial.run(context)?,
        };
        let usual = arguments.root.is_none() && !own;
        let usual = usual.then(|| config_file::usual_places(&environment));
        let configs = config.map_or_else(|| usual.unwrap_or_default(), |config| vec![config]);
        Ok(Self {
            unknown,
            by,
            root,
            accounts,
            uid: user.as_ref().map(|user| user.uid),
            gid: user.map(|user| user.gid),
            job: Job {
                service,
                name: name(service, arguments)?,
                profile: arguments.profile.clone(),
                user: arguments.user.clone(),
                program,
                words,
                log_file,
            },
            configs: configs.into_iter().filter(|path| path.exists()).collect(),
            environment,
            commands,
            typed,
        })
    }
}

/// The path from / on; `~` is left where nothing is known of the user.
pub(super) fn absolute(path: &Path) -> PathBuf {
    if path.starts_with("~") {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the files are called.
fn name(service: Service, arguments: &InstallArgs) -> Result<JobName, Error> {
    if let Some(name) = &arguments.name {
        return Ok(name.clone());
    }
    let usual = format!("windlass-{}", service.verb());
    let (text, profile) = match &arguments.profile {
        Some(profile) => (format!("{usual}-{profile}"), profile.as_str()),
        None => (usual, ""),
    };
    let no_name = |_| InstallationError::NoName {
        profile: profile.to_owned(),
    };
    Ok(text.parse().map_err(no_name)?)
}

/// The words of a command line on both sides of the option for the config file, which
/// is another one when it is tried below a root.
struct Line {
    /// The verb, and for which profiles.
    verb: Vec<String>,
    /// How it speaks, and the further options.
    rest: Vec<String>,
}

impl Line {
    /// All of them, with this config file.
    fn words(&self, config: Option<&Path>) -> Result<Vec<String>, Error> {
        let mut words = self.verb.clone();
        if let Some(path) = config {
            words.extend(["--config".to_owned(), text(path)?]);
        }
        words.extend_from_slice(&self.rest);
        Ok(words)
    }
}

fn text(path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::NoCommandLine {
        path: path.to_owned(),
    })
}

/// The config file, and the further options without it: one that is named there is
/// looked for from / when it is run, and below the root now.
fn config_and_options(
    arguments: &InstallArgs,
    environment: &Environment,
    context: &Context,
) -> (Option<PathBuf>, Vec<String>) {
    let mut options = arguments.options.clone();
    if let Some(config) = &arguments.config {
        // A second one the parser refuses.
        return (Some(absolute(&context.path(config))), options);
    }
    let inline = options
        .iter()
        .position(|word| word.starts_with("--config="));
    let apart = options.windows(2).position(|pair| pair[0] == "--config");
    let config = match (inline, apart) {
        (Some(at), _) => {
            let mut word = options.remove(at);
            word.split_off("--config=".len())
        }
        (None, Some(at)) => {
            options.remove(at);
            options.remove(at)
        }
        (None, None) => return (None, options),
    };
    // Its home is that of the user as whom it runs.
    (
        Some(absolute(&environment.path(Path::new(&config)))),
        options,
    )
}

/// The options that say how it speaks. How this run speaks, that one does.
fn spoken(context: &Context, log_file: Option<&Path>, is_mute: bool) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let style = context.printer.style();
    if let Some(path) = log_file {
        words.extend(["--log-file".to_owned(), text(path)?]);
    }
    match &style.log.syslog {
        Some(path) if path == Path::new(USUAL_SYSLOG) => words.push("--syslog".to_owned()),
        Some(path) => words.push(format!("--syslog={}", text(path)?)),
        None if is_mute && log_file.is_none() => words.push("--syslog".to_owned()),
        None => {}
    }
    if style.format == ErrorFormat::Json {
        words.extend(["--error-format".to_owned(), "json".to_owned()]);
    }
    Ok(words)
}

/// The config file that is read now: with --root it is the one below that.
fn config_below(root: &Path, config: Option<&Path>, arguments: &InstallArgs) -> Option<PathBuf> {
    let config = match (config, &arguments.root) {
        (None, None) => return None,
        (Some(config), _) => config,
        (None, Some(_)) => Path::new(config_file::SYSTEM),
    };
    Some(below(root, config))
}

/// Where a path of the host is found below what stands for its root.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl Asked {
    /// Where a path of the host is found now.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        below(&self.root, path)
    }

    /// The place of its log, if it has one.
    pub(super) fn log(&self) -> Option<LogPlace<'_>> {
        let path = self.job.log_file.as_deref()?;
        let user = &self.job.user;
        Some(LogPlace::new(path, &self.root, user, &self.accounts))
    }

    /// Whether the files are for the host on which this runs.
    pub(super) fn is_this_host(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Says what is not known yet, where somebody should.
    pub(super) fn warn_of_unknown(&self, context: &Context) {
        let Some(why) = self.unknown.as_ref().filter(|_| self.is_this_host()) else {
            return;
        };
        let then = match self.by == By::Systemd {
            true => "; then install it again, since the unit follows what profiles name",
            false => "",
        };
        context
            .printer
            .warning(&format!("{why}: it fails until there is one{then}"));
    }
}
