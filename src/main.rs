//! The program: reads the environment, runs, sets the exit code.

use std::process::ExitCode;

use windlass::clock::SystemClock;
use windlass::commands;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    let outcome = commands::run(std::env::args_os(), environment, Box::new(SystemClock));
    ExitCode::from(outcome.code())
}
