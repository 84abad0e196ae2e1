//! What a proxy answers to CONNECT. The client says that it was refused, and not
//! with which status, which is what tells a rule of the proxy from an outage.

use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpStream;

use super::super::ProxyUrl;

/// Asks the proxy once more for a way to the URL's host, and gives the status of
/// its refusal. `None` when it does not refuse this time, does not answer, or is
/// one that is spoken to in TLS.
pub(super) async fn refusal(proxy: &ProxyUrl, target: &Url, within: Duration) -> Option<u16> {
    let asked = tokio::time::timeout(within, status(proxy, target));
    asked.await.ok().flatten().filter(|status| *status >= 300)
}

async fn status(proxy: &ProxyUrl, target: &Url) -> Option<u16> {
    let url = proxy.url();
    if url.scheme() != "http" {
        return None;
    }
    let host = url.host_str()?.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, url.port_or_known_default()?)).await;
    let (mut sender, connection) = handshake(TokioIo::new(stream.ok()?)).await.ok()?;
    // It ends with the sender, or with the runtime of this attempt.
    tokio::spawn(connection);
    let authority = format!("{}:{}", target.host_str()?, target.port_or_known_default()?);
    let mut request = Request::connect(&authority).header("host", &authority);
    if let Some(authorization) = proxy.authorization() {
        request = request.header("proxy-authorization", authorization);
    }
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let answer = sender.send_request(request).await.ok()?;
    Some(answer.status().as_u16())
}
