//! What a monitor is told of hosts that have let their certificate end, of keys
//! that are gone, and when it calls with arguments that are none.

use std::fs;

use super::{json, tamper, with_web};
use crate::harness::{Run, Sandbox};

fn level(sandbox: &Sandbox, probe: &str, options: &[&str]) -> String {
    let fixed = ["ca", "check", "--dir", "ca", "--format", "json"];
    let run = sandbox.run(&[&fixed[..], options].concat());
    let found = json(&run);
    let rank = |level: &str| {
        ["OK", "WARNING", "UNKNOWN", "CRITICAL"]
            .iter()
            .position(|one| *one == level)
    };
    let findings = found["findings"].as_array().unwrap();
    let levels = findings.iter().filter(|finding| finding["probe"] == probe);
    let levels = levels.map(|finding| finding["level"].as_str().unwrap());
    levels.max_by_key(|level| rank(level)).unwrap().to_owned()
}

fn end(sandbox: &Sandbox, name: &str, days_ago: u32) {
    tamper(
        &sandbox.path("ca/inventory.db"),
        &format!(
            "UPDATE certificate SET not_before = not_before - 86400 * 100, \
             not_after = strftime('%s') - 86400 * {days_ago} WHERE common_name = '{name}'"
        ),
    );
}

#[test]
fn a_fleet_that_has_expired_is_critical() {
    let sandbox = with_web();
    sandbox.issue("db", &[]);
    assert_eq!(level(&sandbox, "ended", &[]), "OK");
    end(&sandbox, "db", 3);
    assert_eq!(level(&sandbox, "ended", &[]), "WARNING");
    assert_eq!(
        level(&sandbox, "ended", &["--ended-critical", "1"]),
        "CRITICAL"
    );
    assert_eq!(level(&sandbox, "ended", &["--ended", "2d"]), "OK");
    let page = sandbox
        .ok(&["ca", "report", "--dir", "ca", "--html", "-"])
        .stdout;
    assert!(page.contains("1 certificate ended in the last 30 days without a successor"));
    end(&sandbox, "web", 3);
    // Nothing is valid any more.
    assert_eq!(level(&sandbox, "ended", &[]), "CRITICAL");
    let renew = [
        "ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web-2",
    ];
    sandbox.ok(&[&renew[..], &["--passphrase-file", "passphrase"]].concat());
    assert_eq!(level(&sandbox, "ended", &[]), "WARNING");
    // A host that is gone.
    let serial = super::serial_of(&sandbox, "db");
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        &serial,
        "--reason",
        "cessationOfOperation",
    ]);
    assert_eq!(level(&sandbox, "ended", &[]), "OK");
}

#[test]
fn keys_that_are_gone_or_are_none_are_critical() {
    let sandbox = with_web();
    assert_eq!(level(&sandbox, "keys", &[]), "OK");
    let key = sandbox.read("ca/issuing/key.pem");
    fs::remove_file(sandbox.path("ca/issuing/key.pem")).unwrap();
    assert_eq!(level(&sandbox, "keys", &[]), "CRITICAL");
    for content in [
        sandbox.read("web/key.pem"),
        sandbox.read("web/cert.pem"),
        "none".to_owned(),
    ] {
        sandbox.write("ca/issuing/key.pem", content);
        assert_eq!(level(&sandbox, "keys", &[]), "CRITICAL");
    }
    sandbox.write("ca/issuing/key.pem", key);
    assert_eq!(level(&sandbox, "keys", &[]), "OK");
    sandbox.write(
        "ca/root/device.json",
        "{\"version\":1,\"key\":\"pkcs11:token=t\"}",
    );
    assert_eq!(level(&sandbox, "keys", &[]), "OK");
    sandbox.write("ca/root/device.json", "{\"version\":2}");
    assert_eq!(level(&sandbox, "keys", &[]), "CRITICAL");
}

#[test]
fn arguments_that_are_none_are_unknown_to_a_monitor() {
    let sandbox = with_web();
    for arguments in [
        &["ca", "check"][..],
        &["ca", "check", "--dir", "ca", "--warm", "3d"],
        &["ca", "check", "--dir", "ca", "--warn", "3"],
    ] {
        let run: Run = sandbox.run(arguments);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(run.stdout.starts_with("WINDLASS CA UNKNOWN - "), "{run:#?}");
        assert!(run.stderr.starts_with("error: "), "{run:#?}");
    }
    assert_eq!(sandbox.run(&["ca", "check", "--help"]).code, 0);
    assert_eq!(sandbox.run(&["ca", "show"]).code, 2);
}
