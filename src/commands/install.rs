//! `windlass install`

mod accounts;
mod asked;
mod log;
mod named;
mod reach;
mod shown;
mod trial;

use std::path::{Path, PathBuf};

use crate::cli::{Install, InstallArgs, InstallCommand, InstallCron, InstallSystemd, InstallSysv};
use crate::installation::{
    CronSchedule, Listen, MailTo, Plan, Planned, Program, Service, Unit, Unwritable, cron_files,
    crontab_line, systemd_files, sysv_files, unit_directory,
};
use crate::limits;
use crate::store::{check_trusted, read_bounded};

use self::asked::{Asked, By};
use self::shown::{changes_json, changes_text, listing};
use super::{Context, Error, InstallationError, Outcome};

/// What tells a host from others that were made of the same image (machine-id(5)).
const MACHINE_ID: &str = "/etc/machine-id";

/// Writes, prints or removes the files of one service.
pub(super) fn run(arguments: &Install, context: &Context) -> Result<(), Error> {
    match &arguments.command {
        InstallCommand::Cron(arguments) => cron(arguments, context),
        InstallCommand::Systemd(arguments) => systemd(arguments, context),
        InstallCommand::Sysv(arguments) => sysv(arguments, context),
    }
}

fn cron(arguments: &InstallCron, context: &Context) -> Result<(), Error> {
    let asked = Asked::new(Service::Rotate, &arguments.job, By::Cron, context)?;
    let usual = || CronSchedule::hourly(&host(&arguments.job));
    let schedule = arguments.schedule.clone().unwrap_or_else(usual);
    let place = Path::new("/etc/cron.d").join(asked.job.name.as_str());
    if arguments.user_crontab {
        let line = crontab_line(&asked.job, &schedule).map_err(|source| text(&place, source))?;
        warn_of(&asked, &arguments.job, context);
        return context.printer.data(&line);
    }
    let log = asked.log().map(|log| log.rule());
    let mailto = arguments.mailto.clone().or_else(|| {
        let table = read_bounded(&asked.on_disk(&place), limits::MAX_FILE).ok()?;
        MailTo::in_table(&String::from_utf8_lossy(&table))
    });
    let is_same = arguments.schedule.is_none() && host(&arguments.job).is_empty();
    if is_same && !arguments.job.remove {
        context.printer.warning(
            "nothing tells the hosts apart that this is for, and so all of them run it at the same minute; give --host or --schedule",
        );
    }
    let files = cron_files(&asked.job, &schedule, mailto.as_ref(), log.as_ref())
        .map_err(|source| text(&place, source))?;
    Wanted::new(&asked, files, &arguments.job).conclude(context, |_| Vec::new())
}

fn systemd(arguments: &InstallSystemd, context: &Context) -> Result<(), Error> {
    let service = arguments.service.into();
    let only = |option, verb| Err(InstallationError::NotForVerb { option, verb });
    if arguments.listen.is_some() && service != Service::Serve {
        only("listen", "serve")?;
    }
    if arguments.schedule.is_some() && service != Service::Rotate {
        only("schedule", "rotate")?;
    }
    let asked = Asked::new(service, &arguments.job, By::Systemd, context)?;
    let name = asked.job.name.as_str().to_owned();
    let unit = Unit {
        schedule: arguments.schedule.clone(),
        host: host(&arguments.job),
        spread: arguments.random_delay.clone(),
        socket_group: arguments.socket_group.clone(),
        listen: arguments.listen.clone(),
        credentials: arguments.load_credential.clone(),
        encrypted: arguments.load_credential_encrypted.clone(),
        on_failure: arguments.on_failure.clone(),
        reach: reach::of(&asked, arguments, context)?,
    };
    for warning in reach::group_warnings(&asked) {
        context.printer.warning(&warning);
    }
    let place = unit_directory().join(format!("{name}.service"));
    let log = asked.log().map(|log| log.rule());
    let files =
        systemd_files(&asked.job, &unit, log.as_ref()).map_err(|source| text(&place, source))?;
    let started = match (service, &unit.listen) {
        (Service::Rotate, _) => format!("{name}.timer"),
        (_, Some(Listen::Address(_) | Listen::Path(_))) => {
            format!("{name}.socket {name}.service")
        }
        _ => format!("{name}.service"),
    };
    Wanted::new(&asked, files, &arguments.job).conclude(context, |removed| {
        if removed {
            return vec![
                format!("systemctl disable --now {started}"),
                "systemctl daemon-reload".to_owned(),
            ];
        }
        let missing = reach::missing(&asked, arguments, context);
        let user = asked.job.user.as_str();
        let make = missing.iter().filter_map(|path| {
            let path = shlex::try_quote(path.to_str()?).ok()?.into_owned();
            Some(format!("install -d -m 0700 -o {user} {path}"))
        });
        let mut next: Vec<String> = make.collect();
        next.push("systemctl daemon-reload".to_owned());
        next.push(format!("systemctl enable --now {started}"));
        next
    })
}

fn sysv(arguments: &InstallSysv, context: &Context) -> Result<(), Error> {
    let asked = Asked::new(
        arguments.service.into(),
        &arguments.job,
        By::Script,
        context,
    )?;
    let name = asked.job.name.as_str().to_owned();
    let place = Path::new("/etc/init.d").join(&name);
    let log = asked.log().map(|log| log.rule());
    let files = sysv_files(&asked.job, log.as_ref()).map_err(|source| text(&place, source))?;
    Wanted::new(&asked, files, &arguments.job).conclude(context, |removed| {
        if removed {
            // The links that start it; the process goes on until it is stopped.
            return vec![format!(
                "update-rc.d {name} remove, or chkconfig --del {name}"
            )];
        }
        vec![
            format!("update-rc.d {name} defaults, or chkconfig --add {name}"),
            format!("service {name} start"),
        ]
    })
}

fn text(path: &Path, source: Unwritable) -> InstallationError {
    InstallationError::Text {
        path: path.to_owned(),
        source,
    }
}

/// What there is to be.
struct Wanted<'a> {
    asked: &'a Asked,
    files: Vec<Planned>,
    arguments: &'a InstallArgs,
}

impl<'a> Wanted<'a> {
    const fn new(asked: &'a Asked, files: Vec<Planned>, arguments: &'a InstallArgs) -> Self {
        Self {
            asked,
            files,
            arguments,
        }
    }

    /// Prints the files, or has them take their places; `next` is what to type then, and
    /// is told whether they were removed.
    fn conclude(self, context: &Context, next: impl Fn(bool) -> Vec<String>) -> Result<(), Error> {
        let arguments = self.arguments;
        if arguments.print {
            warn_of(self.asked, arguments, context);
            // One alone is a script or a table as it stands.
            if let [file] = &self
                .files
                .iter()
                .filter(|file| file.text.is_some())
                .collect::<Vec<_>>()[..]
            {
                context
                    .printer
                    .news(&format!("for {}", file.path.display()));
            }
            return context.printer.data(&listing(&self.files));
        }
        let root = arguments.root.as_deref().map(|root| context.path(root));
        let plan = match arguments.remove {
            true => Plan::removal(self.files, root.as_deref(), arguments.force),
            false => Plan::new(self.files, root.as_deref(), arguments.force),
        };
        let plan = plan.map_err(InstallationError::from)?;
        if !arguments.remove {
            warn_of(self.asked, arguments, context);
        }
        if !arguments.check {
            plan.apply()
                .map_err(|error| InstallationError::Place(error.into()))?;
        }
        // A package's scripts do on each host what is to be done there.
        let next = (!arguments.check).then(|| match plan.is_change() && root.is_none() {
            true => next(arguments.remove),
            false => Vec::new(),
        });
        if arguments.json {
            let shown = changes_json(&plan, next.as_deref());
            context.printer.json(&shown)?;
        } else {
            let shown = changes_text(&plan, arguments.check);
            context.printer.data(&shown)?;
            for line in next.iter().flatten() {
                context.printer.news(&format!("next: {line}"));
            }
        }
        if plan.is_change() && arguments.exit_code {
            return Err(Error::Verdict(Outcome::Changed));
        }
        Ok(())
    }
}

/// Says what is wrong with the place of the program, which is run as somebody else.
fn warn_of(asked: &Asked, arguments: &InstallArgs, context: &Context) {
    asked.warn_of_unknown(context);
    let job = &asked.job;
    if asked.accounts.is_unknown(&job.user) {
        context.printer.warning(&format!(
            "--user {}: {} has no such user, so that nothing is known of the home directory and of the groups; is it one of a directory service?",
            job.user.as_str(),
            asked.on_disk(Path::new("/etc/passwd")).display(),
        ));
    }
    if let Some(flaw) = asked.log().and_then(|log| log.flaw()) {
        context.printer.warning(&flaw);
    }
    for (variable, option) in [
        ("WINDLASS_LOG_FILE", "--log-file"),
        ("WINDLASS_SYSLOG", "--syslog"),
    ] {
        if context.environment.get(variable).is_some() {
            context.printer.warning(&format!(
                "${variable} is set: what is written has its value as {option}; unset it if only this run was meant"
            ));
        }
    }
    let shown = job.program.display();
    match Program::of(&job.program) {
        Program::Usual => {}
        Program::Home => context.printer.warning(&format!(
            "{shown} is in a home directory, which a service may not see; put the program into /usr/local/bin, or name another one (--program)"
        )),
        Program::Temporary => context.printer.warning(&format!(
            "{shown} is in a directory that does not last; put the program into /usr/local/bin, or name another one (--program)"
        )),
    }
    if !asked.is_this_host() {
        let is_usual = ["/usr", "/opt"]
            .iter()
            .any(|place| job.program.starts_with(place));
        if arguments.program.is_none() && !is_usual {
            context.printer.warning(&format!(
                "{shown} is where the program is on this machine; is it there on the hosts too? --program names another place"
            ));
        }
        return;
    }
    if !job.program.exists() {
        context
            .printer
            .warning(&format!("{shown} is not there; it is what would be run"));
    } else if job.user.is_root()
        && let Err(error) = check_trusted(&job.program)
    {
        context.printer.warning(&format!(
            "{error}: whoever can change the program, root would run it for"
        ));
    }
}

/// What tells the host apart for which the files are; empty where nothing does.
fn host(arguments: &InstallArgs) -> String {
    if let Some(host) = &arguments.host {
        return host.clone();
    }
    let path = match &arguments.root {
        Some(root) => root.join(MACHINE_ID.trim_start_matches('/')),
        None => PathBuf::from(MACHINE_ID),
    };
    let found = read_bounded(&path, limits::MAX_FILE).unwrap_or_default();
    let id = String::from_utf8_lossy(&found).trim().to_owned();
    match id.as_str() {
        "uninitialized" => String::new(),
        _ => id,
    }
}
