//! Issuers that answer with something else, or with nothing: the identity stays as
//! it is, and still signs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use windlass::pki::CertificateRequest;

use crate::harness::{Run, Sandbox};

use super::{in_force, json, kept, signs};

/// An identity whose certificates come from a command.
fn rotate(sandbox: &Sandbox, command: &str, more: &[&str]) -> Run {
    let mut arguments = vec!["rotate", "--identity", "web", "--cn", "web-1"];
    arguments.extend([
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--issuer-command",
        command,
    ]);
    arguments.extend(more);
    sandbox.run(&arguments)
}

/// `windlass ca sign`, which prints the chain.
fn good(sandbox: &Sandbox, more: &str) -> String {
    format!(
        "{} ca sign --dir {} --csr - --out - --passphrase-file {} {more}",
        crate::harness::program(),
        sandbox.path("ca").display(),
        sandbox.path("passphrase").display()
    )
}

fn with_identity() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let run = rotate(&sandbox, &good(&sandbox, ""), &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    sandbox
}

fn script(sandbox: &Sandbox, name: &str, text: &str) -> String {
    sandbox.write(name, format!("#!/bin/sh\n{text}\n"));
    let path = sandbox.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

#[test]
fn a_command_issues_as_well_as_a_ca_that_is_here() {
    let sandbox = with_identity();
    let serial = in_force(&sandbox.path("web"));
    let again = rotate(&sandbox, &good(&sandbox, "--days 60"), &["--force"]);
    assert_eq!(again.code, 0, "{again:#?}");
    assert_ne!(in_force(&sandbox.path("web")), serial);
    let names = [
        "--san",
        "web.example.com",
        "--san",
        "IP:192.0.2.1",
        "--ou",
        "Ops",
    ];
    let named = rotate(&sandbox, &good(&sandbox, "--days 60"), &names);
    assert_eq!(named.code, 0, "{named:#?}");
    let shown = json(&rotate(
        &sandbox,
        "false",
        &[&names[..], &["--json"]].concat(),
    ));
    assert_eq!(shown["result"], "notDue");
    assert_eq!(shown["subject"], "OU=Ops, CN=web-1");
    assert_eq!(shown["subjectAlternativeNames"][0], "DNS:web.example.com");
}

/// O1: a CA that fails in whatever way leaves the old key and certificate as they
/// are, octet for octet, and they obtain a session. O2: what is no certificate is
/// an error that says how it begins. O4: one that never answers is given up.
#[test]
fn whatever_is_answered_the_identity_stays_whole() {
    let sandbox = with_identity();
    let mut other = vec!["ca", "init", "--dir", "other", "--name", "Example Corp"];
    other.extend(["--passphrase-file", "passphrase"]);
    sandbox.ok(&other);
    sandbox.issue("somebody", &[]);
    let serial = in_force(&sandbox.path("web"));
    let before = kept(&sandbox.path("web"));
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let signed = |more: &str| good(&sandbox, more);
    let stranger = good(&sandbox, "").replace("/ca ", "/other ");
    let long = script(&sandbox, "long", "while :; do echo -----; done");
    let html = script(
        &sandbox,
        "html",
        "echo '<html><h1>502 Bad Gateway</h1></html>'",
    );
    let bad_gateway = script(&sandbox, "gateway", "echo '502 Bad Gateway' >&2; exit 22");
    let cut = script(
        &sandbox,
        "cut",
        &format!("{} | head -c 400", good(&sandbox, "")),
    );
    let hang = script(&sandbox, "hang", "trap '' TERM; sleep 600");
    let same = script(&sandbox, "same", "cat web/current/fullchain.pem");
    let cases = [
        (bad_gateway.as_str(), 1, "502 Bad Gateway"),
        (&html, 1, "502 Bad Gateway"),
        // Of another CA's client, which speaks JSON.
        ("echo '{\"crt\": null}'", 1, "it begins with '{"),
        ("true", 1, "printed no certificate"),
        (
            "/nowhere/at-all",
            2,
            "correct what says how the CA is asked",
        ),
        (&hang, 5, "did not end in time"),
        (&long, 1, "printed more than"),
        (&cut, 1, "PEM"),
        (
            "cat somebody/fullchain.pem",
            1,
            "for the key of the request",
        ),
        ("cat ca/trust-anchor.pem", 1, "for the key of the request"),
        (&same, 1, "for the key of the request"),
        (&stranger, 1, "Example Corp"),
        (&signed("--cn other"), 1, "CN=web-1"),
        (
            &signed("--san admin.example.com"),
            1,
            "DNS:admin.example.com",
        ),
    ];
    for (command, code, says) in cases {
        let run = rotate(&sandbox, command, &["--force", "--issuer-timeout", "6s"]);
        assert_eq!(run.code, code, "{command}: {run:#?}");
        assert!(run.stderr.contains(says), "{command}: {run:#?}");
        assert!(
            run.stderr
                .contains("the certificate in force is good until"),
            "{run:#?}"
        );
        assert_eq!(in_force(&sandbox.path("web")), serial, "{command}");
        assert_eq!(kept(&sandbox.path("web")), before, "{command}");
        signs(&sandbox, &emulator, command);
    }
    // The next runs wait, and a good issuer brings it through.
    let held = rotate(&sandbox, &signed(""), &["--san", "a.example.com", "--json"]);
    assert_eq!(json(&held)["result"], "held", "{held:#?}");
    assert!(json(&held)["failures"].as_u64().unwrap() > 10);
    let run = rotate(&sandbox, &signed(""), &["--force"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_ne!(in_force(&sandbox.path("web")), serial);
}

/// Else each run would ask again, and have less and less.
#[test]
fn a_certificate_that_ends_sooner_is_taken_only_when_somebody_asks_for_it() {
    let sandbox = with_identity();
    let serial = in_force(&sandbox.path("web"));
    let short = good(&sandbox, "--days 1");
    let run = rotate(&sandbox, &short, &["--san", "a.example.com"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("before the one that it is to replace"));
    assert_eq!(in_force(&sandbox.path("web")), serial);
    let run = rotate(&sandbox, &short, &["--san", "a.example.com", "--force"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_ne!(in_force(&sandbox.path("web")), serial);
}

#[test]
fn a_key_that_is_made_is_used_for_the_next_try_and_shown_to_nobody() {
    let sandbox = with_identity();
    let first = script(&sandbox, "first", "cat >first.csr; exit 75");
    let second = script(&sandbox, "second", "cat >second.csr; exit 75");
    assert_eq!(rotate(&sandbox, &first, &["--force"]).code, 5);
    assert_eq!(rotate(&sandbox, &second, &["--force"]).code, 5);
    let key = |name: &str| {
        let request = CertificateRequest::read(sandbox.read(name).as_bytes(), name).unwrap();
        request.public_key().fingerprint()
    };
    assert_eq!(key("first.csr"), key("second.csr"));
    let lasting = script(&sandbox, "lasting", "cat >third.csr; exit 1");
    assert_eq!(rotate(&sandbox, &lasting, &["--force"]).code, 1);
    assert_eq!(rotate(&sandbox, &first, &["--force"]).code, 5);
    assert_ne!(key("first.csr"), key("third.csr"));
    let hidden = sandbox.path("web/.v0002.next");
    let mode = fs::metadata(hidden.join("key.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
