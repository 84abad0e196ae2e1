//! The same request as the yardstick's, by the least that speaks HTTP and TLS:
//! hyper on rustls, without the pool and the services of a client for everybody.
//! What the yardstick takes more is what that client costs. It is no lower bound: the
//! runtime, hyper and reading the roots have costs of their own.
//!
//! `bare REQUEST-FILE BASE-URL ROOT-FILE`; the base is `https://ADDRESS:PORT`.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(request), Some(base), Some(root)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: bare REQUEST-FILE BASE-URL ROOT-FILE".into());
    };
    let address = base.strip_prefix("https://").ok_or("no https URL")?.parse()?;
    let request = std::fs::read_to_string(request)?;
    let (head, body) = request.split_once("\r\n\r\n").ok_or("no end of head")?;
    let mut lines = head.split("\r\n");
    let target = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("no request line")?;
    let mut request = Request::post(target);
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or("a malformed header")?;
        // This the library writes by itself.
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
    let tls = TlsConnector::from(Arc::new(config(&root)?));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let exchange = exchange(&tls, address, request);
    let answer = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(45), exchange).await?
    })?;
    runtime.shutdown_background();
    std::io::stdout().write_all(&answer)?;
    Ok(())
}

async fn exchange(
    tls: &TlsConnector,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = tls.connect(ServerName::from(address.ip()), stream).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(answer.status().as_str().into());
    }
    Ok(answer.into_body().collect().await?.to_bytes())
}

fn config(root: &str) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
