//! `ca revoke`, `ca release`, `ca crl` and `ca crl status`, as they are typed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{LIST, crl, number, read_list, revoke, serial_of, status};
use crate::ca_state::assert_owner_only;
use crate::harness::{Sandbox, capture};

fn ca_with(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for name in names {
        sandbox.issue(name, &[]);
    }
    sandbox
}

/// Hides what differs between runs: a signature's length too.
fn stable(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            if line.starts_with("size ") {
                "size           [SIZE]"
            } else {
                line
            }
        })
        .collect();
    let text = lines.join("\n") + "\n";
    let words = text.split(' ').map(|word| {
        let (word, end) = word
            .strip_suffix(['\n', ':', ',', ';'])
            .map_or((word, ""), |bare| (bare, &word[bare.len()..]));
        let lines = word.split('\n').map(|word| {
            let hex = word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
            let time = word.len() == 20 && word.ends_with('Z');
            let number = word.len() == 10 && word.chars().all(|c| c.is_ascii_digit());
            match (hex, time, number) {
                (true, ..) => "[SERIAL]",
                (_, true, _) => "[TIME]",
                (.., true) => "[NUMBER]",
                _ => word,
            }
        });
        lines.collect::<Vec<_>>().join("\n") + end
    });
    words.collect::<Vec<_>>().join(" ")
}

/// From the revocation to the refusal, with AWS's sentence.
#[test]
fn what_is_revoked_gets_no_session_any_more() {
    let sandbox = ca_with(&["web-1", "web-2"]);
    let refusal = |directory: &str| {
        let anchor = ["--trust-anchor", "ca/trust-anchor.pem", "--crl", LIST];
        let emulator = sandbox.emulate(&anchor);
        let mut command = sandbox.command();
        command.args(emulator.arguments(directory));
        sandbox.finish(command)
    };
    assert_eq!(revoke(&sandbox, "web-1", "keyCompromise", &[]).code, 0);
    assert_eq!(revoke(&sandbox, "web-2", "certificateHold", &[]).code, 0);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    for name in ["web-1", "web-2"] {
        let run = refusal(name);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(run.stderr.contains("Certificate revoked"), "{run:#?}");
        openssl_judges(&sandbox, name, Some("certificate revoked"));
    }
    sandbox.ok(&["ca", "release", "--dir", "ca", "--cn", "web-2"]);
    // The list that was published still holds it.
    assert_eq!(refusal("web-2").code, 3);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    assert_eq!(refusal("web-2").code, 0);
    assert_eq!(refusal("web-1").code, 3);
    openssl_judges(&sandbox, "web-2", None);
}

/// `openssl verify -crl_check` with the list that is published.
fn openssl_judges(sandbox: &Sandbox, name: &str, refusal: Option<&str>) {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-crl_check", "-CRLfile", LIST]);
    command.args(["-CAfile", "ca/trust-anchor.pem"]);
    command.args(["-untrusted", "ca/issuing/cert.pem"]);
    let run = capture(command.arg(format!("{name}/cert.pem")));
    match refusal {
        None => assert_eq!(run.code, 0, "{run:#?}"),
        Some(words) => assert!(run.stderr.contains(words), "{run:#?}"),
    }
}

#[test]
fn every_step_says_what_it_did_and_what_comes_next() {
    let sandbox = ca_with(&["web-1"]);
    let shot = |name: &str, run: &crate::harness::Run| {
        let text = format!("exit {}\n{}{}", run.code, run.stdout, run.stderr);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("revocation_{name}"), stable(&text));
        });
    };
    let judge = || sandbox.run(&["ca", "crl", "status", "--dir", "ca"]);
    shot("status_absent", &judge());
    shot(
        "revoke",
        &revoke(&sandbox, "web-1", "certificate-hold", &[]),
    );
    shot("status_missing", &judge());
    shot("crl", &crl(&sandbox, &[]));
    let held = revoke(&sandbox, "web-1", "CERTIFICATEHOLD", &[]);
    shot("revoke_again", &held);
    let options = ["--invalid-since", "2026-01-01T00:00:00Z"];
    shot(
        "revoke_finally",
        &revoke(&sandbox, "web-1", "keyCompromise", &options),
    );
    shot(
        "revoke_weaker",
        &revoke(&sandbox, "web-1", "superseded", &[]),
    );
    let (code, judged) = status(&sandbox);
    assert_eq!((code, judged["state"].as_str()), (1, Some("out-of-date")));
    assert_eq!(judged["lacking"], 1);
    let release = ["ca", "release", "--dir", "ca", "--cn", "web-1"];
    shot("release_of_a_final_one", &sandbox.run(&release));
    let show = sandbox.ok(&["ca", "show", "--dir", "ca", "web-1"]);
    assert!(
        show.stdout.contains("\nstate          revoked\n"),
        "{show:#?}"
    );
    assert!(show.stdout.contains(", keyCompromise\n"), "{show:#?}");
    shot("root_crl_is_empty", &crl(&sandbox, &["--issuer", "root"]));
}

#[test]
fn json_tells_the_same() {
    let sandbox = ca_with(&["web-1"]);
    let run = revoke(
        &sandbox,
        "web-1",
        "superseded",
        &["--json", "--crl", "--passphrase-file", "passphrase"],
    );
    assert_eq!(run.code, 0, "{run:#?}");
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let row = &told["certificates"][0];
    assert_eq!(row["changed"], true);
    assert_eq!(row["revocation"]["reason"], "superseded");
    assert!(row["revocationBefore"].is_null());
    assert_eq!(told["crl"]["entries"], 1);
    let list = read_list(&sandbox, LIST);
    assert_eq!(told["crl"]["number"], number(&list).to_string());
    let size = fs::read(sandbox.path(LIST)).unwrap().len();
    assert_eq!(
        told["crl"]["size"], size,
        "the size is computed, not measured"
    );
    let rows = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&rows.stdout).unwrap();
    assert_eq!(rows[0]["state"], "revoked");
    assert_eq!(rows[0]["revocation"]["reason"], "superseded");
    let (code, judged) = status(&sandbox);
    assert_eq!((code, judged["state"].as_str()), (0, Some("current")));
    assert_eq!(judged["size"], size);
    assert_eq!(judged["sizeLimit"], 300_000);
    assert_eq!(
        (&judged["lists"], &judged["listLimit"]),
        (&1.into(), &2.into())
    );
}

#[test]
fn several_of_one_name_are_revoked_only_when_all_are_meant() {
    let sandbox = ca_with(&["web"]);
    let second = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "two"];
    sandbox.ok(&[&second[..], &["--passphrase-file", "passphrase"]].concat());
    let refused = revoke(&sandbox, "web", "superseded", &[]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(
        refused
            .stderr
            .starts_with("error: 2 certificates of 'web' are meant: "),
        "{refused:#?}"
    );
    let newest = hex::encode(serial_of(&sandbox, "web"));
    assert!(
        refused.stderr.contains(&newest) && refused.stderr.contains("--all"),
        "{refused:#?}"
    );
    // Nothing was done; and once one is revoked, the name means the other.
    sandbox.ok(&[
        "ca",
        "revoke",
        &newest,
        "--dir",
        "ca",
        "--reason",
        "superseded",
    ]);
    assert_eq!(revoke(&sandbox, "web", "superseded", &[]).code, 0);
    let rows = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    assert_eq!(rows.stdout.matches("\"superseded\"").count(), 2);
    // The reason changes for both, which again has to be said.
    assert_eq!(revoke(&sandbox, "web", "keyCompromise", &[]).code, 2);
    assert_eq!(revoke(&sandbox, "web", "keyCompromise", &["--all"]).code, 0);
    let rows = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    assert_eq!(rows.stdout.matches("\"keyCompromise\"").count(), 2);
}

#[test]
fn a_certificate_is_named_by_fingerprint_or_serial_number_too() {
    let sandbox = ca_with(&["web-1", "web-2"]);
    let shown = sandbox.ok(&["ca", "show", "--dir", "ca", "web-1", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let digest = shown["fingerprintSha256"].as_str().unwrap().to_uppercase();
    let colons: Vec<String> = digest
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
        .collect();
    let by = ["ca", "revoke", "--dir", "ca", "--reason", "superseded"];
    sandbox.ok(&[&by[..], &["--fingerprint", &colons.join(":")]].concat());
    let serial = hex::encode(serial_of(&sandbox, "web-2"));
    sandbox.ok(&[&by[..], &[&serial]].concat());
    for name in ["web-1", "web-2"] {
        let show = sandbox.ok(&["ca", "show", "--dir", "ca", name]);
        assert!(show.stdout.contains("\nstate          revoked\n"));
    }
    // Something else is no certificate, and nothing at all is a mistake.
    let none = sandbox.run(&[&by[..], &["--fingerprint", &"00".repeat(32)]].concat());
    assert_eq!(none.code, 1);
    assert!(
        none.stderr.contains("'windlass ca list --dir ca' shows"),
        "{none:#?}"
    );
    assert_eq!(sandbox.run(&[&by[..], &["77"]].concat()).code, 1);
    assert_eq!(sandbox.run(&by).code, 2);
    assert_eq!(
        sandbox
            .run(&[&by[..], &["77", "--cn", "web-1"]].concat())
            .code,
        2
    );
}

#[test]
fn the_issuing_ca_is_revoked_by_the_roots_list_and_the_root_by_none() {
    let sandbox = ca_with(&["web-1"]);
    let issuing = serial_of(&sandbox, "Example Corp Issuing CA");
    let run = sandbox.run(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        &hex::encode(&issuing),
        "--ca",
        "--reason",
        "cACompromise",
    ]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stdout
            .contains("windlass ca crl --dir ca --issuer root"),
        "{run:#?}"
    );
    assert_eq!(crl(&sandbox, &["--issuer", "root"]).code, 0);
    assert!(
        read_list(&sandbox, "ca/crl/root.pem")
            .reason_of(&issuing)
            .is_some()
    );
    assert_eq!(crl(&sandbox, &[]).code, 0);
    assert_eq!(read_list(&sandbox, LIST).entries(), 0);
    let root = revoke(&sandbox, "Example Corp Root CA", "keyCompromise", &[]);
    assert_eq!(root.code, 2, "{root:#?}");
    assert!(
        root.stderr.starts_with("error: the root cannot be revoked"),
        "{root:#?}"
    );
}

#[test]
fn a_revocation_stands_when_no_list_can_be_made() {
    let sandbox = ca_with(&["web-1"]);
    sandbox.write("wrong", "no such passphrase");
    let run = revoke(
        &sandbox,
        "web-1",
        "superseded",
        &["--crl", "--passphrase-file", "wrong"],
    );
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stdout.starts_with("revoked CN=web-1\n"), "{run:#?}");
    let (code, judged) = status(&sandbox);
    assert_eq!((code, &judged["lacking"]), (1, &1.into()));
    assert!(!sandbox.path(LIST).exists());
}

#[test]
fn the_copy_is_for_everybody_and_the_cas_own_list_is_not() {
    let sandbox = ca_with(&["web-1"]);
    assert_eq!(revoke(&sandbox, "web-1", "superseded", &[]).code, 0);
    assert_eq!(crl(&sandbox, &["--out", "copy.pem"]).code, 0);
    assert_eq!(sandbox.read("copy.pem"), sandbox.read(LIST));
    let mode = fs::metadata(sandbox.path("copy.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_owner_only(&sandbox.path("ca"));
    let nowhere = crl(&sandbox, &["--out", "nowhere/copy.pem"]);
    assert_eq!(nowhere.code, 2, "{nowhere:#?}");
    assert!(nowhere.stderr.contains("nowhere/copy.pem"), "{nowhere:#?}");
    // Nothing was signed for it.
    let (_, judged) = status(&sandbox);
    let published = number(&read_list(&sandbox, LIST)).to_string();
    assert_eq!(judged["newestNumber"], published);
}

#[test]
fn if_due_makes_a_list_only_when_there_is_something_to_say() {
    let sandbox = ca_with(&["web-1"]);
    let due = |options: &[&str]| crl(&sandbox, &[&["--if-due"], options].concat());
    assert_eq!(due(&[]).code, 0);
    let first = number(&read_list(&sandbox, LIST));
    // No passphrase is needed to do nothing.
    let idle = sandbox.ok(&["ca", "crl", "--dir", "ca", "--if-due"]);
    assert!(
        idle.stdout.ends_with("is not due; nothing was made\n"),
        "{idle:#?}"
    );
    assert_eq!(number(&read_list(&sandbox, LIST)), first);
    // A revocation, a release, and a copy that is not there yet.
    assert_eq!(revoke(&sandbox, "web-1", "certificateHold", &[]).code, 0);
    assert_eq!(due(&[]).code, 0);
    let second = read_list(&sandbox, LIST);
    assert!(number(&second) > first && second.entries() == 1);
    sandbox.ok(&["ca", "release", "--dir", "ca", "--cn", "web-1"]);
    assert_eq!(due(&[]).code, 0);
    let third = read_list(&sandbox, LIST);
    assert!(number(&third) > number(&second) && third.entries() == 0);
    assert_eq!(due(&["--out", "copy.pem"]).code, 0);
    assert!(number(&read_list(&sandbox, "copy.pem")) > number(&third));
    let json = due(&["--out", "copy.pem", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["made"], false);
}
