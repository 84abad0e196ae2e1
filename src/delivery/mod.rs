//! The forms in which credentials leave.

mod cache;
mod credentials_file;
pub mod ini;
mod keeper;
mod process;
mod provider;
mod schedule;

pub use cache::{CacheEvent, Cached, KnownFailure, Missed, Urgency, read as read_session};
pub use credentials_file::{
    CredentialsFileError, check_section, key_id_of, static_key, write_session,
};
pub use keeper::{Event, Surroundings, keep};
pub use process::process_json;
pub use provider::{Failure, Provider, Session};
pub use schedule::{Life, Prospect, next_try};
