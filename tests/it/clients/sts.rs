//! An STS on loopback, for clients that sign requests with what they were given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use super::read_header;

/// An STS that records one request and knows one caller.
pub(crate) struct Sts {
    pub(crate) url: String,
    requests: mpsc::Receiver<Recorded>,
}

/// A request as it arrived.
pub(crate) struct Recorded {
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Sts {
    pub(crate) const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/backup/web-1";

    /// Listens on any free port and answers one request.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = Recorded::read(&mut stream);
            let caller = Self::CALLER;
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>{caller}</Arn><UserId>AROAEXAMPLE:web-1</UserId>\
                 <Account>123456789012</Account></GetCallerIdentityResult>\
                 <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>\
                 </ResponseMetadata></GetCallerIdentityResponse>"
            );
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            )
            .unwrap();
            sender.send(request).unwrap();
        });
        Self { url, requests }
    }

    /// The request that came.
    pub(crate) fn request(&self) -> Recorded {
        self.requests.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

impl Recorded {
    fn read(stream: &mut TcpStream) -> Self {
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut next_line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        next_line();
        let headers: Vec<_> = std::iter::from_fn(|| Some(next_line()))
            .take_while(|line| !line.is_empty())
            .map(|line| read_header(&line))
            .collect();
        let mut request = Self {
            headers,
            body: String::new(),
        };
        let length = request.header("content-length").parse().unwrap_or(0);
        reader
            .take(length)
            .read_to_string(&mut request.body)
            .unwrap();
        request
    }

    /// A header's value, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }
}
