//! What the CA on this machine says of the certificate in force, and profiles that
//! disagree.

use std::fs;

use super::{in_force, json, rotate, with_ca, with_identity};

const REVOKE: [&str; 6] = ["ca", "revoke", "--dir", "ca", "--cn", "web-1"];

#[test]
fn a_certificate_that_its_ca_has_revoked_is_renewed_at_once_with_a_new_key() {
    let sandbox = with_identity();
    let (old, key) = (
        in_force(&sandbox.path("web")),
        sandbox.read("web/current/key.pem"),
    );
    sandbox.ok(&[&REVOKE[..], &["--reason", "superseded"]].concat());
    // Neither a closed window nor the key that is to be kept matters.
    let more = ["--window", "0 0 29 2 * 1m UTC", "--reuse-key"];
    let check = rotate(&sandbox, &[&more[..], &["--check", "--exit-code"]].concat());
    assert_eq!(check.code, 10, "{check:#?}");
    assert!(
        check
            .stdout
            .contains("would renew it: its issuer has revoked it"),
        "{check:#?}"
    );
    let run = rotate(&sandbox, &more);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("its issuer has revoked it"), "{run:#?}");
    assert_ne!(in_force(&sandbox.path("web")), old);
    assert_ne!(sandbox.read("web/current/key.pem"), key);
    let shown = json(&rotate(&sandbox, &["--json"]));
    assert_eq!(shown["result"], "notDue");
}

#[test]
fn one_on_hold_is_told_and_not_renewed() {
    let sandbox = with_identity();
    let old = in_force(&sandbox.path("web"));
    sandbox.ok(&[&REVOKE[..], &["--reason", "certificateHold"]].concat());
    let run = rotate(&sandbox, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
    assert!(run.stderr.contains("on hold"), "{run:#?}");
    assert_eq!(rotate(&sandbox, &[]).stderr, "");
    // Nor where it is due.
    let run = rotate(&sandbox, &["--san", "a.example.com", "--json"]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert_eq!(json(&run)["issuerSays"], "onHold");
    assert!(
        run.stderr
            .contains("its issuer has put the certificate on hold")
    );
    assert_eq!(in_force(&sandbox.path("web")), old);
    sandbox.ok(&["ca", "release", "--dir", "ca", "--cn", "web-1"]);
    let run = rotate(&sandbox, &["--san", "a.example.com"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_ne!(in_force(&sandbox.path("web")), old);
}

/// Each run would renew it for the one and for the other.
#[test]
fn profiles_that_want_one_identity_to_have_different_names_are_refused() {
    let sandbox = with_ca();
    let profile = |name: &str, identity: &str, cn: &str| {
        format!(
            "[profile.{name}]\nidentity = \"{identity}\"\ncn = \"{cn}\"\nca_dir = \"ca\"\n\
             passphrase_file = \"passphrase\"\n"
        )
    };
    fs::create_dir(sandbox.path("web")).unwrap();
    std::os::unix::fs::symlink("web", sandbox.path("link")).unwrap();
    let profiles = [
        profile("one", "web", "web-1"),
        profile("other", "link", "web-2"),
        profile("db", "db", "db-1"),
    ];
    sandbox.write("config.toml", profiles.concat());
    let all = ["rotate", "--all", "--config", "config.toml"];
    let run = sandbox.run(&all);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("the profiles one and other want"),
        "{run:#?}"
    );
    assert_eq!(fs::read_dir(sandbox.path("web")).unwrap().count(), 0);
    in_force(&sandbox.path("db"));
    // With the same names they may have roles of their own.
    sandbox.write(
        "config.toml",
        profile("one", "web", "web-1") + &profile("other", "link", "web-1"),
    );
    sandbox.ok(&all);
    assert!(!sandbox.path("web/v0002").exists());
}
