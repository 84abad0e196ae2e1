//! Making a new CA: root and issuing key, their certificates, the inventory,
//! all in one directory that appears whole or not at all.

use std::str::FromStr;

use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use ring::rand::SecureRandom;

use crate::clock::{rfc3339, whole_seconds};
use crate::key::{self, Cost, GeneratedKey, KeyType, Signer};
use crate::pki::{
    AttributeType, Certificate, DistinguishedName, IssuerRef, Kind, SerialNumber, Template,
    encode_pem,
};
use crate::secret::Secret;
use crate::store::{self, Inventory, Reservation, Staging};

use super::judge::judge;
use super::own_key::{DeviceKey, KeyFiles};
use super::{
    Action, BACKDATE_SECONDS, Error, INVENTORY, ISSUING_CERT, Occasion, ROOT_CERT, TRUST_ANCHOR,
    check_place, draw_serial, subject,
};

/// The organisation that runs the CA; it becomes the `O` of both CA
/// certificates and the beginning of their `CN`. 1 to 50 characters, so that
/// the common names stay within the 64 of RFC 5280.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaName(String);

impl FromStr for CaName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        subject::check(text, 50).map(Self)
    }
}

/// What a new CA is to be like.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    /// The organisation.
    pub name: &'a CaName,
    /// The root's key.
    pub root_key: &'a OwnKey,
    /// The issuing CA's.
    pub issuing_key: &'a OwnKey,
    /// Life of the root certificate in years.
    pub root_years: u32,
    /// Life of the issuing certificate in years.
    pub issuing_years: u32,
    /// Encrypts the keys that are made; not needed when none is.
    pub passphrase: Option<&'a Secret>,
    /// Work factor of that encryption.
    pub cost: Cost,
    /// Who makes it, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// Where the key of a new authority comes from.
#[derive(Debug)]
pub enum OwnKey {
    /// It is in a device already.
    Device(Box<DeviceKey>),
    /// It is made, and encrypted with the passphrase.
    New(KeyType),
}

/// A key of one of the two authorities while they are made.
enum Held<'a> {
    Device(&'a DeviceKey),
    Generated(Box<GeneratedKey>),
}

impl<'a> Held<'a> {
    fn of(key: &'a OwnKey, origin: &str) -> Result<Self, Error> {
        Ok(match key {
            OwnKey::Device(key) => Self::Device(key),
            OwnKey::New(key_type) => Self::Generated(Box::new(key::generate(*key_type, origin)?)),
        })
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Device(key) => key.signer(),
            Self::Generated(key) => &key.key,
        }
    }

    /// The files that hold the key, or say where it is.
    fn files(&self, plan: &Bootstrap<'_>) -> Result<KeyFiles, Error> {
        match self {
            Self::Device(key) => key.files(),
            Self::Generated(key) => {
                let origin = key.key.origin();
                let passphrase = plan.passphrase.ok_or_else(|| key::Error::Encrypt {
                    origin: origin.to_owned(),
                })?;
                let pem = key::encrypt(&key.pkcs8, passphrase, plan.cost, origin)?;
                Ok(vec![("key.pem", pem.into_bytes().into())])
            }
        }
    }
}

/// One of the two authorities while it is made.
struct Made {
    certificate: Certificate,
    key_files: KeyFiles,
}

/// Makes the CA in the directory that `staging` will become, and gives the root
/// and the issuing certificate.
///
/// # Errors
///
/// [`Error`]; the directory is then as it was.
pub fn create(
    staging: Staging,
    plan: &Bootstrap<'_>,
    random: &dyn SecureRandom,
) -> Result<(Certificate, Certificate), Error> {
    check_place(staging.path())?;
    let (root, issuing) = {
        let inventory = Inventory::create(&staging.path().join(INVENTORY))?;
        let root_key = Held::of(plan.root_key, "the new root key")?;
        let issuing_key = Held::of(plan.issuing_key, "the new issuing key")?;
        let mut instance = [0];
        random.fill(&mut instance).map_err(|_| Error::Random)?;
        let ceremony = Ceremony {
            plan,
            random,
            inventory: &inventory,
            instance: instance[0] & 0x7f,
        };
        ceremony.log_beginning()?;
        let root = ceremony.root(&root_key)?;
        let issuing = ceremony.issuing(&issuing_key, &root.certificate, &root_key)?;
        (root, issuing)
        // The inventory is closed here, which folds its WAL into the file
        // before the directory is renamed.
    };
    for (name, made) in [("root", &root), ("issuing", &issuing)] {
        staging.create_directory(name)?;
        for (file, content) in &made.key_files {
            staging.write(&format!("{name}/{file}"), content)?;
        }
    }
    let root_pem = encode_pem([&root.certificate]);
    staging.write(ROOT_CERT, root_pem.as_bytes())?;
    staging.write(ISSUING_CERT, encode_pem([&issuing.certificate]).as_bytes())?;
    staging.write(TRUST_ANCHOR, root_pem.as_bytes())?;
    staging.publish()?;
    Ok((root.certificate, issuing.certificate))
}

struct Ceremony<'a> {
    plan: &'a Bootstrap<'a>,
    random: &'a dyn SecureRandom,
    inventory: &'a Inventory,
    instance: u8,
}

impl Ceremony<'_> {
    /// The first entry of the log has something that no other CA's has.
    fn log_beginning(&self) -> Result<(), Error> {
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce).map_err(|_| Error::Random)?;
        let detail = serde_json::json!({
            "name": self.plan.name.0,
            "nonce": hex::encode(nonce),
        });
        let mut writer = self.inventory.write()?;
        self.plan
            .occasion
            .log(&mut writer, Action::Init, None, &detail)?;
        Ok(writer.commit()?)
    }

    fn root(&self, key: &Held<'_>) -> Result<Made, Error> {
        let subject = self.subject("Root CA");
        let identifier = key.signer().public_key().key_identifier();
        let issuer = IssuerRef {
            name: &subject,
            signer: key.signer(),
            key_identifier: &identifier,
        };
        let not_after = years_after(self.plan.occasion.at, self.plan.root_years, "the root")?;
        self.make(&subject, key, Kind::Root, not_after, &issuer)
    }

    fn issuing(
        &self,
        key: &Held<'_>,
        root: &Certificate,
        root_key: &Held<'_>,
    ) -> Result<Made, Error> {
        let subject = self.subject("Issuing CA");
        let identifier = root_key.signer().public_key().key_identifier();
        let issuer = IssuerRef {
            name: root.subject(),
            signer: root_key.signer(),
            key_identifier: &identifier,
        };
        let not_after = years_after(
            self.plan.occasion.at,
            self.plan.issuing_years,
            "the issuing CA",
        )?
        .min(root.not_after());
        self.make(&subject, key, Kind::Issuing, not_after, &issuer)
    }

    fn subject(&self, role: &str) -> DistinguishedName {
        let name = &self.plan.name.0;
        DistinguishedName::build(&[
            (AttributeType::Organization, name),
            (AttributeType::CommonName, &format!("{name} {role}")),
        ])
    }

    /// Reserves, signs and stores one certificate, and encrypts its key if it is
    /// a new one.
    fn make(
        &self,
        subject: &DistinguishedName,
        key: &Held<'_>,
        kind: Kind,
        not_after: DateTime<Utc>,
        issuer: &IssuerRef<'_>,
    ) -> Result<Made, Error> {
        let occasion = self.plan.occasion;
        let serial: SerialNumber = draw_serial(self.random, self.instance)?;
        let public_key = key.signer().public_key();
        let not_before =
            whole_seconds(self.plan.occasion.at) - TimeDelta::seconds(BACKDATE_SECONDS);
        let shown = subject.to_string();
        let mut writer = self.inventory.write()?;
        writer.reserve(&Reservation {
            serial: serial.magnitude(),
            kind: match kind {
                Kind::Root => store::Kind::Root,
                _ => store::Kind::Issuing,
            },
            issuer_key_id: issuer.key_identifier,
            subject: &shown,
            common_name: subject.common_name().unwrap_or_default(),
            names: &[],
            key_fingerprint: &public_key.fingerprint(),
            not_before,
            not_after,
            at: occasion.at,
            profile: None,
            requester: Some(occasion.actor),
            request_id: None,
        })?;
        let template = Template {
            subject,
            public_key,
            serial: &serial,
            not_before,
            not_after,
            kind,
        };
        let to_be_signed = template.build(issuer)?;
        judge(&to_be_signed, occasion.at)?;
        let certificate = to_be_signed.sign()?;
        let number = serial.magnitude();
        let fingerprint = certificate.fingerprint();
        writer.store(number, certificate.der(), &fingerprint, occasion.at)?;
        let detail = serde_json::json!({
            "fingerprintSha256": fingerprint,
            "subject": shown,
            "notAfter": rfc3339(not_after),
        });
        occasion.log(&mut writer, Action::Issue, Some(number), &detail)?;
        writer.commit()?;
        self.inventory.note_delivered(number, occasion.at)?;
        Ok(Made {
            certificate,
            key_files: key.files(self.plan)?,
        })
    }
}

/// The last second of a life of so many calendar years.
fn years_after(at: DateTime<Utc>, years: u32, what: &'static str) -> Result<DateTime<Utc>, Error> {
    let months = years.checked_mul(12).ok_or(Error::Validity { what })?;
    whole_seconds(at)
        .checked_add_months(Months::new(months))
        // GeneralizedTime has four digits for the year.
        .filter(|end| end.checked_add_days(Days::new(366)).is_some())
        .filter(|end| end.format("%Y").to_string().len() == 4)
        .ok_or(Error::Validity { what })
}
