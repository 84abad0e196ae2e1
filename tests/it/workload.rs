//! A workload with an identity, for the tests that are about what comes after
//! it: how a session is asked for and what is made of the answer.

use std::process::Command;
use std::sync::OnceLock;

use windlass::clock::Clock;
use windlass::key;
use windlass::pki::{Identity, Sourced, read_certificates};
use windlass::rolesanywhere::{
    CreateSession, Endpoint, Error, Exchange, Granted, Target, Transport, TransportSettings,
    create_session,
};

use crate::fault_server::{Fault, FaultServer, http};
use crate::harness::{Run, Sandbox};

pub const TRUST_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
pub const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/backup";

/// The secrets of every session that these tests answer with.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const TOKEN: &str = "FwoGZXIvYXdzEBYaDEXAMPLETOKEN+mustneverbeprinted==";

/// A sandbox with `fullchain.pem`, `key.pem` and `root.pem` in it.
pub struct Workload {
    pub sandbox: Sandbox,
}

impl Workload {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        for (name, content) in material() {
            sandbox.write(name, content);
        }
        Self { sandbox }
    }

    /// `credential-process` with everything but an endpoint.
    pub fn command(&self) -> Command {
        let mut command = self.sandbox.command();
        command.args(["credential-process", "--no-cache"]);
        command.args(["--certificate", "fullchain.pem"]);
        command.args(["--private-key", "key.pem"]);
        command.args(["--trust-anchor-arn", TRUST_ANCHOR_ARN]);
        command.args(["--profile-arn", PROFILE_ARN]);
        command
    }

    /// Runs `credential-process` for the usual role, with these options.
    pub fn ask(&self, options: &[&str]) -> Run {
        self.ask_in(&[], options)
    }

    /// Runs it with these environment variables besides.
    pub fn ask_in(&self, environment: &[(&str, &str)], options: &[&str]) -> Run {
        let mut command = self.command();
        command.args(["--role-arn", ROLE_ARN]).args(options);
        command.envs(environment.iter().copied());
        let run = self.sandbox.finish(command);
        for secret in [SECRET_KEY, TOKEN] {
            assert!(!run.stderr.contains(secret), "secret on stderr: {run:#?}");
            assert!(run.code == 0 || !run.stdout.contains(secret), "{run:#?}");
        }
        run
    }
}

/// How a run failed: exit code and stderr, with placeholders for ports. Nothing
/// may have come on stdout, where an SDK would read it.
pub fn failure(run: &Run, servers: &[&FaultServer]) -> String {
    assert_eq!(run.stdout, "", "{run:#?}");
    let mut shown = format!("exit {}\n{}", run.code, run.stderr);
    for server in servers {
        shown = shown.replace(&format!(":{}", server.port()), ":[PORT]");
    }
    shown
}

/// How an exchange fails in which the server behaves like that at every
/// attempt. What may pass is tried four times, everything else once.
pub fn failure_of(fault: Fault) -> String {
    let server = FaultServer::start(vec![fault; 4]);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    let attempts = if run.code == 5 { 4 } else { 1 };
    assert_eq!(server.seen().len(), attempts, "{run:#?}");
    failure(&run, &[&server])
}

/// An answer with credentials that are good for an hour, after `change`.
pub fn session(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let expiration = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let mut answer = serde_json::json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": "arn:aws:sts::123456789012:assumed-role/backup/0123",
                "assumedRoleId": "AROAEXAMPLEEXAMPLE123:0123",
            },
            "credentials": {
                "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
                "secretAccessKey": SECRET_KEY,
                "sessionToken": TOKEN,
                "expiration": windlass::clock::rfc3339(expiration),
            },
            "packedPolicySize": 46,
            "roleArn": ROLE_ARN,
            "sourceIdentity": "CN=web-1",
        }],
        "subjectArn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/0123",
    });
    change(&mut answer);
    created(&answer.to_string())
}

/// The usual session for one request.
pub fn grant() -> Fault {
    Fault::Answer(session(|_| {}))
}

/// A server that has the usual session for each of that many requests.
pub fn granting(count: usize) -> FaultServer {
    FaultServer::start((0..count).map(|_| grant()).collect())
}

/// An answer with the status of success and this body.
pub fn created(body: &str) -> Vec<u8> {
    http("201 Created", &[("Content-Type", "application/json")], body)
}

/// Asks for a session within this process, with settings that no option has.
pub fn obtain(
    url: &str,
    settings: &TransportSettings,
    clock: &dyn Clock,
) -> Result<Granted, Error> {
    let endpoint = Endpoint::custom(url).unwrap();
    let transport = Transport::new(settings).unwrap();
    let exchange = Exchange {
        endpoint: &endpoint,
        transport: &transport,
        until: None,
        observe: &|_| (),
    };
    let target = Target::new(
        TRUST_ANCHOR_ARN.parse().unwrap(),
        PROFILE_ARN.parse().unwrap(),
        ROLE_ARN.parse().unwrap(),
    );
    let request = CreateSession {
        target: target.unwrap(),
        duration: 3600.try_into().unwrap(),
        session_name: None,
    };
    create_session(exchange, &request, &identity(), clock)
}

/// The identity that every workload has.
fn identity() -> Identity {
    let [(name, chain), (key_name, key), _] = material();
    let signer = key::open_software(key.as_bytes(), key_name, || Ok(None)).unwrap();
    let certificates = read_certificates(chain.as_bytes(), name)
        .unwrap()
        .into_iter()
        .map(|certificate| Sourced {
            origin: (*name).to_owned(),
            certificate,
        })
        .collect();
    Identity::new(Box::new(signer), certificates).unwrap()
}

/// Files of an identity that is issued once for all tests.
fn material() -> &'static [(&'static str, String); 3] {
    static MATERIAL: OnceLock<[(&str, String); 3]> = OnceLock::new();
    MATERIAL.get_or_init(|| {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("web-1", &[]);
        [
            ("fullchain.pem", sandbox.read("web-1/fullchain.pem")),
            ("key.pem", sandbox.read("web-1/key.pem")),
            ("root.pem", sandbox.read("ca/trust-anchor.pem")),
        ]
    })
}
