//! Issuing workload certificates.
//!
//! The order keeps the promise that no signed certificate is missing from the
//! inventory: reserve the serial number durably, build, sign, parse back and
//! verify, store, and only then hand out. A crash leaves at most a reservation,
//! or a stored certificate that nobody has.

use std::cell::Cell;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::SecureRandom;

use crate::clock::whole_seconds;
use crate::key::{self, GeneratedKey, KeyType, PublicKey, Signer, SoftwareKey};
use crate::pki::{
    AttributeType, Certificate, DistinguishedName, GeneralName, IssuerRef, Kind, PathQuery,
    SerialNumber, Template, encode_pem, read_certificates, validate_path,
};
use crate::secret::Secret;
use crate::store::{self, Inventory, Reservation, Staging};

use super::{
    BACKDATE_SECONDS, CommonName, Error, INVENTORY, ISSUING_CERT, ISSUING_KEY, ROOT_CERT,
    TRUST_ANCHOR, TagValue, draw_serial, open_inventory, read_ca_file,
};

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
    not_after: DateTime<Utc>,
    at: DateTime<Utc>,
}

/// An opened CA, ready to issue.
pub struct Authority {
    inventory: Inventory,
    root: Certificate,
    issuing: Certificate,
    issuing_key: SoftwareKey,
}

impl Authority {
    /// Opens the CA in `directory` and decrypts its issuing key.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no CA, the passphrase is wrong, or key and
    /// certificate do not belong together.
    pub fn open(
        directory: &Path,
        passphrase: impl FnOnce() -> Result<Option<Secret>, key::Error>,
    ) -> Result<Self, Error> {
        let one_certificate = |name: &str| -> Result<Certificate, Error> {
            let origin = directory.join(name).display().to_string();
            let mut certificates = read_certificates(&read_ca_file(directory, name)?, &origin)?;
            Ok(certificates.swap_remove(0))
        };
        let root = one_certificate(ROOT_CERT)?;
        let issuing = one_certificate(ISSUING_CERT)?;
        let foreign = |name: &str, reason| Error::Foreign {
            path: directory.join(name),
            reason,
        };
        if one_certificate(TRUST_ANCHOR)? != root {
            return Err(foreign(TRUST_ANCHOR, "it is not the root"));
        }
        if issuing.issuer() != root.subject() || !issuing.is_signed_by(root.public_key()) {
            return Err(foreign(ISSUING_CERT, "the root did not issue it"));
        }
        let path = directory.join(ISSUING_KEY);
        let material = zeroize::Zeroizing::new(read_ca_file(directory, ISSUING_KEY)?);
        let encrypted = Cell::new(false);
        let issuing_key = key::open_software(&material, &path.display().to_string(), || {
            encrypted.set(true);
            passphrase()
        })?;
        if !encrypted.get() {
            return Err(Error::CaKeyNotEncrypted { path });
        }
        if issuing_key.public_key() != issuing.public_key() {
            return Err(Error::CaKeyMismatch { path });
        }
        // After the passphrase was read: a descriptor number that was meant for
        // it must not name a file that was opened here.
        let inventory = open_inventory(directory)?;
        for certificate in [&root, &issuing] {
            let recorded = inventory.get(certificate.serial().magnitude())?;
            if recorded.and_then(|record| record.der).as_deref() != Some(certificate.der()) {
                return Err(foreign(
                    INVENTORY,
                    "it does not know the CA's own certificates",
                ));
            }
        }
        Ok(Self {
            inventory,
            root,
            issuing,
            issuing_key,
        })
    }

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
        at: DateTime<Utc>,
        random: &dyn SecureRandom,
    ) -> Result<Issued, Error> {
        self.check_own_validity(at)?;
        let key = key::generate(request.key_type, "the new key")?;
        let (not_after, clamped) = self.end_of(request.days, at)?;
        let draft = Draft {
            request,
            subject: subject_of(request),
            public_key: key.key.public_key(),
            not_after,
            at,
        };
        let serial = self.reserve(&draft, random)?;
        let certificate = self.sign(&draft, &serial)?;
        deliver(&staging, &key, &certificate, &self.issuing)?;
        staging.publish()?;
        // The files are there: that the note of it failed must not look as if
        // they were not.
        let unrecorded = self
            .inventory
            .mark_delivered(certificate.serial().magnitude(), at)
            .err();
        Ok(Issued {
            certificate,
            clamped,
            unrecorded,
        })
    }

    /// Reserves a new serial number with everything that will be signed.
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
            let reserved = self.inventory.reserve(&Reservation {
                serial: serial.magnitude(),
                kind: store::Kind::Leaf,
                issuer_key_id: &self.issuing.public_key().key_identifier(),
                subject: &draft.subject.to_string(),
                common_name: draft.request.common_name.as_str(),
                names: &names,
                key_fingerprint: &draft.public_key.fingerprint(),
                not_before: self.begin_of(draft.at),
                not_after: draft.not_after,
                at: draft.at,
            });
            attempts += 1;
            match reserved {
                Ok(()) => return Ok(serial),
                Err(store::Error::SerialTaken { .. }) if attempts < SERIAL_ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Builds, signs, verifies and stores.
    fn sign(&self, draft: &Draft<'_>, serial: &SerialNumber) -> Result<Certificate, Error> {
        let certificate = Template {
            subject: &draft.subject,
            public_key: draft.public_key,
            serial,
            not_before: self.begin_of(draft.at),
            not_after: draft.not_after,
            kind: Kind::Leaf {
                names: draft.request.names.clone(),
            },
        }
        .sign(&IssuerRef {
            name: self.issuing.subject(),
            signer: &self.issuing_key,
            key_identifier: &self.issuing.public_key().key_identifier(),
        })?;
        validate_path(&PathQuery {
            leaf: &certificate,
            intermediates: std::slice::from_ref(&self.issuing),
            anchors: std::slice::from_ref(&self.root),
            crls: &[],
            at: draft.at,
        })
        .map_err(Error::Path)?;
        self.inventory.store(
            serial.magnitude(),
            certificate.der(),
            &certificate.fingerprint(),
            draft.at,
        )?;
        Ok(certificate)
    }

    fn check_own_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
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
        Ok(())
    }

    /// The begin of a leaf's life: a little before now, but not before its
    /// issuer's.
    fn begin_of(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let backdated = whole_seconds(at) - TimeDelta::seconds(BACKDATE_SECONDS);
        backdated.max(self.issuing.not_before())
    }

    /// The end of a leaf's life: as asked for, but never after its issuers'.
    fn end_of(&self, days: u32, at: DateTime<Utc>) -> Result<(DateTime<Utc>, bool), Error> {
        let wanted = whole_seconds(at)
            .checked_add_signed(TimeDelta::days(i64::from(days)))
            .ok_or(Error::Validity { what: "the leaf" })?;
        let latest = self.issuing.not_after().min(self.root.not_after());
        Ok((wanted.min(latest), wanted > latest))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.issuing.subject())
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

/// Writes the four files that other tools know from ACME clients.
fn deliver(
    staging: &Staging,
    key: &GeneratedKey,
    certificate: &Certificate,
    issuing: &Certificate,
) -> Result<(), Error> {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let key_pem = zeroize::Zeroizing::new(pem::encode_config(
        &pem::Pem::new("PRIVATE KEY", key.pkcs8.expose()),
        config,
    ));
    staging.write("key.pem", key_pem.as_bytes())?;
    staging.write("cert.pem", encode_pem([certificate]).as_bytes())?;
    staging.write("chain.pem", encode_pem([issuing]).as_bytes())?;
    staging.write(
        "fullchain.pem",
        encode_pem([certificate, issuing]).as_bytes(),
    )?;
    Ok(())
}
