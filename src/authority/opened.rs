//! An opened CA: its certificates and keys, checked against each other, and the
//! inventory.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::whole_seconds;
use crate::key::{self, PublicKey, Scheme, Signer};
use crate::pki::Certificate;
use crate::store::{Inventory, Writer};

use super::generation::{Generation, Generations, open_generations};
use super::own_key::{Unlock, open_own_key};
use super::{Error, Occasion, Policy, RolloverError, check_clock, read_inventory, reason_of};

/// An opened CA, ready to sign.
pub struct Authority {
    pub(super) inventory: Inventory,
    /// The generation that was the active one when the CA was opened.
    generation: Generation,
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

impl Authority {
    /// Opens the CA in `directory` with its issuing key, wherever that is.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no CA, the passphrase is wrong, or key and
    /// certificate do not belong together.
    pub fn open(directory: &Path, unlock: &Unlock<'_>) -> Result<Self, Error> {
        unlock.read_descriptor()?;
        let (inventory, generations) = open_generations(directory)?;
        let generation = generations.active(directory)?.clone();
        let policy = Policy::of(directory)?;
        let issuing_key = open_own_key(directory, &generation.issuing, unlock)?;
        generations.write_bundle(directory, &inventory)?;
        Ok(Self {
            inventory,
            generation,
            issuing_key,
            policy,
        })
    }

    /// Opens the CA in `directory` without its issuing key, for whoever may read
    /// it: nothing can be signed, and perhaps nothing written, through it.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no CA, or its parts do not belong together.
    pub fn open_to_look(directory: &Path) -> Result<Self, Error> {
        let inventory = read_inventory(directory)?;
        let generations = Generations::read(directory, &inventory)?;
        let generation = generations.active(directory)?.clone();
        let public_key = generation.issuing.certificate.public_key().clone();
        Ok(Self {
            inventory,
            generation,
            issuing_key: Box::new(NoKey(public_key)),
            policy: Policy::of(directory)?,
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
        &self.generation.issuing.certificate
    }

    /// The issuing CA of before that has issued a certificate of this CA's; `None`
    /// when it was the one of now.
    pub(super) fn issuer_of(
        &self,
        certificate: &Certificate,
    ) -> Result<Option<Certificate>, Error> {
        let issued = |issuer: &Certificate| {
            issuer.subject() == certificate.issuer()
                && issuer.subject_key_identifier() == certificate.authority_key_identifier()
        };
        if issued(self.issuing()) {
            return Ok(None);
        }
        for der in self
            .inventory
            .authorities()?
            .iter()
            .filter_map(|own| own.der.as_ref())
        {
            let own = Certificate::from_der(der, "the inventory")?;
            if issued(&own) {
                return Ok(Some(own));
            }
        }
        Ok(None)
    }

    /// The root under which it issues.
    pub(super) const fn root(&self) -> &Certificate {
        &self.generation.root.certificate
    }

    /// The end of the CA, when a certificate with the longest life of its policy
    /// would outlive it: from then on certificates become shorter and shorter.
    #[must_use]
    pub fn ending(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        ending(self.generation.not_after(), &self.policy, at)
    }

    /// Refuses to sign anything when the clock cannot be right, or when one of
    /// the CA's own certificates is not valid, or was revoked.
    pub(super) fn check_ready(&self, occasion: &Occasion<'_>) -> Result<(), Error> {
        check_clock(&self.inventory, occasion)?;
        self.check_own_validity(occasion.at)
    }

    /// What was revoked signs nothing, whoever has revoked it meanwhile.
    fn check_unrevoked(&self) -> Result<(), Error> {
        let own = self.inventory.get(self.issuing().serial().magnitude())?;
        match own.and_then(|own| own.revocation) {
            Some(revocation) => Err(Error::CaRevoked {
                reason: reason_of(revocation),
                at: revocation.at,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn check_own_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
        self.generation.check_validity(at)?;
        self.check_unrevoked()
    }

    /// Begins to write for what is issued: another process may have activated the
    /// next generation since the CA was opened, and nothing is reserved or stored
    /// for the one before any more. While the transaction lasts none can.
    ///
    /// # Errors
    ///
    /// [`RolloverError::RolledOver`], or [`Error::Store`].
    pub(super) fn write(&self) -> Result<Writer<'_>, Error> {
        let writer = self.inventory.write()?;
        if self.inventory.is_active(self.generation.number)? {
            return Ok(writer);
        }
        Err(Error::Rollover(RolloverError::RolledOver {
            name: self.generation.issuing.name,
        }))
    }

    /// The begin of a leaf's life: a little before now, but not before its
    /// issuer's.
    pub(super) fn begin_of(&self, at: DateTime<Utc>, backdate: TimeDelta) -> DateTime<Utc> {
        let backdated = whole_seconds(at) - backdate;
        backdated.max(self.issuing().not_before())
    }

    /// The latest end of a leaf's life: that of its issuers.
    pub(super) fn latest(&self) -> DateTime<Utc> {
        self.generation.not_after()
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
        let latest = self.latest();
        Ok((wanted.min(latest), wanted > latest))
    }
}

/// As [`Authority::ending`], of a generation that ends then.
pub(super) fn ending(
    end: DateTime<Utc>,
    policy: &Policy,
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let longest = TimeDelta::days(i64::from(policy.longest_days()));
    (end - at < longest).then_some(end)
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.issuing().subject())
    }
}
