//! An opened CA: its certificates and keys, checked against each other, and the
//! inventory.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::whole_seconds;
use crate::key::{self, PublicKey, Scheme, Signer};
use crate::pki::{Certificate, read_certificates};
use crate::store::Inventory;

use super::own_key::{Unlock, open_own_key};
use super::{
    Error, INVENTORY, ISSUING_CERT, ListIssuer, Occasion, Policy, ROOT_CERT, TRUST_ANCHOR,
    check_clock, open_inventory, read_ca_file, read_inventory, reason_of,
};

/// An opened CA, ready to sign.
pub struct Authority {
    pub(super) inventory: Inventory,
    pub(super) root: Certificate,
    pub(super) issuing: Certificate,
    pub(super) issuing_key: Box<dyn Signer>,
    pub(super) policy: Policy,
}

/// Stands for the issuing key where nothing is signed.
struct NoKey(PublicKey);

impl Signer for NoKey {
    fn origin(&self) -> &str {
        "the issuing key, which was not opened"
    }

    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: Scheme, _: &[u8]) -> Result<Vec<u8>, key::Error> {
        Err(key::Error::Sign {
            origin: self.origin().to_owned(),
        })
    }
}

/// The CA's own certificates.
struct Own {
    root: Certificate,
    issuing: Certificate,
}

impl Authority {
    /// Opens the CA in `directory` with its issuing key, wherever that is.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no CA, the passphrase is wrong, or key and
    /// certificate do not belong together.
    pub fn open(directory: &Path, unlock: &Unlock<'_>) -> Result<Self, Error> {
        let (root, issuing) = read_own_certificates(directory)?;
        let policy = Policy::of(directory)?;
        let issuing_key = open_own_key(directory, ListIssuer::Issuing, &issuing, unlock)?;
        // After the passphrase was read: a descriptor number that was meant for
        // it must not name a file that was opened here.
        Self::with(directory, Own { root, issuing }, issuing_key, policy)
    }

    /// Opens the CA in `directory` without its issuing key, for whoever may read
    /// it: nothing can be signed, and perhaps nothing written, through it.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no CA, or its parts do not belong together.
    pub fn open_to_look(directory: &Path) -> Result<Self, Error> {
        let (root, issuing) = read_own_certificates(directory)?;
        let inventory = read_inventory(directory)?;
        check_known(directory, &inventory, [&root, &issuing])?;
        Ok(Self {
            issuing_key: Box::new(NoKey(issuing.public_key().clone())),
            inventory,
            root,
            issuing,
            policy: Policy::of(directory)?,
        })
    }

    fn with(
        directory: &Path,
        own: Own,
        issuing_key: Box<dyn Signer>,
        policy: Policy,
    ) -> Result<Self, Error> {
        let inventory = open_inventory(directory)?;
        check_known(directory, &inventory, [&own.root, &own.issuing])?;
        Ok(Self {
            inventory,
            root: own.root,
            issuing: own.issuing,
            issuing_key,
            policy,
        })
    }

    /// The inventory of this CA.
    #[must_use]
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The certificate under which it issues.
    #[must_use]
    pub const fn issuing(&self) -> &Certificate {
        &self.issuing
    }

    /// The end of the CA, when a certificate with the longest life of its policy
    /// would outlive it: from then on certificates become shorter and shorter.
    #[must_use]
    pub fn ending(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = self.issuing.not_after().min(self.root.not_after());
        let longest = TimeDelta::days(i64::from(self.policy.longest_days()));
        (end - at < longest).then_some(end)
    }

    /// Refuses to sign anything when the clock cannot be right, or when one of
    /// the CA's own certificates is not valid, or was revoked.
    pub(super) fn check_ready(&self, occasion: &Occasion<'_>) -> Result<(), Error> {
        check_clock(&self.inventory, occasion)?;
        self.check_own_validity(occasion.at)
    }

    /// What was revoked signs nothing, whoever has revoked it meanwhile.
    fn check_unrevoked(&self) -> Result<(), Error> {
        let own = self.inventory.get(self.issuing.serial().magnitude())?;
        match own.and_then(|own| own.revocation) {
            Some(revocation) => Err(Error::CaRevoked {
                reason: reason_of(revocation),
                at: revocation.at,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn check_own_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
        for (which, certificate) in [("root", &self.root), ("issuing", &self.issuing)] {
            if !certificate.is_valid_at(at) {
                return Err(Error::CaNotValid {
                    which,
                    not_before: certificate.not_before(),
                    not_after: certificate.not_after(),
                    at,
                });
            }
        }
        self.check_unrevoked()
    }

    /// The begin of a leaf's life: a little before now, but not before its
    /// issuer's.
    pub(super) fn begin_of(&self, at: DateTime<Utc>, backdate: TimeDelta) -> DateTime<Utc> {
        let backdated = whole_seconds(at) - backdate;
        backdated.max(self.issuing.not_before())
    }

    /// The end of a leaf's life: as asked for, but never after its issuers'.
    pub(super) fn end_of(
        &self,
        days: u32,
        at: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, bool), Error> {
        let wanted = whole_seconds(at)
            .checked_add_signed(TimeDelta::days(i64::from(days)))
            .ok_or(Error::Validity { what: "the leaf" })?;
        let latest = self.issuing.not_after().min(self.root.not_after());
        Ok((wanted.min(latest), wanted > latest))
    }
}

/// Reads root and issuing certificate and checks that they belong together.
pub(super) fn read_own_certificates(directory: &Path) -> Result<(Certificate, Certificate), Error> {
    let one_certificate = |name: &str| -> Result<Certificate, Error> {
        let origin = directory.join(name).display().to_string();
        let mut certificates = read_certificates(&read_ca_file(directory, name)?, &origin)?;
        Ok(certificates.swap_remove(0))
    };
    let root = one_certificate(ROOT_CERT)?;
    let issuing = one_certificate(ISSUING_CERT)?;
    if one_certificate(TRUST_ANCHOR)? != root {
        return Err(foreign(directory, TRUST_ANCHOR, "it is not the root"));
    }
    if issuing.issuer() != root.subject() || !issuing.is_signed_by(root.public_key()) {
        return Err(foreign(
            directory,
            ISSUING_CERT,
            "the root did not issue it",
        ));
    }
    Ok((root, issuing))
}

/// Checks that the inventory is that of these certificates.
pub(super) fn check_known(
    directory: &Path,
    inventory: &Inventory,
    certificates: [&Certificate; 2],
) -> Result<(), Error> {
    for certificate in certificates {
        let recorded = inventory.get(certificate.serial().magnitude())?;
        if recorded.and_then(|record| record.der).as_deref() != Some(certificate.der()) {
            return Err(foreign(
                directory,
                INVENTORY,
                "it does not know the CA's own certificates",
            ));
        }
    }
    Ok(())
}

fn foreign(directory: &Path, name: &str, reason: &'static str) -> Error {
    Error::Foreign {
        path: directory.join(name),
        reason,
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.issuing.subject())
    }
}
