//! What is done where: the root's lists and revocations in its own directory, all
//! else in that of the issuing CA.

use super::{Apart, SECRET, issue, json};
use crate::harness::{Run, Sandbox};
use crate::issuer::openssl;

fn ca(apart: &Apart, verb: &[&str], with_secret: bool) -> Run {
    let secret = match with_secret {
        true => &SECRET[..],
        false => &[],
    };
    apart.sandbox.run(&[&["ca"][..], verb, secret].concat())
}

fn assert_refused(run: &Run, said: &str) {
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.starts_with(&format!("error: {said}\n")),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\nhint: "), "{}", run.stderr);
}

/// Nothing can follow a generation that has not begun: what it waits for is told.
#[test]
fn a_ca_that_waits_for_its_certificate_is_told_so_when_the_next_is_prepared() {
    let sandbox = Sandbox::new();
    let init = [
        "ca",
        "init",
        "--offline-root",
        "--dir",
        "site",
        "--name",
        "Example Corp",
    ];
    sandbox.ok(&[&init[..], &SECRET].concat());
    for of in ["issuing", "root"] {
        let prepare = ["ca", "rollover", "prepare", "--dir", "site", "--of", of];
        let run = sandbox.run(&[&prepare[..], &SECRET].concat());
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(
            run.stderr
                .contains("windlass ca install --dir site --cert issuing.pem"),
            "{run:#?}"
        );
    }
}

#[test]
fn a_root_alone_issues_nothing_and_lists_what_it_has_revoked() {
    let apart = Apart::complete();
    let alone = "vault holds a root alone, which issues no workload certificates";
    for verb in [
        &["issue", "--cn", "web", "--out", "web"][..],
        &["crl"],
        &["audit", "checkpoint", "--out", "checkpoint.json"],
    ] {
        let run = ca(&apart, &[verb, &["--dir", "vault"]].concat(), true);
        assert_refused(&run, alone);
    }
    let dry = ["issue", "--cn", "web", "--dry-run", "--dir", "vault"];
    assert_refused(&ca(&apart, &dry, false), alone);
    let list = ["crl", "--dir", "vault", "--issuer", "root"];
    let made = ca(&apart, &list, true);
    assert_eq!(made.code, 0, "{made:#?}");
    let empty = apart.sandbox.read("vault/crl/root.pem");
    let shown = [
        "show",
        "--dir",
        "vault",
        "Example Corp Issuing CA",
        "--json",
    ];
    let serial = json(&ca(&apart, &shown, false))["serialNumber"].clone();
    let serial = serial.as_str().unwrap();
    let named = [serial, "--ca", "--reason", "cACompromise"];
    let revoke = [&["revoke", "--dir", "vault", "--crl"][..], &named].concat();
    let revoked = ca(&apart, &revoke, true);
    assert_eq!(revoked.code, 0, "{revoked:#?}");
    assert_ne!(apart.sandbox.read("vault/crl/root.pem"), empty);
    let text = ["crl", "-in", "vault/crl/root.pem", "-noout", "-text"];
    let text = openssl(&apart.sandbox, &text);
    let serial = serial.to_uppercase();
    assert!(text.contains(&serial), "{serial}: {text}");
    let status = ca(&apart, &["crl", "status", "--dir", "vault"], false);
    assert_eq!(status.code, 0, "{status:#?}");
    // What the root has revoked is refused, though the issuing CA goes on.
    assert_eq!(issue(&apart.sandbox, "web").code, 0);
    let anchors = ["--trust-anchor", "site/trust-anchor.pem"];
    let lists = ["--crl", "vault/crl/root.pem"];
    let emulator = apart.sandbox.emulate(&[&anchors[..], &lists].concat());
    let arguments = emulator.arguments("web");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let session = apart.sandbox.run(&arguments);
    assert_eq!(session.code, 3, "{session:#?}");
}

#[test]
fn a_root_alone_is_checked_backed_up_and_restored() {
    let apart = Apart::complete();
    let check = ca(&apart, &["check", "--dir", "vault"], false);
    assert!(
        check
            .stdout
            .contains("OK authorities: the root certificate ends in"),
        "{check:#?}"
    );
    assert!(!check.stdout.contains("issuing"), "{}", check.stdout);
    for verb in [
        &["backup", "--dir", "vault", "--out", "vault.tar"][..],
        &["restore", "vault.tar", "--dir", "other"],
        &["audit", "verify", "--dir", "other"],
        &["audit", "reconcile", "--dir", "other"],
        &["stats", "--dir", "other"],
        &["report", "--dir", "other", "--html", "report.html"],
    ] {
        let run = ca(&apart, verb, false);
        assert_eq!(run.code, 0, "{verb:?}: {run:#?}");
    }
    let ok = ca(&apart, &["check", "--dir", "vault"], false);
    assert_eq!(ok.code, 0, "{ok:#?}");
    let request = [
        "sign-ca",
        "--dir",
        "other",
        "--csr",
        "site/issuing/request.pem",
    ];
    let out = [
        "--out",
        "again.pem",
        "--key-fingerprint",
        apart.key.as_str(),
    ];
    let again = ca(&apart, &[&request[..], &out].concat(), true);
    assert_eq!(again.code, 0, "{again:#?}");
}

#[test]
fn the_issuing_side_says_that_its_root_is_elsewhere() {
    let apart = Apart::complete();
    let elsewhere = "the key of the root of the CA in site is kept elsewhere";
    let list = ["crl", "--dir", "site", "--issuer", "root"];
    assert_refused(&ca(&apart, &list, true), elsewhere);
    let request = [
        "sign-ca",
        "--dir",
        "site",
        "--csr",
        "site/issuing/request.pem",
    ];
    let out = [
        "--out",
        "again.pem",
        "--key-fingerprint",
        apart.key.as_str(),
    ];
    assert_refused(&ca(&apart, &[&request[..], &out].concat(), true), elsewhere);
    assert!(!apart.sandbox.path("again.pem").exists());
    let key = ["passphrase", "--dir", "site", "--key", "root"];
    let new = ["--new-passphrase-file", "passphrase"];
    assert_refused(&ca(&apart, &[&key[..], &new].concat(), true), elsewhere);
    let named = ["--cn", "Example Corp Issuing CA", "--reason", "superseded"];
    let revoke = [&["revoke", "--dir", "site"][..], &named].concat();
    assert_refused(&ca(&apart, &revoke, false), elsewhere);
    let shown = ["show", "--dir", "site", "Example Corp Issuing CA", "--json"];
    assert!(json(&ca(&apart, &shown, false))["revocation"].is_null());
    // Its own lists and its backups are made as ever.
    for verb in [
        (&["crl", "--dir", "site"][..], true),
        (&["crl", "status", "--dir", "site"], false),
        (&["backup", "--dir", "site", "--out", "site.tar"], false),
        (&["restore", "site.tar", "--dir", "other"], false),
        (&["check", "--dir", "site"], false),
    ] {
        let run = ca(&apart, verb.0, verb.1);
        assert_eq!(run.code, 0, "{verb:?}: {run:#?}");
    }
}

/// The ends of both certificates are watched where only one was made.
#[test]
fn the_issuing_side_is_warned_before_either_certificate_ends() {
    let apart = Apart::complete();
    let check = |warn: &str, critical: &str| {
        let fixed = ["check", "--dir", "site", "--format", "json"];
        let limits = ["--warn", warn, "--critical", critical];
        let findings = json(&ca(&apart, &[&fixed[..], &limits].concat(), false));
        let of = |name: &str| -> String {
            let all = findings["findings"].as_array().unwrap();
            let one = all.iter().find(|finding| {
                let text = finding["text"].as_str().unwrap();
                finding["probe"] == "authorities" && text.starts_with(&format!("the {name} "))
            });
            one.unwrap()["level"].as_str().unwrap().to_owned()
        };
        [of("issuing"), of("root")]
    };
    // Three years and ten.
    assert_eq!(check("365d", "30d"), ["OK", "OK"]);
    assert_eq!(check("1500d", "30d"), ["WARNING", "OK"]);
    assert_eq!(check("5000d", "30d"), ["WARNING", "WARNING"]);
    assert_eq!(check("5000d", "1500d"), ["CRITICAL", "WARNING"]);
}
