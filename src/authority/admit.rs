//! Whether certificates that another machine has made can be those of this CA.
//!
//! Nothing that they say is taken on trust: whoever signs the issuing CA may be
//! OpenSSL, AD CS or a person who took the wrong file. What comes out either leads
//! from the CA's own key to the root in one step, by the rules under which Roles
//! Anywhere judges a chain, or is refused with the one reason that says most.

use chrono::{DateTime, Utc};

use crate::key::PublicKey;
use crate::limits;
use crate::pki::lint::{Level, lint_certificate};
use crate::pki::{
    Certificate, DistinguishedName, PathQuery, Policy, Revocation, SignatureHash, validate_path,
};

use super::{Flaw, Part};

/// `id-kp-clientAuth` and `anyExtendedKeyUsage` (RFC 5280 section 4.2.1.12).
const FOR_CLIENTS: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/// What a CA has asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its name.
    pub(super) subject: DistinguishedName,
    /// Its key.
    pub(super) public_key: PublicKey,
}

/// What it is given.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Its own certificate.
    issuing: Certificate,
    /// That of the root which has signed it.
    root: Certificate,
}

/// What can be installed.
#[derive(Clone, Debug)]
pub struct Admitted {
    offer: Offer,
    warnings: Vec<String>,
}

impl Offer {
    /// Takes the two certificates out of what the files hold: the issuing CA's
    /// first, and the root in the same file or in one of its own.
    ///
    /// # Errors
    ///
    /// The flaw of the file that is named beside it.
    pub(super) fn of(
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
    pub(super) fn judge(self, asked: &Asked, at: DateTime<Utc>) -> Result<Admitted, (Part, Flaw)> {
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
            revocation: Revocation::Unchecked,
            at,
            policy: Policy::Rfc5280,
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
