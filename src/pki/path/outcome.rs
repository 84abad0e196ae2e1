//! Why there is no valid path.

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::limits;
use crate::pki::{Certificate, DistinguishedName, RevocationReason, SerialNumber};

use super::LeafFlaw;

/// What refuses a path. `subject` is always that of the certificate at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFlaw {
    /// The search would cost more work than is allowed.
    #[error(
        "building the path would take more than {} signature checks, or {} comparisons",
        limits::PATH_BUDGET,
        limits::PATH_STEPS
    )]
    Budget,
    /// An issuer is not a CA (RFC 5280 section 6.1.4 (k)).
    #[error("the issuer {subject} is no CA: basicConstraints CA:TRUE is missing")]
    NotACa {
        /// Which certificate.
        subject: String,
    },
    /// An issuer may not sign certificates (section 6.1.4 (n)). Roles Anywhere asks
    /// for the extension; by the RFC it may be missing.
    #[error("the issuer {subject} may not sign certificates: keyUsage lacks keyCertSign")]
    NoKeyCertSign {
        /// Which certificate.
        subject: String,
    },
    /// A certificate has ended.
    #[error("the certificate of {subject} expired on {}", rfc3339(*.not_after))]
    Expired {
        /// Which certificate.
        subject: String,
        /// When it ended.
        not_after: DateTime<Utc>,
    },
    /// A certificate's validity has not begun.
    #[error("the certificate of {subject} is not valid before {}", rfc3339(*.not_before))]
    NotYetValid {
        /// Which certificate.
        subject: String,
        /// When it begins.
        not_before: DateTime<Utc>,
    },
    /// More intermediates than an issuer allows (section 6.1.4 (l), (m)).
    #[error("the path is longer than {subject} allows: pathLenConstraint {allowed}")]
    PathTooLong {
        /// Which issuer.
        subject: String,
        /// Its limit.
        allowed: u32,
    },
    /// More certificates than are put into one path.
    #[error("the path has more than {} certificates", limits::MAX_PATH_LENGTH)]
    TooManyCertificates,
    /// A certificate is on a revocation list.
    #[error(
        "serial number {serial} of {subject} is revoked by the list of {issuer}{}",
        reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
    )]
    Revoked {
        /// Which certificate.
        subject: String,
        /// Its serial number.
        serial: SerialNumber,
        /// Whose list.
        issuer: DistinguishedName,
        /// Why, when the list says so.
        reason: Option<RevocationReason>,
    },
    /// Lists were given, and none of them says anything of a certificate (section
    /// 6.3.3).
    #[error(
        "no revocation list says whether {subject} is revoked: {}",
        flaw.as_ref().map_or_else(
            || format!("none is of its issuer {issuer}"),
            |flaw| format!("that of {issuer} does not count, since {flaw}"),
        )
    )]
    NotCovered {
        /// Which certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
        /// Why the issuer's list does not count, where there is one.
        flaw: Option<ListFlaw>,
    },
    /// No issuer is known.
    #[error("no trust anchor and no given certificate is the issuer {issuer}")]
    UnknownIssuer {
        /// The name that was looked for.
        issuer: String,
    },
    /// The certificate of the right name did not make the signature.
    #[error("the signature on {subject} was not made by the given certificate of {issuer}")]
    BadSignature {
        /// Which certificate.
        subject: String,
        /// Whose key does not fit.
        issuer: String,
    },
    /// An extension that must be processed and is not.
    #[error("{subject} has the extension {oid}, which must be evaluated and is not")]
    UnhandledCritical {
        /// Which certificate.
        subject: String,
        /// The extension.
        oid: String,
    },
    /// A signature with a weak or unknown hash.
    #[error("{subject} is signed with a hash weaker than SHA-256, or an unknown algorithm")]
    WeakSignature {
        /// Which certificate.
        subject: String,
    },
    /// Something that decides over the path does not decode.
    #[error("{subject} has {what}")]
    Malformed {
        /// Which certificate.
        subject: String,
        /// What it has.
        what: &'static str,
    },
    /// Not version 3, which is the one with extensions.
    #[error("{subject} is X.509 v{version}, not v3")]
    Version {
        /// Which certificate.
        subject: String,
        /// Its version.
        version: u32,
    },
    /// A name is empty that must not be (sections 4.1.2.4 and 4.1.2.6).
    #[error("the {whose} name of {subject} is empty, which no CA's may be")]
    EmptyName {
        /// Which certificate.
        subject: String,
        /// Which of its names.
        whose: &'static str,
    },
    /// Nothing says whose the certificate is: the subject is empty, and there is no
    /// critical subjectAltName (section 4.2.1.6).
    #[error(
        "the certificate with serial number {serial} has an empty subject and no critical subjectAltName"
    )]
    Nameless {
        /// Its serial number.
        serial: SerialNumber,
    },
    /// extKeyUsage is there and does not allow to authenticate a client.
    #[error("{subject} is not for clients: extKeyUsage has {found}, and not clientAuth")]
    NotForClients {
        /// Which certificate.
        subject: String,
        /// The purposes that it has, as identifiers.
        found: String,
    },
    /// A leaf restricts the names of others (section 4.2.1.10).
    #[error("{subject} has nameConstraints and is no CA")]
    ConstraintsOfLeaf {
        /// Which certificate.
        subject: String,
    },
    /// A name lies in an excluded subtree.
    #[error("{subject} has the name {name}, which its issuer {by} is forbidden to certify")]
    NameExcluded {
        /// Which certificate.
        subject: String,
        /// The name.
        name: String,
        /// Whose certificate excludes it.
        by: String,
    },
    /// A name lies in no permitted subtree.
    #[error("{subject} has the name {name}, which lies outside of what {by} may certify")]
    NameNotPermitted {
        /// Which certificate.
        subject: String,
        /// The name.
        name: String,
        /// Whose certificate does not permit it.
        by: String,
    },
    /// A name is constrained of a form for which that is not evaluated.
    #[error(
        "{subject} has the name {name}, of a form that {by} constrains and that is not evaluated"
    )]
    NameUnhandled {
        /// Which certificate.
        subject: String,
        /// The name.
        name: String,
        /// Whose certificate constrains it.
        by: String,
    },
    /// A CA demands a policy, and the path has none that is valid all along
    /// (section 6.1.5 (g)).
    #[error("a CA above {subject} demands a certificate policy, and none is valid from there on")]
    NoPolicy {
        /// The certificate at which the last was lost.
        subject: String,
    },
    /// Roles Anywhere refuses the leaf itself.
    #[error("Roles Anywhere refuses the leaf: {0}")]
    Leaf(LeafFlaw),
}

impl PathFlaw {
    /// Its name for programs: a promise.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::NotACa { .. } => "not_a_ca",
            Self::NoKeyCertSign { .. } => "no_key_cert_sign",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::PathTooLong { .. } => "path_too_long",
            Self::TooManyCertificates => "too_many_certificates",
            Self::Revoked { .. } => "revoked",
            Self::NotCovered { .. } => "not_covered",
            Self::UnknownIssuer { .. } => "unknown_issuer",
            Self::BadSignature { .. } => "bad_signature",
            Self::UnhandledCritical { .. } => "unhandled_critical",
            Self::WeakSignature { .. } => "weak_signature",
            Self::Malformed { .. } => "malformed",
            Self::Version { .. } => "version",
            Self::EmptyName { .. } => "empty_name",
            Self::Nameless { .. } => "nameless",
            Self::NotForClients { .. } => "not_for_clients",
            Self::ConstraintsOfLeaf { .. } => "constraints_of_leaf",
            Self::NameExcluded { .. } => "name_excluded",
            Self::NameNotPermitted { .. } => "name_not_permitted",
            Self::NameUnhandled { .. } => "name_unhandled",
            Self::NoPolicy { .. } => "no_policy",
            Self::Leaf(LeafFlaw::Version { .. }) => "leaf_version",
            Self::Leaf(LeafFlaw::Ca) => "leaf_ca",
            Self::Leaf(LeafFlaw::NoKeyUsage) => "leaf_no_key_usage",
            Self::Leaf(LeafFlaw::KeyUsage) => "leaf_key_usage",
            Self::Leaf(LeafFlaw::Key { .. }) => "leaf_key",
            Self::Leaf(LeafFlaw::SignatureHash) => "leaf_signature_hash",
            Self::Leaf(LeafFlaw::EmptySubject) => "leaf_empty_subject",
        }
    }

    /// How much is missing where it is found; the least is told first.
    const fn weight(&self) -> usize {
        match self {
            // The path leads nowhere.
            Self::UnknownIssuer { .. } | Self::Budget | Self::TooManyCertificates => 100,
            Self::BadSignature { .. } => 50,
            _ => 1,
        }
    }
}

/// Why a revocation list does not count for a certificate (RFC 5280 sections 5.2
/// and 6.3.3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListFlaw {
    /// It says what has changed since another list.
    #[error("it is a delta list, which is not used")]
    Delta,
    /// It is about certificates of several issuers.
    #[error("it is an indirect list, which is not used")]
    Indirect,
    /// It is about the certificates of one distribution point.
    #[error("it is that of one distribution point, which is not used")]
    OfPoint,
    /// It has entries of some reasons only.
    #[error("it is about some reasons only, and is not used")]
    SomeReasons,
    /// It is about leaves, and the certificate is a CA's, or the other way round.
    #[error("it is not about certificates of this kind")]
    OtherKind,
    /// A critical extension of it, or of an entry, is not known.
    #[error("its extension {oid} must be evaluated and is not")]
    Unhandled {
        /// The extension.
        oid: String,
    },
    /// It is not valid yet.
    #[error("it is not valid before {}", rfc3339(*.this_update))]
    NotYet {
        /// When it begins.
        this_update: DateTime<Utc>,
    },
    /// The next one should be there.
    #[error("the next one was due on {}", rfc3339(*.next_update))]
    Stale {
        /// When it was due.
        next_update: DateTime<Utc>,
    },
    /// Nobody can tell whether it is the last one (RFC 5280 section 5.1.2.5).
    #[error("it does not say when the next one is due")]
    NoNextUpdate,
    /// A signature with a weak or unknown hash, or named twice.
    #[error("it is signed with a hash weaker than SHA-256, or an unknown algorithm")]
    WeakSignature,
    /// It has extensions, and not the version of lists that have.
    #[error("it is no list of version 2")]
    Version,
    /// No certificate of the name that leads to the same anchor has the key.
    #[error("its signature was not made by a key of that name that the trust anchor knows")]
    BadSignature,
    /// The signer may not sign lists.
    #[error("its signer may not sign lists: keyUsage lacks cRLSign")]
    NoCrlSign,
}

/// A flaw, and where on the path it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFinding {
    /// Which of the path's certificates, from 0, the leaf.
    pub place: usize,
    /// What is wrong.
    pub flaw: PathFlaw,
}

/// A path that was tried, and what refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedPath {
    /// As far as it could be built, the leaf first.
    pub certificates: Vec<Certificate>,
    /// Whether the last one is a trust anchor.
    pub is_anchored: bool,
    /// Everything that was found, from the leaf upwards; never empty.
    pub findings: Vec<PathFinding>,
}

impl TriedPath {
    /// How far from valid it is, for the order.
    fn distance(&self) -> (bool, usize) {
        let weights = self.findings.iter().map(|finding| finding.flaw.weight());
        (!self.is_anchored, weights.sum())
    }
}

/// Every path that was tried, the one that came closest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Never empty.
    tried: Vec<TriedPath>,
}

impl PathError {
    /// Of all that was tried, in any order.
    pub(super) fn new(mut tried: Vec<TriedPath>) -> Self {
        tried.sort_by_key(TriedPath::distance);
        Self { tried }
    }

    /// Every path that was tried, the one that came closest first; at most
    /// [`limits::MAX_TRIED_PATHS`].
    #[must_use]
    pub fn tried(&self) -> &[TriedPath] {
        &self.tried
    }

    /// What refuses the path that came closest: the first thing that was found.
    #[must_use]
    pub fn flaw(&self) -> &PathFlaw {
        let first = self.tried.first().and_then(|tried| tried.findings.first());
        first.map_or(&PathFlaw::Budget, |finding| &finding.flaw)
    }

    /// Whether nothing but revocation refuses the path that came closest.
    #[must_use]
    pub fn is_revocation(&self) -> bool {
        let is_revoked = |finding: &PathFinding| matches!(finding.flaw, PathFlaw::Revoked { .. });
        self.tried
            .first()
            .is_some_and(|tried| tried.findings.iter().all(is_revoked))
    }
}

impl std::fmt::Display for PathError {
    /// Says what [`PathError::flaw`] says.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.flaw().fmt(f)
    }
}

impl std::error::Error for PathError {}
