//! The forms in which credentials leave.

mod cache;
mod credentials_file;
mod exec;
pub mod ini;
pub mod keeper;
mod process;
mod provider;
mod schedule;
pub mod serve;
mod variables;

pub use cache::{CacheEvent, Cached, KnownFailure, Missed, Urgency, read as read_session};
pub use credentials_file::{
    CredentialsFileError, check_section, key_id_of, passes_by, static_key, write_session,
};
pub use exec::{Launch, NotStarted, Running, Signals, execute, start};
pub use process::process_json;
pub use provider::{Cause, Failure, Obtained, Provider, Session};
pub use schedule::{Life, Prospect, next_try};
pub use variables::{CONTRARY, Form, REGION_NAMES, Unwritable, variables, write_variables};
