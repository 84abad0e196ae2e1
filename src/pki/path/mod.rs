//! Certification path building and validation (RFC 5280 section 6), as far as
//! client certificates need it, with the rules of Roles Anywhere on top.
//!
//! A path is built from the leaf upwards, by name, with every signature checked on
//! the way, until it ends in an anchor; then it is judged as a whole: names,
//! policies, revocation. When no path is valid, the search is done once more
//! without stopping at what is wrong, so that everything can be told.
//!
//! An anchor is judged as every other CA is: the guide of Roles Anywhere asks the
//! same of both, and a root that has ended or that constrains names is not more
//! trustworthy for being pinned.

mod budget;
mod build;
mod constraints;
mod facts;
mod judge;
mod leaf;
mod names;
mod outcome;
mod policies;
mod revocation;

pub use leaf::{LeafFlaw, leaf_flaws};
pub use outcome::{ListFlaw, PathError, PathFinding, PathFlaw, TriedPath};

use chrono::{DateTime, Utc};

use super::{Certificate, Crl, Policy};

use build::Search;

/// What is asked: does a path lead from the leaf to one of the anchors?
#[derive(Clone, Copy, Debug)]
pub struct PathQuery<'a> {
    /// The end-entity certificate.
    pub leaf: &'a Certificate,
    /// Whatever certificates came with it, in any order.
    pub intermediates: &'a [Certificate],
    /// The trust anchors; roots or intermediates, both are fine.
    pub anchors: &'a [Certificate],
    /// What is known of revoked certificates.
    pub revocation: Revocation<'a>,
    /// The time at which everything must be valid.
    pub at: DateTime<Utc>,
    /// By whose rules.
    pub policy: Policy,
}

/// What is known of revoked certificates, and what is done without a list.
#[derive(Clone, Copy, Debug)]
pub enum Revocation<'a> {
    /// Nothing is known, and nothing is asked for.
    Unchecked,
    /// Whoever is on one of the lists is refused, and all others pass, as Roles
    /// Anywhere does with the lists that were imported.
    Listed(&'a [Crl]),
    /// Besides, each certificate below the anchor has to be covered by a list that
    /// counts (RFC 5280 section 6.3).
    Covered(&'a [Crl]),
}

impl<'a> Revocation<'a> {
    const fn lists(self) -> &'a [Crl] {
        match self {
            Self::Unchecked => &[],
            Self::Listed(lists) | Self::Covered(lists) => lists,
        }
    }
}

/// Finds a valid path and gives it, leaf first, anchor last.
///
/// # Errors
///
/// [`PathError`], with every path that was tried.
pub fn validate_path<'a>(query: &PathQuery<'a>) -> Result<Vec<&'a Certificate>, PathError> {
    Search::new(query).run()
}
