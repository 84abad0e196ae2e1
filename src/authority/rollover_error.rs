//! Why a step from one generation of the CA to the next is not taken.

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::store;

use super::AuthorityName;

/// Why a step from one generation of the CA to the next is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloverError {
    /// The new root is not at Roles Anywhere yet, as far as anybody has said.
    #[error(
        "what generation {number} issues leads to {root}, which Roles Anywhere does not know before it has the new bundle"
    )]
    BundleNotInstalled {
        /// The generation that was to be activated.
        number: u32,
        /// Its root.
        root: AuthorityName,
    },
    /// Certificates that are in use would not be accepted any more, or nobody could
    /// revoke them.
    #[error(
        "{} until {}, and {}: {certificates}",
        match count {
            1 => format!("a certificate of {name} is in use"),
            _ => format!("{count} certificates of {name} are in use, the last"),
        },
        rfc3339(*.last_end),
        match is_root_staying {
            true => "no list would tell of it when one is revoked",
            false => "would not be accepted any more",
        }
    )]
    LeavesStranded {
        /// The issuing CA that was to be retired.
        name: AuthorityName,
        /// How many.
        count: u64,
        /// The last second of the one that ends last.
        last_end: DateTime<Utc>,
        /// When nothing is stranded any more.
        safe_from: DateTime<Utc>,
        /// Those that end last, as text.
        certificates: String,
        /// Whether their root stays in the bundle, so that they go on to be accepted.
        is_root_staying: bool,
    },
    /// Certificates that are revoked would be accepted again.
    #[error(
        "{} until {}: no list would tell of {} any more, and the root that has certified {name} stays",
        match count {
            1 => format!("a certificate of {name} is revoked and runs"),
            _ => format!("{count} certificates of {name} are revoked and run, the last"),
        },
        rfc3339(*.last_end),
        match count {
            1 => "it",
            _ => "them",
        }
    )]
    LeavesUnlisted {
        /// The issuing CA that was to be retired.
        name: AuthorityName,
        /// How many.
        count: u64,
        /// The last second of the one that ends last.
        last_end: DateTime<Utc>,
        /// When all of them have ended everywhere.
        safe_from: DateTime<Utc>,
        /// The serial number of the issuing CA's certificate, in hex.
        serial: String,
        /// Its root, if the key of it is here.
        root: Option<AuthorityName>,
    },
    /// No generation waits to be activated or cancelled.
    #[error("no generation of the CA is prepared")]
    NothingPrepared,
    /// No generation waits to be retired.
    #[error("no generation of the CA is retiring")]
    NothingRetiring,
    /// Another generation was activated after the CA had been opened.
    #[error("the CA rolled over meanwhile: {name} does not issue any more")]
    RolledOver {
        /// The issuing CA that was opened.
        name: AuthorityName,
    },
    /// Another generation has not come to its end, or to its beginning.
    #[error("generation {number} of the CA is still {}", state.as_str())]
    UnderWay {
        /// Its number.
        number: u32,
        /// What it is.
        state: store::GenerationState,
    },
}
