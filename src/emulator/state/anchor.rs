//! Trust anchors.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pki::{self, Certificate};

use super::head::{Head, Kind, Resource};

/// Most certificates in one trust anchor (AWS quota, not adjustable).
const MAX_CERTIFICATES: usize = 2;

/// A trust anchor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct TrustAnchor {
    /// Id, name and so on.
    pub(in crate::emulator) head: Head,
    /// Where its certificates come from.
    pub(in crate::emulator) source: Source,
    /// Whether CRL distribution points are to be asked, which the emulator does
    /// not do.
    pub(in crate::emulator) crl_dp_revocation_enabled: bool,
    /// Settings that are not the default ones.
    #[serde(default)]
    pub(in crate::emulator) notifications: Vec<Notification>,
}

impl Resource for TrustAnchor {
    const KIND: Kind = Kind::TrustAnchor;

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

impl TrustAnchor {
    /// The certificates that can be known here.
    pub(in crate::emulator) fn certificates(&self) -> &[Certificate] {
        match &self.source {
            Source::Bundle { certificates } => certificates.certificates(),
            Source::Pca { .. } | Source::SelfSigned => &[],
        }
    }
}

/// Where the certificates of a trust anchor come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::emulator) enum Source {
    /// From the request.
    Bundle {
        /// The certificates.
        certificates: Bundle,
    },
    /// From a CA of AWS, which the emulator does not have.
    Pca {
        /// Its ARN.
        arn: String,
    },
    /// Stands in the service's model; its use is not documented.
    SelfSigned,
}

/// A setting about what is told when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct Notification {
    /// What happens.
    pub(in crate::emulator) event: String,
    /// Whether it is told.
    pub(in crate::emulator) enabled: bool,
    /// So many days before.
    pub(in crate::emulator) threshold: u32,
}

/// Why certificates cannot be those of a trust anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::emulator) enum BundleError {
    /// One of them is no CA's.
    #[error("the certificate of {subject} {reason}")]
    NotCa {
        /// Whose certificate it is.
        subject: String,
        /// What it lacks.
        reason: &'static str,
        /// Whether that is `CA:TRUE`, which AWS has a message for.
        is_basic_constraints: bool,
    },
    /// There are too many.
    #[error("{0} certificates, a trust anchor takes {MAX_CERTIFICATES}")]
    TooMany(usize),
    /// They are no certificates.
    #[error("{0}")]
    Unreadable(String),
}

/// One or two certificates of CAs, with the text in which they came.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(in crate::emulator) struct Bundle(Arc<Read>);

#[derive(Debug)]
struct Read {
    text: String,
    certificates: Vec<Certificate>,
}

impl Bundle {
    /// Certificates that were read elsewhere.
    ///
    /// # Errors
    ///
    /// [`BundleError::NotCa`] or [`BundleError::TooMany`].
    pub(in crate::emulator) fn of(certificates: Vec<Certificate>) -> Result<Self, BundleError> {
        let text = pki::encode_pem(&certificates);
        Self::checked(text, certificates)
    }

    /// The text, PEM.
    pub(in crate::emulator) fn text(&self) -> &str {
        &self.0.text
    }

    /// The certificates.
    pub(in crate::emulator) fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// A trust anchor takes one or two certificates that are CAs and may sign
    /// certificates (user guide, "Trust model" and "Quotas").
    fn checked(text: String, certificates: Vec<Certificate>) -> Result<Self, BundleError> {
        if certificates.len() > MAX_CERTIFICATES {
            return Err(BundleError::TooMany(certificates.len()));
        }
        for certificate in &certificates {
            let may_sign = certificate
                .key_usage()
                .is_some_and(|usage| usage.key_cert_sign);
            let (reason, is_basic_constraints) = if !certificate.is_ca() {
                ("lacks basicConstraints CA:TRUE", true)
            } else if !may_sign {
                ("lacks keyUsage keyCertSign", false)
            } else {
                continue;
            };
            return Err(BundleError::NotCa {
                subject: certificate.subject().to_string(),
                reason,
                is_basic_constraints,
            });
        }
        Ok(Self(Arc::new(Read { text, certificates })))
    }
}

impl TryFrom<String> for Bundle {
    type Error = BundleError;

    fn try_from(text: String) -> Result<Self, BundleError> {
        let certificates = pki::read_certificates(text.as_bytes(), "x509CertificateData")
            .map_err(|error| BundleError::Unreadable(error.to_string()))?;
        Self::checked(text, certificates)
    }
}

impl From<Bundle> for String {
    fn from(bundle: Bundle) -> Self {
        bundle.0.text.clone()
    }
}
