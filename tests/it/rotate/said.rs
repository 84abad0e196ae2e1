//! What runs and checks say, and with what they end.

use std::fs;

use crate::harness::{Run, Sandbox};

use super::{in_force, json, rotate, with_ca, with_identity};

/// A profile of an identity that the CA beside it certifies.
fn profile(name: &str, identity: &str, more: &str) -> String {
    format!(
        "[profile.{name}]\nidentity = \"{identity}\"\ncn = \"{identity}-1\"\nca_dir = \"ca\"\n\
         passphrase_file = \"passphrase\"\n{more}"
    )
}

fn all(sandbox: &Sandbox, config: &str, more: &[&str]) -> Run {
    sandbox.write("config.toml", config);
    sandbox.run(&[&["rotate", "--all", "--config", "config.toml"][..], more].concat())
}

/// A mistyped hook is mended in the configuration, and what is owed is done then.
#[test]
fn a_hook_that_is_corrected_takes_the_place_of_the_one_that_failed() {
    let sandbox = with_identity();
    let first = ["--after-hook", "touch first"];
    let mistyped = [&first[..], &["--after-hook", "tuoch told", "--force"]].concat();
    let run = rotate(&sandbox, &mistyped);
    // There is no such program: an option is wrong.
    assert_eq!(run.code, 2, "{run:#?}");
    fs::remove_file(sandbox.path("first")).unwrap();
    // One that somebody types without any hook leaves it owed.
    let run = rotate(&sandbox, &["--json"]);
    assert_eq!(json(&run)["hooksOwed"], 1, "{run:#?}");
    let version = in_force(&sandbox.path("web"));
    let mended = [&first[..], &["--after-hook", "touch told"]].concat();
    let run = rotate(&sandbox, &mended);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
    assert!(
        run.stderr
            .contains("the hook tuoch (2 of 2), which failed before, is asked for no more"),
        "{run:#?}"
    );
    assert!(sandbox.path("told").exists());
    // What was run already is not run again, and nothing is owed.
    assert!(!sandbox.path("first").exists());
    let run = rotate(&sandbox, &[&mended[..], &["--json"]].concat());
    assert_eq!(
        (run.code, &json(&run)["hooksOwed"]),
        (0, &0.into()),
        "{run:#?}"
    );
    assert_eq!(in_force(&sandbox.path("web")), version);
}

/// One rule, wherever it was met: options, refusals, keys, what passes, the rest.
#[test]
fn the_exit_code_is_that_of_what_stopped_it() {
    let sandbox = with_identity();
    sandbox.write("wrong", "not the passphrase of the CA\n");
    let identity = ["rotate", "--identity", "web", "--cn", "web-1"];
    let of_ca = |passphrase| vec!["--ca-dir", "ca", "--passphrase-file", passphrase];
    let issuer = |command| {
        let root = ["--trust-anchor", "ca/trust-anchor.pem"];
        [&root[..], &["--issuer-command", command]].concat()
    };
    let hook = |command| [&of_ca("passphrase")[..], &["--before-hook", command]].concat();
    for (what, more, code) in [
        ("no passphrase", vec!["--ca-dir", "ca"], 2),
        ("a passphrase that is not there", of_ca("nowhere"), 2),
        ("a wrong passphrase", of_ca("wrong"), 4),
        ("no such issuer", issuer("/nowhere/issuer"), 2),
        ("an issuer that fails", issuer("false"), 1),
        ("an issuer that is out", issuer("sh -c 'exit 75'"), 5),
        ("no such hook", hook("/nowhere/hook"), 2),
        ("a hook that fails", hook("false"), 1),
        ("a hook that says later", hook("sh -c 'exit 75'"), 5),
    ] {
        let run = sandbox.run(&[&identity[..], &["--force"], &more].concat());
        assert_eq!(run.code, code, "{what}: {run:#?}");
        // What passes by itself is not brought about by more tries.
        let has_force = run.stderr.contains("--force");
        assert_eq!(has_force, code != 5, "{what}: {run:#?}");
        // A run that waits ends as the one did after which it waits.
        let waiting = ["--ca-dir", "ca", "--san", "a.example.com"];
        let waits = sandbox.run(&[&identity[..], &waiting].concat());
        assert_eq!(waits.code, code, "{what}: {waits:#?}");
    }
}

#[test]
fn a_profile_that_is_wrong_stands_in_the_way_of_no_other() {
    let sandbox = with_ca();
    let broken = profile("aaa", "db", "keey_type = \"p384\"\n");
    let run = all(&sandbox, &(broken + &profile("web", "web", "")), &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("keey_type"), "{run:#?}");
    assert!(run.stdout.starts_with("obtained the first "), "{run:#?}");
    in_force(&sandbox.path("web"));
    assert!(!sandbox.path("db").exists());
}

#[test]
fn no_profile_is_left_out_without_a_word() {
    let sandbox = with_ca();
    let two = profile("one", "web", "") + &profile("two", "web", "");
    let shown = json(&all(&sandbox, &two, &["--json"]));
    assert_eq!(shown[0]["result"], "renewed");
    assert_eq!(
        (&shown[1]["result"], &shown[1]["sameAs"]),
        (&"sameIdentity".into(), &"one".into())
    );
    // That is as it may be, and cron has nothing to send on.
    let quiet = all(&sandbox, &two, &[]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""), "{quiet:#?}");
    let other = profile("one", "web", "") + &profile("two", "web", "after_hook = \"true\"\n");
    let run = all(&sandbox, &other, &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr.contains("nothing of what two says besides"),
        "{run:#?}"
    );
    // Who says which names it is to have has forgotten who certifies it.
    let orphan = "[profile.db]\nidentity = \"db\"\ncn = \"db-1\"\n";
    let user = "[profile.app]\nidentity = \"web\"\n";
    let run = all(&sandbox, &(profile("web", "web", "") + orphan + user), &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("the profile db") && run.stderr.contains("no issuer"),
        "{run:#?}"
    );
    assert!(!run.stderr.contains("app"), "{run:#?}");
}

#[test]
fn a_check_says_when_it_is_due_and_what_differs() {
    let sandbox = with_identity();
    let check = |more: &[&str]| rotate(&sandbox, &[&["--check"], more].concat());
    let says = |run: &Run, what: &str| assert!(run.stdout.contains(what), "{what}: {run:#?}");
    let closed = ["--window", "0 0 29 2 * 1m UTC"];
    says(&check(&closed), "\ndue            20");
    let within = check(&["--within", "29d"]);
    says(&within, "differs        --within asks for a longer time");
    assert!(!check(&["--within", "20d"]).stdout.contains("differs"));
    let key = check(&["--key-type", "p384"]);
    says(
        &key,
        "is of the type EC P-256; the next one is of the type p384",
    );
    let init = ["ca", "init", "--dir", "other", "--name", "Other"];
    sandbox.ok(&[&init[..], &["--passphrase-file", "passphrase"]].concat());
    let anchor = check(&["--trust-anchor", "other/trust-anchor.pem"]);
    says(&anchor, "does not lead to --trust-anchor");
    assert_eq!(json(&check(&["--json"]))["differs"], serde_json::json!([]));
}

/// Whoever can write the state file could else speak to the terminal of root.
#[test]
fn a_check_prints_no_control_characters_of_the_state() {
    let sandbox = with_identity();
    let wrong = ["--force", "--issuer-command", "sh -c 'exit 75'"];
    let more = ["--trust-anchor", "ca/trust-anchor.pem"];
    let identity = ["rotate", "--identity", "web", "--cn", "web-1"];
    sandbox.run(&[&identity[..], &wrong, &more].concat());
    let state = sandbox.read("web/state.json");
    let forged = state.replace("exit status: 75", "\\u001b[2Jall is well");
    assert_ne!(forged, state);
    sandbox.write("web/state.json", forged);
    let check = rotate(&sandbox, &["--check"]);
    assert!(check.stdout.contains("all is well"), "{check:#?}");
    assert!(!check.stdout.contains('\u{1b}'), "{check:#?}");
}

/// That the certificate was not renewed does not hide that its files are wrong too.
#[test]
fn fixed_files_that_fail_are_told_beside_the_renewal() {
    let sandbox = with_identity();
    let run = sandbox.run(&[
        "rotate",
        "--identity",
        "web",
        "--cn",
        "web-1",
        "--force",
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--issuer-command",
        "sh -c 'exit 75'",
        "--cert-file",
        "nowhere/cert.pem",
    ]);
    assert_eq!(run.code, 5, "{run:#?}");
    assert!(run.stderr.contains("was not renewed"), "{run:#?}");
    assert!(run.stderr.contains("nowhere/cert.pem"), "{run:#?}");
}

/// Where the link was lost, the way out names the version that was in force.
#[test]
fn the_version_that_was_in_force_is_named_where_the_link_is_lost() {
    let sandbox = with_identity();
    sandbox.ok(&[&super::LOCAL[..], &["--force"]].concat());
    // Somebody has copied one that was never in force.
    let copy = crate::ca_state::copy;
    copy(&sandbox.path("web/v0001"), &sandbox.path("web/v0009"));
    fs::remove_file(sandbox.path("web/current")).unwrap();
    let run = rotate(&sandbox, &[]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(
        run.stderr
            .contains("v0002 was it last, the newest is v0009"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("ln -s v0002 "), "{run:#?}");
}

#[test]
fn what_is_done_in_silence_stands_in_the_log() {
    let sandbox = with_ca();
    let log = ["--log-file", "log"];
    assert_eq!(rotate(&sandbox, &log).code, 0);
    let serial = in_force(&sandbox.path("web"));
    let line = format!("the certificate has the serial number {serial}");
    assert!(sandbox.read("log").contains("renewed the identity in "));
    assert!(
        sandbox.read("log").contains(&line),
        "{}",
        sandbox.read("log")
    );
    let failing = |more: &[&str]| {
        let mut words = vec!["rotate", "--identity", "web", "--cn", "web-1"];
        words.extend([
            "--trust-anchor",
            "ca/trust-anchor.pem",
            "--san",
            "a.example.com",
        ]);
        words.extend(["--issuer-command", "sh -c 'exit 75'"]);
        sandbox.run(&[&words[..], more].concat())
    };
    assert!(failing(&[]).stderr.contains("was not renewed"));
    let silent = failing(&log);
    assert_eq!(
        (silent.code, silent.stderr.as_str()),
        (5, ""),
        "{silent:#?}"
    );
    let logged = sandbox.read("log");
    let last = logged.lines().last().unwrap();
    assert!(
        last.contains("is still not renewed, as was told before: ")
            && last.contains("it is tried again from 20"),
        "{logged}"
    );
}

/// Each message names what has to be changed.
#[test]
fn messages_name_the_option() {
    let sandbox = with_ca();
    fs::create_dir(sandbox.path("open")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    fs::set_permissions(sandbox.path("open"), mode).unwrap();
    for (option, value) in [
        ("--group", "nobody-has-this"),
        ("--file-group", "nobody-has-this"),
        ("--file-owner", "nobody-has-this"),
        ("--key-file", "open/key.pem"),
    ] {
        let run = rotate(&sandbox, &["--cert-file", "tls.pem", option, value]);
        assert_eq!(run.code, 2, "{run:#?}");
        let first = run.stderr.lines().next().unwrap();
        assert!(first.contains(option), "{option}: {run:#?}");
    }
}

/// What is not there is neither healthy nor expired.
#[test]
fn nothing_has_no_urgency() {
    let sandbox = with_ca();
    let shown = json(&rotate(&sandbox, &["--check", "--json"]));
    assert_eq!(shown["urgency"], serde_json::Value::Null);
}
