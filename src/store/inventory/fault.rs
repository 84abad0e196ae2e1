//! What checking the log finds, in words.

use chrono::{DateTime, Utc};

/// What is wrong with the log, or with what it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// The entry is not what was written, or the one before it is not.
    Changed {
        /// Its number.
        sequence: i64,
    },
    /// Entries before this one are not there.
    Gap {
        /// The number that should follow.
        expected: i64,
        /// The number that does.
        found: i64,
    },
    /// A certificate was issued and no entry says so.
    Unlogged {
        /// Its serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// An entry says that a certificate was issued, and it is not there.
    Missing {
        /// The entry's number.
        sequence: i64,
        /// The certificate's serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// A certificate is revoked and the log does not say so, or the other way
    /// round.
    Revocation {
        /// Its serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// A column of a certificate's row is not what was signed and logged.
    Column {
        /// The certificate's serial number, unsigned big-endian.
        serial: Vec<u8>,
        /// The column's name.
        column: &'static str,
    },
    /// A name leads to a certificate that does not have it.
    Name {
        /// The name.
        value: String,
        /// The number of the certificate's row.
        row: i64,
    },
    /// An entry does not point to the row of its certificate.
    Pointer {
        /// The entry's number.
        sequence: i64,
    },
    /// How far a generation of the CA has come is not what the log says.
    Generation {
        /// Its number.
        number: u32,
    },
    /// A column of a generation's row is not what the log says.
    GenerationColumn {
        /// The generation's number.
        number: u32,
        /// The column's name.
        column: &'static str,
    },
    /// Reservations that nobody has settled are not among those that are looked at.
    Unsettled,
    /// A revocation list was recorded and no entry says so.
    UnloggedList {
        /// Its number.
        number: i64,
    },
    /// An entry says that a revocation list was signed, and it is not recorded.
    MissingList {
        /// The entry's number.
        sequence: i64,
    },
    /// A column of a revocation list's row is not what the log says.
    ListColumn {
        /// The list's number.
        number: i64,
        /// The column's name.
        column: &'static str,
    },
    /// The digest of the policy is not the one that the log says.
    Policy,
    /// The latest time at which anything was written is before the last entry, or
    /// is no time.
    TimeMark,
}

impl std::fmt::Display for AuditFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { sequence } => {
                write!(f, "entry {sequence} is not what was written")
            }
            Self::Gap { expected, found } if found > expected => {
                write!(f, "entry {expected} is missing: {found} comes next")
            }
            Self::Gap { expected, found } => {
                write!(f, "entry {found} stands where {expected} should")
            }
            Self::Unlogged { serial } => write!(
                f,
                "the certificate {} is in the inventory, but no entry says that it was issued",
                hex::encode(serial)
            ),
            Self::Missing { sequence, serial } => write!(
                f,
                "entry {sequence} says that {} was issued, but the inventory does not have it",
                hex::encode(serial)
            ),
            Self::Revocation { serial } => write!(
                f,
                "whether {} is revoked is not what the log says",
                hex::encode(serial)
            ),
            Self::Column { serial, column } => write!(
                f,
                "{column} of the certificate {} is not what was signed and logged",
                hex::encode(serial)
            ),
            Self::Name { value, row } => write!(
                f,
                "the name '{}' leads to the certificate of row {row}, which does not have it",
                crate::text::printable(value, 100)
            ),
            Self::Pointer { sequence } => write!(
                f,
                "entry {sequence} does not lead to the certificate whose serial number it has"
            ),
            Self::Generation { number } => write!(
                f,
                "the state of generation {number} is not what the log says"
            ),
            Self::GenerationColumn { number, column } => write!(
                f,
                "{column} of generation {number} is not what the log says"
            ),
            Self::Unsettled => f.write_str(
                "what is written down of unsettled reservations leaves some out, or will",
            ),
            Self::UnloggedList { number } => write!(
                f,
                "the revocation list {number} is recorded, but no entry says that it was signed"
            ),
            Self::MissingList { sequence } => write!(
                f,
                "entry {sequence} says that a revocation list was signed, but it is not recorded"
            ),
            Self::ListColumn { number, column } => write!(
                f,
                "{column} of the revocation list {number} is not what the log says"
            ),
            Self::Policy => f.write_str("the digest of the policy is not what the log says"),
            Self::TimeMark => {
                f.write_str("the time of the last change is before that of the last entry, or none")
            }
        }
    }
}

/// What checking the log has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSummary {
    /// Number of entries.
    pub entries: u64,
    /// The number of the last one; 0 when there is none.
    pub last: i64,
    /// The hash of the last one; zeros when there is none.
    pub head: [u8; 32],
    /// Number and time of the last entry for which the issuing key was used.
    pub last_signed: Option<(i64, DateTime<Utc>)>,
    /// What is wrong, at most [`AuditSummary::MOST_FAULTS`].
    pub faults: Vec<AuditFault>,
}

impl AuditSummary {
    /// How many faults are looked for: a log that was cut near its beginning has
    /// as many as entries.
    pub const MOST_FAULTS: usize = 100;
}
