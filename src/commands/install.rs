//! `windlass install`

mod asked;
mod named;
mod reach;
mod shown;

use std::path::{Path, PathBuf};

use crate::cli::{Install, InstallArgs, InstallCommand, InstallCron, InstallSystemd, InstallSysv};
use crate::installation::{
    CronSchedule, Listen, Plan, Planned, Program, Rotated, Service, Unit, Unwritable, cron_files,
    crontab_line, systemd_files, sysv_files, unit_directory,
};
use crate::limits;
use crate::store::{check_trusted, read_bounded};

use self::asked::{Asked, By, below};
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
        warn_of(&asked, context);
        return context.printer.data(&line);
    }
    let files = cron_files(&asked.job, &schedule, asked.log.as_ref())
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
        listen: arguments.listen.clone(),
        credentials: arguments.load_credential.clone(),
        encrypted: arguments.load_credential_encrypted.clone(),
        on_failure: arguments.on_failure.clone(),
        reach: reach::of(&asked, arguments, context),
    };
    let place = unit_directory().join(format!("{name}.service"));
    let files = systemd_files(&asked.job, &unit, asked.log.as_ref())
        .map_err(|source| text(&place, source))?;
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
    let files =
        sysv_files(&asked.job, asked.log.as_ref()).map_err(|source| text(&place, source))?;
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
            warn_of(self.asked, context);
            return context.printer.data(&listing(&self.files));
        }
        let root = arguments.root.as_deref().map(|root| context.path(root));
        let plan = match arguments.remove {
            true => Plan::removal(self.files, root.as_deref(), arguments.force),
            false => Plan::new(self.files, root.as_deref(), arguments.force),
        };
        let plan = plan.map_err(InstallationError::from)?;
        if !arguments.remove {
            warn_of(self.asked, context);
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
fn warn_of(asked: &Asked, context: &Context) {
    asked.warn_of_unknown(context);
    let job = &asked.job;
    if !asked.is_this_host() {
        return;
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
    if job.user.is_root()
        && let Err(error) = check_trusted(&job.program)
        && !error.is_not_found()
    {
        context.printer.warning(&format!(
            "{error}: whoever can change the program, root would run it for"
        ));
    }
}

/// What tells the host apart for which the files are; empty where nothing does.
fn host(arguments: &InstallArgs) -> String {
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

/// The rule for a log, if there is one. In a directory of somebody else logrotate has to
/// act as that user. Whose it is on the host whose files are below `root` counts: where
/// they are made the same path may be anybody's.
fn rotated(path: Option<&Path>, root: &Path) -> Option<Rotated> {
    use std::os::unix::fs::MetadataExt;
    let path = path?;
    let above = path
        .parent()
        .and_then(|above| std::fs::metadata(below(root, above)).ok());
    let su = above.filter(|above| above.uid() != 0).and_then(|above| {
        let name = |file: &str, number: u32| {
            let place = root.join("etc").join(file);
            let content = read_bounded(&place, limits::MAX_FILE).unwrap_or_default();
            crate::environment::user_name(&content, number)
        };
        // The two databases have name and number in the same fields.
        Some((name("passwd", above.uid())?, name("group", above.gid())?))
    });
    Some(Rotated {
        path: path.to_owned(),
        su,
    })
}
