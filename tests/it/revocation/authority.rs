//! The certificate of the issuing CA, which is revoked on purpose or not at all.

use super::{crl, revoke, serial_of};
use crate::harness::{Run, Sandbox};

fn revoke_which(sandbox: &Sandbox, which: &str, options: &[&str]) -> Run {
    let fixed = [
        "ca",
        "revoke",
        "--dir",
        "ca",
        which,
        "--reason",
        "superseded",
    ];
    sandbox.run(&[&fixed[..], options].concat())
}

#[test]
fn a_ca_is_not_revoked_by_its_name_and_a_revoked_one_issues_nothing() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    let serial = hex::encode(serial_of(&sandbox, "Example Corp Issuing CA"));
    for refused in [
        revoke(&sandbox, "Example Corp Issuing CA", "superseded", &[]),
        revoke(
            &sandbox,
            "Example Corp Issuing CA",
            "superseded",
            &["--all"],
        ),
        revoke(&sandbox, "example corp issuing ca", "superseded", &[]),
        revoke_which(&sandbox, "Example Corp Issuing CA", &[]),
        revoke_which(&sandbox, &serial, &[]),
    ] {
        assert_eq!(refused.code, 2, "{refused:#?}");
        assert!(
            refused
                .stderr
                .contains(&format!("{serial} is the certificate of a CA"))
        );
        assert!(
            refused
                .stderr
                .contains("every certificate that it has issued is refused")
        );
    }
    sandbox.issue("still", &[]);
    // Nor is a workload's meant by --ca.
    let leaf = hex::encode(serial_of(&sandbox, "web"));
    assert_eq!(revoke_which(&sandbox, &leaf, &["--ca"]).code, 1);
    let done = revoke_which(&sandbox, &serial, &["--ca"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(
        done.stderr.contains("warning: the issuing CA is revoked"),
        "{done:#?}"
    );
    assert!(
        done.stdout
            .contains("windlass ca crl --dir ca --issuer root"),
        "{done:#?}"
    );

    let secret = ["--passphrase-file", "passphrase"];
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "a", "--out", "a"];
    sandbox.write("rows", "id,cn\na,web-a\n");
    let batch = [
        "ca", "issue", "--dir", "ca", "--batch", "rows", "--out", "out",
    ];
    for (arguments, dry) in [(issue, false), (batch, false), (issue, true), (batch, true)] {
        let dry = if dry { &["--dry-run"][..] } else { &[] };
        let run = sandbox.run(&[&arguments[..], &secret, dry].concat());
        assert_eq!(run.code, 4, "{run:#?}");
        assert!(
            run.stderr
                .contains("the issuing certificate was revoked on"),
            "{run:#?}"
        );
    }
    let check = sandbox.run(&["ca", "check", "--dir", "ca"]);
    assert_eq!(check.code, 2);
    assert!(
        check
            .stdout
            .contains("the issuing certificate was revoked on"),
        "{check:#?}"
    );
    let page = sandbox
        .ok(&["ca", "report", "--dir", "ca", "--html", "-"])
        .stdout;
    assert!(page.contains("was revoked</b>: what it has issued is refused with it"));
    // Its own lists go on, so that those who know it learn what it has revoked.
    assert_eq!(crl(&sandbox, &[]).code, 0);
}

#[test]
fn certificates_are_named_as_in_show_and_in_any_case() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for name in ["a.example.com", "b.example.com", "c.example.com", "d"] {
        sandbox.issue(name, &[]);
    }
    let serial = hex::encode(serial_of(&sandbox, "d"));
    let pairs: Vec<&str> = serial
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap())
        .collect();
    let shown = sandbox
        .ok(&["ca", "show", "--dir", "ca", "a.example.com", "--json"])
        .stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let digest = shown["fingerprintSha256"].as_str().unwrap().to_uppercase();
    for which in ["B.Example.COM", &pairs.join(":").to_uppercase(), &digest] {
        let run = revoke_which(&sandbox, which, &[]);
        assert_eq!(run.code, 0, "{which} {run:#?}");
        assert!(run.stdout.starts_with("revoked CN="), "{which} {run:#?}");
    }
    assert_eq!(revoke(&sandbox, "C.example.com", "superseded", &[]).code, 0);
    let decimal = revoke_which(
        &sandbox,
        "558531325293552856618164306287249684609046228976",
        &[],
    );
    assert_eq!(decimal.code, 1, "{decimal:#?}");
    assert!(
        decimal.stderr.contains("is this one decimal?"),
        "{decimal:#?}"
    );
}

#[test]
fn what_is_revoked_is_said_to_be_so_when_no_list_can_be_made() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    sandbox.write("wrong", "not the passphrase\n");
    let run = revoke(
        &sandbox,
        "web",
        "superseded",
        &["--crl", "--passphrase-file", "wrong"],
    );
    assert_ne!(run.code, 0);
    assert!(run.stdout.starts_with("revoked CN=web"), "{run:#?}");
    assert!(run.stderr.contains("is revoked, and stays so"), "{run:#?}");
}
