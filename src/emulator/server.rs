//! Listening on loopback, with or without TLS.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue};
use hyper::{Request, Response};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::limits;
use crate::serving::{self, Bounds, Slots};
use crate::text::printable;

use super::request::Received;
use super::tls::ServerTls;
use super::world::{World, uuid};

/// Most connections that are served at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;

/// Something that the log should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was answered.
    Answered {
        /// The method and the path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The certificate's subject, when it could be read.
        subject: Option<String>,
        /// The sentence in the answer, on refusals.
        message: Option<String>,
        /// The reason that AWS does not give, on refusals.
        reason: Option<String>,
    },
    /// A connection could not be served.
    Connection {
        /// What went wrong.
        reason: String,
    },
}

/// Why the emulator could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is taken, or not this machine's.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The address is not on loopback.
    #[error("{address} is not a loopback address, and the emulator listens on loopback only")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The runtime failed.
    #[error("the server could not run")]
    Runtime(#[source] std::io::Error),
}

/// A socket that is bound and listens, before anything is accepted.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Binds; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// [`ServerError::NotLoopback`] or [`ServerError::Bind`].
    pub fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::NotLoopback { address });
        }
        let failed = |source| ServerError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address with its port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// When to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything that answering needs.
struct Shared {
    world: World,
    clock: Box<dyn Clock>,
    log: Box<dyn Fn(Event) + Send + Sync>,
}

/// Serves until `stop` resolves.
///
/// `stop` is called once the runtime exists, so that it can listen for signals.
///
/// # Errors
///
/// [`ServerError::Runtime`].
pub fn serve(
    listening: Listening,
    tls: Option<&ServerTls>,
    world: World,
    clock: Box<dyn Clock>,
    log: Box<dyn Fn(Event) + Send + Sync>,
    stop: impl FnOnce() -> std::io::Result<Stop>,
) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServerError::Runtime)?;
    let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
    let shared = Arc::new(Shared { world, clock, log });
    runtime.block_on(async move {
        let stop = stop().map_err(ServerError::Runtime)?;
        let listener =
            tokio::net::TcpListener::from_std(listening.listener).map_err(ServerError::Runtime)?;
        tokio::select! {
            () = stop => Ok(()),
            () = accept(listener, acceptor, shared) => Ok(()),
        }
    })
}

async fn accept(
    listener: tokio::net::TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let slots = Slots::new(MAX_CONNECTIONS);
    // Nothing waits for connections that are open when it ends.
    let (_stopping, stop) = watch::channel(false);
    loop {
        let failed = |error: &std::io::Error| {
            (shared.log)(Event::Connection {
                reason: error.to_string(),
            });
        };
        let ((stream, _), slot) = slots
            .next(|context| listener.poll_accept(context), failed)
            .await;
        // Else the end of an answer waits for the client's delayed
        // acknowledgement of its beginning, some 40 ms.
        let _ = stream.set_nodelay(true);
        let (acceptor, shared, stop) = (acceptor.clone(), Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            let _slot = slot;
            match acceptor {
                None => connection(stream, stop, shared).await,
                Some(acceptor) => {
                    let handshake = acceptor.accept(stream);
                    match tokio::time::timeout(limits::SERVER_READ_DEADLINE, handshake).await {
                        Ok(Ok(stream)) => connection(stream, stop, shared).await,
                        Ok(Err(error)) => (shared.log)(Event::Connection {
                            reason: format!("TLS: {}", printable(&error.to_string(), 200)),
                        }),
                        Err(_) => {}
                    }
                }
            }
        });
    }
}

async fn connection<S>(stream: S, stop: watch::Receiver<bool>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bounds = Bounds {
        head: limits::MAX_REQUEST_HEAD,
        headers: limits::MAX_REQUEST_HEADERS,
        read: limits::SERVER_READ_DEADLINE,
        connection: limits::SERVER_CONNECTION_DEADLINE,
        drain: Duration::ZERO,
    };
    let served = serving::connection(stream, bounds, stop, |request| {
        let shared = Arc::clone(&shared);
        async move { respond(request, &shared).await }
    });
    if let Err(error) = served.await {
        (shared.log)(Event::Connection {
            reason: printable(&error.to_string(), 200),
        });
    }
}

async fn respond(request: Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    let now = shared.clock.now();
    let shown = format!(
        "{} {}",
        request.method(),
        printable(request.uri().path(), 80)
    );
    let Some(received) = receive(request).await else {
        let reason = "the body is too large, too slow or incomplete";
        (shared.log)(Event::Connection {
            reason: format!("{shown}: {reason}"),
        });
        let body = serde_json::json!({ "message": reason });
        return plain(413, &body.to_string(), now);
    };
    let outcome = shared.world.answer(&received, now);
    (shared.log)(Event::Answered {
        request: shown,
        status: outcome.status,
        subject: outcome.subject,
        message: outcome.reason.is_some().then(|| {
            outcome.body["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        }),
        reason: outcome.reason.clone(),
    });
    let mut response = plain(outcome.status, &outcome.body.to_string(), now);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(error_type) = outcome.error_type {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    }
    let visible = outcome.reason.map(|reason| {
        reason
            .chars()
            .map(|character| {
                if character.is_ascii() && !character.is_ascii_control() {
                    character
                } else {
                    '?'
                }
            })
            .collect::<String>()
    });
    if let Some(reason) = visible.and_then(|reason| HeaderValue::try_from(reason).ok()) {
        headers.insert("x-windlass-reason", reason);
    }
    response
}

/// Takes the request apart; `None` when its body is over the limit, late or
/// broken.
async fn receive(request: Request<Incoming>) -> Option<Received> {
    let (head, body) = request.into_parts();
    let collecting = Limited::new(body, limits::MAX_REQUEST_BODY).collect();
    let body = tokio::time::timeout(limits::SERVER_READ_DEADLINE, collecting)
        .await
        .ok()?
        .ok()?
        .to_bytes();
    Some(Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
    })
}

fn plain(status: u16, body: &str, now: chrono::DateTime<chrono::Utc>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // The service's own time, which is not the wall clock's when it is fixed.
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        headers.insert(DATE, date);
    }
    let mut id = [0; 16];
    if SystemRandom::new().fill(&mut id).is_ok()
        && let Ok(id) = HeaderValue::try_from(uuid(id))
    {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
