//! Listening on loopback, with or without TLS.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::Clock;
use crate::limits;
use crate::serving::{self, Bounds, End, Slots, Stop};
use crate::text::printable;

use super::adverse::Adversity;
use super::faults::Faults;
use super::respond::{BreakOff, respond};
use super::tls::ServerTls;
use super::world::World;

/// A request that was answered, without anything that is secret in it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The method and the path.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The subject of the certificate, or the ARN of who signed, when it could be
    /// read.
    pub subject: Option<String>,
    /// The sentence in the answer, on refusals.
    pub message: Option<String>,
    /// The reason that AWS does not give, on refusals; or the fault.
    pub reason: Option<String>,
    /// What was asked for.
    pub operation: &'static str,
    /// How often that was asked for, this time included.
    pub count: u64,
    /// The error's code, on refusals.
    pub code: Option<&'static str>,
    /// The id that the answer gives the request.
    pub request_id: String,
    /// From the request's head to its answer, with what a fault put it off.
    pub duration: Duration,
}

/// Something that the log should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was answered.
    Answered(Answered),
    /// The answer to a request is put off.
    Held {
        /// The method and the path.
        request: String,
        /// For how many seconds.
        seconds: f64,
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

/// Everything that answering needs.
pub struct Service {
    /// The account.
    pub world: World,
    /// The service's clock.
    pub clock: Box<dyn Clock>,
    /// Bad days.
    pub faults: Faults,
    /// What varies from answer to answer, if anything.
    pub adversity: Option<Adversity>,
    /// Who is told of requests.
    pub log: Box<dyn Fn(Event) + Send + Sync>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Service {
    /// A service that has answered nothing yet.
    #[must_use]
    pub fn new(
        world: World,
        clock: Box<dyn Clock>,
        faults: Faults,
        log: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Self {
        Self {
            world,
            clock,
            faults,
            adversity: None,
            log,
            counts: Mutex::default(),
        }
    }

    /// The same service, whose answers vary where AWS promises nothing.
    #[must_use]
    pub fn with_adversity(self, adversity: Option<Adversity>) -> Self {
        Self { adversity, ..self }
    }

    /// Counts one more of these and gives their number.
    pub(super) fn count(&self, operation: &'static str) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(operation).or_default();
        *count += 1;
        *count
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({:?})", self.faults)
    }
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
    service: Service,
    stop: impl FnOnce() -> std::io::Result<Stop>,
) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServerError::Runtime)?;
    let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
    let service = Arc::new(service);
    runtime.block_on(async move {
        let stop = stop().map_err(ServerError::Runtime)?;
        let listener =
            tokio::net::TcpListener::from_std(listening.listener).map_err(ServerError::Runtime)?;
        tokio::select! {
            () = stop => Ok(()),
            () = accept(listener, acceptor, service) => Ok(()),
        }
    })
}

async fn accept(
    listener: tokio::net::TcpListener,
    acceptor: Option<TlsAcceptor>,
    service: Arc<Service>,
) {
    let slots = Slots::new(limits::MAX_EMULATOR_CONNECTIONS);
    // It never says so: at the end everything is dropped.
    let (_stopping, stop) = watch::channel(false);
    loop {
        let accepted = slots.next(
            |context| listener.poll_accept(context),
            |error| lost(&service, &error.to_string()),
        );
        let ((stream, _), slot) = accepted.await;
        // Else the end of an answer waits for the client's delayed
        // acknowledgement of its beginning, some 40 ms.
        let _ = stream.set_nodelay(true);
        let (acceptor, service, stop) = (acceptor.clone(), Arc::clone(&service), stop.clone());
        tokio::spawn(async move {
            let _slot = slot;
            match acceptor {
                None => connection(stream, service, stop).await,
                Some(acceptor) => {
                    let handshake = acceptor.accept(stream);
                    match tokio::time::timeout(limits::SERVER_READ_DEADLINE, handshake).await {
                        Ok(Ok(stream)) => connection(stream, service, stop).await,
                        Ok(Err(error)) => lost(&service, &format!("TLS: {error}")),
                        Err(_) => {}
                    }
                }
            }
        });
    }
}

fn lost(service: &Service, reason: &str) {
    (service.log)(Event::Connection {
        reason: printable(reason, 200),
    });
}

/// A connection whose socket can be reached through its layers.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn connection(stream: impl Wire, service: Arc<Service>, stop: watch::Receiver<bool>) {
    let bounds = Bounds {
        head: limits::MAX_REQUEST_HEAD,
        headers: limits::MAX_REQUEST_HEADERS,
        read: limits::SERVER_READ_DEADLINE,
        connection: limits::SERVER_CONNECTION_DEADLINE,
        // No answer takes as long as a connection may.
        drain: Duration::ZERO,
    };
    match serving::connection(stream, bounds, None, stop, |request| {
        respond(request, &service)
    })
    .await
    {
        Ok(End::Closed) => {}
        Ok(End::Broken(stream, how)) => break_off(stream, how).await,
        Err(error) => lost(&service, &error.to_string()),
    }
}

/// Ends a connection as the fault says. That the client has gone already is no
/// concern.
async fn break_off(mut stream: impl Wire, how: BreakOff) {
    match how {
        BreakOff::Behind(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        BreakOff::Reset => {
            let _ = stream.socket().set_zero_linger();
        }
    }
}
