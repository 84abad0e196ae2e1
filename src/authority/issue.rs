//! Issuing workload certificates.
//!
//! The order keeps the promise that no signed certificate is missing from the
//! inventory: reserve the serial number durably, build, sign, parse back and
//! verify, store, and only then hand out. A crash leaves at most a reservation,
//! or a stored certificate that nobody has.

use ring::rand::SecureRandom;

use crate::key::{self, GeneratedKey, KeyType, PublicKey, Signer};
use crate::pki::{Certificate, GeneralName, SerialNumber};
use crate::store;

use super::checkpoint::checkpoint_when_due;
use super::deliver::Delivery;
use super::draft::{Draft, Product};
use super::occasion::foresee_clock;
use super::{Authority, CommonName, Error, Occasion, RolloverError, TagValue, draw_serial};

/// What a workload certificate is to say.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// The common name.
    pub common_name: CommonName,
    /// The organization, when wanted.
    pub organization: Option<TagValue>,
    /// Organizational units, in order.
    pub organizational_units: Vec<TagValue>,
    /// Subject alternative names, in order.
    pub names: Vec<GeneralName>,
    /// The key that is certified.
    pub key: RequestedKey,
    /// Life in days, counted from now; `None` is what the profile says.
    pub days: Option<u32>,
    /// The profile of the policy; `None` is its default.
    pub profile: Option<String>,
    /// The requester's own name for the request, under which nothing is issued
    /// twice.
    pub request_id: Option<String>,
}

/// Whose key is certified.
#[derive(Clone, Debug)]
pub enum RequestedKey {
    /// A new one, which is delivered with the certificate.
    New(KeyType),
    /// The requester's; they have shown that they hold it, or somebody vouches
    /// for it.
    Given(PublicKey),
}

/// A certificate that was issued and delivered.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Whether it ends earlier than asked for, with the issuer.
    pub clamped: bool,
    /// Why the inventory could not note the delivery, if it could not. The
    /// certificate itself is in the inventory all the same.
    pub unrecorded: Option<store::Error>,
}

/// What would be issued.
#[derive(Debug)]
pub struct Preview {
    /// The certificate, with a serial number that is not reserved and a signature
    /// of zeros.
    pub certificate: Certificate,
    /// Whether it ends earlier than asked for, with the issuer.
    pub clamped: bool,
    /// The profile under which; `None` is what holds without a policy.
    pub profile: Option<String>,
}

impl Authority {
    /// Issues a certificate and delivers it, with the new key if one was made and
    /// with the chain. The delivery was begun before anything is signed: a target
    /// that cannot be written must not cost a certificate.
    ///
    /// # Errors
    ///
    /// [`Error`]; the target is then as it was. [`Error::Refused`] and
    /// [`Error::KeyRefused`] are in the audit log. [`Error::NoPlaceForKey`] for a new
    /// key that is to be delivered otherwise than into a directory.
    pub fn issue(
        &self,
        request: &IssueRequest,
        delivery: Delivery,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Issued, Error> {
        delivery.check_place_of(&request.key)?;
        self.check_ready(occasion)?;
        let profile = self.logged(self.judge(request), request, occasion)?;
        let (public_key, generated) = key_of(&request.key)?;
        let draft = self.draft(request, profile, public_key, occasion.at)?;
        let serial = self.logged(self.reserve(&draft, occasion, random), request, occasion)?;
        let certificate = self.sign(&draft, &serial, occasion)?;
        delivery.deliver(generated.as_ref(), &certificate, self.issuing())?;
        // The files are there: that the note of it failed must not look as if
        // they were not.
        let unrecorded = self
            .inventory
            .note_delivered(certificate.serial().magnitude(), occasion.at)
            .err();
        Ok(Issued {
            certificate,
            clamped: draft.clamped,
            unrecorded,
        })
    }

    /// What [`Authority::issue`] would issue now. Nothing is written, and the
    /// CA's key is not used.
    ///
    /// # Errors
    ///
    /// Those of [`Authority::issue`].
    pub fn preview(
        &self,
        request: &IssueRequest,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Preview, Error> {
        foresee_clock(&self.inventory, occasion)?;
        self.check_own_validity(occasion.at)?;
        let profile = self.judge(request)?;
        self.foresee_limits(profile, occasion)?;
        let (public_key, _) = key_of(&request.key)?;
        let draft = self.draft(request, profile, public_key, occasion.at)?;
        let serial = draw_serial(random, 1)?;
        Ok(Preview {
            certificate: self.press(occasion.at).preview(&draft, &serial)?,
            clamped: draft.clamped,
            profile: profile.name().map(str::to_owned),
        })
    }

    fn reserve(
        &self,
        draft: &Draft<'_>,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<SerialNumber, Error> {
        let mut reserver = self.reserver()?;
        let serial = reserver.reserve(draft, occasion, random)?;
        reserver.writer.commit()?;
        Ok(serial)
    }

    /// Builds, judges, signs, verifies and stores. What fails before the key was
    /// used settles the reservation: nothing can have been signed under it.
    fn sign(
        &self,
        draft: &Draft<'_>,
        serial: &SerialNumber,
        occasion: &Occasion<'_>,
    ) -> Result<Certificate, Error> {
        let press = self.press(occasion.at);
        let certificate = press.sign(draft, serial).map_err(|failure| {
            if !failure.is_key_used {
                // Should that fail too, it stays as one that is yet to be
                // settled.
                let why = failure.error.to_string();
                let _ = self.abandon([serial.magnitude()], &why, occasion);
            }
            failure.error
        })?;
        press.check_path(&certificate)?;
        let product = Product::of(draft, certificate, occasion.actor);
        let mut writer = match self.write() {
            Err(error @ Error::Rollover(RolloverError::RolledOver { .. })) => {
                // The certificate ends here, and nobody has seen it.
                let why = error.to_string();
                let _ = self.abandon([serial.magnitude()], &why, occasion);
                return Err(error);
            }
            other => other?,
        };
        product.store_in(&mut writer, occasion)?;
        let key = self.issuing_key.as_ref();
        checkpoint_when_due(&self.inventory, &writer, key, occasion.at)?;
        writer.commit()?;
        Ok(product.certificate)
    }
}

/// The public key that is certified, and the new key if one is made.
pub(super) fn key_of(
    requested: &RequestedKey,
) -> Result<(PublicKey, Option<GeneratedKey>), key::Error> {
    match requested {
        RequestedKey::Given(key) => Ok((key.clone(), None)),
        RequestedKey::New(key_type) => {
            let made = key::generate(*key_type, "the new key")?;
            Ok((made.key.public_key().clone(), Some(made)))
        }
    }
}
