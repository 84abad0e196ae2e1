//! Takes one request, keeps its bytes and answers 503.
//!
//! `record PORT-FILE REQUEST-FILE`: the port goes into the first file once
//! connections are taken, the request into the second.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port_file), Some(request_file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: record PORT-FILE REQUEST-FILE".into());
    };
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    // Renamed into place, so that whoever waits for the file finds it whole.
    let unfinished = format!("{port_file}.new");
    std::fs::write(&unfinished, listener.local_addr()?.port().to_string())?;
    std::fs::rename(unfinished, port_file)?;
    let (mut connection, _) = listener.accept()?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_complete(&request) {
        match connection.read(&mut buffer)? {
            0 => return Err("the request ended early".into()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    std::fs::write(request_file, request)?;
    connection.write_all(b"HTTP/1.1 503 Recorded\r\nContent-Length: 0\r\n\r\n")?;
    Ok(())
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    body.len() >= length
}
