//! The way to a server: TCP, the tunnel of a proxy, TLS. Every attempt goes it
//! anew, since the last connection may be what was broken.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use url::Url;

use super::super::{Error, ProxyUrl};

/// Octets in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a layer says of its failure.
pub(super) type Cause = Box<dyn StdError + Send + Sync>;

/// Why there is no connection.
pub(super) enum Failure {
    /// The server cannot be reached, or TLS with it or with the proxy failed.
    Way(Cause),
    /// The proxy cannot be reached, or does not answer.
    Tunnel(Cause),
    /// The proxy refuses, with this status.
    Refused(u16),
    /// What was to be done meanwhile failed.
    Meanwhile(Error),
}

/// How connections are made.
pub(super) struct Connector {
    tls: TlsConnector,
    tcp: HttpConnector,
}

impl Connector {
    /// `deadline` is how long TCP may take, all addresses of a name together.
    pub(super) fn new(tls: ClientConfig, deadline: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(deadline));
        tcp.set_nodelay(true);
        Self {
            tls: TlsConnector::from(Arc::new(tls)),
            tcp,
        }
    }

    /// Connects to the host of a URL. `meanwhile` is done once TLS has begun, while
    /// the server makes its answer, or when there is a connection without TLS.
    pub(super) async fn connect<T>(
        &self,
        url: &Url,
        proxy: Option<&ProxyUrl>,
        meanwhile: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(Box<dyn Stream>, T), Failure> {
        let stream: Box<dyn Stream> = match proxy {
            None => self.tcp(url).await.map_err(Failure::Way)?,
            Some(proxy) => self.tunnel(proxy, url).await?,
        };
        let meanwhile = || meanwhile().map_err(Failure::Meanwhile);
        if url.scheme() != "https" {
            return Ok((stream, meanwhile()?));
        }
        let (stream, done) = self.tls(url, stream, meanwhile).await?;
        Ok((Box::new(stream), done))
    }

    async fn tcp(&self, url: &Url) -> Result<Box<dyn Stream>, Cause> {
        let uri: Uri = format!("http://{}/", authority(url)).parse()?;
        // It is always ready: the resolver behind it is.
        let stream = self.tcp.clone().call(uri).await?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn tls<T>(
        &self,
        url: &Url,
        stream: Box<dyn Stream>,
        meanwhile: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(TlsStream<Box<dyn Stream>>, T), Failure> {
        let name = host(url).trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|error| Failure::Way(error.into()))?;
        let mut handshake = pin!(self.tls.connect(name, stream));
        // This sends the first message.
        let early = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
        let broken = |error: std::io::Error| Failure::Way(error.into());
        match early {
            Poll::Ready(stream) => Ok((stream.map_err(broken)?, meanwhile()?)),
            Poll::Pending => {
                let done = meanwhile()?;
                Ok((handshake.await.map_err(broken)?, done))
            }
        }
    }

    /// Asks a proxy for a way to the URL's host (RFC 9110 section 9.3.6).
    async fn tunnel(&self, proxy: &ProxyUrl, target: &Url) -> Result<Box<dyn Stream>, Failure> {
        let stream = self.tcp(proxy.url()).await.map_err(Failure::Tunnel)?;
        let stream: Box<dyn Stream> = match proxy.url().scheme() {
            "https" => Box::new(self.tls(proxy.url(), stream, || Ok(())).await?.0),
            _ => stream,
        };
        let broken = |error: hyper::Error| Failure::Tunnel(error.into());
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends with the sender, or with the runtime of this attempt.
        tokio::spawn(connection.with_upgrades());
        let authority = authority(target);
        let mut request = Request::connect(&authority).header("host", &authority);
        if let Some(authorization) = proxy.authorization() {
            request = request.header("proxy-authorization", authorization);
        }
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|error| Failure::Way(error.into()))?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        if !answer.status().is_success() {
            return Err(Failure::Refused(answer.status().as_u16()));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(broken)?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Host and port, the port of the scheme where none is named.
fn authority(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", host(url))
}
