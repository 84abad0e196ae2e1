//! A key and its certificate that are replaced while the program reads them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::Sandbox;

use super::bench::Bench;

const OPTIONS: &str = "--certificate live.crt --private-key live.key";

/// Replaces a file as a whole, as everything that rotates does.
fn replace(sandbox: &Sandbox, from: &str, to: &str) {
    fs::copy(sandbox.path(from), sandbox.path("staged")).unwrap();
    fs::rename(sandbox.path("staged"), sandbox.path(to)).unwrap();
}

/// Ends the rotation also when an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_run_succeeds_while_pairs_are_replaced() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    let stopped = AtomicBool::new(false);
    replace(sandbox, "p256.pem", "live.key");
    replace(sandbox, "p256.crt", "live.crt");
    let mut seen = [0; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            for name in ["other", "p256"].into_iter().cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                replace(sandbox, &format!("{name}.pem"), "live.key");
                thread::sleep(Duration::from_millis(10));
                replace(sandbox, &format!("{name}.crt"), "live.crt");
                thread::sleep(Duration::from_millis(60));
            }
        });
        let _stop = Stop(&stopped);
        for round in 0..60 {
            let run = bench.run(&format!("round {round}"), "", OPTIONS);
            match bench.identity_of(&run).unwrap().as_str() {
                "p256" => seen[0] += 1,
                "other" => seen[1] += 1,
                stranger => panic!("{stranger}"),
            }
        }
    });
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}: nothing was rotated");
}

/// Whatever a rotation leaves for a moment is waited for.
#[test]
fn a_pair_that_is_completed_in_a_moment_is_waited_for() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    let half = |name: &str| {
        let content = sandbox.read(name);
        content[..content.len() / 2].to_owned()
    };
    let (key, certificate) = (sandbox.read("p256.pem"), sandbox.read("p256.crt"));
    let cases = [
        (
            "the old certificate",
            key.clone(),
            sandbox.read("other.crt"),
        ),
        (
            "the old key",
            sandbox.read("other.pem"),
            certificate.clone(),
        ),
        ("an empty key", String::new(), certificate.clone()),
        ("an empty certificate", key.clone(), String::new()),
        ("half a key", half("p256.pem"), certificate.clone()),
        ("half a certificate", key.clone(), half("p256.crt")),
        (
            "half a chain",
            key.clone(),
            certificate.clone() + &half("issuing.crt"),
        ),
        ("the beginning of a key", "-----B".to_owned(), certificate),
        ("the beginning of a certificate", key, "-----B".to_owned()),
    ];
    for (name, first_key, first_certificate) in cases {
        sandbox.write("live.key", first_key);
        sandbox.write("live.crt", first_certificate);
        let run = thread::scope(|scope| {
            let run = scope.spawn(|| bench.run(name, "", OPTIONS));
            thread::sleep(Duration::from_millis(150));
            replace(sandbox, "p256.pem", "live.key");
            replace(sandbox, "p256.crt", "live.crt");
            run.join().unwrap()
        });
        assert_eq!(bench.identity_of(&run).as_deref(), Ok("p256"), "{name}");
    }
}

/// Also when the only file is that of the intermediates.
#[test]
fn intermediates_that_are_completed_in_a_moment_are_waited_for() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    let chain = sandbox.read("chain");
    sandbox.write("live.chain", &chain[..chain.len() - 100]);
    let options = "--certificate 'cmd:cat p256.crt' --private-key 'cmd:cat p256.pem' --intermediates live.chain";
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| bench.run("intermediates", "", options));
        thread::sleep(Duration::from_millis(150));
        replace(sandbox, "chain", "live.chain");
        run.join().unwrap()
    });
    let identity = bench.identity_of(&run);
    assert_eq!(identity.as_deref(), Ok("p256 < issuing < policy"));
}
