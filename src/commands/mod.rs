//! The verbs: each turns typed options into a plan, calls one service and
//! prints the result.

mod ca;
mod cache;
mod check;
mod config;
mod config_file;
mod configure;
mod context;
mod credential_process;
mod diagnostics;
mod doctor;
mod emulate;
mod env;
mod error;
mod generate;
mod identity;
mod install;
mod invocation;
mod key;
mod material;
mod monitor;
mod network;
mod outcome;
mod printer;
mod ready;
mod remedy;
mod reminders;
mod role_chain;
mod rotate;
mod serve;
mod session;
mod shared_file;
mod status;
mod stop;
mod typeable;
mod update;
mod usage;
mod verify;
mod version;

pub use context::Context;
pub use error::{
    BatchFailed, ConfigureError, DoctorError, Error, IdentityError, InstallationError, RotateError,
    ServeError,
};
pub use invocation::Invocation;
pub use outcome::Outcome;
pub use printer::{Printer, Style};

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::cli::{
    CaCommand, CaPolicyCommand, CacheCommand, Command, ConfigCommand, KeyCommand, Reporting,
};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::limits;
use crate::store::{Log, read_bounded};
use crate::text::with_causes;

use self::invocation::Unparsed;
use self::usage::usage;

/// Parses the arguments, carries the command out, prints what there is to
/// print, and says how it ended.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    clock: Box<dyn Clock>,
) -> Outcome {
    let invocation = Invocation::new(arguments);
    let mut environment = environment;
    if environment.get("HOME").is_none() {
        let passwd = read_bounded(Path::new("/etc/passwd"), limits::MAX_FILE);
        let user = rustix::process::geteuid().as_raw();
        environment.supply_home(&passwd.unwrap_or_default(), user);
    }
    let printer = |reporting: &Reporting, debug: bool| {
        Printer::new(Style {
            verbose: reporting.verbose || debug,
            format: reporting.error_format,
            log: Log {
                file: reporting
                    .log_file
                    .as_deref()
                    .map(|path| environment.path(path)),
                syslog: reporting.syslog.clone(),
            },
            arguments: invocation.arguments().to_vec(),
        })
    };
    let cli = match invocation.parse(&environment) {
        Ok(cli) => cli,
        Err(unparsed) => {
            let variable = |name| environment.get(name).map(ToOwned::to_owned);
            let guessed = Reporting::guess(invocation.arguments(), variable);
            let printer = printer(&guessed, false);
            let (outcome, mistake) = match unparsed {
                Unparsed::Arguments(error) => {
                    let ended = usage(&error, &invocation, &environment, &printer);
                    (ended.outcome, ended.mistake)
                }
                Unparsed::Config(error) => {
                    printer.error(&error);
                    (error.outcome(), Some(with_causes(&error)))
                }
            };
            return match check_of(invocation.arguments()).zip(mistake) {
                Some((check, why)) => Outcome::Command(check.unknown(&why, &printer)),
                None => outcome,
            };
        }
    };
    if matches!(cli.command, Command::Ca(_)) {
        // A full quota is an error that is told, in whatever a CA writes.
        crate::store::outlive_size_limit();
    }
    let debug = match &cli.command {
        Command::ReadCertificateData(asked) => asked.debug,
        Command::SignString(asked) => asked.debug,
        other => other.session().is_some_and(|(session, _)| session.debug),
    };
    let printer = printer(&cli.reporting, debug);
    let context = Context {
        clock: clock.into(),
        invocation,
        started: Instant::now(),
        environment,
        printer,
        skew: Arc::default(),
    };
    let outcome = match dispatch(cli.command, &context) {
        Ok(()) => Outcome::Done,
        // Whoever reads has seen enough, as in `windlass ca list | head`.
        Err(Error::Stdout(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Outcome::Done
        }
        // What there was to say, the command has said.
        Err(error @ (Error::Ended { .. } | Error::Verdict(_))) => error.outcome(),
        Err(error) => {
            context.printer.error(&error);
            error.outcome()
        }
    };
    context.printer.flush();
    outcome
}

/// The check that a monitor has called, if it is one.
fn check_of(arguments: &[OsString]) -> Option<monitor::Check> {
    let verbs = typeable::verbs(arguments);
    let verbs: Vec<&str> = verbs.iter().map(String::as_str).collect();
    match verbs.as_slice() {
        ["check"] => Some(check::CHECK),
        ["ca", "check"] => Some(ca::CHECK),
        _ => None,
    }
}

fn dispatch(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Ca(arguments) => match arguments.command {
            CaCommand::Audit(arguments) => ca::audit(&arguments, context),
            CaCommand::Backup(arguments) => ca::backup(&arguments, context),
            CaCommand::Check(arguments) => ca::check(&arguments, context),
            CaCommand::Restore(arguments) => ca::restore(&arguments, context),
            CaCommand::Crl(arguments) => ca::crl(&arguments, context),
            CaCommand::Export(arguments) => ca::export(&arguments, context),
            CaCommand::Init(arguments) => ca::init(&arguments, context),
            CaCommand::Install(arguments) => ca::install(&arguments, context),
            CaCommand::Issue(arguments) => ca::issue(&arguments, context),
            CaCommand::Lint(arguments) => ca::lint(&arguments, context),
            CaCommand::List(arguments) => ca::list(&arguments, context),
            CaCommand::Passphrase(arguments) => ca::passphrase(&arguments, context),
            CaCommand::Policy(arguments) => match arguments.command {
                CaPolicyCommand::Check(arguments) => ca::policy_check(&arguments, context),
                CaPolicyCommand::Show(arguments) => ca::policy_show(&arguments, context),
            },
            CaCommand::Release(arguments) => ca::release(&arguments, context),
            CaCommand::Report(arguments) => ca::report(&arguments, context),
            CaCommand::Revoke(arguments) => ca::revoke(&arguments, context),
            CaCommand::Rollover(arguments) => ca::rollover(&arguments, context),
            CaCommand::Show(arguments) => ca::show(&arguments, context),
            CaCommand::Sign(arguments) => ca::sign(&arguments, context),
            CaCommand::SignCa(arguments) => ca::sign_ca(&arguments, context),
            CaCommand::Stats(arguments) => ca::stats(&arguments, context),
        },
        Command::Cache(arguments) => match arguments.command {
            CacheCommand::Clear(arguments) => cache::clear(&arguments, context),
            CacheCommand::List(arguments) => cache::list(&arguments, context),
        },
        Command::Check(arguments) => check::run(&arguments, context),
        Command::Configure(arguments) => configure::run(&arguments, context),
        Command::Config(arguments) => match arguments.command {
            ConfigCommand::Show(arguments) => config::show(&arguments, context),
        },
        Command::CredentialProcess(arguments) => credential_process::run(&arguments, context),
        Command::Doctor(arguments) => doctor::run(&arguments, context),
        Command::Emulate(arguments) => emulate::run(*arguments, context),
        Command::Env(arguments) => env::env(&arguments, context),
        Command::Exec(arguments) => env::exec(&arguments, context),
        Command::Generate(arguments) => generate::run(&arguments, context),
        Command::Install(arguments) => install::run(&arguments, context),
        Command::Key(arguments) => match arguments.command {
            KeyCommand::ExportPkcs12(arguments) => key::export_pkcs12(&arguments, context),
            KeyCommand::Show(arguments) => key::show(&arguments, context),
        },
        Command::ReadCertificateData(arguments) => {
            diagnostics::read_certificate_data(&arguments, context)
        }
        Command::Rotate(arguments) => rotate::run(&arguments, context),
        Command::Serve(arguments) => serve::run(*arguments, context),
        Command::SignString(arguments) => diagnostics::sign_string(&arguments, context),
        Command::Update(arguments) => update::run(&arguments, context),
        Command::Status(arguments) => status::run(&arguments, context),
        Command::Verify(arguments) => verify::run(&arguments, context),
        Command::Version(arguments) => version::run(&arguments, context),
    }
}
