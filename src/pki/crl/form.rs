//! What a list is about, as its extensions say (RFC 5280 section 5.2), and what
//! of it cannot be relied on.

use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::X509Version;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};

use crate::pki::certificate::{SignatureHash, signature_hash};
use crate::pki::oid::dotted;

/// deltaCRLIndicator.
const DELTA: &str = "2.5.29.27";
/// issuingDistributionPoint.
const DISTRIBUTION_POINT: &str = "2.5.29.28";
/// certificateIssuer, of an entry.
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// What is not said by the head of a list and by its entries' serial numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pki) struct ListForm {
    /// The extension that makes it another than a complete list: critical, or one
    /// of the two of delta and partial lists.
    pub(in crate::pki) partial: Option<String>,
    pub(in crate::pki) is_delta: bool,
    /// Some entries are of other issuers, or may be.
    pub(in crate::pki) is_indirect: bool,
    /// It is about the certificates of one distribution point.
    pub(in crate::pki) is_of_point: bool,
    pub(in crate::pki) only_users: bool,
    pub(in crate::pki) only_authorities: bool,
    pub(in crate::pki) only_attributes: bool,
    pub(in crate::pki) only_some_reasons: bool,
    /// A critical extension that is not known, of the list or of an entry.
    pub(in crate::pki) unknown: Option<String>,
    /// Whether its two names of the signature's algorithm differ.
    pub(in crate::pki) has_two_algorithms: bool,
    /// Whether its version is 2, which lists with extensions have.
    pub(in crate::pki) is_version_2: bool,
    /// Of its signature.
    pub(in crate::pki) signature_hash: SignatureHash,
}

impl ListForm {
    pub(super) fn read(list: &CertificateRevocationList<'_>) -> Self {
        let signed = &list.tbs_cert_list;
        let mut form = Self {
            partial: None,
            is_delta: false,
            is_indirect: false,
            is_of_point: false,
            only_users: false,
            only_authorities: false,
            only_attributes: false,
            only_some_reasons: false,
            unknown: None,
            has_two_algorithms: signed.signature != list.signature_algorithm,
            is_version_2: signed.version == Some(X509Version::V2),
            signature_hash: signature_hash(&dotted(&list.signature_algorithm.algorithm)),
        };
        let mut seen = Vec::new();
        for extension in list.extensions() {
            form.add(extension);
            if seen.contains(&&extension.oid) {
                form.unknown = Some(dotted(&extension.oid));
            }
            seen.push(&extension.oid);
        }
        form.add_entries(list.iter_revoked_certificates());
        form
    }

    fn add(&mut self, extension: &X509Extension<'_>) {
        let oid = dotted(&extension.oid);
        let is_known = matches!(oid.as_str(), DELTA | DISTRIBUTION_POINT);
        if self.partial.is_none() && (extension.critical || is_known) {
            self.partial = Some(oid.clone());
        }
        match extension.parsed_extension() {
            _ if oid == DELTA => self.is_delta = true,
            ParsedExtension::IssuingDistributionPoint(point) => {
                self.is_of_point |= point.distribution_point.is_some();
                self.only_users |= point.only_contains_user_certs;
                self.only_authorities |= point.only_contains_ca_certs;
                self.only_attributes |= point.only_contains_attribute_certs;
                self.only_some_reasons |= point.only_some_reasons.is_some();
                self.is_indirect |= point.indirect_crl;
            }
            // The CRL number and the identifier of the signer's key restrict
            // nothing, critical or not.
            ParsedExtension::CRLNumber(_) | ParsedExtension::AuthorityKeyIdentifier(_) => {}
            _ if extension.critical || is_known => self.unknown = Some(oid),
            _ => {}
        }
    }

    fn add_entries<'a>(&mut self, entries: impl Iterator<Item = &'a RevokedCertificate<'a>>) {
        for extension in entries.flat_map(RevokedCertificate::extensions) {
            let is_issuer = || dotted(&extension.oid) == CERTIFICATE_ISSUER;
            match extension.parsed_extension() {
                ParsedExtension::ReasonCode(_) | ParsedExtension::InvalidityDate(_) => {}
                _ if is_issuer() => self.is_indirect = true,
                _ if extension.critical => self.unknown = Some(dotted(&extension.oid)),
                _ => {}
            }
        }
    }
}
