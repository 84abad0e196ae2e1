//! Exit codes and hints for what goes wrong with certificates.

use crate::clock::in_words;
use crate::key::Contents;
use crate::pki;

use super::super::Outcome;

pub(super) fn of_pki(error: &pki::Error) -> Outcome {
    match error {
        pki::Error::Damaged { .. }
        | pki::Error::DamagedCrl { .. }
        | pki::Error::DamagedRequest { .. }
        | pki::Error::Expired { .. }
        | pki::Error::KeyMismatch { .. }
        | pki::Error::NoCertificate { .. }
        | pki::Error::NotYetValid { .. }
        | pki::Error::TooMany { .. } => Outcome::Unusable,
        pki::Error::CaBundle { .. } => Outcome::Usage,
        pki::Error::Issue { .. } | pki::Error::List { .. } | pki::Error::Request { .. } => {
            Outcome::Failed
        }
    }
}

pub(super) fn hint_pki(error: &pki::Error) -> Option<String> {
    let text = match error {
        pki::Error::CaBundle { .. } => {
            "a CA bundle is one DER certificate, or any number of them in PEM"
        }
        pki::Error::Damaged { .. } => {
            "'openssl x509 -in FILE -noout -text' shows how far it can be read"
        }
        pki::Error::DamagedCrl { .. } => "'openssl crl -in FILE -noout -text' shows what it holds",
        pki::Error::DamagedRequest { .. } => {
            "'openssl req -in FILE -noout -text -verify' shows what it holds"
        }
        pki::Error::Expired { not_after, at, .. } => {
            return Some(format!(
                "it ended {} ago by this host's clock; issue a new one ('windlass ca issue --help')",
                in_words(*at - *not_after)
            ));
        }
        pki::Error::KeyMismatch { .. } => {
            "give the certificate that was issued for this key; after a rotation both must be replaced together"
        }
        pki::Error::NoCertificate {
            found: Contents::PrivateKey,
            ..
        } => "give the file with the certificate that belongs to this key",
        pki::Error::NoCertificate { origin, .. } if origin.starts_with("handle:") => {
            "give the handle to --private-key, and the file with its certificate to --certificate"
        }
        pki::Error::NoCertificate { .. } => {
            "a certificate file begins with '-----BEGIN CERTIFICATE-----', or is DER"
        }
        pki::Error::NotYetValid { not_before, at, .. } => {
            return Some(format!(
                "it begins in {} by this host's clock; is the clock right?",
                in_words(*not_before - *at)
            ));
        }
        pki::Error::TooMany { .. } => "give the certificate and its chain, not a whole root store",
        pki::Error::Issue { .. } | pki::Error::List { .. } | pki::Error::Request { .. } => {
            return None;
        }
    };
    Some(text.to_owned())
}
