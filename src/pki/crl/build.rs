//! Building and signing revocation lists (RFC 5280 section 5).
//!
//! The list is written element by element, not by rcgen: a million entries
//! within half a second, and the issuer's name byte for byte. What was written
//! is read again and compared with what was asked for before the key is used;
//! then the signature is verified.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::clock::whole_seconds;
use crate::der;
use crate::pki::{Error, IssuerRef, RevocationReason, RevokedEntry, SerialNumber, signature};

use super::layout::{
    AUTHORITY_KEY_IDENTIFIER, CRL_NUMBER, EXTENSIONS, INVALIDITY_DATE, KEY_IDENTIFIER, Layout,
    REASON_CODE,
};
use super::{Crl, PEM_LABEL, PEM_LINE, time};

/// Up to so many entries the list is also read by the parser that reads those of
/// others, whose time grows faster.
const READ_TWICE: usize = 10_000;

/// Longest identifier and length of an element here, in octets.
const MOST_HEAD: usize = 9;

/// Everything that a revocation list will say.
#[derive(Clone, Debug)]
pub struct CrlTemplate {
    /// Its number; higher than that of every list before it.
    pub number: u64,
    /// When it is made.
    pub this_update: DateTime<Utc>,
    /// When the next one will be there at the latest.
    pub next_update: DateTime<Utc>,
    /// The entries, each serial number once.
    pub entries: Vec<RevokedEntry>,
}

/// What will be signed, fixed to the last byte: the TBSCertList.
pub struct CrlToBeSigned<'a> {
    issuer: &'a IssuerRef<'a>,
    /// The TBSCertList, from `start` on. Before it is room for the outermost
    /// head: a list of a million entries is fifty megabytes, written once.
    buffer: Vec<u8>,
    start: usize,
    algorithm: &'static [u8],
    /// How many entries it has.
    entries: usize,
}

/// A revocation list that was signed and verified.
#[derive(Clone)]
pub struct SignedCrl {
    buffer: Vec<u8>,
    /// Where in the buffer the list begins.
    start: usize,
}

impl CrlTemplate {
    /// Builds everything but the signature, reads it again and compares. The
    /// issuer's key is not used.
    ///
    /// # Errors
    ///
    /// [`Error::List`] when a date has no four digits for its year, when the
    /// issuer's key is of a type that signs no lists, or when what was built is
    /// not exactly what was asked for.
    pub fn build<'a>(&self, issuer: &'a IssuerRef<'a>) -> Result<CrlToBeSigned<'a>, Error> {
        let algorithm = signature::algorithm_identifier(issuer.signer.public_key().algorithm())
            .ok_or_else(unfit_key)?;
        let (buffer, start) = self
            .write(issuer, algorithm)
            .ok_or_else(|| failed("a date is out of range"))?;
        let built = CrlToBeSigned {
            issuer,
            buffer,
            start,
            algorithm,
            entries: self.entries.len(),
        };
        self.compare(&built)?;
        Ok(built)
    }

    /// Writes the TBSCertList; gives the buffer and where in it that begins.
    fn write(&self, issuer: &IssuerRef<'_>, algorithm: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut head = Vec::new();
        // Version 2.
        der::append(&mut head, der::INTEGER, &[1]);
        head.extend_from_slice(algorithm);
        head.extend_from_slice(issuer.name.der());
        time::append(&mut head, self.this_update)?;
        time::append(&mut head, self.next_update)?;
        // Heads are written before what they are of, once its length is known.
        let room = head.len() + 3 * MOST_HEAD;
        let tail = self.write_extensions(issuer);
        // An entry has about fifty octets, the signature at most a thousand.
        let mut buffer = Vec::with_capacity(room + self.entries.len() * 52 + tail.len() + 1024);
        buffer.resize(room, 0);
        self.write_entries(&mut buffer)?;
        let entries = buffer.len() - room;
        buffer.extend_from_slice(&tail);
        // An empty list has no revokedCertificates at all.
        if entries > 0 {
            der::append_head(&mut head, der::SEQUENCE, entries);
        }
        let mut front = Vec::new();
        der::append_head(&mut front, der::SEQUENCE, head.len() + entries + tail.len());
        front.extend_from_slice(&head);
        let start = room.checked_sub(front.len())?;
        buffer.get_mut(start..room)?.copy_from_slice(&front);
        Some((buffer, start))
    }

    fn write_entries(&self, entries: &mut Vec<u8>) -> Option<()> {
        // Reused buffers hold the parts of an entry.
        let (mut content, mut extensions, mut value) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &self.entries {
            content.clear();
            extensions.clear();
            append_unsigned(&mut content, entry.serial.magnitude());
            time::append(&mut content, entry.at)?;
            // The reason that says nothing is not written.
            if entry.reason != RevocationReason::Unspecified {
                value.clear();
                der::append(&mut value, der::ENUMERATED, &[entry.reason.code()]);
                append_extension(&mut extensions, REASON_CODE, &value);
            }
            if let Some(since) = entry.invalid_since {
                value.clear();
                time::append_generalized(&mut value, since)?;
                append_extension(&mut extensions, INVALIDITY_DATE, &value);
            }
            if !extensions.is_empty() {
                der::append(&mut content, der::SEQUENCE, &extensions);
            }
            der::append(entries, der::SEQUENCE, &content);
        }
        Some(())
    }

    fn write_extensions(&self, issuer: &IssuerRef<'_>) -> Vec<u8> {
        let key_identifier = der::write(KEY_IDENTIFIER, issuer.key_identifier);
        let mut extensions = Vec::new();
        append_extension(
            &mut extensions,
            AUTHORITY_KEY_IDENTIFIER,
            &der::write(der::SEQUENCE, &key_identifier),
        );
        let number = der::write_unsigned(&self.number.to_be_bytes());
        append_extension(&mut extensions, CRL_NUMBER, &number);
        der::write(EXTENSIONS, &der::write(der::SEQUENCE, &extensions))
    }

    /// Compares what was built with what was asked for.
    fn compare(&self, built: &CrlToBeSigned<'_>) -> Result<(), Error> {
        let wrong = |field: &str| {
            failed(&format!(
                "its {field} is not what was asked for; nothing was signed"
            ))
        };
        let layout = Layout::read(built.tbs()).ok_or_else(|| wrong("encoding"))?;
        let number = SerialNumber::from_magnitude(&self.number.to_be_bytes());
        let oids: Vec<_> = layout
            .extensions
            .iter()
            .map(|found| (found.oid, found.critical))
            .collect();
        let checks = [
            (layout.version == [1], "version"),
            (layout.algorithm == built.algorithm, "algorithm"),
            (layout.issuer == built.issuer.name.der(), "issuer"),
            (
                layout.this_update == whole_seconds(self.this_update),
                "thisUpdate",
            ),
            (
                layout.next_update == Some(whole_seconds(self.next_update)),
                "nextUpdate",
            ),
            (number.is_some() && layout.number() == number, "number"),
            (
                layout.key_identifier() == Some(built.issuer.key_identifier),
                "authorityKeyIdentifier",
            ),
            (
                oids == [(AUTHORITY_KEY_IDENTIFIER, false), (CRL_NUMBER, false)],
                "list of extensions",
            ),
            (
                layout.revoked.is_none() == self.entries.is_empty(),
                "list of entries",
            ),
        ];
        if let Some((_, field)) = checks.iter().find(|(right, _)| !right) {
            return Err(wrong(field));
        }
        let mut read = layout.entries();
        for asked in &self.entries {
            let is_same = read.next().flatten().is_some_and(|found| {
                SerialNumber::is_content_of(&asked.serial, found.serial)
                    && found.at.timestamp() == asked.at.timestamp()
                    && found.reason.unwrap_or_default() == asked.reason.code()
                    && found.reason != Some(0)
                    && found.invalid_since.map(|since| since.timestamp())
                        == asked.invalid_since.map(|since| since.timestamp())
            });
            if !is_same {
                return Err(wrong(&format!("entry {}", asked.serial)));
            }
        }
        match read.next() {
            None => Ok(()),
            Some(_) => Err(wrong("number of entries")),
        }
    }
}

impl CrlToBeSigned<'_> {
    /// Signs, parses back, compares what was signed with what was to be signed,
    /// and verifies the signature.
    ///
    /// # Errors
    ///
    /// [`Error::List`] when the key fails or the signature is not the issuer's.
    pub fn sign(mut self) -> Result<SignedCrl, Error> {
        let signer = self.issuer.signer;
        let scheme = signer
            .public_key()
            .certificate_scheme()
            .ok_or_else(unfit_key)?;
        let signature = signer
            .sign(scheme, self.tbs())
            .map_err(|source| Error::List {
                reason: "the issuer's key failed".to_owned(),
                source: Some(source),
            })?;
        let bits = der::write(der::BIT_STRING, &[&[0][..], &signature].concat());
        let length = self.tbs().len() + self.algorithm.len() + bits.len();
        let mut front = Vec::new();
        der::append_head(&mut front, der::SEQUENCE, length);
        let tbs = self.tbs().len();
        let start = self
            .start
            .checked_sub(front.len())
            .ok_or_else(|| failed("it does not fit"))?;
        self.buffer[start..self.start].copy_from_slice(&front);
        self.buffer.extend_from_slice(self.algorithm);
        self.buffer.extend_from_slice(&bits);
        self.verify(&self.buffer[start..], tbs)?;
        Ok(SignedCrl {
            buffer: self.buffer,
            start,
        })
    }

    /// The TBSCertList.
    fn tbs(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn verify(&self, der: &[u8], length: usize) -> Result<(), Error> {
        let parts = der::sequence(der).unwrap_or_default();
        let [tbs, algorithm, _] = parts.as_slice() else {
            return Err(failed("it is not what was to be signed"));
        };
        if tbs.encoded.len() != length || algorithm.encoded != self.algorithm {
            return Err(failed("its content changed while it was signed"));
        }
        // What was compared stands where it stood, so this is about that.
        let issuer = self.issuer.signer.public_key();
        if !signature::is_of(issuer, der) {
            return Err(failed("its signature is not the issuer's"));
        }
        if self.entries <= READ_TWICE {
            let read = Crl::read(der, "the new list")?;
            if read.entries() != self.entries || read.issuer() != self.issuer.name {
                return Err(failed("another parser does not read the same"));
            }
        }
        Ok(())
    }
}

impl SignedCrl {
    /// The DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// SHA-256 of the DER encoding, lowercase hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.der()))
    }

    /// The size of [`SignedCrl::to_pem`] in bytes, without writing it.
    #[must_use]
    pub fn pem_size(&self) -> usize {
        let base64 = self.der().len().div_ceil(3) * 4;
        let ends = "-----BEGIN -----\n-----END -----\n".len() + 2 * PEM_LABEL.len();
        base64 + base64.div_ceil(PEM_LINE) + ends
    }

    /// As PEM, the form that Roles Anywhere takes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new(PEM_LABEL, self.der()), config)
    }
}

impl std::fmt::Debug for CrlToBeSigned<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CrlToBeSigned({} bytes)", self.tbs().len())
    }
}

impl std::fmt::Debug for SignedCrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedCrl({} bytes)", self.der().len())
    }
}

/// As [`der::write_unsigned`], into a buffer.
fn append_unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    if magnitude.first().is_some_and(|first| *first < 0x80) {
        der::append(out, der::INTEGER, magnitude);
    } else {
        out.extend_from_slice(&der::write_unsigned(magnitude));
    }
}

/// Appends an extension that is not critical.
fn append_extension(out: &mut Vec<u8>, oid: &[u8], value: &[u8]) {
    // Both lengths are below 128: keys are identified by at most a hash, and
    // everything else is shorter.
    let length = oid.len() + value.len() + 4;
    der::append_head(out, der::SEQUENCE, length);
    der::append(out, der::OBJECT_IDENTIFIER, oid);
    der::append(out, der::OCTET_STRING, value);
}

fn unfit_key() -> Error {
    failed("the issuer's key cannot sign revocation lists")
}

fn failed(reason: &str) -> Error {
    Error::List {
        reason: reason.to_owned(),
        source: None,
    }
}
