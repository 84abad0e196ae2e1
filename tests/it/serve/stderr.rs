//! What is said, while nobody listens.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::server::Server;
use super::service::{Mood, Service};
use crate::workload::Workload;

/// More than a pipe and the queue behind it hold.
const REQUESTS: usize = 1500;

fn talkative<'a>(workload: &'a Workload, service: &Service) -> (Server<'a>, std::io::PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let session = Server::session(&service.url());
    let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
    all.extend(["--port", "0", "--verbose"]);
    let command = Server::command(&workload.sandbox, &all);
    let mut server = Server::spawn_telling(&workload.sandbox, command, Some(writer.into()));
    server.wait_until_ready();
    let path = format!("/{}", "x".repeat(100));
    for _ in 0..REQUESTS {
        assert_eq!(server.get(&path).status, 404);
    }
    (server, reader)
}

#[test]
fn a_pipe_that_nobody_reads_stops_neither_answers_nor_keepers_nor_the_end() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let (mut server, _reader) = talkative(&workload, &service);
    let calls = service.calls();
    server.until("another session comes", |_| service.calls() >= calls + 2);
    service.set(Mood::IsOut);
    server.until("a keeper fails", |server| {
        server.metric("windlass_refresh_failures_total{profile=\"default\"}") > 0
    });
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn lines_that_do_not_fit_are_counted() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(3600));
    let (server, reader) = talkative(&workload, &service);
    let (mut shown, mut dropped) = (0, 0);
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap();
        if line.ends_with(" 404") {
            shown += 1;
        }
        if let Some(rest) = line.strip_prefix("note: ")
            && let Some(count) = rest.strip_suffix(" lines dropped")
        {
            dropped += count.parse::<usize>().unwrap();
        }
        if shown + dropped >= REQUESTS {
            break;
        }
    }
    assert!(shown > 500 && dropped > 0, "{shown} {dropped}");
    assert_eq!(server.get("/healthz").status, 200);
}
