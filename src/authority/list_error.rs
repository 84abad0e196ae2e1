//! Why a revocation list is not made, or not taken over.

use std::path::PathBuf;

use crate::pki;

use super::AuthorityName;

/// Why a revocation list is not made, or not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A published list that the inventory does not know of.
    #[error(
        "{path} is the list number {number}, but the newest that the inventory knows of is {newest}"
    )]
    Ahead {
        /// The file.
        path: PathBuf,
        /// Its number, in decimal.
        number: String,
        /// The newest number of the inventory; 0 when it has none.
        newest: i64,
    },
    /// A list of somebody else is where this one is to be.
    #[error("{path} is a list of {issuer}, not of {own} with its present key")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose list it is.
        issuer: String,
        /// Whose list is to be there.
        own: String,
        /// Whether it is in the way of a new list, so that --force replaces it.
        replaceable: bool,
    },
    /// The numbers of an authority's lists cannot rise any further.
    #[error("the last list of the {issuer} CA has the number {newest}, and none can follow it")]
    NumbersUsedUp {
        /// Which authority.
        issuer: AuthorityName,
        /// The number of the last one.
        newest: i64,
    },
    /// A published list has a number that this program does not give.
    #[error("{path} is the list number {number}, far beyond what this clock can lead to")]
    TooFar {
        /// The file.
        path: PathBuf,
        /// Its number, in decimal.
        number: String,
    },
    /// What is where the list is to be is none.
    #[error("what is there would be overwritten")]
    Unreadable {
        /// The file and what is wrong with it.
        #[source]
        source: pki::Error,
    },
}
