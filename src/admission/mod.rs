//! Why Roles Anywhere would grant or refuse a session.
//!
//! A [`Rule`] looks at a [`Situation`] and passes it, denies it with what AWS would
//! answer and the reason that AWS does not give, or says what it would have to know.
//! [`judge`] asks all of them. The emulator answers by it, and whoever looks for the
//! cause of a refusal does, with less at hand. Messages marked live were seen from
//! the real service; the order of AWS's own checks is not known.

mod answer;
mod judgement;
mod judging;
mod leaf;
mod mapping;
pub mod policy;
mod principal;
mod rule;
mod rules;
mod session;
mod situation;
mod trust;

pub use answer::{Answer, Evidence, Message, Refusal, UnmappedAttributes};
pub use judgement::{Judgement, judge};
pub use leaf::check_leaf;
pub use mapping::{AttributeMapping, CertificateField, Mapped, Specifier};
pub use principal::{Principal, PrincipalTag};
pub use rule::{Confidence, Finding, Rule, Stage, Verdict};
pub use rules::RULES;
pub use session::{Anchor, Profile, Role};
pub use situation::{AnchorFacts, Known, MissingInput, RoleFacts, Situation, StaleLists};
