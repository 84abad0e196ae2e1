//! Role trust policies: whether IAM would let Roles Anywhere assume a role.
//!
//! What is not known is never guessed. A key whose value only AWS knows, an
//! operator or an element that is not known here, a case that AWS does not
//! document: each is a [`Gap`], and an answer that hangs on a gap is
//! [`Verdict::Unknown`]. An answer that does not hang on one is final: whatever
//! the value turns out to be, it stays (a property test holds this).
//!
//! Sources are pages of the IAM user guide ("IAM JSON policy elements: Principal",
//! "… Condition operators", "Single-valued vs. multivalued context keys", "IAM
//! policy elements: Variables and tags", "Policy evaluation logic") and of the
//! Roles Anywhere user guide ("Trust model", "Attribute mapping").

mod condition;
mod context;
mod document;
mod error;
mod evaluate;
mod gap;
mod json;
mod judgement;
mod lint;
mod operators;
mod pattern;
mod principal;
mod review;
mod values;
mod variables;

pub use context::{Caller, Fact, RequestContext};
pub use document::{Effect, TrustPolicy};
pub use error::PolicyError;
pub use gap::{Gap, Mismatch};
pub use judgement::{
    Action, ActionJudgement, Applies, Decision, Judgement, StatementTrace, Verdict,
};
pub use lint::{PolicyFinding, PolicyRule};
pub use review::Review;
