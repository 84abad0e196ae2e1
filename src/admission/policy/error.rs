//! Why a document is no trust policy.

/// Why a document cannot be read as a trust policy. IAM would not have stored it
/// either (IAM user guide, "Grammar of the IAM JSON policy language").
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Two members of which only one may be there.
    #[error("{place} has both {one} and {other}, and may have one of them")]
    Both {
        /// Where.
        place: String,
        /// The one.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A member that stands twice, perhaps in another case: which one counts is
    /// anybody's guess.
    #[error("{place} has the member '{member}' twice")]
    Duplicate {
        /// Where.
        place: String,
        /// The member.
        member: String,
    },
    /// Neither text in UTF-8 nor its percent-encoding.
    #[error("it is not text in UTF-8")]
    Encoding,
    /// A value of a kind that the member does not take.
    #[error("{member} of {place} is {value}, not {wanted}")]
    Form {
        /// Where.
        place: String,
        /// The member.
        member: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// No JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// A member that has to be there.
    #[error("{place} has no {member}")]
    Missing {
        /// Where.
        place: String,
        /// The member.
        member: &'static str,
    },
    /// Larger than IAM stores.
    #[error(
        "it has {characters} characters without white space, and IAM stores at most {max} as a trust policy"
    )]
    Size {
        /// How many it has.
        characters: usize,
        /// How many it may have.
        max: usize,
    },
}
