//! A private key with the certificates that belong to it.

use chrono::{DateTime, Utc};

use crate::key::Signer;
use crate::limits;

use super::{Certificate, Error};

/// A certificate and the file that it came from, for messages.
#[derive(Clone, Debug)]
pub struct Sourced {
    /// The file.
    pub origin: String,
    /// The certificate.
    pub certificate: Certificate,
}

/// A key, its certificate, and the intermediates that lead from the
/// certificate's issuer towards the root.
///
/// It is built from any number of certificates in any order; that the key and
/// the leaf belong together is proved here, so that a mismatch never reaches
/// the network.
pub struct Identity {
    signer: Box<dyn Signer>,
    leaf: Sourced,
    chain: Vec<Certificate>,
    dropped: Vec<Sourced>,
}

impl Identity {
    /// Picks the leaf by the key, orders the intermediates issuer first, and
    /// drops self-issued roots, strays and repetitions. When several
    /// certificates match the key, the one that ends last is used.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMismatch`] when no certificate has the key; it names every
    /// file and fingerprint.
    pub fn new(signer: Box<dyn Signer>, certificates: Vec<Sourced>) -> Result<Self, Error> {
        let matching = certificates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.certificate.public_key() == signer.public_key())
            .max_by_key(|(index, candidate)| {
                // Of equals the first in the files wins.
                (candidate.certificate.not_after(), std::cmp::Reverse(*index))
            })
            .map(|(index, _)| index);
        let Some(index) = matching else {
            return Err(mismatch(signer.as_ref(), &certificates));
        };
        let mut others = certificates;
        let leaf = others.remove(index);
        let (chain, dropped) = order(&leaf.certificate, others);
        Ok(Self {
            signer,
            leaf,
            chain,
            dropped,
        })
    }

    /// The key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// The certificate that belongs to the key.
    #[must_use]
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf.certificate
    }

    /// Where the certificate was found.
    #[must_use]
    pub fn leaf_origin(&self) -> &str {
        &self.leaf.origin
    }

    /// The intermediates, the leaf's issuer first, without the root; at most
    /// five.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// What was given but is not part of the chain.
    #[must_use]
    pub fn dropped(&self) -> &[Sourced] {
        &self.dropped
    }

    /// Checks that the leaf is valid at this time.
    ///
    /// # Errors
    ///
    /// [`Error::Expired`] or [`Error::NotYetValid`].
    pub fn check_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
        let certificate = self.leaf();
        let (origin, subject) = (self.leaf.origin.clone(), certificate.subject().to_string());
        if at < certificate.not_before() {
            return Err(Error::NotYetValid {
                origin,
                subject,
                not_before: certificate.not_before(),
                at,
            });
        }
        if !certificate.is_valid_at(at) {
            return Err(Error::Expired {
                origin,
                subject,
                not_after: certificate.not_after(),
                at,
            });
        }
        Ok(())
    }
}

/// The intermediates of a leaf whose key is not at hand, as
/// [`Identity::chain`] gives them.
#[must_use]
pub fn chain_of(leaf: &Certificate, others: Vec<Sourced>) -> Vec<Certificate> {
    order(leaf, others).0
}

/// Walks from the leaf upwards through what was given.
fn order(leaf: &Certificate, others: Vec<Sourced>) -> (Vec<Certificate>, Vec<Sourced>) {
    let mut pool = others;
    let mut chain: Vec<Certificate> = Vec::new();
    while chain.len() < limits::MAX_CHAIN {
        let current = chain.last().unwrap_or(leaf);
        let Some(index) = issuer_of(current, leaf, &chain, &pool) else {
            break;
        };
        chain.push(pool.remove(index).certificate);
    }
    (chain, pool)
}

/// Which certificate of the pool issued `current`. Name and key identifier find
/// it; only where they leave a choice (two generations of one CA, say) does the
/// signature decide, since checking one takes longer than making ours.
fn issuer_of(
    current: &Certificate,
    leaf: &Certificate,
    chain: &[Certificate],
    pool: &[Sourced],
) -> Option<usize> {
    let mut candidates = pool.iter().enumerate().filter(|(_, candidate)| {
        let candidate = &candidate.certificate;
        let key_identifiers = (
            current.authority_key_identifier(),
            candidate.subject_key_identifier(),
        );
        candidate.subject() == current.issuer()
            && !candidate.is_self_issued()
            && candidate != leaf
            && !chain.contains(candidate)
            && !matches!(key_identifiers, (Some(wanted), Some(found)) if wanted != found)
    });
    let (first, _) = candidates.clone().next()?;
    if candidates.clone().nth(1).is_none() {
        return Some(first);
    }
    candidates
        .find(|(_, candidate)| current.is_signed_by(candidate.certificate.public_key()))
        .map(|(index, _)| index)
}

fn mismatch(signer: &dyn Signer, certificates: &[Sourced]) -> Error {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = certificates
        .iter()
        .take(SHOWN)
        .map(|sourced| {
            format!(
                "{} ({}, SHA-256 of its key {})",
                sourced.origin,
                sourced.certificate.subject(),
                sourced.certificate.public_key().fingerprint()
            )
        })
        .collect();
    if let Some(more) = certificates.len().checked_sub(SHOWN + 1) {
        shown.push(format!("{} more", more + 1));
    }
    Error::KeyMismatch {
        key_origin: signer.origin().to_owned(),
        key_fingerprint: signer.public_key().fingerprint(),
        certificates: shown.join(", "),
    }
}
