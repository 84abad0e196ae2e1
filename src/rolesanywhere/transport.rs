//! The one outgoing connection: TLS with bundled roots, deadlines, one POST.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::limits;
use crate::secret::Secret;

use super::{Endpoint, Error, Reply, SignedRequest, TlsProblem};

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

/// How requests are sent.
pub struct TransportSettings {
    /// Which server certificates are accepted.
    pub trust: TlsTrust,
    /// A proxy for https requests, as a URL.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy, comma-separated.
    pub no_proxy: Option<String>,
    /// Longest that connecting may take.
    pub connect_deadline: Duration,
    /// Longest silence.
    pub read_deadline: Duration,
    /// Longest that everything may take.
    pub total_deadline: Duration,
}

impl std::fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The proxy's URL may carry a password.
        write!(f, "TransportSettings({:?})", self.trust)
    }
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            trust: TlsTrust::Roots {
                additional: Vec::new(),
            },
            proxy: None,
            no_proxy: None,
            connect_deadline: limits::CONNECT_DEADLINE,
            read_deadline: limits::READ_DEADLINE,
            total_deadline: limits::TOTAL_DEADLINE,
        }
    }
}

/// A client for one endpoint.
pub struct Transport {
    client: reqwest::Client,
    total_deadline: Duration,
}

impl Transport {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::CaBundle`], [`Error::ProxyUrl`], or [`Error::Setup`] when TLS
    /// cannot be set up.
    pub fn new(settings: &TransportSettings) -> Result<Self, Error> {
        let setup = |reason: String| Error::Setup { reason };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(&settings.trust)?)
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .connect_timeout(settings.connect_deadline)
            .read_timeout(settings.read_deadline)
            // The environment is read by `main` alone.
            .no_proxy();
        if let Some(url) = &settings.proxy {
            let proxy = reqwest::Proxy::https(url)
                .map_err(|_| Error::ProxyUrl)?
                .no_proxy(
                    settings
                        .no_proxy
                        .as_deref()
                        .and_then(reqwest::NoProxy::from_string),
                );
            builder = builder.proxy(proxy);
        }
        Ok(Self {
            client: builder.build().map_err(|error| setup(words_of(&error)))?,
            total_deadline: settings.total_deadline,
        })
    }

    /// Sends a signed request and reads the answer, bounded in size and in time,
    /// `within` less than the transport's own deadline when that is given.
    ///
    /// # Errors
    ///
    /// [`Error`] for everything that prevents a complete answer; an answer of
    /// any status is no error here.
    pub fn send(
        &self,
        endpoint: &Endpoint,
        request: &SignedRequest,
        body: &str,
        within: Option<Duration>,
    ) -> Result<Reply, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Setup {
                reason: error.to_string(),
            })?;
        let outcome = runtime.block_on(self.exchange(endpoint, request, body, within));
        // A resolver that hangs in its thread must not delay the exit.
        runtime.shutdown_background();
        outcome
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: &SignedRequest,
        body: &str,
        within: Option<Duration>,
    ) -> Result<Reply, Error> {
        let host = endpoint.authority();
        let begun = Instant::now();
        let classify = |error: &reqwest::Error| Self::classify(error, &host, begun.elapsed());
        let mut response = self
            .client
            .post(endpoint.url("/sessions", &request.canonical_query))
            .headers(header_map(&request.headers)?)
            .body(body.to_owned())
            .timeout(within.map_or(self.total_deadline, |left| left.min(self.total_deadline)))
            .send()
            .await
            .map_err(|error| classify(&error))?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let mut reply = Reply {
            host: host.clone(),
            status: response.status().as_u16(),
            content_type: header("content-type"),
            error_type: header("x-amzn-errortype"),
            request_id: header("x-amzn-requestid"),
            emulator_reason: header("x-windlass-reason"),
            date: header("date").as_deref().and_then(http_date),
            body: Secret::new(Vec::new()),
        };
        let mut collected = zeroize::Zeroizing::new(Vec::with_capacity(8 * 1024));
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if collected.len() + chunk.len() > limits::MAX_RESPONSE {
                return Err(Error::BadResponse {
                    host,
                    status: reply.status,
                    reason: format!("with more than {} bytes", limits::MAX_RESPONSE),
                });
            }
            collected.extend_from_slice(&chunk);
        }
        reply.body = Secret::new(std::mem::take(&mut collected));
        Ok(reply)
    }

    /// Finds the cause in the layers of a client error, `waited` after the
    /// start.
    fn classify(error: &reqwest::Error, host: &str, waited: Duration) -> Error {
        let host = host.to_owned();
        if error.is_timeout() {
            return Error::Timeout {
                host,
                seconds: waited.as_secs(),
            };
        }
        let reason = words_of(error);
        if let Some(tls) = find::<rustls::Error>(error) {
            let problem = problem_of(tls);
            return Error::Tls {
                host,
                problem,
                reason: match problem {
                    TlsProblem::CaAsServer => "the server's certificate is a CA's".to_owned(),
                    _ => reason,
                },
            };
        }
        if in_tunnel(error) {
            return Error::Proxy {
                host,
                wants_credentials: reason.contains("authorization required"),
                reason,
            };
        }
        if reason.contains("lookup address") || reason.contains("dns error") {
            return Error::Dns { host, reason };
        }
        if error.is_connect() {
            return Error::Connect { host, reason };
        }
        if find::<hyper::Error>(error).is_some_and(is_not_http) {
            return Error::NotHttp { host, reason };
        }
        Error::Interrupted { host, reason }
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

/// TLS 1.2 and 1.3 on ring, with the bundled roots: old hosts have stale stores
/// and loading a system store costs milliseconds at every start.
fn tls_config(trust: &TlsTrust) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Error::Setup {
            reason: error.to_string(),
        })?;
    let additional = match trust {
        TlsTrust::DangerousAnything => {
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAnything(provider)))
                .with_no_client_auth());
        }
        TlsTrust::Roots { additional } => additional,
    };
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
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A verifier that looks at nothing but the handshake's own signature.
#[derive(Debug)]
struct AcceptAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Error> {
    let malformed = |name: &str| Error::Setup {
        reason: format!("the header {name} cannot be sent"),
    };
    headers
        .iter()
        // The client derives `host` from the URL, with the same rule for ports.
        .filter(|(name, _)| name != "host")
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).map_err(|_| malformed(name))?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed(name))?;
            Ok((name, value))
        })
        .collect()
}

/// RFC 9110 section 5.6.7, the one form that is still generated.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.with_timezone(&Utc))
}

fn is_not_http(error: &hyper::Error) -> bool {
    error.is_parse() && !error.is_parse_too_large()
}

fn problem_of(error: &rustls::Error) -> TlsProblem {
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

/// The last cause of an error, which is the one that says something.
fn words_of(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let words = last.to_string();
    // Some libraries end their sentence with an address of their manual.
    let words = words.split(": https://").next().unwrap_or_default();
    crate::text::printable(words, 300)
}

/// Whether the way through the proxy failed: reaching the proxy, or its answer
/// to CONNECT. The client's type for it is private, its words are not.
fn in_tunnel(error: &reqwest::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .any(|cause| cause.to_string().starts_with("tunnel error"))
}

/// The first cause of the given type. `io::Error` gives the source of what it
/// wraps as its own, so what it wraps is looked at by hand.
fn find<'a, E: std::error::Error + 'static>(error: &'a reqwest::Error) -> Option<&'a E> {
    let mut next: Option<&'a (dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    None
}
