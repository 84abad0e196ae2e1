//! Outgoing connections: TLS with bundled roots, proxies, deadlines, one POST each.

mod connect;

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::limits;
use crate::secret::Secret;

use super::response::http_date;
use super::tls::{Sighting, problem_of, tls_config};
use super::{Endpoint, Error, NoProxy, Proxy, Reply, RetryAfter, TlsProblem, TlsTrust};

/// How requests are sent.
pub struct TransportSettings {
    /// Which server certificates are accepted.
    pub trust: TlsTrust,
    /// A proxy for https requests to other machines; nothing on loopback is
    /// reached through it, as in Go and curl.
    pub proxy: Option<Proxy>,
    /// Hosts that are reached without the proxy.
    pub no_proxy: NoProxy,
    /// Longest that connecting may take.
    pub connect_deadline: Duration,
    /// Longest silence.
    pub read_deadline: Duration,
    /// Longest that everything may take, all attempts together.
    pub total_deadline: Duration,
}

/// A request that is ready to be sent.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The operation's path; the endpoint's base path goes before it.
    pub path: &'a str,
    /// The query string, encoded; empty when there is none.
    pub query: &'a str,
    /// All headers, names in lowercase. Some may be secret.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a str,
}

impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({})", self.path)
    }
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
            no_proxy: NoProxy::default(),
            connect_deadline: limits::CONNECT_DEADLINE,
            read_deadline: limits::READ_DEADLINE,
            total_deadline: limits::TOTAL_DEADLINE,
        }
    }
}

/// A client for one endpoint.
pub struct Transport {
    client: reqwest::Client,
    sighting: Sighting,
    proxy: Option<(Proxy, NoProxy)>,
    total_deadline: Duration,
}

impl Transport {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::CaBundle`], or [`Error::Setup`] when TLS cannot be set up.
    pub fn new(settings: &TransportSettings) -> Result<Self, Error> {
        let setup = |reason: String| Error::Setup { reason };
        let sighting = Sighting::default();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(&settings.trust, &sighting)?)
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .connect_timeout(settings.connect_deadline)
            .read_timeout(settings.read_deadline)
            // Every attempt has a connection of its own: the last one may be
            // what is broken.
            .pool_max_idle_per_host(0)
            // The environment is read by `main` alone.
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            let (url, no_proxy) = (proxy.url.url().clone(), settings.no_proxy.clone());
            builder = builder.proxy(reqwest::Proxy::custom(move |target| {
                is_proxied(target, &no_proxy).then(|| url.clone())
            }));
        }
        Ok(Self {
            client: builder.build().map_err(|error| setup(words_of(&error)))?,
            sighting,
            proxy: settings
                .proxy
                .clone()
                .map(|proxy| (proxy, settings.no_proxy.clone())),
            total_deadline: settings.total_deadline,
        })
    }

    /// Longest that everything may take, all attempts together.
    pub(super) const fn total_deadline(&self) -> Duration {
        self.total_deadline
    }

    /// The same by GET and without a body: for what only looks.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub fn get(
        &self,
        endpoint: &Endpoint,
        request: &Outgoing<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        self.carry(Method::GET, endpoint, request, within)
    }

    /// Posts a signed request and reads the answer, bounded in size, and `within`
    /// that time or the transport's own total if that is shorter.
    ///
    /// # Errors
    ///
    /// [`Error`] for everything that prevents a complete answer; an answer of
    /// any status is no error here.
    pub fn send(
        &self,
        endpoint: &Endpoint,
        request: &Outgoing<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        self.carry(Method::POST, endpoint, request, within)
    }

    fn carry(
        &self,
        method: Method,
        endpoint: &Endpoint,
        request: &Outgoing<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Setup {
                reason: error.to_string(),
            })?;
        let outcome = runtime.block_on(self.exchange(method, endpoint, request, within));
        // A resolver that hangs in its thread must not delay the exit.
        runtime.shutdown_background();
        outcome
    }

    async fn exchange(
        &self,
        method: Method,
        endpoint: &Endpoint,
        request: &Outgoing<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        let host = endpoint.authority();
        let begun = Instant::now();
        let url = endpoint.url(request.path, request.query);
        let proxy = self.proxy_to(&url);
        let classify = |error: &reqwest::Error| {
            let way = Way {
                host: &host,
                proxy,
                waited: begun.elapsed(),
            };
            self.classify(error, &way)
        };
        let within = within.min(self.total_deadline);
        let sent = self
            .client
            .request(method, url.clone())
            .headers(header_map(request.headers)?)
            .body(request.body.to_owned())
            .timeout(within)
            .send()
            .await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => {
                let left = within.saturating_sub(begun.elapsed());
                return Err(explained(classify(&error), proxy, &url, left).await);
            }
        };
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
            retry_after: header("retry-after").as_deref().and_then(RetryAfter::read),
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

    /// The proxy through which a URL is reached.
    fn proxy_to(&self, url: &Url) -> Option<&Proxy> {
        let (proxy, no_proxy) = self.proxy.as_ref()?;
        is_proxied(url, no_proxy).then_some(proxy)
    }

    /// Finds the cause in the layers of a client error.
    fn classify(&self, error: &reqwest::Error, way: &Way<'_>) -> Error {
        let host = way.host.to_owned();
        if error.is_timeout() {
            return Error::Timeout {
                host,
                proxy: way.proxy.map(Proxy::shown),
                seconds: way.waited.as_secs(),
            };
        }
        let reason = words_of(error);
        if let Some(tls) = find::<rustls::Error>(error) {
            let problem = problem_of(tls);
            return Error::Tls {
                host,
                problem,
                shown: match problem {
                    TlsProblem::Untrusted => self.sighting.take(),
                    _ => None,
                },
                reason: match problem {
                    TlsProblem::CaAsServer => "the server's certificate is a CA's".to_owned(),
                    _ => reason,
                },
            };
        }
        if let Some(proxy) = way.proxy.filter(|_| in_tunnel(error)) {
            return Error::Proxy {
                host,
                proxy: proxy.shown(),
                status: reason.contains("authorization required").then_some(407),
                reason: reason.replace("tunnel error: unsuccessful", REFUSED),
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

/// One attempt's way, and how long it has taken so far.
struct Way<'a> {
    host: &'a str,
    proxy: Option<&'a Proxy>,
    waited: Duration,
}

/// What is said of a proxy whose status is not known.
const REFUSED: &str = "it refused CONNECT";

/// The same error, with the status of a proxy's refusal where it can be had.
async fn explained(error: Error, proxy: Option<&Proxy>, url: &Url, left: Duration) -> Error {
    match (error, proxy) {
        (
            Error::Proxy {
                host,
                proxy: shown,
                reason,
                status: None,
            },
            Some(proxy),
        ) if reason == REFUSED => Error::Proxy {
            status: connect::refusal(&proxy.url, url, left.min(limits::REFUSAL_DEADLINE)).await,
            host,
            proxy: shown,
            reason,
        },
        (error, _) => error,
    }
}

/// Whether a URL is reached through the proxy, where there is one.
fn is_proxied(url: &Url, no_proxy: &NoProxy) -> bool {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    url.scheme() == "https" && !is_loopback(host) && !no_proxy.covers(host, port)
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

/// Whether the host of a URL is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
            let mut value = HeaderValue::from_str(value).map_err(|_| malformed(name))?;
            value.set_sensitive(name == "x-amz-security-token");
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed(name))?;
            Ok((name, value))
        })
        .collect()
}

fn is_not_http(error: &hyper::Error) -> bool {
    error.is_parse() && !error.is_parse_too_large()
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
