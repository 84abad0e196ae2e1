//! Issuing workload certificates.
//!
//! The order keeps the promise that no signed certificate is missing from the
//! inventory: reserve the serial number durably, build, sign, parse back and
//! verify, store, and only then hand out. A crash leaves at most a reservation,
//! or a stored certificate that nobody has.

use chrono::{DateTime, Utc};
use ring::rand::SecureRandom;
use serde_json::json;

use crate::clock::rfc3339;
use crate::key::{self, KeyType, PublicKey, Signer};
use crate::pki::{
    AttributeType, Certificate, DistinguishedName, GeneralName, IssuerRef, Kind, PathQuery,
    SerialNumber, Template, validate_path,
};
use crate::store::{self, Reservation, Staging};

use super::checkpoint::checkpoint_when_due;
use super::deliver::deliver;
use super::{Action, Authority, CommonName, Error, Occasion, TagValue, draw_serial};

/// How often another serial number is drawn when one is taken. Chance never
/// needs the second; a broken random source is noticed.
const SERIAL_ATTEMPTS: usize = 3;

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
    /// Type of the new key.
    pub key_type: KeyType,
    /// Life in days, counted from now.
    pub days: u32,
}

/// A certificate that was issued and delivered as `key.pem`, `cert.pem`,
/// `chain.pem` and `fullchain.pem`.
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

/// A certificate between request and signature.
struct Draft<'a> {
    request: &'a IssueRequest,
    subject: DistinguishedName,
    public_key: &'a PublicKey,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    occasion: &'a Occasion<'a>,
}

impl Authority {
    /// Issues a certificate with a new key and delivers both, with the chain,
    /// as the directory that `staging` becomes. It was begun before anything is
    /// signed: a target that cannot be written must not cost a certificate.
    ///
    /// # Errors
    ///
    /// [`Error`]; the target is then as it was.
    pub fn issue(
        &self,
        request: &IssueRequest,
        staging: Staging,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Issued, Error> {
        self.check_ready(occasion)?;
        let key = key::generate(request.key_type, "the new key")?;
        let (not_after, clamped) = self.end_of(request.days, occasion.at)?;
        let draft = Draft {
            request,
            subject: subject_of(request),
            public_key: key.key.public_key(),
            not_before: self.begin_of(occasion.at),
            not_after,
            occasion,
        };
        let serial = self.reserve(&draft, random)?;
        let certificate = self.sign(&draft, &serial)?;
        deliver(&staging, &key, &certificate, &self.issuing)?;
        staging.publish()?;
        // The files are there: that the note of it failed must not look as if
        // they were not.
        let unrecorded = self
            .inventory
            .note_delivered(certificate.serial().magnitude(), occasion.at)
            .err();
        Ok(Issued {
            certificate,
            clamped,
            unrecorded,
        })
    }

    /// Reserves a new serial number with everything that will be signed. When
    /// this returns, the reservation survives a power cut.
    fn reserve(&self, draft: &Draft<'_>, random: &dyn SecureRandom) -> Result<SerialNumber, Error> {
        let names: Vec<String> = draft
            .request
            .names
            .iter()
            .map(ToString::to_string)
            .collect();
        // The instance byte is that of the issuing certificate's own serial.
        let instance = *self.issuing.serial().magnitude().first().unwrap_or(&1);
        let mut attempts = 0;
        loop {
            let serial = draw_serial(random, instance)?;
            let writer = self.inventory.write()?;
            let reserved = writer.reserve(&Reservation {
                serial: serial.magnitude(),
                kind: store::Kind::Leaf,
                issuer_key_id: &self.issuing.public_key().key_identifier(),
                subject: &draft.subject.to_string(),
                common_name: draft.request.common_name.as_str(),
                names: &names,
                key_fingerprint: &draft.public_key.fingerprint(),
                not_before: draft.not_before,
                not_after: draft.not_after,
                at: draft.occasion.at,
                profile: None,
                requester: Some(draft.occasion.actor),
                request_id: None,
            });
            attempts += 1;
            match reserved {
                Ok(()) => {
                    writer.commit()?;
                    return Ok(serial);
                }
                Err(store::Error::SerialTaken { .. }) if attempts < SERIAL_ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Builds, judges, signs, verifies and stores. What fails before the key was
    /// used settles the reservation: nothing can have been signed under it.
    fn sign(&self, draft: &Draft<'_>, serial: &SerialNumber) -> Result<Certificate, Error> {
        let key_identifier = self.issuing.public_key().key_identifier();
        let issuer = IssuerRef {
            name: self.issuing.subject(),
            signer: &self.issuing_key,
            key_identifier: &key_identifier,
        };
        let template = Template {
            subject: &draft.subject,
            public_key: draft.public_key,
            serial,
            not_before: draft.not_before,
            not_after: draft.not_after,
            kind: Kind::Leaf {
                names: draft.request.names.clone(),
            },
        };
        let to_be_signed = template
            .build(&issuer)
            .and_then(|built| built.preview().map(|_| built))
            .inspect_err(|error| self.abandon(draft, serial, error))?;
        let certificate = to_be_signed.sign()?;
        validate_path(&PathQuery {
            leaf: &certificate,
            intermediates: std::slice::from_ref(&self.issuing),
            anchors: std::slice::from_ref(&self.root),
            crls: &[],
            at: draft.occasion.at,
        })
        .map_err(Error::Path)?;
        self.store(draft.occasion, &certificate)?;
        Ok(certificate)
    }

    fn store(&self, occasion: &Occasion<'_>, certificate: &Certificate) -> Result<(), Error> {
        let serial = certificate.serial().magnitude();
        let fingerprint = certificate.fingerprint();
        let detail = json!({
            "fingerprintSha256": fingerprint,
            "subject": certificate.subject().to_string(),
            "notAfter": rfc3339(certificate.not_after()),
        });
        let mut writer = self.inventory.write()?;
        writer.store(serial, certificate.der(), &fingerprint, occasion.at)?;
        occasion.log(&mut writer, Action::Issue, Some(serial), &detail)?;
        checkpoint_when_due(&self.inventory, &writer, &self.issuing_key, occasion.at)?;
        Ok(writer.commit()?)
    }

    /// Settles a reservation under which nothing was signed. Should that fail
    /// too, it stays as one that is yet to be settled.
    fn abandon(&self, draft: &Draft<'_>, serial: &SerialNumber, why: &crate::pki::Error) {
        let settle = || -> Result<(), Error> {
            let serial = serial.magnitude();
            let mut writer = self.inventory.write()?;
            writer.abandon(serial, draft.occasion.at)?;
            let detail = json!({ "error": why.to_string() });
            let occasion = draft.occasion;
            occasion.log(&mut writer, Action::Abandon, Some(serial), &detail)?;
            Ok(writer.commit()?)
        };
        let _ = settle();
    }
}

fn subject_of(request: &IssueRequest) -> DistinguishedName {
    let organization = request
        .organization
        .iter()
        .map(|value| (AttributeType::Organization, value.as_str()));
    let units = request
        .organizational_units
        .iter()
        .map(|value| (AttributeType::OrganizationalUnit, value.as_str()));
    let attributes: Vec<_> = organization
        .chain(units)
        .chain([(AttributeType::CommonName, request.common_name.as_str())])
        .collect();
    DistinguishedName::build(&attributes)
}
