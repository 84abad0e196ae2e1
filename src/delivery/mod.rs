//! The forms in which credentials leave.

mod process;
mod provider;
mod schedule;

pub use process::process_json;
pub use provider::{Failure, Provider, Session};
pub use schedule::{Life, Prospect, next_try};
