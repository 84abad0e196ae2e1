//! The forms in which credentials leave.

mod process;

pub use process::process_json;
