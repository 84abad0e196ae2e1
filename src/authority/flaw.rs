//! Why a certificate that another machine has made cannot be that of this CA.

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::pki::PathError;

use super::Error;

/// Which of two certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The issuing CA's.
    Issuing,
    /// The root's.
    Root,
}

/// Why a certificate cannot be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It names another key of its issuer.
    #[error("its authorityKeyIdentifier is not the subjectKeyIdentifier of the root")]
    AuthorityKeyIdentifier,
    /// Its time is over.
    #[error("it ended on {}, and it is {} now", rfc3339(*.not_after), rfc3339(*.at))]
    Expired {
        /// Last second.
        not_after: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// It has an extension that must be evaluated, and is not.
    #[error("it has the extension {oid}, which restricts it in a way that is not evaluated here")]
    Extension {
        /// The extension.
        oid: String,
    },
    /// What it issues could not be used.
    #[error("its extendedKeyUsage ({found}) has no clientAuth, which workloads need")]
    ExtendedKeyUsage {
        /// Its purposes, as dotted OIDs.
        found: String,
    },
    /// There is more in the root's file than the root.
    #[error("it holds several certificates, and the root's alone is wanted")]
    Bundle,
    /// Its signature has a broken hash, or an algorithm that is not known.
    #[error("it is signed with MD5, SHA-1 or an algorithm that is not known")]
    Hash,
    /// There is more in the file than the two certificates.
    #[error(
        "the file also holds the certificate of {subject}, which is neither the issuing CA's nor the root's"
    )]
    Intermediate {
        /// Whose.
        subject: String,
    },
    /// Somebody else has issued it.
    #[error("it was issued by '{found}', and the root is '{root}'")]
    Issuer {
        /// Its issuer.
        found: String,
        /// The root's subject.
        root: String,
    },
    /// It is for another key.
    #[error("its key (SHA-256 {found}) is not the key of this CA ({own})")]
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo, lowercase hex.
        found: String,
        /// That of the CA's.
        own: String,
    },
    /// Its key may not sign what it has to.
    #[error("its keyUsage lacks {lacks}")]
    KeyUsage {
        /// The bit.
        lacks: &'static str,
    },
    /// It breaks a rule of the linter.
    #[error("it breaks a rule: {finding}")]
    Lint {
        /// Place, message, rule and source.
        finding: String,
    },
    /// The root is not there.
    #[error("the file holds the certificate of the issuing CA alone, and no root was given")]
    NoRoot,
    /// It is not a CA's.
    #[error(
        "it is not the certificate of a CA: {}",
        if *says { "its basicConstraints say CA:FALSE" } else { "it has no basicConstraints" }
    )]
    NotCa {
        /// Whether it says so itself.
        says: bool,
    },
    /// It is not a root's.
    #[error("it was issued by '{issuer}', so that it is no root")]
    NotRoot {
        /// Who has issued it.
        issuer: String,
    },
    /// Its time has not come.
    #[error("it is not valid before {}, and it is {} now", rfc3339(*.not_before), rfc3339(*.at))]
    NotYetValid {
        /// First second.
        not_before: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// The issuing CA's stands behind another.
    #[error(
        "the certificate for this CA's key is number {place} in the file, and has to be the first"
    )]
    Order {
        /// Its place, from 1.
        place: usize,
    },
    /// It does not lead to the root, for a reason that nothing before has found.
    #[error("it does not lead to the root: {0}")]
    Path(PathError),
    /// It could make further CAs, or the root none.
    #[error(
        "its path length is {}, and that of {}",
        .found.map_or_else(|| "not limited".to_owned(), |found| found.to_string()),
        match .part {
            Part::Issuing => "an issuing CA is 0",
            Part::Root => "a root has to be 1 or more",
        }
    )]
    PathLength {
        /// Whose.
        part: Part,
        /// What it is; `None` when there is no limit.
        found: Option<u32>,
    },
    /// Its key cannot be relied on.
    #[error("its key cannot be that of a CA: {reason}")]
    PublicKey {
        /// Why not.
        reason: String,
    },
    /// Its serial number is taken.
    #[error("it has the serial number of {of}")]
    SerialNumber {
        /// Which other certificate has it.
        of: &'static str,
    },
    /// Another root of files is given than the one beside the certificate.
    #[error("the root beside it is not the one that was given")]
    SeveralRoots,
    /// Its signature is not that of whom it names.
    #[error("its signature was not made with the key of '{issuer}'")]
    Signature {
        /// Whom it names.
        issuer: String,
    },
    /// The two were taken for each other.
    #[error("it is not for the key of this CA, and what was given as the root is")]
    Swapped,
    /// It names somebody else.
    #[error("it names '{found}', and '{asked}' was asked for, byte for byte")]
    Subject {
        /// Whom.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// It has nothing by which what it issues could name its key.
    #[error("it has no subjectKeyIdentifier")]
    SubjectKeyIdentifier,
    /// It has no extensions.
    #[error("it is X.509 v{version}, not v3")]
    Version {
        /// Its version.
        version: u32,
    },
}

impl Flaw {
    /// The error, with the name of the file.
    #[must_use]
    pub const fn of(self, part: Part, origin: String) -> Error {
        Error::CertificateUnfit {
            origin,
            part,
            flaw: self,
        }
    }
}
