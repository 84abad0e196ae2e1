//! The integration tests, in one binary: one module an area.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "tests read the environment, write files and speak"
)]

mod harness;

mod admission;
mod bad_input;
mod emulated;
mod help;
mod keys;
mod layers;
mod suites;
mod vectors;
