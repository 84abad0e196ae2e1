//! Outgoing connections: TLS with bundled roots, proxies, deadlines, one POST each.

mod connect;

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::{error::Elapsed, timeout};
use url::{Position, Url};
use zeroize::Zeroizing;

use crate::limits;
use crate::secret::Secret;

use super::response::http_date;
use super::tls::{Sighting, problem_of, tls_config};
use super::{Endpoint, Error, NoProxy, Proxy, Reply, RetryAfter, TlsProblem, TlsTrust};

use self::connect::{Connector, Failure};

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

impl Outgoing<'_> {
    /// The request as it goes to the endpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] for what HTTP cannot carry.
    pub fn ready(&self, endpoint: &Endpoint) -> Result<Ready, Error> {
        let url = endpoint.url(self.path, self.query);
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let body = Full::new(Bytes::copy_from_slice(self.body.as_bytes()));
        let request = Request::post(target).body(body);
        let mut request = request.map_err(|error| Error::Setup {
            reason: error.to_string(),
        })?;
        *request.headers_mut() = header_map(self.headers)?;
        Ok(Ready(request))
    }
}

/// A request that can be sent. It may carry what is secret.
pub struct Ready(Request<Full<Bytes>>);

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ready({})", self.0.uri().path())
    }
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
    connector: Connector,
    sighting: Sighting,
    proxy: Option<(Proxy, NoProxy)>,
    connect_deadline: Duration,
    read_deadline: Duration,
    total_deadline: Duration,
}

impl Transport {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::CaBundle`], or [`Error::Setup`] when TLS cannot be set up.
    pub fn new(settings: &TransportSettings) -> Result<Self, Error> {
        let sighting = Sighting::default();
        let tls = tls_config(&settings.trust, &sighting)?;
        let proxy = settings.proxy.clone();
        Ok(Self {
            connector: Connector::new(tls, settings.connect_deadline),
            sighting,
            proxy: proxy.map(|proxy| (proxy, settings.no_proxy.clone())),
            connect_deadline: settings.connect_deadline,
            read_deadline: settings.read_deadline,
            total_deadline: settings.total_deadline,
        })
    }

    /// Longest that everything may take, all attempts together.
    pub(super) const fn total_deadline(&self) -> Duration {
        self.total_deadline
    }

    /// Posts a request and reads the answer, bounded in size, and `within` that time
    /// or the transport's own total if that is shorter. `ready` gives the request,
    /// while the server answers the beginning of TLS.
    ///
    /// # Errors
    ///
    /// That of `ready`, and [`Error`] for everything that prevents a complete answer;
    /// an answer of any status is no error here.
    pub fn send(
        &self,
        endpoint: &Endpoint,
        within: Duration,
        ready: impl FnOnce() -> Result<Ready, Error>,
    ) -> Result<Reply, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Setup {
                reason: error.to_string(),
            })?;
        let url = endpoint.url("", "");
        let way = Way {
            host: endpoint.authority(),
            proxy: self.proxy_to(&url),
            begun: Instant::now(),
        };
        let outcome = runtime.block_on(async {
            let exchange = self.exchange(&url, &way, ready);
            let within = within.min(self.total_deadline);
            timeout(within, exchange).await.map_err(way.silent())?
        });
        // A resolver that hangs in its thread must not delay the exit.
        runtime.shutdown_background();
        outcome
    }

    async fn exchange(
        &self,
        url: &Url,
        way: &Way<'_>,
        ready: impl FnOnce() -> Result<Ready, Error>,
    ) -> Result<Reply, Error> {
        let proxy = way.proxy.map(|proxy| &proxy.url);
        let connecting = self.connector.connect(url, proxy, ready);
        let connected = timeout(self.connect_deadline, connecting).await;
        let connected = connected.map_err(way.silent())?;
        let (stream, Ready(request)) = connected.map_err(|failure| self.failed(failure, way))?;
        let broken = |error: hyper::Error| self.broken(&error, way);
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends with the sender, or with the runtime of this attempt.
        tokio::spawn(connection);
        let answer = timeout(self.read_deadline, sender.send_request(request)).await;
        let answer = answer.map_err(way.silent())?.map_err(broken)?;
        self.read(answer, way).await
    }

    async fn read(&self, answer: Response<Incoming>, way: &Way<'_>) -> Result<Reply, Error> {
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let mut reply = Reply {
            host: way.host.clone(),
            status: answer.status().as_u16(),
            content_type: header("content-type"),
            error_type: header("x-amzn-errortype"),
            request_id: header("x-amzn-requestid"),
            emulator_reason: header("x-windlass-reason"),
            date: header("date").as_deref().and_then(http_date),
            retry_after: header("retry-after").as_deref().and_then(RetryAfter::read),
            body: Secret::new(Vec::new()),
        };
        let mut body = answer.into_body();
        // What is announced: wiping takes as long as there is room.
        let announced = body.size_hint().exact().unwrap_or(8 * 1024);
        let room = usize::try_from(announced).unwrap_or(usize::MAX);
        let room = room.min(limits::MAX_RESPONSE);
        let mut collected = Zeroizing::new(Vec::with_capacity(room));
        loop {
            let frame = timeout(self.read_deadline, body.frame()).await;
            let Some(frame) = frame.map_err(way.silent())? else {
                break;
            };
            let frame = frame.map_err(|error| self.broken(&error, way))?;
            // There may be trailers, which nobody needs.
            let chunk = frame.into_data().unwrap_or_default();
            if collected.len() + chunk.len() > limits::MAX_RESPONSE {
                return Err(Error::BadResponse {
                    host: reply.host,
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

    /// Why there is no connection.
    fn failed(&self, failure: Failure, way: &Way<'_>) -> Error {
        let host = way.host.clone();
        let refused = |reason: String, status| match way.proxy {
            Some(proxy) => Error::Proxy {
                host: host.clone(),
                proxy: proxy.shown(),
                reason,
                status,
            },
            None => Error::Connect {
                host: host.clone(),
                reason,
            },
        };
        match failure {
            Failure::Meanwhile(error) => error,
            Failure::Refused(status) => refused("it refused CONNECT".to_owned(), Some(status)),
            Failure::Tunnel(cause) => refused(words_of(cause.as_ref()), None),
            Failure::Way(cause) => {
                let reason = words_of(cause.as_ref());
                match self.tls_failure(cause.as_ref(), way) {
                    Some(error) => error,
                    None if is_unresolved(cause.as_ref()) => Error::Dns { host, reason },
                    None => Error::Connect { host, reason },
                }
            }
        }
    }

    /// Why a connection gave no answer.
    fn broken(&self, error: &hyper::Error, way: &Way<'_>) -> Error {
        let (host, reason) = (way.host.clone(), words_of(error));
        match self.tls_failure(error, way) {
            Some(error) => error,
            None if error.is_parse() && !error.is_parse_too_large() => {
                Error::NotHttp { host, reason }
            }
            None => Error::Interrupted { host, reason },
        }
    }

    /// What TLS has against it, where it is TLS.
    fn tls_failure(&self, error: &(dyn StdError + 'static), way: &Way<'_>) -> Option<Error> {
        let problem = problem_of(find::<rustls::Error>(error)?);
        Some(Error::Tls {
            host: way.host.clone(),
            problem,
            shown: match problem {
                TlsProblem::Untrusted => self.sighting.take(),
                _ => None,
            },
            reason: match problem {
                TlsProblem::CaAsServer => "the server's certificate is a CA's".to_owned(),
                _ => words_of(error),
            },
        })
    }
}

/// One attempt's way, and when it began.
struct Way<'a> {
    host: String,
    proxy: Option<&'a Proxy>,
    begun: Instant,
}

impl Way<'_> {
    /// That nothing came for too long.
    fn silent(&self) -> impl Fn(Elapsed) -> Error {
        |_| Error::Timeout {
            host: self.host.clone(),
            proxy: self.proxy.map(Proxy::shown),
            seconds: self.begun.elapsed().as_secs(),
        }
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
    let own = [
        ("accept", "*/*"),
        (
            "user-agent",
            concat!("windlass/", env!("CARGO_PKG_VERSION")),
        ),
    ];
    let own = own.map(|(name, value)| {
        let name = HeaderName::from_static(name);
        Ok((name, HeaderValue::from_static(value)))
    });
    let given = headers.iter().map(|(name, value)| {
        let mut value = HeaderValue::from_str(value).map_err(|_| malformed(name))?;
        value.set_sensitive(name == "x-amz-security-token");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed(name))?;
        Ok((name, value))
    });
    own.into_iter().chain(given).collect()
}

/// An error and its causes.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: Option<&'a (dyn StdError + 'static)> = Some(error);
    std::iter::successors(first, |cause: &&'a (dyn StdError + 'static)| {
        (*cause).source()
    })
}

/// The last cause of an error, which is the one that says something.
fn words_of(error: &(dyn StdError + 'static)) -> String {
    let words = causes(error).last().map(ToString::to_string);
    let words = words.unwrap_or_default();
    // Some libraries end their sentence with an address of their manual.
    let words = words.split(": https://").next().unwrap_or_default();
    crate::text::printable(words, 300)
}

/// Whether it is the name that was not found. The connector's type for it is
/// private, its words are not.
fn is_unresolved(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let words = cause.to_string();
        words.starts_with("dns error") || words.contains("lookup address")
    })
}

/// The first cause of the given type. `io::Error` gives the source of what it
/// wraps as its own, so what it wraps is looked at by hand.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
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
