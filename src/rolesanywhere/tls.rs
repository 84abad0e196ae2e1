//! TLS: which servers are trusted, and what one showed that is not.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::pki::Certificate;
use crate::text::printable;

use super::{Error, TlsProblem};

/// Longest name of a certificate that an error shows, in characters.
const SHOWN: usize = 120;

/// Which server certificates are accepted.
#[derive(Debug)]
pub enum TlsTrust {
    /// The Mozilla roots that are built in, and these besides.
    Roots {
        /// Further roots, DER, from a CA bundle. Those that cannot be a root
        /// are passed over, as long as one can.
        additional: Vec<Vec<u8>>,
    },
    /// Any certificate at all. Whoever sits in between can then take the
    /// credentials; only `--no-verify-ssl` asks for it.
    DangerousAnything,
}

/// Whose certificate a server showed that is not trusted: it tells who sits in
/// between. Both names are printable and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Whom it names.
    pub subject: String,
    /// Who has issued it.
    pub issuer: String,
}

impl ShownCertificate {
    fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der, "the server's certificate").ok()?;
        let shown = |name: &crate::pki::DistinguishedName| {
            let name = printable(&name.to_string(), SHOWN);
            if name.is_empty() {
                "nobody".to_owned()
            } else {
                name
            }
        };
        Some(Self {
            subject: shown(certificate.subject()),
            issuer: shown(certificate.issuer()),
        })
    }
}

impl fmt::Display for ShownCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the certificate shown is that of {}, issued by {}",
            self.subject, self.issuer
        )
    }
}

/// What the last server showed that was not trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Sighting(Arc<Mutex<Option<Vec<u8>>>>);

impl Sighting {
    fn note(&self, certificate: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(certificate.to_vec());
    }

    /// What it was, read only now that somebody wants to know.
    pub(super) fn take(&self) -> Option<ShownCertificate> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ShownCertificate::read(&seen.take()?)
    }
}

/// TLS 1.2 and 1.3 on ring, with the bundled roots: old hosts have stale stores
/// and loading a system store costs milliseconds at every start.
pub(super) fn tls_config(trust: &TlsTrust, sighting: &Sighting) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let setup = |reason: String| Error::Setup { reason };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| setup(error.to_string()))?;
    let algorithms = provider.signature_verification_algorithms;
    let judge = match trust {
        TlsTrust::DangerousAnything => Judge::Nobody,
        TlsTrust::Roots { additional } => {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots(additional)?), provider)
                    .build()
                    .map_err(|error| setup(error.to_string()))?;
            Judge::Roots(verifier, sighting.clone())
        }
    };
    // The verifier inside is rustls's own; this one only looks on.
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { judge, algorithms }))
        .with_no_client_auth())
}

/// The bundled roots, and these besides.
fn roots(additional: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if !additional.is_empty() {
        let certificates = additional
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()));
        if let (0, _) = roots.add_parsable_certificates(certificates) {
            return Err(Error::CaBundle);
        }
    }
    Ok(roots)
}

/// What kind of failure it is.
pub(super) fn problem_of(error: &rustls::Error) -> TlsProblem {
    use rustls::CertificateError as E;
    match error {
        rustls::Error::InvalidCertificate(E::UnknownIssuer | E::BadSignature) => {
            TlsProblem::Untrusted
        }
        // webpki's error has no variant of its own in rustls.
        rustls::Error::InvalidCertificate(E::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            TlsProblem::CaAsServer
        }
        rustls::Error::InvalidMessage(_) => TlsProblem::NotTls,
        _ => TlsProblem::Other,
    }
}

/// Judges a server's certificate; the handshake's own signature is checked in
/// any case.
#[derive(Debug)]
struct Verifier {
    judge: Judge,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Judge {
    /// Lets every certificate pass.
    Nobody,
    /// The ordinary verifier, with somebody beside it who keeps what was refused.
    Roots(Arc<WebPkiServerVerifier>, Sighting),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.judge {
            Judge::Nobody => Ok(ServerCertVerified::assertion()),
            Judge::Roots(verifier, sighting) => verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .inspect_err(|_| sighting.note(end_entity)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
