//! `windlass serve` as a process of a test, and a client that shows everything
//! of an answer.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Emulator, Sandbox};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload};

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `serve`; dropping it ends its process and looks for secrets in its
/// log.
pub struct Server<'a> {
    sandbox: &'a Sandbox,
    child: Child,
    log: String,
    /// What the ready file holds: a URL, or `unix:` and a path.
    pub url: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Reads one from its text; the body until the end.
    pub fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl<'a> Server<'a> {
    /// The options of a session for the usual role at this endpoint.
    pub fn session(endpoint: &str) -> Vec<String> {
        [
            "--certificate",
            "fullchain.pem",
            "--private-key",
            "key.pem",
            "--trust-anchor-arn",
            TRUST_ANCHOR_ARN,
            "--profile-arn",
            PROFILE_ARN,
            "--role-arn",
            ROLE_ARN,
            "--no-cache",
            "--endpoint",
            endpoint,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// `serve` on any free port, not started yet.
    pub fn command(sandbox: &Sandbox, options: &[&str]) -> Command {
        let mut command = sandbox.command();
        command.arg("serve").args(options);
        command
    }

    /// Starts it with the usual session at this endpoint, on any free port, and
    /// waits until it is ready.
    pub fn start(workload: &'a Workload, endpoint: &str, options: &[&str]) -> Self {
        let session = Self::session(endpoint);
        let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
        all.extend(["--port", "0"]);
        all.extend(options);
        Self::run(&workload.sandbox, Self::command(&workload.sandbox, &all))
    }

    /// Starts a prepared command and waits until it is ready.
    pub fn run(sandbox: &'a Sandbox, command: Command) -> Self {
        let mut server = Self::spawn(sandbox, command);
        server.wait_until_ready();
        server
    }

    /// Starts a prepared command.
    pub fn spawn(sandbox: &'a Sandbox, command: Command) -> Self {
        Self::spawn_telling(sandbox, command, None)
    }

    /// Starts a prepared command whose stderr is this.
    pub fn spawn_telling(
        sandbox: &'a Sandbox,
        mut command: Command,
        stderr: Option<Stdio>,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let (ready, log) = (format!("serving-{count}"), format!("serve-{count}.log"));
        let child = command
            .args(["--ready-file", &ready])
            .stdout(fs::File::create(sandbox.path(&format!("{log}.stdout"))).unwrap())
            .stderr(stderr.unwrap_or_else(|| fs::File::create(sandbox.path(&log)).unwrap().into()))
            .spawn()
            .unwrap();
        Self {
            sandbox,
            child,
            log,
            url: ready,
        }
    }

    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.sandbox.path(&self.url).exists() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "serve ended: {}", self.log());
            assert!(Instant::now() < deadline, "not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.url = self.sandbox.read(&self.url).trim_end().to_owned();
    }

    /// What it has said on stderr.
    pub fn log(&self) -> String {
        fs::read_to_string(self.sandbox.path(&self.log)).unwrap_or_default()
    }

    /// What it has said on stdout.
    pub fn stdout(&self) -> String {
        self.sandbox.read(&format!("{}.stdout", self.log))
    }

    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// A new connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes over a connection of their own and reads until its end.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut text = Vec::new();
        match self.url.strip_prefix("unix:") {
            Some(path) => {
                let mut stream = UnixStream::connect(self.sandbox.path(path)).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(request).unwrap();
                stream.read_to_end(&mut text).unwrap();
            }
            None => {
                let mut stream = self.connect();
                stream.write_all(request).unwrap();
                // A reset after the answer is an end too.
                let _ = stream.read_to_end(&mut text);
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// Sends one request; `Host` is the server's unless the headers have one.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        Answer::read(&self.raw(request.as_bytes()))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// A token of the metadata service.
    pub fn token(&self) -> String {
        let ttl = ("X-aws-ec2-metadata-token-ttl-seconds", "21600");
        let answer = self.ask("PUT", "/latest/api/token", &[ttl]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Asks the metadata service with a token.
    pub fn imds(&self, path: &str) -> Answer {
        let token = self.token();
        self.ask("GET", path, &[("X-aws-ec2-metadata-token", &token)])
    }

    /// One of the numbers of `/metrics`.
    #[track_caller]
    pub fn metric(&self, name: &str) -> i64 {
        let page = self.get("/metrics").body;
        let line = page
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap_or_else(|| panic!("no {name} in {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end: {}", self.log());
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let said = self.log() + &self.stdout();
            crate::secrets::scan(&said, "serve");
        }
    }
}

/// An emulator that stands in for AWS, for the usual ARNs.
pub fn aws(workload: &Workload, options: &[&str]) -> Emulator {
    let anchor = format!("{TRUST_ANCHOR_ARN}=root.pem");
    let mut all = vec!["--trust-anchor", anchor.as_str()];
    all.extend(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN]);
    all.extend(options);
    workload.sandbox.emulate(&all)
}
