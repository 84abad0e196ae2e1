//! Whether certificates that another machine has made can be those of this CA.
//!
//! Nothing that they say is taken on trust: whoever signs the issuing CA may be
//! OpenSSL, AD CS or a person who took the wrong file. What comes out either leads
//! from the CA's own key to the root in one step, by the rules under which Roles
//! Anywhere judges a chain, or is refused with the one reason that says most.

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::key::PublicKey;
use crate::limits;
use crate::pki::lint::{Level, lint_certificate};
use crate::pki::{
    Certificate, DistinguishedName, PathError, PathQuery, SignatureHash, validate_path,
};

use super::Error;

/// `id-kp-clientAuth` and `anyExtendedKeyUsage` (RFC 5280 section 4.2.1.12).
const FOR_CLIENTS: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/// Which of two certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The issuing CA's.
    Issuing,
    /// The root's.
    Root,
}

/// What a CA has asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name.
    pub subject: DistinguishedName,
    /// Its key.
    pub public_key: PublicKey,
}

/// What it is given.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its own certificate.
    pub issuing: Certificate,
    /// That of the root which has signed it.
    pub root: Certificate,
}

/// What can be installed.
#[derive(Clone, Debug)]
pub struct Admitted {
    offer: Offer,
    warnings: Vec<String>,
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

impl Offer {
    /// Takes the two certificates out of what the files hold: the issuing CA's
    /// first, and the root in the same file or in one of its own.
    ///
    /// # Errors
    ///
    /// The flaw of the file that is named beside it.
    pub fn of(
        file: Vec<Certificate>,
        root_file: Option<Vec<Certificate>>,
        asked: &Asked,
    ) -> Result<Self, (Part, Flaw)> {
        let issuing_flaw = |flaw| (Part::Issuing, flaw);
        let mut file = file.into_iter();
        let Some(issuing) = file.next() else {
            return Err(issuing_flaw(Flaw::NoRoot));
        };
        let others: Vec<Certificate> = file.filter(|other| *other != issuing).collect();
        if *issuing.public_key() != asked.public_key {
            let own = |other: &Certificate| *other.public_key() == asked.public_key;
            return Err(issuing_flaw(match others.iter().position(own) {
                Some(index) => Flaw::Order { place: index + 2 },
                None if root_file.iter().flatten().any(own) => Flaw::Swapped,
                None => Flaw::Key {
                    found: issuing.public_key().fingerprint(),
                    own: asked.public_key.fingerprint(),
                },
            }));
        }
        let is_root = |other: &&Certificate| other.is_self_issued();
        if let Some(other) = others.iter().find(|other| !other.is_self_issued()) {
            let subject = other.subject().to_string();
            return Err(issuing_flaw(Flaw::Intermediate { subject }));
        }
        let beside = others.iter().find(is_root).cloned();
        let given = match root_file {
            None => None,
            Some(roots) => Some(only_root(roots)?),
        };
        let root = match (beside, given) {
            (None, None) => return Err(issuing_flaw(Flaw::NoRoot)),
            (Some(beside), Some(given)) if beside != given => {
                return Err(issuing_flaw(Flaw::SeveralRoots));
            }
            (_, Some(root)) | (Some(root), None) => root,
        };
        if others.iter().any(|other| *other != root) {
            return Err(issuing_flaw(Flaw::SeveralRoots));
        }
        Ok(Self { issuing, root })
    }

    /// Judges both at `at`.
    ///
    /// # Errors
    ///
    /// Whose certificate cannot be installed, and why.
    pub fn judge(self, asked: &Asked, at: DateTime<Utc>) -> Result<Admitted, (Part, Flaw)> {
        let Self { issuing, root } = &self;
        for (part, rules) in [
            (Part::Issuing, check_whose(issuing, root, asked)),
            (Part::Root, check_root(root)),
            (Part::Issuing, check_signed(issuing, root)),
            (Part::Issuing, check_issuing(issuing)),
            (Part::Root, check_now(root, at)),
            (Part::Issuing, check_now(issuing, at)),
        ] {
            rules.map_err(|flaw| (part, flaw))?;
        }
        let query = PathQuery {
            leaf: issuing,
            intermediates: &[],
            anchors: std::slice::from_ref(root),
            crls: &[],
            at,
        };
        validate_path(&query).map_err(|error| (Part::Issuing, Flaw::Path(error)))?;
        let mut warnings = Vec::new();
        for (part, certificate) in [(Part::Root, root), (Part::Issuing, issuing)] {
            warnings.extend(lint(certificate, at).map_err(|flaw| (part, flaw))?);
        }
        Ok(Admitted {
            offer: self,
            warnings,
        })
    }
}

impl Admitted {
    /// The certificate of the issuing CA.
    #[must_use]
    pub const fn issuing(&self) -> &Certificate {
        &self.offer.issuing
    }

    /// That of the root.
    #[must_use]
    pub const fn root(&self) -> &Certificate {
        &self.offer.root
    }

    /// What is worth knowing although they can be installed.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
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

/// The one certificate of the root's own file.
fn only_root(roots: Vec<Certificate>) -> Result<Certificate, (Part, Flaw)> {
    let mut roots = roots.into_iter();
    let Some(root) = roots.next() else {
        return Err((Part::Root, Flaw::NoRoot));
    };
    match roots.all(|other| other == root) {
        true => Ok(root),
        false => Err((Part::Root, Flaw::Bundle)),
    }
}

/// Whether the certificate is about this CA, and says that it is of this root.
fn check_whose(issuing: &Certificate, root: &Certificate, asked: &Asked) -> Result<(), Flaw> {
    if *issuing.public_key() != asked.public_key {
        return Err(Flaw::Key {
            found: issuing.public_key().fingerprint(),
            own: asked.public_key.fingerprint(),
        });
    }
    if *issuing.subject() != asked.subject {
        return Err(Flaw::Subject {
            found: issuing.subject().to_string(),
            asked: asked.subject.to_string(),
        });
    }
    if issuing.issuer() != root.subject() {
        return Err(Flaw::Issuer {
            found: issuing.issuer().to_string(),
            root: root.subject().to_string(),
        });
    }
    match issuing.serial() == root.serial() {
        // One authority has issued both.
        true => Err(Flaw::SerialNumber { of: "the root" }),
        false => Ok(()),
    }
}

/// Whether it is a root at all, signed by itself.
fn check_root(root: &Certificate) -> Result<(), Flaw> {
    check_authority(root)?;
    if !root.is_self_issued() {
        return Err(Flaw::NotRoot {
            issuer: root.issuer().to_string(),
        });
    }
    let found = root.basic_constraints().and_then(|found| found.path_length);
    if found == Some(0) {
        let part = Part::Root;
        return Err(Flaw::PathLength { part, found });
    }
    check_signature(root, root)
}

/// What holds for every certificate of a CA.
fn check_authority(certificate: &Certificate) -> Result<(), Flaw> {
    if certificate.version() != 3 {
        let version = certificate.version();
        return Err(Flaw::Version { version });
    }
    if !certificate.is_ca() {
        let says = certificate.basic_constraints().is_some();
        return Err(Flaw::NotCa { says });
    }
    if let Some(oid) = certificate.unhandled().first() {
        return Err(Flaw::Extension { oid: oid.clone() });
    }
    let key = certificate.public_key();
    if let Some(reason) = key.flaw() {
        return Err(Flaw::PublicKey { reason });
    }
    let usage = certificate.key_usage();
    if !usage.is_some_and(|usage| usage.key_cert_sign) {
        let lacks = "keyCertSign";
        return Err(Flaw::KeyUsage { lacks });
    }
    match certificate.extended_key_usage() {
        Some(found) if !found.iter().any(|oid| FOR_CLIENTS.contains(&oid.as_str())) => {
            let found = found.join(", ");
            Err(Flaw::ExtendedKeyUsage { found })
        }
        _ => Ok(()),
    }
}

/// Whether the root's key has made the signature.
fn check_signed(issuing: &Certificate, root: &Certificate) -> Result<(), Flaw> {
    check_signature(issuing, root)?;
    let names = issuing.authority_key_identifier();
    match names.zip(root.subject_key_identifier()) {
        Some((named, own)) if named != own => Err(Flaw::AuthorityKeyIdentifier),
        _ => Ok(()),
    }
}

fn check_signature(certificate: &Certificate, issuer: &Certificate) -> Result<(), Flaw> {
    if certificate.signature_hash() != SignatureHash::Strong {
        return Err(Flaw::Hash);
    }
    if !certificate.is_signed_by(issuer.public_key()) {
        return Err(Flaw::Signature {
            issuer: issuer.subject().to_string(),
        });
    }
    Ok(())
}

/// What an issuing CA's certificate has to be, and no more.
fn check_issuing(issuing: &Certificate) -> Result<(), Flaw> {
    check_authority(issuing)?;
    let path_length = issuing.basic_constraints();
    let found = path_length.and_then(|found| found.path_length);
    if found != Some(0) {
        let part = Part::Issuing;
        return Err(Flaw::PathLength { part, found });
    }
    if !issuing.key_usage().is_some_and(|usage| usage.crl_sign) {
        let lacks = "cRLSign";
        return Err(Flaw::KeyUsage { lacks });
    }
    let identifier = issuing.subject_key_identifier();
    match identifier.is_some_and(|identifier| !identifier.is_empty()) {
        true => Ok(()),
        false => Err(Flaw::SubjectKeyIdentifier),
    }
}

fn check_now(certificate: &Certificate, at: DateTime<Utc>) -> Result<(), Flaw> {
    if certificate.is_valid_at(at) {
        return Ok(());
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    Err(match at < not_before {
        true => Flaw::NotYetValid { not_before, at },
        false => Flaw::Expired { not_after, at },
    })
}

/// What the linter says below an error, which refuses.
fn lint(certificate: &Certificate, at: DateTime<Utc>) -> Result<Vec<String>, Flaw> {
    let mut known = Vec::new();
    for finding in lint_certificate(certificate.der(), at) {
        match finding.rule().level() {
            Level::Error => {
                return Err(Flaw::Lint {
                    finding: finding.to_string(),
                });
            }
            Level::Warning if known.len() < limits::MAX_LISTED => {
                known.push(format!("{}: {finding}", certificate.subject()));
            }
            Level::Warning | Level::Notice => {}
        }
    }
    Ok(known)
}
