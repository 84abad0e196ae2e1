//! The root's part of a CA whose root is kept apart: it certifies the key of an
//! issuing CA that asks for it.

use std::path::Path;

use chrono::TimeDelta;
use ring::rand::SecureRandom;
use serde_json::json;

use crate::clock::whole_seconds;
use crate::key::Signer;
use crate::pki::{
    Certificate, CertificateRequest, IssuerRef, Kind, PathQuery, Policy, Revocation, Template,
    validate_path,
};
use crate::store::{self, Inventory, Reservation};
use crate::text::printable;

use super::ceremony::years_after;
use super::checkpoint::checkpoint_when_due;
use super::generation::open_generations;
use super::judge::{SMALL_EXPONENT, judge};
use super::known_key::is_compromised;
use super::own_key::{Unlock, open_own_key, signs_certificates};
use super::record::store_issued;
use super::{
    Action, BACKDATE_SECONDS, Delivery, Error, Occasion, OwnAuthority, check_clock, draw_serial,
};

/// A root, opened to certify issuing CAs.
pub struct RootSigner {
    inventory: Inventory,
    root: OwnAuthority,
    key: Box<dyn Signer>,
}

/// What a root is to certify.
#[derive(Clone, Copy, Debug)]
pub struct CaRequest<'a> {
    /// The request; whoever made it has shown that they hold the key.
    pub request: &'a CertificateRequest,
    /// What messages call it.
    pub origin: &'a str,
    /// Life in years. It ends with the root at the latest.
    pub years: u32,
    /// Whether it is meant although the request does not ask for a CA's certificate.
    pub force: bool,
}

impl CaRequest<'_> {
    /// Refuses a request that does not say that it is a CA's: whoever took a
    /// workload's by mistake would make that host a CA.
    ///
    /// # Errors
    ///
    /// [`Error::NotForAuthority`].
    pub fn check(&self) -> Result<(), Error> {
        match self.force || self.request.asks_for_authority() {
            true => Ok(()),
            false => Err(Error::NotForAuthority {
                origin: self.origin.to_owned(),
                subject: printable(&self.request.subject().to_string(), 200),
            }),
        }
    }
}

/// The certificate of an issuing CA.
#[derive(Debug)]
pub struct CertifiedCa {
    /// The certificate.
    pub certificate: Certificate,
    /// Whether it ends earlier than asked for, with the root.
    pub clamped: bool,
    /// Why the inventory could not note the delivery, if it could not.
    pub unrecorded: Option<store::Error>,
}

impl RootSigner {
    /// Opens the root in `directory` with its key.
    ///
    /// # Errors
    ///
    /// As [`super::Authority::open`]; [`Error::RootApart`] where only the root's
    /// certificate is.
    pub fn open(directory: &Path, unlock: &Unlock<'_>) -> Result<Self, Error> {
        unlock.read_descriptor()?;
        let (inventory, generations) = open_generations(directory)?;
        let root = match &generations.alone {
            Some(root) => root,
            None => &generations.active(directory)?.root,
        };
        Ok(Self {
            key: open_own_key(directory, root, unlock)?,
            root: root.clone(),
            inventory,
        })
    }

    /// The root's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.root.certificate
    }

    /// Certifies the key of an issuing CA and delivers the certificate, with the
    /// root behind it. Of the request the name is taken, byte for byte, and the
    /// key; nothing else. The order is that of every issue: reserved, built,
    /// judged, signed, verified, stored, delivered.
    ///
    /// # Errors
    ///
    /// [`Error::KeyRefused`] and [`Error::RequestedName`], which are in the audit
    /// log; [`Error::NotForAuthority`]; [`Error::CaNotValid`]; those of [`check_clock`]; [`Error::Pki`] or
    /// [`Error::Store`]. The target is then as it was.
    pub fn certify(
        &self,
        wanted: &CaRequest<'_>,
        delivery: Delivery,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<CertifiedCa, Error> {
        wanted.check()?;
        check_clock(&self.inventory, occasion)?;
        self.root.check_validity(occasion.at)?;
        self.logged(self.judge_request(wanted), wanted, occasion)?;
        let asked_end = years_after(occasion.at, wanted.years, "the issuing CA")?;
        let not_before = whole_seconds(occasion.at) - TimeDelta::seconds(BACKDATE_SECONDS);
        let serial = draw_serial(random, self.instance())?;
        let template = Template {
            subject: wanted.request.subject(),
            public_key: wanted.request.public_key(),
            serial: &serial,
            not_before: not_before.max(self.certificate().not_before()),
            not_after: asked_end.min(self.certificate().not_after()),
            kind: Kind::Issuing,
        };
        let key_identifier = self.certificate().key_identifier();
        let issuer = IssuerRef {
            name: self.certificate().subject(),
            signer: self.key.as_ref(),
            key_identifier: &key_identifier,
        };
        let to_be_signed = template.build(&issuer)?;
        let judged = judge(&to_be_signed, occasion.at).map(drop);
        self.logged(name_at_fault(judged, wanted), wanted, occasion)?;
        self.reserve(&template, &key_identifier, occasion)?;
        let certificate = to_be_signed.sign()?;
        self.store(&certificate, occasion)?;
        delivery.deliver(None, &certificate, self.certificate())?;
        let number = certificate.serial().magnitude();
        Ok(CertifiedCa {
            unrecorded: self.inventory.note_delivered(number, occasion.at).err(),
            clamped: asked_end > self.certificate().not_after(),
            certificate,
        })
    }

    /// The byte with which serial numbers of this CA begin.
    fn instance(&self) -> u8 {
        let serial = self.certificate().serial();
        serial.magnitude().first().copied().unwrap_or(1)
    }

    /// Whether the key may be that of an issuing CA, and the name its name.
    fn judge_request(&self, wanted: &CaRequest<'_>) -> Result<(), Error> {
        let key = wanted.request.public_key();
        let fingerprint = key.fingerprint();
        let reason = if !signs_certificates(key) {
            "the key of an issuing CA is EC P-256 or P-384, or RSA with 2048 bits or more"
        } else if key.has_small_exponent() {
            SMALL_EXPONENT
        } else if self.certificate().public_key().is_same_key(key) {
            "it is the root's own key"
        } else if is_compromised(&self.inventory, key)? {
            "a certificate of it was revoked because the key was compromised"
        } else {
            let subject = wanted.request.subject();
            let reason = match subject.common_name() {
                _ if subject == self.certificate().subject() => "it is the root's own name",
                None | Some("") => "it has no CN",
                Some(_) => return Ok(()),
            };
            return Err(refused_name(wanted, reason));
        };
        Err(Error::KeyRefused {
            fingerprint,
            reason: reason.to_owned(),
        })
    }

    /// Puts a refusal into the audit log; every other outcome passes through.
    fn logged(
        &self,
        outcome: Result<(), Error>,
        wanted: &CaRequest<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let (rule, reason) = match &outcome {
            Err(Error::KeyRefused { reason, .. }) => ("key", reason.clone()),
            Err(Error::RequestedName { reason, .. }) => ("subject", reason.clone()),
            _ => return outcome,
        };
        let detail = json!({
            "rule": rule,
            "refused": reason,
            "subject": wanted.request.subject().to_string(),
            "keyFingerprintSha256": wanted.request.public_key().fingerprint(),
        });
        let mut writer = self.inventory.write()?;
        occasion.log(&mut writer, Action::Refuse, None, &detail)?;
        writer.commit()?;
        outcome
    }

    fn reserve(
        &self,
        template: &Template<'_>,
        key_identifier: &[u8],
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let writer = self.inventory.write()?;
        writer.reserve(&Reservation {
            serial: template.serial.magnitude(),
            kind: store::Kind::Issuing,
            issuer_key_id: key_identifier,
            subject: &template.subject.to_string(),
            common_name: template.subject.common_name().unwrap_or_default(),
            names: &[],
            key_fingerprint: &template.public_key.fingerprint(),
            not_before: template.not_before,
            not_after: template.not_after,
            at: occasion.at,
            profile: None,
            requester: Some(occasion.actor),
            request_id: None,
        })?;
        Ok(writer.commit()?)
    }

    /// Stores what was signed, if it leads to the root.
    fn store(&self, certificate: &Certificate, occasion: &Occasion<'_>) -> Result<(), Error> {
        validate_path(&PathQuery {
            leaf: certificate,
            intermediates: &[],
            anchors: std::slice::from_ref(self.certificate()),
            revocation: Revocation::Unchecked,
            at: occasion.at,
            policy: Policy::Rfc5280,
        })
        .map_err(Error::Path)?;
        let mut writer = self.inventory.write()?;
        let key = certificate.public_key().fingerprint();
        let further = [("keyFingerprintSha256", key.as_str())];
        store_issued(certificate, &further, &mut writer, occasion)?;
        checkpoint_when_due(&self.inventory, &writer, self.key.as_ref(), occasion.at)?;
        Ok(writer.commit()?)
    }
}

impl std::fmt::Debug for RootSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootSigner({})", self.certificate().subject())
    }
}

/// Everything else that is signed here is ours: a rule can only be broken by the
/// name.
fn name_at_fault(outcome: Result<(), Error>, wanted: &CaRequest<'_>) -> Result<(), Error> {
    outcome.map_err(|error| match error {
        Error::Lint { finding } => refused_name(wanted, &finding),
        other => other,
    })
}

fn refused_name(wanted: &CaRequest<'_>, reason: &str) -> Error {
    let subject = printable(&wanted.request.subject().to_string(), 200);
    Error::RequestedName {
        origin: wanted.origin.to_owned(),
        what: format!("the subject '{subject}'"),
        reason: reason.to_owned(),
    }
}
