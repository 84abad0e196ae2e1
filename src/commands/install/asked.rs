//! What is to be run: the command line, tried out before it is written down.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{Command, ErrorFormat, InstallArgs};
use crate::commands::invocation::{AskedByProfile, Invocation, Unparsed};
use crate::commands::{Context, Error, InstallationError, RotateError, config_file, configure};
use crate::environment::{Environment, user_of_name};
use crate::installation::{Job, JobName, Rotated, Service, UserName};
use crate::limits;
use crate::store::read_bounded;
use crate::text::printable;

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
    pub(super) log: Option<Rotated>,
    /// The number of the user as whom it runs, if this host knows it.
    pub(super) uid: Option<u32>,
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
    root: PathBuf,
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
        let etc = root.join("etc");
        let user = user(&arguments.user, &etc);
        let home = user.as_ref().map(|(_, home)| home.clone());
        let environment: Environment = home.into_iter().map(|home| ("HOME", home)).collect();
        let (config, options) = config_and_options(arguments, &environment, context);
        let (own, typed) = is_about_one(service, &options, context)?;
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
        };
        let (commands, unknown) = trial.run(context)?;
        let usual = arguments.root.is_none() && !own;
        let usual = usual.then(|| config_file::usual_places(&environment));
        let configs = match config {
            Some(config) => vec![config],
            None => usual.unwrap_or_default(),
        };
        Ok(Self {
            unknown,
            by,
            log: super::rotated(log_file.as_deref(), &root),
            root,
            uid: user.map(|(number, _)| number),
            job: Job {
                service,
                name: name(service, arguments)?,
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

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Number and home directory of the user as whom it runs. The home of root is known
/// where no database says it.
fn user(name: &UserName, etc: &Path) -> Option<(u32, PathBuf)> {
    let passwd = read_bounded(&etc.join("passwd"), limits::MAX_FILE).unwrap_or_default();
    let usual = || name.is_root().then(|| (0, PathBuf::from("/root")));
    user_of_name(&passwd, name.as_str()).or_else(usual)
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

fn later(words: &[String], context: &Context) -> Invocation {
    let program = context.invocation.program().to_owned();
    Invocation::later(
        [program]
            .into_iter()
            .chain(words.iter().map(OsString::from)),
    )
}

/// Whether the further options name a certificate themselves, so that no profile has
/// to; and what they say.
fn is_about_one(
    service: Service,
    options: &[String],
    context: &Context,
) -> Result<(bool, Option<Command>), Error> {
    let mut words = vec![service.verb().to_owned()];
    words.extend_from_slice(options);
    let secrets = ["--pkcs8-password", "--tpm-key-password"];
    for option in secrets {
        let is_it = |word: &&String| word.split('=').next() == Some(option);
        if options.iter().any(|word| is_it(&word)) {
            let option = option.trim_start_matches('-').to_owned();
            return Err(InstallationError::Secret { option }.into());
        }
    }
    let nobody = Environment::default();
    let parsed = match later(&words, context).parse(&nobody) {
        Ok(parsed) => parsed,
        Err(Unparsed::Arguments(error)) => return Err(wrong(&words, &error)),
        Err(Unparsed::Config(_)) => return Ok((false, None)),
    };
    let session = parsed.command.session();
    let is_one = session.is_some_and(|(session, _)| {
        let identity = &session.identity;
        identity.identity.is_some()
            || identity.certificate.certificate.is_some()
            || identity.key.private_key.is_some()
    });
    Ok((is_one, Some(parsed.command)))
}

fn wrong(words: &[String], error: &clap::Error) -> Error {
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default();
    InstallationError::Options {
        line: printable(&words.join(" "), 200),
        reason: reason.trim_start_matches("error: ").to_owned(),
    }
    .into()
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

/// A command line that is tried out.
struct Trial<'a> {
    /// As it is run later.
    words: &'a [String],
    /// The same with the config file that is read now.
    tried: Vec<String>,
    /// Whether the words say everything that a profile would.
    needs_none: bool,
    /// The profile that the words name.
    named: Option<String>,
    /// The config file, if it is none of the usual ones.
    config: Option<PathBuf>,
    environment: &'a Environment,
}

impl Trial<'_> {
    /// The verb with each profile's options, and why there are no profiles.
    fn run(&self, context: &Context) -> Result<(Vec<Command>, Option<String>), Error> {
        let later = later(&self.tried, context);
        let parsed = match later.parse(self.environment) {
            Err(Unparsed::Arguments(error)) => return Err(wrong(self.words, &error)),
            Ok(parsed) => Ok(parsed.command),
            Err(Unparsed::Config(error)) => Err(error),
        };
        let found = match parsed {
            Ok(command) if self.needs_none => Ok(vec![command]),
            Err(error) => Err(error),
            Ok(_) => later
                .each_command(self.config.as_deref(), self.environment)
                .map(|all| usable(self.asked_for(all), context)),
        };
        match found {
            Ok(commands) => {
                let none = match &self.named {
                    Some(name) => format!("there is no profile '{}' for it", printable(name, 80)),
                    None => RotateError::NoIdentities.to_string(),
                };
                let unknown = commands.is_empty().then_some(none);
                Ok((commands, unknown))
            }
            // A host is often given its units before its profiles.
            Err(error) if is_missing(&error) => Ok((Vec::new(), Some(error.to_string()))),
            Err(error) => Err(error),
        }
    }

    /// Those of the profile that is named, or all.
    fn asked_for(&self, mut all: Vec<AskedByProfile>) -> Vec<AskedByProfile> {
        all.retain(|(name, _)| self.named.as_ref().is_none_or(|named| named == name));
        all
    }
}

fn is_missing(error: &Error) -> bool {
    match error {
        Error::NoProfile { .. } | Error::NoProfiles { .. } => true,
        Error::Store(error) => error.is_not_found(),
        _ => false,
    }
}

/// Those that can be used; for rotation those that have an identity of
/// its kind.
fn usable(all: Vec<AskedByProfile>, context: &Context) -> Vec<Command> {
    let mut commands = Vec::new();
    for (profile, command) in all {
        match command {
            Ok(Command::Rotate(rotate)) if !rotate.is_wanted() => {}
            Ok(command) => commands.push(command),
            Err(error) => context.printer.warning(&format!(
                "the profile '{}' cannot be used: {error}",
                printable(&profile, 80)
            )),
        }
    }
    commands
}
