//! The verifier as a process that lives as long as its handle.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Sandbox, capture, client_script, tool};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};

use super::material::Material;

/// A running tests/clients/verifier.py.
pub struct Verifier {
    port: u16,
    log: PathBuf,
    child: Child,
}

impl Verifier {
    /// Starts it and waits until it listens.
    pub fn start(sandbox: &Sandbox) -> Self {
        let (ready, log) = (sandbox.path("verifier.ready"), sandbox.path("verifier.log"));
        let mut command = Command::new(tool("python"));
        sandbox.scrub(&mut command);
        // It ends when its stdin closes, should this process be killed.
        let child = command
            .arg(client_script("verifier.py"))
            .args([&ready, &log])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut verifier = Self {
            port: 0,
            log,
            child,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ready.exists() {
            assert!(verifier.child.try_wait().unwrap().is_none(), "it ended");
            assert!(Instant::now() < deadline, "verifier not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        verifier.port = fs::read_to_string(ready).unwrap().parse().unwrap();
        verifier
    }

    /// What --endpoint takes.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its records of all requests so far.
    pub fn seen(&self) -> Vec<Value> {
        fs::read_to_string(&self.log)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The judge of all cases is judged by an independent client.
#[test]
fn the_verifier_refuses_what_was_changed() {
    let sandbox = Sandbox::new();
    Material::get().unpack(&sandbox);
    let verifier = Verifier::start(&sandbox);
    for (change, reason) in [
        ("nothing", None),
        ("body", Some("the signature does not verify")),
        ("query", Some("the signature does not verify")),
        ("signature", Some("the signature does not verify")),
        ("serial", Some("the serial is not the leaf's")),
    ] {
        for name in ["p256", "rsa2048"] {
            sandbox.write("cert.pem", sandbox.read(&format!("{name}.crt")));
            sandbox.write("chain.pem", sandbox.read("chain"));
            sandbox.write("key.pem", sandbox.read(&format!("{name}.pem")));
            let mut command = Command::new("sh");
            sandbox.scrub(&mut command);
            command.arg(client_script("create-session.sh"));
            command.args([&verifier.url(), "."]);
            let run = capture(command.args([TRUST_ANCHOR_ARN, PROFILE_ARN, ROLE_ARN, change]));
            assert_eq!(run.code, 0, "{run:#?}");
            let seen = verifier.seen().pop().unwrap();
            assert_eq!(seen["reason"].as_str(), reason, "{name} {change}: {seen}");
            assert_eq!(seen["verified"], reason.is_none(), "{name} {change}");
            let status = run.stdout.lines().next().unwrap_or_default();
            let granted = status.contains(" 201 ");
            assert_eq!(granted, reason.is_none(), "{name} {change}: {run:#?}");
        }
    }
}
