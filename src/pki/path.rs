//! Certification path building and validation (RFC 5280 section 6), as far as
//! client certificates under a Roles Anywhere trust anchor need it.
//!
//! Names are compared by their encoding. Every signature check is paid from a
//! budget, so that a hostile set of intermediates cannot buy unbounded work.
//! Name constraints are not evaluated: a certificate that carries them is
//! refused, as is one with any critical extension that is not known here.

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::limits;

use super::{Certificate, Crl, DistinguishedName, SerialNumber, SignatureHash};

/// What is asked: does a path lead from the leaf to one of the anchors?
#[derive(Clone, Copy, Debug)]
pub struct PathQuery<'a> {
    /// The end-entity certificate. Its own content (key usage, CA flag) is not
    /// judged here.
    pub leaf: &'a Certificate,
    /// Whatever certificates came with it, in any order.
    pub intermediates: &'a [Certificate],
    /// The trust anchors; roots or intermediates, both are fine.
    pub anchors: &'a [Certificate],
    /// Revocation lists of any issuer on the path.
    pub crls: &'a [Crl],
    /// The time at which everything must be valid.
    pub at: DateTime<Utc>,
}

/// Why no path was found. When several were tried, the failure that came
/// closest to success is reported, in the order of the variants' ranks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The path would cost more signature checks than are allowed.
    #[error(
        "building the path would take more than {} signature checks",
        limits::PATH_BUDGET
    )]
    Budget,
    /// An issuer is not a CA.
    #[error("the issuer {subject} is no CA: basicConstraints CA:TRUE is missing")]
    NotACa {
        /// Which certificate.
        subject: String,
    },
    /// An issuer may not sign certificates.
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
    /// More intermediates than an issuer allows.
    #[error("the path is longer than {subject} allows: pathLenConstraint {allowed}")]
    PathTooLong {
        /// Which issuer.
        subject: String,
        /// Its limit.
        allowed: u32,
    },
    /// A certificate is on a revocation list.
    #[error("serial number {serial} of {subject} is revoked by the list of {issuer}")]
    Revoked {
        /// Which certificate.
        subject: String,
        /// Its serial number.
        serial: SerialNumber,
        /// Whose list.
        issuer: DistinguishedName,
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
}

impl PathError {
    /// How close to success this failure came; the higher is reported.
    const fn rank(&self) -> u8 {
        match self {
            Self::UnknownIssuer { .. } => 0,
            Self::BadSignature { .. } => 1,
            Self::NotACa { .. }
            | Self::NoKeyCertSign { .. }
            | Self::UnhandledCritical { .. }
            | Self::WeakSignature { .. } => 2,
            Self::PathTooLong { .. } => 3,
            Self::NotYetValid { .. } | Self::Expired { .. } => 4,
            Self::Budget => 5,
            Self::Revoked { .. } => 6,
        }
    }

    /// The failure to report of two.
    fn worse(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.rank() > self.rank() => other,
            _ => self,
        }
    }
}

/// Finds a valid path and gives it, leaf first, anchor last.
///
/// # Errors
///
/// [`PathError`], the most telling of the failures met.
pub fn validate_path<'a>(query: &PathQuery<'a>) -> Result<Vec<&'a Certificate>, PathError> {
    check_validity(query.leaf, query.at)?;
    check_signature_hash(query.leaf)?;
    check_critical(query.leaf)?;
    let mut search = Search {
        query,
        budget: limits::PATH_BUDGET,
    };
    let mut path = vec![query.leaf];
    search.extend(&mut path)?;
    Ok(path)
}

struct Search<'q, 'a> {
    query: &'q PathQuery<'a>,
    budget: usize,
}

impl<'a> Search<'_, 'a> {
    /// Extends the path by depth-first search until it ends in an anchor.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> Result<(), PathError> {
        let query = *self.query;
        let Some(&current) = path.last() else {
            return Err(PathError::Budget);
        };
        let mut worst: Option<PathError> = None;
        let anchors = query.anchors.iter().map(|anchor| (anchor, true));
        let intermediates = query.intermediates.iter().map(|other| (other, false));
        for (issuer, is_anchor) in anchors.chain(intermediates) {
            if issuer.subject() != current.issuer() || path.contains(&issuer) {
                continue;
            }
            let mut outcome = self.try_issuer(path, current, issuer);
            if outcome.is_ok() {
                path.push(issuer);
                outcome = if is_anchor {
                    self.check_revocation(path)
                } else if path.len() < limits::MAX_PATH_LENGTH {
                    self.extend(path)
                } else {
                    Err(PathError::UnknownIssuer {
                        issuer: issuer.issuer().to_string(),
                    })
                };
                if outcome.is_ok() {
                    return Ok(());
                }
                path.pop();
            }
            if let Err(error) = outcome {
                if error == PathError::Budget {
                    return Err(error);
                }
                worst = Some(error.worse(worst));
            }
        }
        Err(worst.unwrap_or_else(|| PathError::UnknownIssuer {
            issuer: current.issuer().to_string(),
        }))
    }

    /// Whether `issuer` may stand above `current` on this path. The signature
    /// comes before the dates, so that an old certificate of the same name is
    /// not blamed for being expired when it is simply another key's.
    fn try_issuer(
        &mut self,
        path: &[&Certificate],
        current: &Certificate,
        issuer: &Certificate,
    ) -> Result<(), PathError> {
        self.budget = self.budget.checked_sub(1).ok_or(PathError::Budget)?;
        let subject = || issuer.subject().to_string();
        if !current.is_signed_by(issuer.public_key()) {
            return Err(PathError::BadSignature {
                subject: current.subject().to_string(),
                issuer: subject(),
            });
        }
        let constraints = issuer
            .basic_constraints()
            .filter(|constraints| constraints.ca && issuer.version() == 3)
            .ok_or_else(|| PathError::NotACa { subject: subject() })?;
        if !issuer.key_usage().is_some_and(|usage| usage.key_cert_sign) {
            return Err(PathError::NoKeyCertSign { subject: subject() });
        }
        check_critical(issuer)?;
        check_signature_hash(issuer)?;
        check_validity(issuer, self.query.at)?;
        // RFC 5280 section 4.2.1.9: self-issued intermediates do not count, and
        // neither does the leaf.
        let below = path
            .iter()
            .skip(1)
            .filter(|certificate| !certificate.is_self_issued())
            .count();
        match constraints.path_length {
            Some(allowed) if u32::try_from(below).unwrap_or(u32::MAX) > allowed => {
                Err(PathError::PathTooLong {
                    subject: subject(),
                    allowed,
                })
            }
            _ => Ok(()),
        }
    }

    /// Looks every certificate below the anchor up in every list of its issuer.
    /// A list counts when the issuer's key on the path signed it, also when it
    /// writes the issuer's name in another encoding, when the keyUsage lacks
    /// cRLSign or when its nextUpdate has passed: what the issuer's key has
    /// revoked is not trusted, however irregular the list.
    fn check_revocation(&self, path: &[&Certificate]) -> Result<(), PathError> {
        for pair in path.windows(2) {
            let [certificate, issuer] = pair else {
                continue;
            };
            for crl in self.query.crls {
                let counts =
                    crl.revokes(certificate.serial()) && crl.is_signed_by(issuer.public_key());
                if counts {
                    return Err(PathError::Revoked {
                        subject: certificate.subject().to_string(),
                        serial: *certificate.serial(),
                        issuer: crl.issuer().clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn check_validity(certificate: &Certificate, at: DateTime<Utc>) -> Result<(), PathError> {
    let subject = || certificate.subject().to_string();
    if at < certificate.not_before() {
        return Err(PathError::NotYetValid {
            subject: subject(),
            not_before: certificate.not_before(),
        });
    }
    if !certificate.is_valid_at(at) {
        return Err(PathError::Expired {
            subject: subject(),
            not_after: certificate.not_after(),
        });
    }
    Ok(())
}

fn check_signature_hash(certificate: &Certificate) -> Result<(), PathError> {
    match certificate.signature_hash() {
        SignatureHash::Strong => Ok(()),
        SignatureHash::Weak | SignatureHash::Unknown => Err(PathError::WeakSignature {
            subject: certificate.subject().to_string(),
        }),
    }
}

fn check_critical(certificate: &Certificate) -> Result<(), PathError> {
    match certificate.unhandled().first() {
        Some(oid) => Err(PathError::UnhandledCritical {
            subject: certificate.subject().to_string(),
            oid: oid.clone(),
        }),
        None => Ok(()),
    }
}
