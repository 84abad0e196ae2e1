//! `windlass read-certificate-data` and `windlass sign-string`: the official
//! helper's output, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::cli::{ReadCertificateData, SignString, SignatureFormat};
use crate::key::{KeyAlgorithm, Scheme};
use crate::limits;
use crate::pki::Certificate;
use crate::rolesanywhere::{self, Algorithm, SigningError};
use crate::text::printable;

use super::identity::{self, Said};
use super::{Context, Error};

/// Prints a certificate's data, or what a selector or a token has.
pub(super) fn read_certificate_data(
    arguments: &ReadCertificateData,
    context: &Context,
) -> Result<(), Error> {
    let found = identity::certificates_only(Said::certificates(arguments), context)?;
    if !identity::is_search(&arguments.certificate)
        && let Some(first) = found.first()
    {
        return context.printer.data(&describe(&first.certificate));
    }
    if found.is_empty() {
        return context.printer.data("No matching identities\n");
    }
    let mut text = "Matching identities\n".to_owned();
    for (index, found) in found.iter().enumerate() {
        text.push_str(&format!(
            "{}) {} \"{}\"\n",
            index + 1,
            hex::encode(Sha1::digest(found.certificate.der())),
            printable(
                &found.certificate.subject().go_string(),
                limits::MAX_SHOWN_NAME
            ),
        ));
        if found.origin.starts_with("pkcs11:") {
            text.push_str(&format!("\tURI: {}\n", found.origin));
        }
    }
    context.printer.data(&text)
}

/// The members stand in the helper's order, without a line ending.
fn describe(certificate: &Certificate) -> String {
    let (key_type, algorithms) = match certificate.public_key().algorithm() {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
            ("EC".to_owned(), json!(["ECSHA256", "ECSHA384", "ECSHA512"]))
        }
        KeyAlgorithm::Rsa { .. } => (
            "RSA".to_owned(),
            json!(["RSASHA256", "RSASHA384", "RSASHA512"]),
        ),
        KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
            let name = certificate.public_key().algorithm().to_string();
            (name.clone(), json!([name]))
        }
        other => (other.to_string(), json!([])),
    };
    format!(
        "{{\"keyType\":{},\"certificateData\":{},\"serialNumber\":{},\"supportedAlgorithms\":{}}}",
        json!(key_type),
        json!(STANDARD.encode(certificate.der())),
        json!(certificate.serial().decimal()),
        algorithms,
    )
}

/// Signs the fixed text.
pub(super) fn sign_string(arguments: &SignString, context: &Context) -> Result<(), Error> {
    let signer = identity::signer_only(Said::signer(arguments), context)?;
    let public = signer.public_key();
    let algorithm = Algorithm::for_key(public.algorithm()).ok_or_else(|| {
        rolesanywhere::Error::Signing(SigningError::Algorithm(public.algorithm()))
    })?;
    let scheme = match algorithm.scheme() {
        Scheme::DeterministicEcdsa(_) => Scheme::DeterministicEcdsa(arguments.digest.0),
        Scheme::RsaPkcs1(_) => Scheme::RsaPkcs1(arguments.digest.0),
        other => other,
    };
    let key_digest = Sha256::new()
        .chain_update("IAM RA")
        .chain_update(public.subject_public_key())
        .finalize();
    let message = [
        b"AWS Roles Anywhere Credential Helper Signing Test1".as_slice(),
        &key_digest,
    ]
    .concat();
    let signature = signer.sign(scheme, &message)?;
    match arguments.format {
        SignatureFormat::Bin => context.printer.bytes(&signature),
        SignatureFormat::Json => context
            .printer
            .data(&format!("\"{}\"", hex::encode(signature))),
        SignatureFormat::Text => context.printer.data(&hex::encode(signature)),
    }
}
