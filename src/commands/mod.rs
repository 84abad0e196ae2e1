//! The verbs: each turns typed options into a plan, calls one service and
//! prints the result.

mod ca;
mod context;
mod credential_process;
mod emulate;
mod error;
mod generate;
mod material;
mod outcome;
mod printer;

pub use context::Context;
pub use error::Error;
pub use outcome::Outcome;
pub use printer::Printer;

use std::ffi::OsString;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{CaCommand, Cli, Command};
use crate::clock::Clock;
use crate::environment::Environment;

/// Parses the arguments, carries the command out, prints what there is to
/// print, and says how it ended.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    clock: Box<dyn Clock>,
) -> Outcome {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let debug = matches!(&cli.command, Command::CredentialProcess(asked) if asked.debug);
    let context = Context {
        clock,
        environment,
        printer: Printer::new(cli.verbose || debug),
    };
    match dispatch(cli.command, &context) {
        Ok(()) => Outcome::Done,
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
        Command::CredentialProcess(arguments) => credential_process::run(&arguments, context),
        Command::Emulate(arguments) => emulate::run(*arguments, context),
        Command::Generate(arguments) => generate::run(&arguments, context),
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
    printer.raw(&text);
    let stray = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::UnknownArgument => {
            !argument.starts_with('-')
        }
        _ => false,
    };
    if stray {
        printer.raw(
            "hint: a command that spans lines needs '\\' as the very last character of each line \
             but the last; in ~/.aws/config, credential_process must stand on one line\n",
        );
    }
    Outcome::Usage
}
