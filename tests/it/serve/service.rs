//! A Roles Anywhere whose mood a test changes while it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::fault_server::http;
use crate::workload::session;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// With a session that ends after so many seconds. The call's number is in its
    /// access key id, its secret and its token, and [`Service::ends`] knows its
    /// end.
    Grants(i64),
    /// Not at all, until the mood changes.
    Hangs,
    /// With 403.
    Refuses,
    /// With 503.
    IsOut,
}

struct Shared {
    mood: Mutex<Mood>,
    calls: AtomicUsize,
    /// The end of each call's session, by the call's number.
    ends: Mutex<BTreeMap<usize, String>>,
    ending: AtomicBool,
}

/// A running service; dropping it ends its thread.
pub struct Service {
    shared: Arc<Shared>,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            mood: Mutex::new(mood),
            calls: AtomicUsize::new(0),
            ends: Mutex::default(),
            ending: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.ending.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                // That a client goes away is part of some tests.
                std::thread::spawn(move || own.answer(&stream.unwrap()));
            }
        });
        Self {
            shared,
            port,
            thread: Some(thread),
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// When the session of a call ends, as the answer said it.
    pub fn ends(&self, call: usize) -> String {
        self.shared.ends.lock().unwrap()[&call].clone()
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .ok()?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let mood = loop {
            let mood = *self.mood.lock().unwrap();
            if mood != Mood::Hangs || self.ending.load(Ordering::SeqCst) {
                break mood;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let answer = match mood {
            Mood::Grants(life) => session(|answer| {
                let ends = chrono::Utc::now() + chrono::TimeDelta::seconds(life);
                let ends = windlass::clock::rfc3339(ends);
                self.ends.lock().unwrap().insert(call, ends.clone());
                let credentials = &mut answer["credentialSet"][0]["credentials"];
                credentials["expiration"] = ends.into();
                credentials["accessKeyId"] = format!("ASIA{call:016}").into();
                credentials["secretAccessKey"] = format!("secret{call:034}").into();
                credentials["sessionToken"] = format!("token{call:0400}").into();
            }),
            Mood::Refuses => http(
                "403 Forbidden",
                &[
                    ("x-amzn-errortype", "AccessDeniedException"),
                    ("x-amzn-requestid", &format!("request-{call}")),
                ],
                r#"{"message":"Untrusted signing certificate"}"#,
            ),
            Mood::IsOut | Mood::Hangs => http(
                "503 Service Unavailable",
                &[("Content-Type", "application/json")],
                r#"{"message":"out of order"}"#,
            ),
        };
        let mut stream = stream;
        stream.write_all(&answer).ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
