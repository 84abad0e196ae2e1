//! The verbs: each turns typed options into a plan, calls one service and
//! prints the result.

mod ca;
mod cache;
mod config;
mod context;
mod credential_process;
mod diagnostics;
mod emulate;
mod error;
mod generate;
mod identity;
mod invocation;
mod key;
mod material;
mod outcome;
mod printer;
mod ready;
mod remedy;
mod serve;
mod session;
mod stop;

pub use context::Context;
pub use error::{Error, ServeError};
pub use invocation::Invocation;
pub use outcome::Outcome;
pub use printer::Printer;

use std::ffi::OsString;
use std::time::Instant;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{CaCommand, CacheCommand, Command, KeyCommand};
use crate::clock::Clock;
use crate::environment::Environment;

use self::invocation::Unparsed;

/// Parses the arguments, carries the command out, prints what there is to
/// print, and says how it ended.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    clock: Box<dyn Clock>,
) -> Outcome {
    let invocation = Invocation::new(arguments);
    let cli = match invocation.parse(&environment) {
        Ok(cli) => cli,
        Err(Unparsed::Arguments(error)) => return usage(&error),
        Err(Unparsed::Config(error)) => {
            Printer::new(false).error(&error);
            return error.outcome();
        }
    };
    let debug = match &cli.command {
        Command::CredentialProcess(asked) => asked.session.debug,
        Command::ReadCertificateData(asked) => asked.debug,
        Command::Serve(asked) => asked.session.debug,
        Command::SignString(asked) => asked.debug,
        _ => false,
    };
    let context = Context {
        clock,
        invocation,
        started: Instant::now(),
        environment,
        printer: Printer::new(cli.verbose || debug),
    };
    match dispatch(cli.command, &context) {
        Ok(()) => Outcome::Done,
        // Whoever reads has seen enough, as in `windlass ca list | head`.
        Err(Error::Stdout(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Outcome::Done
        }
        Err(error) => {
            context.printer.error(&error);
            error.outcome()
        }
    }
}

fn dispatch(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Ca(arguments) => match arguments.command {
            CaCommand::Init(arguments) => ca::init(&arguments, context),
            CaCommand::Issue(arguments) => ca::issue(&arguments, context),
            CaCommand::List(arguments) => ca::list(&arguments, context),
            CaCommand::Show(arguments) => ca::show(&arguments, context),
        },
        Command::Cache(arguments) => match arguments.command {
            CacheCommand::Clear(arguments) => cache::clear(&arguments, context),
            CacheCommand::List(arguments) => cache::list(&arguments, context),
        },
        Command::CredentialProcess(arguments) => credential_process::run(&arguments, context),
        Command::Emulate(arguments) => emulate::run(*arguments, context),
        Command::Generate(arguments) => generate::run(&arguments, context),
        Command::Key(arguments) => match arguments.command {
            KeyCommand::Show(arguments) => key::show(&arguments, context),
        },
        Command::ReadCertificateData(arguments) => {
            diagnostics::read_certificate_data(&arguments, context)
        }
        Command::Serve(arguments) => serve::run(*arguments, context),
        Command::SignString(arguments) => diagnostics::sign_string(&arguments, context),
        Command::Version(_) => {
            context
                .printer
                .data(concat!("windlass ", env!("CARGO_PKG_VERSION"), "\n"))
        }
    }
}

/// Help and version go to stdout; mistakes to stderr, with a hint for the one
/// that everybody makes.
fn usage(error: &clap::Error) -> Outcome {
    let printer = Printer::new(false);
    let text = error.render().to_string();
    if !error.use_stderr() {
        return match printer.data(&text) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
    }
    if text.contains("-----BEGIN") || text.contains("pin-value=") {
        printer.raw(
            "error: an argument is key material or a PIN itself, where the name of a place is needed\n\
             hint: it is not repeated here; give a file, or put it into a variable and give env:NAME\n",
        );
        return Outcome::Usage;
    }
    printer.raw(&text);
    let invalid = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        _ => "",
    };
    if invalid.starts_with("Key=x509") {
        printer.raw("hint: put the whole of --cert-selector into one pair of quotes\n");
        return Outcome::Usage;
    }
    let stray = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::UnknownArgument => {
            !argument.starts_with('-')
        }
        _ => false,
    };
    if stray {
        printer.raw(
            "hint: a value stands behind its option, as in --certificate FILE; a command that spans lines needs '\\' as the very last character of each line \
             but the last; in ~/.aws/config, credential_process must stand on one line\n",
        );
    }
    Outcome::Usage
}
