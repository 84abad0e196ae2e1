//! The forms in which credentials leave.

mod cache;
mod keeper;
mod process;
mod provider;
mod schedule;
pub mod serve;

pub use cache::{CacheEvent, Cached, KnownFailure, Missed, Urgency, read as read_session};
pub use keeper::{Health, Keeper, Kept, Notice, Tally, View, keep};
pub use process::process_json;
pub use provider::{Failure, Provider, Session};
pub use schedule::{Life, Prospect, next_try};
