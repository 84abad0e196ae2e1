//! The steps, one after the other, and those that are refused.

use std::fs;

use chrono::{TimeDelta, Utc};
use insta::assert_snapshot;
use ring::rand::SystemRandom;
use windlass::authority::{
    self, Authority, Bootstrap, Delivery, IssueRequest, Occasion, OwnKey, Preparation, RequestedKey,
};
use windlass::environment::Environment;
use windlass::key::{Cost, KeyType};
use windlass::secret::Secret;
use windlass::store::Staging;

use super::{
    SECRET, assert_audited, bundle, done, emulate, json, session, states, status, step, verifies,
    with_old,
};
use crate::ca_state::{assert_owner_only, unlock};
use crate::harness::{PASSPHRASE, Run, Sandbox};

/// A run's output with placeholders for what differs each time.
fn shown(run: &Run) -> String {
    let text = format!("exit {}\n{}{}", run.code, run.stdout, run.stderr);
    let mut shown = String::new();
    for line in text.lines() {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(|c: char| "(),:".contains(c));
                let is_hex = bare.len() >= 32 && bare.bytes().all(|b| b.is_ascii_hexdigit());
                let is_time = bare.len() >= 10 && bare.starts_with("20") && bare.contains('-');
                match (is_hex, is_time) {
                    (true, _) => word.replace(bare, "[HEX]"),
                    (_, true) => word.replace(bare, "[TIME]"),
                    _ => word.to_owned(),
                }
            })
            .collect();
        let line = words.join(" ");
        // A signature has one octet more or less.
        let line = match line.split_once(" takes, ") {
            Some((before, after)) if after.ends_with(" characters") => {
                format!("{before} takes, [N] characters")
            }
            _ => line,
        };
        // How long it is until then.
        let line = match line.split_once(" (in ") {
            Some((before, after)) => {
                format!("{before} (in …){}", after.split_once(')').unwrap().1)
            }
            None => line,
        };
        shown.push_str(&line);
        shown.push('\n');
    }
    shown
}

#[test]
fn a_new_root_takes_over_and_nobody_is_refused_before_the_old_one_is_retired() {
    let sandbox = with_old();
    let old_bundle = bundle(&sandbox);
    sandbox.write("old-anchor.pem", &old_bundle);
    assert_snapshot!(
        "prepare_root",
        shown(&done(&sandbox, "prepare", &["--of", "root"]))
    );
    assert_owner_only(&sandbox.path("ca"));
    // The bundle has both, the old one first, and installing it changes nothing.
    let both = bundle(&sandbox);
    assert!(both.starts_with(&old_bundle));
    assert_eq!(both, old_bundle + &sandbox.read("ca/root-2/cert.pem"));
    let emulator = emulate(&sandbox);
    assert_eq!(session(&sandbox, &emulator, "old"), 0);
    // Not before somebody says that the bundle is there.
    assert_snapshot!(
        "activate_too_early",
        shown(&step(&sandbox, "activate", &[]))
    );
    assert_eq!(states(&sandbox), ["active", "prepared"]);
    sandbox.issue("meanwhile", &[]);
    assert_eq!(
        sandbox.read("meanwhile/chain.pem"),
        sandbox.read("old/chain.pem")
    );
    let options = ["--bundle-installed", "--comment", "told by alice"];
    assert_snapshot!(
        "activate_root",
        shown(&done(&sandbox, "activate", &options))
    );
    assert_eq!(bundle(&sandbox), both, "what was installed stays");
    sandbox.issue("new", &[]);
    assert_eq!(
        sandbox.read("new/chain.pem"),
        sandbox.read("ca/issuing-2/cert.pem")
    );
    for leaf in ["old", "meanwhile", "new"] {
        assert_eq!(session(&sandbox, &emulator, leaf), 0, "{leaf}");
        let chain = format!("{leaf}/chain.pem");
        assert!(
            verifies(&sandbox, leaf, "ca/trust-anchor.pem", &[&chain]),
            "{leaf}"
        );
    }
    assert_snapshot!("status_retiring", shown(&done(&sandbox, "status", &[])));
    // Whoever has the old root alone needs the cross-certificate.
    let chain = ["new/chain.pem", "ca/root-2/cross.pem"];
    assert!(!verifies(&sandbox, "new", "old-anchor.pem", &chain[..1]));
    assert!(verifies(&sandbox, "new", "old-anchor.pem", &chain));
    let before_install = sandbox.emulate(&["--trust-anchor", "old-anchor.pem"]);
    assert_eq!(session(&sandbox, &before_install, "new"), 3);
    assert_eq!(session(&sandbox, &before_install, "old"), 0);
    let refused = step(&sandbox, "retire", &[]);
    assert_snapshot!("retire_too_early", shown(&refused));
    assert_eq!(states(&sandbox), ["retiring", "active"]);
    assert_eq!(bundle(&sandbox), both);
    let next = done(&sandbox, "bundle", &["--step", "next"]).stdout;
    assert_snapshot!(
        "retire_by_force",
        shown(&done(&sandbox, "retire", &["--force"]))
    );
    assert_eq!(bundle(&sandbox), sandbox.read("ca/root-2/cert.pem"));
    assert_eq!(bundle(&sandbox), next);
    let emulator = emulate(&sandbox);
    assert_eq!(session(&sandbox, &emulator, "new"), 0);
    assert_eq!(session(&sandbox, &emulator, "old"), 3);
    // The key is there until somebody removes it, and nothing needs it.
    for name in ["root", "issuing"] {
        assert!(sandbox.path(&format!("ca/{name}/key.pem")).exists());
        fs::remove_dir_all(sandbox.path(&format!("ca/{name}"))).unwrap();
    }
    sandbox.issue("newer", &[]);
    assert_eq!(session(&sandbox, &emulator, "newer"), 0);
    assert_audited(&sandbox);
    let log = sandbox
        .ok(&["ca", "audit", "export", "--dir", "ca", "--out", "-"])
        .stdout;
    for said in [
        "\"bundleInstalled\":true",
        "\"stranded\":2",
        "\"told by alice\"",
    ] {
        let flat: String = log.split_whitespace().collect();
        let said: String = said.split_whitespace().collect();
        assert!(flat.contains(&said), "{said}: {log}");
    }
}

#[test]
fn a_new_issuing_ca_needs_nothing_installed() {
    let sandbox = with_old();
    let before = bundle(&sandbox);
    let emulator = emulate(&sandbox);
    assert_snapshot!("prepare_issuing", shown(&done(&sandbox, "prepare", &[])));
    assert!(!sandbox.path("ca/root-2").exists());
    assert_snapshot!("activate_issuing", shown(&done(&sandbox, "activate", &[])));
    sandbox.issue("new", &[]);
    assert_eq!(bundle(&sandbox), before);
    for leaf in ["old", "new"] {
        assert_eq!(session(&sandbox, &emulator, leaf), 0, "{leaf}");
        let chain = format!("{leaf}/chain.pem");
        assert!(
            verifies(&sandbox, leaf, "ca/trust-anchor.pem", &[&chain]),
            "{leaf}"
        );
    }
    // One rollover at a time.
    assert_snapshot!("prepare_too_early", shown(&step(&sandbox, "prepare", &[])));
    assert_eq!(step(&sandbox, "retire", &[]).code, 1);
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "old",
        "--reason",
        "superseded",
    ]);
    assert_snapshot!("status_revoked", shown(&done(&sandbox, "status", &[])));
    assert_snapshot!("retire_unlisted", shown(&step(&sandbox, "retire", &[])));
    let retired = json(&done(&sandbox, "retire", &["--force", "--json"]));
    assert_eq!(retired["strandedCertificates"], 0);
    assert_eq!(retired["unlistedCertificates"], 1);
    assert_eq!(retired["bundleChanged"], false);
    assert_eq!(bundle(&sandbox), before);
    // And once more, by which the numbers go on.
    done(&sandbox, "prepare", &["--of", "root"]);
    done(&sandbox, "activate", &["--bundle-installed"]);
    assert_eq!(states(&sandbox), ["retired", "retiring", "active"]);
    sandbox.issue("newest", &[]);
    let names = status(&sandbox)["generations"].clone();
    assert_eq!(names[2]["root"]["name"], "root-3");
    assert_eq!(names[2]["issuing"]["name"], "issuing-3");
    assert_eq!(names[1]["root"]["name"], "root");
    let emulator = emulate(&sandbox);
    for leaf in ["new", "newest"] {
        assert_eq!(session(&sandbox, &emulator, leaf), 0, "{leaf}");
    }
    assert_audited(&sandbox);
}

#[test]
fn steps_that_cannot_be_are_refused_and_change_nothing() {
    let sandbox = with_old();
    let log = || {
        let run = sandbox.ok(&["ca", "audit", "list", "--dir", "ca"]);
        run.stdout.lines().count()
    };
    let before = (log(), bundle(&sandbox));
    for (verb, options, said) in [
        ("activate", &[][..], "no generation of the CA is prepared"),
        (
            "retire",
            &["--force"],
            "no generation of the CA is retiring",
        ),
        ("cancel", &[], "no generation of the CA is prepared"),
        ("prepare", &["--root-key", "handle:0x81000011"], "--of"),
    ] {
        let run = step(&sandbox, verb, options);
        assert!([1, 2].contains(&run.code), "{verb}: {run:#?}");
        assert!(run.stderr.contains(said), "{verb}: {run:#?}");
    }
    sandbox.write("wrong", "not the passphrase\n");
    let arguments = [
        "ca",
        "rollover",
        "prepare",
        "--dir",
        "ca",
        "--passphrase-file",
        "wrong",
    ];
    assert_eq!(sandbox.run(&arguments).code, 4);
    assert_eq!((log(), bundle(&sandbox)), before);
    assert!(!sandbox.path("ca/issuing-2").exists());
    // A new key that cannot be opened does not become the one that issues.
    done(&sandbox, "prepare", &[]);
    let before = log();
    let arguments = [
        "ca",
        "rollover",
        "activate",
        "--dir",
        "ca",
        "--passphrase-file",
        "wrong",
    ];
    assert_eq!(sandbox.run(&arguments).code, 4);
    fs::copy(
        sandbox.path("ca/issuing/key.pem"),
        sandbox.path("ca/issuing-2/key.pem"),
    )
    .unwrap();
    assert_eq!(step(&sandbox, "activate", &[]).code, 4);
    assert_eq!(
        (states(&sandbox), log()),
        (vec!["active".into(), "prepared".into()], before)
    );
}

/// A life of forty days: what was issued under the old root ended yesterday, so
/// that nothing is in the way today.
#[test]
fn when_the_last_certificate_has_ended_the_old_root_goes() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path("ca");
    let at = |days: i64| Occasion {
        actor: "alice@ca",
        comment: None,
        at: Utc::now() - TimeDelta::days(days),
        accept_clock: false,
    };
    let new = OwnKey::New(KeyType::P256);
    let random = SystemRandom::new();
    let environment = Environment::default();
    let unlock = unlock(PASSPHRASE, &environment);
    let bootstrap = Bootstrap {
        name: &"Example Corp".parse().unwrap(),
        root_key: &new,
        issuing_key: &new,
        root_years: 10,
        issuing_years: 3,
        passphrase: Some(&Secret::new(PASSPHRASE.as_bytes().to_vec())),
        cost: Cost::Normal,
        occasion: &at(40),
    };
    authority::create(Staging::begin(&directory).unwrap(), &bootstrap, &random).unwrap();
    let issue = |name: &str, days: i64| {
        let request = IssueRequest {
            common_name: name.parse().unwrap(),
            organization: None,
            organizational_units: Vec::new(),
            names: Vec::new(),
            key: RequestedKey::New(KeyType::P256),
            days: Some(30),
            profile: None,
            request_id: None,
        };
        let delivery = Delivery::directory(&sandbox.path(name)).unwrap();
        let opened = Authority::open(&directory, &unlock).unwrap();
        opened
            .issue(&request, delivery, &at(days), &random)
            .unwrap();
    };
    issue("old", 31);
    let plan = Preparation {
        root_key: Some(&new),
        issuing_key: &new,
        root_years: 10,
        issuing_years: 3,
        unlock: &unlock,
        cost: Cost::Normal,
        occasion: &at(20),
    };
    authority::prepare(&directory, &plan, &random).unwrap();
    authority::activate(&directory, true, &unlock, &at(10)).unwrap();
    issue("new", 9);
    let status = |days: i64| authority::rollover_status(&directory, at(days).at).unwrap();
    assert_eq!(status(9).generations[0].leaves.count, 1);
    assert_eq!(status(0).generations[0].leaves.count, 0);
    let both = emulate(&sandbox);
    assert_eq!(session(&sandbox, &both, "new"), 0);
    let retired = json(&done(&sandbox, "retire", &["--json"]));
    assert_eq!(retired["strandedCertificates"], 0);
    assert_eq!(bundle(&sandbox), sandbox.read("ca/root-2/cert.pem"));
    let emulator = emulate(&sandbox);
    assert_eq!(session(&sandbox, &emulator, "new"), 0);
    assert_ne!(session(&sandbox, &emulator, "old"), 0);
    assert_audited(&sandbox);
}

#[test]
fn a_generation_that_was_given_up_keeps_its_keys_and_its_number() {
    let sandbox = with_old();
    let before = bundle(&sandbox);
    done(&sandbox, "prepare", &["--of", "root"]);
    assert_snapshot!("cancel", shown(&done(&sandbox, "cancel", &[])));
    assert_eq!(bundle(&sandbox), before);
    assert!(sandbox.path("ca/issuing-2/key.pem").exists());
    sandbox.issue("web", &[]);
    done(&sandbox, "prepare", &[]);
    assert_eq!(states(&sandbox), ["active", "cancelled", "prepared"]);
    assert!(sandbox.path("ca/issuing-3/key.pem").exists());
    // The certificate that it got can be revoked, by the root that has issued it.
    let serial = status(&sandbox)["generations"][2]["issuing"]["serialNumber"].clone();
    let cancelled = json(&done(&sandbox, "cancel", &["--json"]));
    assert_eq!(cancelled["stillCertified"], serde_json::json!([serial]));
    let revoke = ["ca", "revoke", "--dir", "ca", serial.as_str().unwrap()];
    let reason = [
        "--ca",
        "--reason",
        "cessationOfOperation",
        "--crl",
        "--json",
    ];
    let run = sandbox.ok(&[&revoke[..], &reason, &SECRET].concat());
    assert_eq!(json(&run)["crl"]["authority"], "root");
    assert_audited(&sandbox);
}
