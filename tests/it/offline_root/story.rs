//! From two empty directories to a session, and what each side can do before and
//! after.

use super::{Apart, SECRET, issue, json};
use crate::harness::Run;
use crate::issuer::openssl;

#[test]
fn two_directories_a_request_and_a_certificate_become_a_session() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let signed = apart.sign_ca("issuing.pem", &[]);
    assert_eq!(
        (signed.code, signed.stderr.as_str()),
        (0, ""),
        "{signed:#?}"
    );
    let installed = apart.install("issuing.pem", &["--json", "--comment", "ceremony 7"]);
    assert_eq!((installed.code, installed.stderr.as_str()), (0, ""));
    let installed = json(&installed);
    assert_eq!(installed["state"], "active");
    assert_eq!(installed["changed"], true);
    assert_eq!(
        sandbox.read("site/trust-anchor.pem"),
        sandbox.read("vault/trust-anchor.pem")
    );
    let issued = issue(sandbox, "web");
    assert_eq!(
        (issued.code, issued.stderr.as_str()),
        (0, ""),
        "{issued:#?}"
    );
    let anchor = [
        "-CAfile",
        "vault/trust-anchor.pem",
        "-untrusted",
        "web/chain.pem",
    ];
    let verify = ["verify", "-x509_strict", "-purpose", "sslclient"];
    openssl(sandbox, &[&verify[..], &anchor, &["web/cert.pem"]].concat());
    let emulator = sandbox.emulate(&["--trust-anchor", "site/trust-anchor.pem"]);
    let arguments = emulator.arguments("web");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let session = sandbox.ok(&arguments);
    assert!(session.stdout.contains("ASIA0EMULATED0"), "{session:#?}");
    // The log of each side says who did what, and nothing is missing in it.
    for (dir, action) in [("vault", "issue"), ("site", "request"), ("site", "install")] {
        let verified = sandbox.ok(&["ca", "audit", "verify", "--dir", dir]);
        assert!(verified.stdout.contains("intact"), "{verified:#?}");
        let log = sandbox.ok(&["ca", "audit", "list", "--dir", dir]).stdout;
        assert!(log.contains(action), "{log}");
    }
    let log = sandbox.ok(&["ca", "audit", "list", "--dir", "site"]).stdout;
    assert!(log.contains("ceremony 7"), "{log}");
}

/// Each way to ask for a signature is told what is missing, and what to type.
#[test]
fn a_ca_that_waits_signs_nothing_and_says_what_to_do() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let csr = [
        "req", "-new", "-nodes", "-keyout", "a.key", "-out", "a.csr", "-subj", "/CN=a",
    ];
    openssl(
        sandbox,
        &[
            &csr[..],
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ]
        .concat(),
    );
    sandbox.write("rows.csv", "id,cn\nweb,web\n");
    for verb in [
        &["issue", "--cn", "web", "--out", "web"][..],
        &["issue", "--cn", "web", "--dry-run"],
        &["issue", "--batch", "rows.csv", "--out", "web"],
        &["sign", "--csr", "a.csr", "--out", "web"],
        &["crl"],
        &["audit", "checkpoint", "--out", "checkpoint.json"],
    ] {
        let fixed = ["--dir", "site"];
        let secret = match verb.contains(&"--dry-run") {
            true => &[][..],
            false => &SECRET,
        };
        let run = sandbox.run(&[&["ca"][..], verb, &fixed, secret].concat());
        assert_eq!(run.code, 2, "{verb:?}: {run:#?}");
        let said = "error: the CA in site waits for its certificate: its root is elsewhere\n";
        assert!(run.stderr.starts_with(said), "{verb:?}: {}", run.stderr);
        let next = "windlass ca install --dir site --cert issuing.pem";
        assert!(run.stderr.contains(next), "{verb:?}: {}", run.stderr);
        assert!(
            run.stderr.contains("site/issuing/request.pem"),
            "{}",
            run.stderr
        );
        assert!(!sandbox.path("web").exists(), "{verb:?}");
    }
    assert_eq!(apart.state(), "requested");
}

/// What looks at a CA that waits works, and says so where it matters.
#[test]
fn a_ca_that_waits_can_be_looked_at_backed_up_and_restored() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let ok = |verb: &[&str]| -> Run { sandbox.ok(&[&["ca"][..], verb].concat()) };
    let shown = ok(&["list", "--dir", "site", "--json"]);
    assert_eq!(shown.stdout.trim(), "[]");
    ok(&["stats", "--dir", "site"]);
    ok(&["audit", "verify", "--dir", "site"]);
    ok(&["audit", "reconcile", "--dir", "site"]);
    let status = sandbox.run(&["ca", "crl", "status", "--dir", "site"]);
    assert_eq!(status.code, 2, "{status:#?}");
    let check = sandbox.run(&["ca", "check", "--dir", "site"]);
    assert_eq!(check.code, 1, "{check:#?}");
    let said = "WARNING authorities: the CA waits for its certificate";
    assert!(check.stdout.contains(said), "{}", check.stdout);
    ok(&["backup", "--dir", "site", "--out", "site.tar"]);
    ok(&["restore", "site.tar", "--dir", "again"]);
    assert_eq!(
        sandbox.read("again/issuing/request.pem"),
        sandbox.read("site/issuing/request.pem")
    );
    // A certificate that comes later fits what was restored.
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    let install = ["ca", "install", "--dir", "again", "--cert", "issuing.pem"];
    let root = ["--root-fingerprint", apart.root.as_str()];
    sandbox.ok(&[&install[..], &root, &SECRET].concat());
}

/// The passphrase of a key can be changed before its certificate is there.
#[test]
fn the_passphrase_of_either_side_is_its_own() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    sandbox.write("new", "another good long passphrase\n");
    let change = |dir: &str| {
        let fixed = [
            "ca",
            "passphrase",
            "--dir",
            dir,
            "--new-passphrase-file",
            "new",
        ];
        sandbox.run(&[&fixed[..], &SECRET].concat())
    };
    for dir in ["site", "vault"] {
        let changed = change(dir);
        assert_eq!(changed.code, 0, "{dir}: {changed:#?}");
    }
    let with_old = apart.sign_ca("issuing.pem", &[]);
    assert_eq!(with_old.code, 4, "{with_old:#?}");
    sandbox.write("passphrase", "another good long passphrase\n");
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    assert_eq!(apart.install("issuing.pem", &[]).code, 0);
    assert_eq!(issue(sandbox, "web").code, 0);
}
