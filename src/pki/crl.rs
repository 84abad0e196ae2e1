//! Certificate revocation lists (RFC 5280 section 5): those that are read here,
//! and in [`build`] those that are made.

mod build;
mod form;
mod layout;
mod time;

pub(super) use form::ListForm;

pub use build::{CrlTemplate, CrlToBeSigned, SignedCrl};

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::der;
use crate::key::PublicKey;
use crate::limits;

use super::{DistinguishedName, Error, RevocationReason, SerialNumber, signature};

use layout::Layout;

/// What stands in the lines around a list in PEM.
const PEM_LABEL: &str = "X509 CRL";

/// Characters on each line of it but the last.
const PEM_LINE: usize = 64;

/// A CRL: a complete one, unless [`Crl::read_any`] has read it.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    head: CrlHead,
    form: ListForm,
    /// The reason codes by serial number; `None` where it has none.
    revoked: HashMap<Vec<u8>, Option<u8>>,
}

/// What a list says of itself, without its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlHead {
    /// Whose certificates it is about, and who signed it.
    pub issuer: DistinguishedName,
    /// The identifier of the key that signed it, when it names one.
    pub key_identifier: Option<Vec<u8>>,
    /// Its number, when it has one that is not zero. Numbers have the form and
    /// the bounds of serial numbers (RFC 5280 section 5.2.3).
    pub number: Option<SerialNumber>,
    /// When it was made.
    pub this_update: DateTime<Utc>,
    /// When the next one will be there, when it says so.
    pub next_update: Option<DateTime<Utc>>,
}

impl CrlHead {
    /// Reads the head of one CRL from PEM (`X509 CRL`) or DER, in a time that
    /// hardly grows with its entries.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedCrl`] for what is no CRL.
    pub fn read(material: &[u8], origin: &str) -> Result<Self, Error> {
        let der = der_of(material).map_err(|reason| damaged(origin, reason))?;
        Self::from_der(&der).map_err(|reason| damaged(origin, reason))
    }

    fn from_der(der: &[u8]) -> Result<Self, &'static str> {
        let parts = der::sequence(der).filter(|parts| parts.len() == 3);
        let layout = parts
            .and_then(|parts| Layout::read(parts.first()?.encoded))
            .ok_or("it is not DER, or no list")?;
        Ok(Self {
            issuer: DistinguishedName::from_der(layout.issuer)
                .ok_or("its issuer name is malformed")?,
            key_identifier: layout.key_identifier().map(ToOwned::to_owned),
            number: layout.number(),
            this_update: layout.this_update,
            next_update: layout.next_update,
        })
    }
}

/// The DER of the one list in a file.
fn der_of(material: &[u8]) -> Result<Vec<u8>, &'static str> {
    if material.starts_with(&[0x30]) {
        return Ok(material.to_vec());
    }
    if let Some(der) = plain_pem(material) {
        return Ok(der);
    }
    let blocks = pem::parse_many(material).map_err(|_| "it is neither PEM nor DER")?;
    let mut lists = blocks.into_iter().filter(|block| block.tag() == PEM_LABEL);
    let first = lists.next().ok_or("it has no X509 CRL block")?;
    if lists.next().is_some() {
        return Err("it has several CRLs; give each its own file");
    }
    Ok(first.into_contents())
}

/// The one list in a file that is written exactly as this program writes it: ten
/// times as fast as what reads every form, and whoever publishes a list reads the
/// one before. `None` for every other form.
fn plain_pem(material: &[u8]) -> Option<Vec<u8>> {
    let body = material
        .strip_prefix(b"-----BEGIN X509 CRL-----\n")?
        .strip_suffix(b"-----END X509 CRL-----\n")?;
    let mut digits = Vec::with_capacity(body.len());
    for line in body.chunks(PEM_LINE + 1) {
        let line = line.strip_suffix(b"\n")?;
        digits.extend_from_slice(line);
    }
    // A line that is too short leaves its end within another, which base64 does
    // not take.
    STANDARD.decode(digits).ok()
}

/// How many entries and extensions a list has; `None` where they do not stand in
/// their places.
fn counted(der: &[u8]) -> Option<(usize, usize)> {
    let parts = der::sequence(der)?;
    let fields = der::sequence(parts.first()?.encoded)?;
    let is_time = |field: &der::Element<'_>| matches!(field.tag, 0x17 | 0x18);
    let times = fields.iter().position(is_time)?;
    let behind = fields
        .get(times..)?
        .iter()
        .skip_while(|field| is_time(field));
    let (mut entries, mut extensions) = (None, None);
    for field in behind {
        match field.tag {
            der::SEQUENCE if entries.is_none() && extensions.is_none() => {
                entries = Some(count(field.content)?);
            }
            layout::EXTENSIONS if extensions.is_none() => {
                extensions = Some(der::sequence(field.content)?.len());
            }
            _ => return None,
        }
    }
    Some((entries.unwrap_or(0), extensions.unwrap_or(0)))
}

/// How many elements there are, without keeping them: a list may have millions.
fn count(mut content: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !content.is_empty() {
        content = der::read(content)?.1;
        count += 1;
    }
    Some(count)
}

fn damaged(origin: &str, reason: &str) -> Error {
    Error::DamagedCrl {
        origin: origin.to_owned(),
        reason: reason.to_owned(),
    }
}

/// How many bytes so many have as PEM.
const fn pem_length(octets: usize) -> usize {
    const LINE: usize = 64;
    let text = octets.div_ceil(3).saturating_mul(4);
    // Both boundaries: `-----BEGIN -----` and `-----END -----` with the label, and
    // the ends of their lines.
    let boundaries = 2 * PEM_LABEL.len() + 16 + 14 + 2;
    text.saturating_add(text.div_ceil(LINE))
        .saturating_add(boundaries)
}

impl Crl {
    /// Reads one complete CRL from PEM (`X509 CRL`) or DER. `origin` is what
    /// messages call the file.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedCrl`] for what is no CRL, and for delta, indirect or
    /// otherwise partial CRLs, marked by critical extensions.
    pub fn read(material: &[u8], origin: &str) -> Result<Self, Error> {
        let read = Self::read_any(material, origin)?;
        match &read.form.partial {
            None => Ok(read),
            Some(oid) => Err(damaged(
                origin,
                &format!("its extension {oid} makes it a delta, indirect or partial CRL"),
            )),
        }
    }

    /// Reads every CRL of a file, of any kind: each as [`Crl::read_any`] does.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedCrl`] for a file without one.
    pub fn read_each(material: &[u8], origin: &str) -> Result<Vec<Result<Self, Error>>, Error> {
        let blocks = pem::parse_many(material).unwrap_or_default();
        let lists: Vec<Vec<u8>> = blocks
            .into_iter()
            .filter(|block| block.tag() == PEM_LABEL)
            .map(pem::Pem::into_contents)
            .collect();
        if lists.is_empty() {
            // DER, or something whose error says what it is.
            return Self::read_any(material, origin).map(|list| vec![Ok(list)]);
        }
        if lists.len() > limits::MAX_CERTIFICATES {
            return Err(damaged(origin, "it has more lists than are read"));
        }
        let lists = lists.into_iter();
        Ok(lists.map(|der| Self::from_der(der, origin)).collect())
    }

    /// Reads one CRL of any kind, for those who look at what it is about before
    /// they rely on it, as path validation does.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedCrl`] for what is no CRL.
    pub fn read_any(material: &[u8], origin: &str) -> Result<Self, Error> {
        let der = der_of(material).map_err(|reason| damaged(origin, reason))?;
        Self::from_der(der, origin)
    }

    fn from_der(der: Vec<u8>, origin: &str) -> Result<Self, Error> {
        let damaged = |reason: &str| damaged(origin, reason);
        if der::sequence(&der).is_none_or(|parts| parts.len() != 3) {
            return Err(damaged("it is not DER"));
        }
        let (rest, parsed) = CertificateRevocationList::from_der(&der)
            .map_err(|_| damaged("it does not decode as X.509"))?;
        if !rest.is_empty() {
            return Err(damaged("bytes follow the CRL"));
        }
        // The parser passes over entries and extensions that it cannot read.
        let read = (
            parsed.iter_revoked_certificates().count(),
            parsed.extensions().len(),
        );
        if counted(&der) != Some(read) {
            return Err(damaged("an entry or an extension does not decode as X.509"));
        }
        let form = ListForm::read(&parsed);
        Ok(Self {
            form,
            revoked: parsed
                .iter_revoked_certificates()
                .filter_map(|entry| {
                    let serial = SerialNumber::from_der_content(entry.raw_serial())?;
                    let reason = entry.reason_code().map(|(_, reason)| reason.0);
                    Some((serial.magnitude().to_vec(), reason))
                })
                .collect(),
            head: CrlHead {
                issuer: DistinguishedName::from_der(parsed.issuer().as_raw())
                    .ok_or_else(|| damaged("its issuer name is malformed"))?,
                key_identifier: parsed.extensions().iter().find_map(|extension| {
                    match extension.parsed_extension() {
                        ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                            Some(identifier.key_identifier.as_ref()?.0.to_vec())
                        }
                        _ => None,
                    }
                }),
                number: parsed
                    .crl_number()
                    .and_then(|number| SerialNumber::from_magnitude(&number.to_bytes_be())),
                this_update: DateTime::from_timestamp(parsed.last_update().timestamp(), 0)
                    .ok_or_else(|| damaged("its thisUpdate is out of range"))?,
                next_update: parsed
                    .next_update()
                    .and_then(|at| DateTime::from_timestamp(at.timestamp(), 0)),
            },
            der,
        })
    }

    /// Whose certificates the list is about, and who signed it.
    #[must_use]
    pub const fn issuer(&self) -> &DistinguishedName {
        &self.head.issuer
    }

    /// SHA-256 of its DER, lowercase hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// The list as PEM (`X509 CRL`), as Roles Anywhere takes it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new(PEM_LABEL, self.der.as_slice()), config)
    }

    /// How many bytes it has as PEM (RFC 7468), lines ended by LF.
    #[must_use]
    pub const fn pem_length(&self) -> usize {
        pem_length(self.der.len())
    }

    /// What it says of itself.
    #[must_use]
    pub const fn head(&self) -> &CrlHead {
        &self.head
    }

    /// How many serial numbers it lists.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.revoked.len()
    }

    /// The serial numbers that it lists, unsigned big-endian, in no order.
    pub fn serials(&self) -> impl Iterator<Item = &[u8]> {
        self.revoked.keys().map(Vec::as_slice)
    }

    /// The reason for which it lists this serial number (unsigned big-endian);
    /// `None` when it does not, or for one that RFC 5280 does not have.
    #[must_use]
    pub fn reason_of(&self, magnitude: &[u8]) -> Option<RevocationReason> {
        RevocationReason::of_code(self.revoked.get(magnitude)?.unwrap_or_default())
    }

    /// The reason that it states for this serial number, where it states one.
    pub(super) fn stated_reason(&self, serial: &SerialNumber) -> Option<RevocationReason> {
        let code = *self.revoked.get(serial.magnitude())?;
        code.and_then(RevocationReason::of_code)
    }

    /// Whether it lists this serial number with this code for its reason.
    pub(super) fn has_reason(&self, serial: &SerialNumber, code: u8) -> bool {
        self.revoked.get(serial.magnitude()) == Some(&Some(code))
    }

    /// What it is about, and what of it cannot be relied on.
    pub(super) const fn form(&self) -> &ListForm {
        &self.form
    }

    /// Whether it lists this serial number.
    #[must_use]
    pub fn revokes(&self, serial: &SerialNumber) -> bool {
        self.revoked.contains_key(serial.magnitude())
    }

    /// Whether `issuer`'s key made the list's signature.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        signature::is_of(issuer, &self.der)
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Crl({}, {} entries)",
            self.head.issuer,
            self.revoked.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quick way reads what the other reads, and nothing that is not whole.
    #[test]
    fn our_own_form_of_pem_is_read_as_every_form_is() {
        for length in [1, 47, 48, 49, 96, 1000] {
            let content: Vec<u8> = (0..=250_u8).cycle().take(length).collect();
            let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
            let text = pem::encode_config(&pem::Pem::new(PEM_LABEL, content.as_slice()), config);
            assert_eq!(plain_pem(text.as_bytes()), Some(content), "{length}");
            for other in [
                text.replace('\n', "\r\n"),
                format!("{text}{text}"),
                format!("comment\n{text}"),
                text.replacen('\n', "\n\n", 1),
                text.replace("X509 CRL", "CERTIFICATE"),
                text.replacen("\n-----END", "-----END", 1),
                text.replacen("-----\n", "-----\n*", 1),
            ] {
                assert_eq!(plain_pem(other.as_bytes()), None, "{other}");
            }
        }
    }

    #[test]
    fn the_length_of_pem_is_that_of_what_is_written() {
        for octets in (0..400).chain([10_000]) {
            let block = pem::Pem::new(PEM_LABEL, vec![7; octets]);
            let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
            let text = pem::encode_config(&block, config);
            assert_eq!(pem_length(octets), text.len(), "{octets}");
        }
    }
}
