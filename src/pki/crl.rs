//! Certificate revocation lists, as far as they are read (RFC 5280 section 5).

use std::collections::HashSet;

use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::der;
use crate::key::PublicKey;

use super::{DistinguishedName, Error, SerialNumber, signature};

/// A complete CRL. Delta and indirect CRLs are refused when they are read.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    issuer: DistinguishedName,
    revoked: HashSet<Vec<u8>>,
}

impl Crl {
    /// Reads one CRL from PEM (`X509 CRL`) or DER. `origin` is what messages
    /// call the file.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedCrl`] for what is no CRL, and for delta, indirect or
    /// otherwise partial CRLs, marked by critical extensions.
    pub fn read(material: &[u8], origin: &str) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::DamagedCrl {
            origin: origin.to_owned(),
            reason: reason.to_owned(),
        };
        let der = if material.starts_with(&[0x30]) {
            material.to_vec()
        } else {
            let blocks =
                pem::parse_many(material).map_err(|_| damaged("it is neither PEM nor DER"))?;
            let mut lists = blocks.into_iter().filter(|block| block.tag() == "X509 CRL");
            let first = lists
                .next()
                .ok_or_else(|| damaged("it has no X509 CRL block"))?;
            if lists.next().is_some() {
                return Err(damaged("it has several CRLs; give each its own file"));
            }
            first.into_contents()
        };
        if der::sequence(&der).is_none_or(|parts| parts.len() != 3) {
            return Err(damaged("it is not DER"));
        }
        let (rest, parsed) = CertificateRevocationList::from_der(&der)
            .map_err(|_| damaged("it does not decode as X.509"))?;
        if !rest.is_empty() {
            return Err(damaged("bytes follow the CRL"));
        }
        // 2.5.29.27 deltaCRLIndicator and 2.5.29.28 issuingDistributionPoint
        // make a list partial, critical or not; an unknown critical extension
        // may do anything.
        let partial = parsed.extensions().iter().find(|extension| {
            let oid = extension.oid.to_id_string();
            extension.critical || oid == "2.5.29.27" || oid == "2.5.29.28"
        });
        if let Some(extension) = partial {
            return Err(damaged(&format!(
                "its extension {} makes it a delta, indirect or partial CRL",
                extension.oid.to_id_string()
            )));
        }
        Ok(Self {
            issuer: DistinguishedName::from_der(parsed.issuer().as_raw())
                .ok_or_else(|| damaged("its issuer name is malformed"))?,
            revoked: parsed
                .iter_revoked_certificates()
                .filter_map(|entry| SerialNumber::from_der_content(entry.raw_serial()))
                .map(|serial| serial.magnitude().to_vec())
                .collect(),
            der,
        })
    }

    /// Whose certificates the list is about, and who signed it.
    #[must_use]
    pub const fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// Whether it lists this serial number.
    #[must_use]
    pub fn revokes(&self, serial: &SerialNumber) -> bool {
        self.revoked.contains(serial.magnitude())
    }

    /// Whether `issuer`'s key made the list's signature.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        let Ok((_, list)) = CertificateRevocationList::from_der(&self.der) else {
            return false;
        };
        signature::is_signed_by(
            issuer,
            &list.signature_algorithm,
            &list.signature_value,
            list.tbs_cert_list.as_ref(),
        )
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl({}, {} entries)", self.issuer, self.revoked.len())
    }
}
