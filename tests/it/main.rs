//! The integration tests, in one binary: one module an area.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests read the environment, write files and speak"
)]

mod ca_state;
mod harness;

mod concurrency;
mod crash;
mod emulated;
mod layers;
mod passphrases;
