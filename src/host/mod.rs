//! A workload host's identity: when its certificate is renewed, who issues the
//! next one, and what is told of it.
//!
//! Times are handed in, and what looks random is a fixed function of the
//! certificate and the host ([`Whose`]): every process and every run of cron
//! comes to the same answer, and nothing has to be kept for that.

mod answer;
mod backoff;
mod bearing;
mod error;
mod health;
mod hooks;
mod issuer;
mod making;
#[cfg(test)]
mod model;
mod owing;
mod places;
mod probe;
mod rotation;
mod schedule;
mod seen;
mod shelf;
mod spread;
mod standing;
mod state;
mod telling;
mod terms;
mod window;

pub use answer::{Answer, Asked, Flaw};
pub use backoff::{Failures, Prospect};
pub use bearing::{Bearing, Fault};
pub use error::Error;
pub use health::{
    Advice, Exam, Expected, Margin, NoWarning, Thresholds, examine, examine_absent,
    examine_certificate,
};
pub use hooks::{CommandHooks, HookFacts, HookId, HookOutcome, Hooks, When, Which};
pub use issuer::{CommandIssuer, Issuer, IssuerFailure, Word};
pub use places::Places;
pub use probe::{Probe, Verdict};
pub use rotation::{Done, Report, Rotation};
pub use schedule::{Cause, Due, Life, Rule, Urgency};
pub use seen::{Exposed, FilesSeen, KeySeen, Seen, Unusable, Whom};
pub use shelf::{Amiss, Disk, Pair, Part, Shelf};
pub use spread::Whose;
pub use standing::{Reason, Standing};
pub use state::{Failure, InForce, Next, Owed, State, StateError, Step};
pub use telling::{Tidings, Told};
pub use terms::{Compared, KeyPolicy, Terms};
pub use window::{ChangeWindow, ChangeWindows, WindowError};

/// What messages call an identity's key.
const KEY_ORIGIN: &str = crate::store::KEY;
