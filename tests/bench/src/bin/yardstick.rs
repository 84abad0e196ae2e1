//! What an ordinary client costs: reqwest on rustls, with bundled roots and
//! deadlines and nothing that is not needed, sends one request that was signed
//! beforehand and prints the body of the answer. What `windlass credential-process`
//! takes beyond this is for its own work: options, key, certificates, signature,
//! JSON. `bare` is the same without reqwest.
//!
//! `yardstick REQUEST-FILE BASE-URL ROOT-FILE`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(request), Some(base), Some(root)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: yardstick REQUEST-FILE BASE-URL ROOT-FILE".into());
    };
    let request = std::fs::read_to_string(request)?;
    let (head, body) = request.split_once("\r\n\r\n").ok_or("no end of head")?;
    let mut lines = head.split("\r\n");
    let target = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("no request line")?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or("a malformed header")?;
        // These the client writes by itself.
        if !["host", "content-length", "accept", "user-agent"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_str(value)?,
            );
        }
    }
    let client = client(&root)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async {
        let sent = client
            .post(format!("{base}{target}"))
            .headers(headers)
            .body(body.to_owned());
        sent.send().await?.error_for_status()?.bytes().await
    })?;
    runtime.shutdown_background();
    std::io::stdout().write_all(&answer)?;
    Ok(())
}

fn client(root: &str) -> Result<reqwest::Client, Box<dyn Error>> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent("yardstick")
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(20))
        .timeout(Duration::from_secs(45))
        .no_proxy()
        .build()?)
}
