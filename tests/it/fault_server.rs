//! A scripted server on loopback: one canned behaviour a connection, and a
//! record of the bytes that came.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What happens to one connection.
#[derive(Clone)]
pub enum Fault {
    /// Reads the request, sends these bytes and closes in order.
    Answer(Vec<u8>),
    /// Reads the request, sends these bytes and closes TCP alone: within TLS
    /// the closing alert is missing.
    Cut(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Reads the request, sends these bytes and keeps silent from then on.
    Stall(Vec<u8>),
    /// Reads the request and sends these bytes one by one, with a pause before
    /// each.
    Trickle(Vec<u8>, Duration),
    /// A proxy: answers CONNECT and joins the client with that local port.
    Tunnel(u16),
}

/// A running server; dropping it ends its thread.
pub struct FaultServer {
    port: u16,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    times: Arc<Mutex<Vec<Instant>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FaultServer {
    /// Serves plain HTTP. Connections beyond the script are recorded and
    /// closed at once.
    pub fn start(script: Vec<Fault>) -> Self {
        Self::serve(script, None)
    }

    /// Serves TLS.
    pub fn start_tls(script: Vec<Fault>, config: Arc<ServerConfig>) -> Self {
        Self::serve(script, Some(config))
    }

    fn serve(script: Vec<Fault>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let times = Arc::new(Mutex::new(Vec::new()));
        let came = Arc::clone(&times);
        let stopping = Arc::new(AtomicBool::new(false));
        let (record, stop) = (Arc::clone(&seen), Arc::clone(&stopping));
        let thread = spawn(move || {
            let mut script = script.into_iter();
            while let Ok((socket, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                came.lock().unwrap().push(Instant::now());
                let slot = {
                    let mut seen = record.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let keep = |bytes: &[u8]| record.lock().unwrap()[slot] = bytes.to_vec();
                let Some(fault) = script.next() else { continue };
                // That the client goes away early is part of many scripts.
                let _ = match &tls {
                    Some(config) => ServerConnection::new(Arc::clone(config))
                        .map_err(io::Error::other)
                        .and_then(|tls| perform(fault, StreamOwned::new(tls, bound(socket)), keep)),
                    None => perform(fault, bound(socket), keep),
                };
            }
        });
        Self {
            port,
            scheme,
            seen,
            times,
            stopping,
            thread: Some(thread),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// When each connection came.
    pub fn times(&self) -> Vec<Instant> {
        self.times.lock().unwrap().clone()
    }

    /// What came, one entry a connection, as text.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
            .collect()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread if it waits for a connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// A connection that can be closed in order.
trait Connection: Read + Write {
    fn close(&mut self) -> io::Result<()>;
    fn socket(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn close(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }

    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

fn perform(fault: Fault, mut connection: impl Connection, keep: impl Fn(&[u8])) -> io::Result<()> {
    match fault {
        Fault::Answer(answer) => {
            keep(&read_request(&mut connection)?);
            connection.write_all(&answer)?;
            connection.flush()?;
            connection.close()?;
            // Closing with unread data would reset the connection.
            drain(&mut connection)
        }
        Fault::Cut(answer) => {
            keep(&read_request(&mut connection)?);
            connection.write_all(&answer)?;
            connection.flush()?;
            connection.socket().shutdown(Shutdown::Write)?;
            drain(&mut connection)
        }
        Fault::Reset(answer) => {
            // Part of the request stays unread, so that closing resets.
            let mut first = [0; 16];
            connection.read_exact(&mut first)?;
            keep(&first);
            connection.write_all(&answer)?;
            // The answer is read before the reset overtakes it.
            sleep(Duration::from_millis(100));
            Ok(())
        }
        Fault::Stall(answer) => {
            keep(&read_request(&mut connection)?);
            connection.write_all(&answer)?;
            connection.flush()?;
            drain(&mut connection)
        }
        Fault::Trickle(answer, pause) => {
            keep(&read_request(&mut connection)?);
            for octet in answer {
                sleep(pause);
                connection.write_all(&[octet])?;
                connection.flush()?;
            }
            connection.close()
        }
        Fault::Tunnel(port) => {
            keep(&read_request(&mut connection)?);
            connection.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            join(connection.socket(), port)
        }
    }
}

/// Copies both ways until both sides have ended.
fn join(client: &TcpStream, port: u16) -> io::Result<()> {
    let server = bound(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    let copy = |from: &TcpStream, to: &TcpStream| -> io::Result<JoinHandle<()>> {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        Ok(spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        }))
    };
    for half in [copy(client, &server)?, copy(&server, client)?] {
        let _ = half.join();
    }
    Ok(())
}

fn drain(connection: &mut impl Read) -> io::Result<()> {
    io::copy(connection, &mut io::sink()).map(|_| ())
}

/// The head and, by its `Content-Length`, the body.
fn read_request(connection: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |value| value.trim().parse::<usize>().unwrap());
            if request.len() >= end + 4 + length {
                return Ok(request);
            }
        }
        match connection.read(&mut buffer)? {
            0 => return Ok(request),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// No test waits longer than this for a peer.
fn bound(socket: TcpStream) -> TcpStream {
    let limit = Some(Duration::from_secs(20));
    socket.set_read_timeout(limit).unwrap();
    socket.set_write_timeout(limit).unwrap();
    socket
}

/// An HTTP answer with its `Content-Length`.
pub fn http(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    answer.into_bytes()
}

/// A private root for the servers of one test.
pub struct TlsRoot(CertifiedIssuer<'static, KeyPair>);

impl TlsRoot {
    pub fn new() -> Self {
        Self::named("Fault Root")
    }

    /// A root of this name.
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The root's certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// The same, DER.
    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A server whose certificate has these names, after `change`.
    pub fn server(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Arc::new(config)
    }
}
