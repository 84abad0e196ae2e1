//! What can be seen on this host alone: one file a question.

mod arns;
mod duration;
mod environment;
mod files;
mod identity;
mod origins;
mod proxy;

use super::case::Case;
use super::finding::Finding;

pub(super) use self::identity::Opened;

/// Everything but what needs the identity, in the order in which it matters.
pub(super) fn all(case: &Case<'_>) -> Vec<Finding> {
    let checks: [fn(&Case<'_>) -> Vec<Finding>; 6] = [
        files::check,
        arns::check,
        duration::check,
        environment::check,
        proxy::check,
        origins::check,
    ];
    checks.iter().flat_map(|check| check(case)).collect()
}

/// The key and its certificates.
pub(super) fn identity(case: &Case<'_>) -> (Vec<Finding>, Opened) {
    identity::check(case)
}
