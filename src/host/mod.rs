//! A workload host's identity: when its certificate is renewed, who issues the
//! next one, and what is told of it.
//!
//! Times are handed in, and what looks random is a fixed function of the
//! certificate and the host ([`Whose`]): every process and every run of cron
//! comes to the same answer, and nothing has to be kept for that.

mod backoff;
mod hooks;
mod issuer;
mod schedule;
mod spread;
mod window;

pub use backoff::{Failures, Prospect};
pub use hooks::{CommandHooks, HookFacts, HookId, HookOutcome, Hooks, When, Which};
pub use issuer::{CommandIssuer, Issuer, IssuerFailure};
pub use schedule::{Cause, Due, Life, Rule, Urgency};
pub use spread::Whose;
pub use window::{ChangeWindow, ChangeWindows, WindowError};
