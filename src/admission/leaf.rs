//! What the end-entity certificate itself must be (IAM Roles Anywhere user
//! guide, "Signature validation" and "Trust model").

use crate::pki::{Certificate, leaf_flaws};

use super::{Answer, Refusal};

/// Checks everything that can be said of the leaf alone; its dates and its
/// chain are path validation's.
///
/// # Errors
///
/// The first rule that refuses.
pub fn check_leaf(leaf: &Certificate) -> Result<(), Refusal> {
    let refuse = |flaw: &dyn std::fmt::Display| {
        Refusal::new(Answer::InsufficientCertificate, flaw.to_string())
    };
    leaf_flaws(leaf)
        .first()
        .map_or(Ok(()), |flaw| Err(refuse(flaw)))
}
