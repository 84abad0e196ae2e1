//! Certificates in files: those of a chain or a trust anchor, and bundles of roots.

use crate::der;
use crate::key::{self, Contents, Material, is_pem};
use crate::limits;

use super::{Certificate, Error};

/// Reads every certificate of a file's content, in file order. What it may be is
/// what [`Material::read`] takes: PEM with other blocks and text, which are passed
/// over, one DER certificate, or PKCS#12 without a passphrase. `origin` is what
/// messages call the file.
///
/// # Errors
///
/// [`Error::NoCertificate`] says what was found instead, [`Error::Damaged`] a
/// certificate that does not decode, [`Error::TooMany`] a file over the bound.
pub fn read_certificates(content: &[u8], origin: &str) -> Result<Vec<Certificate>, Error> {
    read_each_certificate(content, origin)?
        .into_iter()
        .collect()
}

/// The same, for those who go on without a certificate that does not decode: each
/// is its own success or failure.
///
/// # Errors
///
/// [`Error::NoCertificate`] and [`Error::TooMany`] for the file as a whole, and
/// [`Error::Damaged`] where its PEM does not decode.
pub fn read_each_certificate(
    content: &[u8],
    origin: &str,
) -> Result<Vec<Result<Certificate, Error>>, Error> {
    let nothing = |found| Error::NoCertificate {
        origin: origin.to_owned(),
        found,
    };
    if is_pkcs7(content) {
        return Err(nothing(Contents::Other(
            "it is PKCS#7; 'openssl pkcs7 -inform DER -print_certs' makes PEM of it".to_owned(),
        )));
    }
    let material = Material::read(content, origin, || Ok(None)).map_err(|error| match error {
        key::Error::DamagedFile { form: "PEM", .. } => Error::Damaged {
            origin: origin.to_owned(),
            reason: "a PEM block in it does not decode".to_owned(),
        },
        // It is encrypted, or in a way that is not read.
        _ => nothing(Contents::Pkcs12),
    })?;
    let certificates = material.certificates();
    if certificates.is_empty() {
        return Err(nothing(material.contents().clone()));
    }
    if certificates.len() > limits::MAX_CERTIFICATES {
        return Err(Error::TooMany {
            origin: origin.to_owned(),
            count: certificates.len(),
            max: limits::MAX_CERTIFICATES,
        });
    }
    Ok(certificates
        .iter()
        .map(|der| Certificate::from_der(der, origin))
        .collect())
}

/// Reads the DER of every certificate in a bundle of TLS roots, PEM or DER,
/// without judging any: a system's bundle may hold oddities.
///
/// # Errors
///
/// [`Error::CaBundle`] when there is none.
pub fn read_der_bundle(material: &[u8], origin: &str) -> Result<Vec<Vec<u8>>, Error> {
    if !is_pem(material) && der::sequence(material).is_some() {
        return Ok(vec![material.to_vec()]);
    }
    let blocks = pem::parse_many(material).unwrap_or_default();
    let certificates: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(pem::Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        return Err(Error::CaBundle {
            origin: origin.to_owned(),
        });
    }
    Ok(certificates)
}

/// Whether it is a ContentInfo with signedData (RFC 5652 section 5), as a file
/// whose name ends in `.p7b` holds.
fn is_pkcs7(material: &[u8]) -> bool {
    const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    der::sequence(material)
        .and_then(|parts| parts.first().map(|first| first.content == SIGNED_DATA))
        .unwrap_or(false)
}

/// Writes certificates as PEM, in order, with LF line endings (RFC 7468).
#[must_use]
pub fn encode_pem<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> String {
    let blocks: Vec<pem::Pem> = certificates
        .into_iter()
        .map(|certificate| pem::Pem::new("CERTIFICATE", certificate.der()))
        .collect();
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    blocks
        .iter()
        .map(|block| pem::encode_config(block, config))
        .collect()
}
