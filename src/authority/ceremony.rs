//! What making a CA and making its next generation have in common: a key that is
//! new or in a device, and a certificate on its way into the inventory.

use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use ring::rand::SecureRandom;

use crate::clock::whole_seconds;
use crate::key::{self, Cost, GeneratedKey, KeyType, PublicKey, Signer};
use crate::pki::{
    AttributeType, Certificate, DistinguishedName, IssuerRef, Kind, SerialNumber, Template,
};
use crate::secret::Secret;
use crate::store::{self, Reservation, Writer};

use super::judge::judge;
use super::layout::KEY;
use super::own_key::{DeviceKey, KeyFiles};
use super::record::store_issued;
use super::{BACKDATE_SECONDS, Error, Occasion, Role, draw_serial};

/// Where the key of a new authority comes from.
#[derive(Debug)]
pub enum OwnKey {
    /// It is in a device already.
    Device(Box<DeviceKey>),
    /// It is made, and encrypted with the passphrase.
    New(KeyType),
}

/// A key of an authority while that is made.
pub(super) enum Held<'a> {
    Device(&'a DeviceKey),
    Generated(Box<GeneratedKey>),
}

impl<'a> Held<'a> {
    pub(super) fn of(key: &'a OwnKey, origin: &str) -> Result<Self, Error> {
        Ok(match key {
            OwnKey::Device(key) => Self::Device(key),
            OwnKey::New(key_type) => Self::Generated(Box::new(key::generate(*key_type, origin)?)),
        })
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        match self {
            Self::Device(key) => key.signer(),
            Self::Generated(key) => &key.key,
        }
    }

    /// The files that hold the key, encrypted, or say where it is.
    pub(super) fn files(&self, passphrase: Option<&Secret>, cost: Cost) -> Result<KeyFiles, Error> {
        match self {
            Self::Device(key) => key.files(),
            Self::Generated(key) => {
                let origin = key.key.origin();
                let passphrase = passphrase.ok_or_else(|| key::Error::Encrypt {
                    origin: origin.to_owned(),
                })?;
                let pem = key::encrypt(&key.pkcs8, passphrase, cost, origin)?;
                Ok(vec![(KEY, pem.into_bytes().into())])
            }
        }
    }
}

/// A certificate of the CA's own, fixed but for its signature.
pub(super) struct OwnDraft<'a> {
    subject: DistinguishedName,
    public_key: &'a PublicKey,
    kind: Kind,
    serial: SerialNumber,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

impl<'a> OwnDraft<'a> {
    /// With a serial number of this instance that is drawn now.
    pub(super) fn new(
        subject: DistinguishedName,
        public_key: &'a PublicKey,
        (kind, not_after): (Kind, DateTime<Utc>),
        at: DateTime<Utc>,
        (random, instance): (&dyn SecureRandom, u8),
    ) -> Result<Self, Error> {
        Ok(Self {
            subject,
            public_key,
            kind,
            serial: draw_serial(random, instance)?,
            not_before: whole_seconds(at) - TimeDelta::seconds(BACKDATE_SECONDS),
            not_after,
        })
    }

    /// Whom it names.
    pub(super) const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Reserves its serial number with everything that will be signed.
    pub(super) fn reserve(
        &self,
        issuer_key_id: &[u8],
        writer: &Writer<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        Ok(writer.reserve(&Reservation {
            serial: self.serial.magnitude(),
            kind: match self.kind {
                Kind::Root => store::Kind::Root,
                Kind::Cross => store::Kind::Cross,
                Kind::Issuing => store::Kind::Issuing,
                Kind::Leaf { .. } | Kind::TlsServer { .. } => store::Kind::Leaf,
            },
            issuer_key_id,
            subject: &self.subject.to_string(),
            common_name: self.subject.common_name().unwrap_or_default(),
            names: &[],
            key_fingerprint: &self.public_key.fingerprint(),
            not_before: self.not_before,
            not_after: self.not_after,
            at: occasion.at,
            profile: None,
            requester: Some(occasion.actor),
            request_id: None,
        })?)
    }

    /// Builds, judges, signs and verifies.
    pub(super) fn sign(
        &self,
        issuer: &IssuerRef<'_>,
        at: DateTime<Utc>,
    ) -> Result<Certificate, Error> {
        let template = Template {
            subject: &self.subject,
            public_key: self.public_key,
            serial: &self.serial,
            not_before: self.not_before,
            not_after: self.not_after,
            kind: self.kind.clone(),
        };
        let to_be_signed = template.build(issuer)?;
        judge(&to_be_signed, at)?;
        Ok(to_be_signed.sign()?)
    }
}

/// Stores a certificate of the CA's own under its reserved serial number, with its
/// entry in the log. Its files are in the CA's directory: nobody else is waiting
/// for them.
pub(super) fn store_own(
    certificate: &Certificate,
    writer: &mut Writer<'_>,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    store_issued(certificate, &[], writer, occasion)?;
    Ok(writer.note_delivered(certificate.serial().magnitude(), occasion.at)?)
}

/// The subject of an authority: the organisation, and its name with the role and
/// from the second generation on its number.
pub(super) fn subject_of(organisation: &str, role: Role, generation: u32) -> DistinguishedName {
    let role = match role {
        Role::Issuing => "Issuing CA",
        Role::Root => "Root CA",
    };
    let number = match generation {
        1 => String::new(),
        later => format!(" {later}"),
    };
    DistinguishedName::build(&[
        (AttributeType::Organization, organisation),
        (
            AttributeType::CommonName,
            &format!("{organisation} {role}{number}"),
        ),
    ])
}

/// The last second of a life of so many calendar years.
pub(super) fn years_after(
    at: DateTime<Utc>,
    years: u32,
    what: &'static str,
) -> Result<DateTime<Utc>, Error> {
    let months = years.checked_mul(12).ok_or(Error::Validity { what })?;
    whole_seconds(at)
        .checked_add_months(Months::new(months))
        // GeneralizedTime has four digits for the year.
        .filter(|end| end.checked_add_days(Days::new(366)).is_some())
        .filter(|end| end.format("%Y").to_string().len() == 4)
        .ok_or(Error::Validity { what })
}
