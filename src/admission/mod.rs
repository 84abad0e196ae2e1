//! Why Roles Anywhere would grant or refuse a session.
//!
//! A rule looks at facts and gives nothing or a [`Refusal`]: what AWS would
//! answer, and the reason that AWS does not give. The emulator answers with
//! both. Messages marked live were seen from the real service; the order of
//! AWS's own checks is not known.

mod answer;
mod leaf;
pub mod policy;
mod principal;
mod session;

pub use answer::{Answer, Refusal};
pub use leaf::check_leaf;
pub use principal::{Principal, PrincipalTag};
pub use session::{
    Anchor, Profile, Role, SessionFacts, check_anchor, check_session, check_trust_policy,
};
