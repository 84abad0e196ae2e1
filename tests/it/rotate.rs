//! `windlass rotate`: an identity that is renewed when it is due, and never worse off.

mod amiss;
mod answers;
mod bugs;
mod crash;
mod disks;
mod fixed;
mod issuers;
mod revoked;
mod said;
mod settings;
mod telling;
mod traces;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use windlass::key::{Signer, open_software};
use windlass::pki::read_certificates;

use crate::harness::{Emulator, Run, Sandbox};

/// What every rotation of these tests says: a CA beside the identity.
const LOCAL: [&str; 9] = [
    "rotate",
    "--identity",
    "web",
    "--cn",
    "web-1",
    "--ca-dir",
    "ca",
    "--passphrase-file",
    "passphrase",
];

fn with_ca() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox
}

/// One with a first certificate.
fn with_identity() -> Sandbox {
    let sandbox = with_ca();
    sandbox.ok(&LOCAL);
    sandbox
}

fn rotate(sandbox: &Sandbox, more: &[&str]) -> Run {
    let mut arguments = LOCAL.to_vec();
    arguments.extend(more);
    sandbox.run(&arguments)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}

/// The serial number of the certificate in force, whose key is there and its own.
fn in_force(identity: &Path) -> String {
    let current = identity.join("current");
    let read = |name: &str| fs::read(current.join(name)).unwrap();
    let key = open_software(&read("key.pem"), "key", || Ok(None)).unwrap();
    let chain = read_certificates(&read("fullchain.pem"), "chain").unwrap();
    let alone = read_certificates(&read("cert.pem"), "certificate").unwrap();
    assert_eq!(chain[0].public_key(), key.public_key());
    assert_eq!(chain[0], alone[0]);
    assert_eq!(chain.len(), 2);
    chain[0].serial().hex()
}

/// What is in force, octet for octet, and where the link leads.
fn kept(identity: &Path) -> (PathBuf, BTreeMap<PathBuf, Vec<u8>>) {
    let link = fs::read_link(identity.join("current")).unwrap();
    let files = fs::read_dir(identity.join("current")).unwrap();
    let files = files.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into(), fs::read(entry.path()).unwrap())
    });
    (link, files.collect())
}

/// What is in force obtains a session.
fn signs(sandbox: &Sandbox, emulator: &Emulator, told: &str) {
    let arguments = emulator.arguments("web/current");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = sandbox.run(&arguments);
    assert_eq!(run.code, 0, "{told}: {run:#?}");
}

#[test]
fn an_identity_is_obtained_used_and_left_alone_until_it_is_due() {
    let sandbox = with_ca();
    let first = rotate(&sandbox, &["--exit-code"]);
    assert_eq!(first.code, 10, "{first:#?}");
    assert!(
        first
            .stdout
            .starts_with("obtained the first certificate of ")
    );
    let serial = in_force(&sandbox.path("web"));
    for (path, mode) in [
        ("web", 0o700),
        ("web/v0001", 0o700),
        ("web/v0001/key.pem", 0o600),
        ("web/state.json", 0o600),
    ] {
        let metadata = fs::metadata(sandbox.path(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let arguments = emulator.arguments("web/current");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sandbox.ok(&arguments);
    // Cron sends on what is printed.
    let second = rotate(&sandbox, &["--exit-code"]);
    assert_eq!(
        (second.code, second.stdout, second.stderr),
        (0, String::new(), String::new())
    );
    let shown = json(&rotate(&sandbox, &["--json"]));
    assert_eq!(shown["result"], "notDue");
    assert_eq!(shown["serialNumber"], serial);
    assert_eq!(shown["urgency"], "healthy");
    assert_eq!(in_force(&sandbox.path("web")), serial);
    // The CA knows it.
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    assert!(listed.stdout.contains(&serial));
}

#[test]
fn a_check_says_what_would_be_done_and_does_nothing() {
    let sandbox = with_ca();
    let run = rotate(&sandbox, &["--check", "--exit-code"]);
    assert_eq!(run.code, 10, "{run:#?}");
    assert!(
        run.stdout
            .contains("would renew it: there is no certificate yet")
    );
    assert!(!sandbox.path("web").exists());
    sandbox.ok(&LOCAL);
    let before = crate::ca_state::files_below(&sandbox.path("web"));
    let run = rotate(&sandbox, &["--check", "--exit-code"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("\ndue            20"), "{run:#?}");
    let run = rotate(
        &sandbox,
        &[
            "--check",
            "--exit-code",
            "--san",
            "www.example.com",
            "--json",
        ],
    );
    assert_eq!(run.code, 10, "{run:#?}");
    assert_eq!(json(&run)["reason"], "it is to have other names");
    assert_eq!(crate::ca_state::files_below(&sandbox.path("web")), before);
}

#[test]
fn each_renewal_has_a_new_key_and_old_versions_go() {
    let sandbox = with_identity();
    let key = |version: &str| sandbox.read(&format!("web/{version}/key.pem"));
    let mut serials = vec![in_force(&sandbox.path("web"))];
    for round in 2..=5 {
        let before = sandbox.read("web/current/key.pem");
        let shown = json(&rotate(&sandbox, &["--force", "--json", "--keep", "2"]));
        assert_eq!(shown["result"], "renewed");
        assert_eq!(shown["oldSerialNumber"], *serials.last().unwrap());
        assert_eq!(shown["version"], format!("v{round:04}"));
        let now = in_force(&sandbox.path("web"));
        assert_eq!(shown["serialNumber"], now);
        assert!(!serials.contains(&now));
        assert_ne!(sandbox.read("web/current/key.pem"), before);
        serials.push(now);
    }
    assert_eq!(key("v0005"), sandbox.read("web/current/key.pem"));
    assert!(sandbox.path("web/v0004").exists() && !sandbox.path("web/v0003").exists());
    let before = sandbox.read("web/current/key.pem");
    let run = rotate(&sandbox, &["--force", "--reuse-key"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(sandbox.read("web/current/key.pem"), before);
    assert_ne!(&in_force(&sandbox.path("web")), serials.last().unwrap());
}

#[test]
fn a_closed_window_holds_it_up_and_force_does_not_wait() {
    let sandbox = with_identity();
    let serial = in_force(&sandbox.path("web"));
    // The 29th of February, for a minute.
    let closed = ["--window", "0 0 29 2 * 1m UTC", "--san", "www.example.com"];
    let held = rotate(&sandbox, &[&closed[..], &["--json"]].concat());
    assert_eq!(held.code, 0, "{held:#?}");
    let shown = json(&held);
    assert_eq!(shown["result"], "held");
    assert!(
        shown["windowOpens"]
            .as_str()
            .unwrap()
            .contains("-02-29T00:00:00Z")
    );
    assert_eq!(in_force(&sandbox.path("web")), serial);
    let forced = rotate(&sandbox, &[&closed[..], &["--force"]].concat());
    assert_eq!(forced.code, 0, "{forced:#?}");
    assert_ne!(in_force(&sandbox.path("web")), serial);
}

#[test]
fn hooks_are_told_and_the_one_that_fails_is_run_again_alone() {
    let sandbox = with_identity();
    let old = in_force(&sandbox.path("web"));
    for name in ["told", "flaky"] {
        sandbox.write(
            name,
            format!(
                "#!/bin/sh\n\
                 echo \"$WINDLASS_HOOK $WINDLASS_HOOK_VERSION $WINDLASS_HOOK_OLD_SERIAL $WINDLASS_HOOK_SERIAL\" >>{name}.log\n\
                 cat \"$WINDLASS_HOOK_PRIVATE_KEY\" >/dev/null || exit 9\n\
                 [ {name} = told ] || [ -e repaired ] || {{ echo 'nginx is down' >&2; exit 3; }}\n"
            ),
        );
        let path = sandbox.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let path = |name: &str| sandbox.path(name).display().to_string();
    let (told, flaky) = (path("told"), path("flaky"));
    let hooks = ["--after-hook", &told, "--after-hook", &flaky];
    let run = rotate(&sandbox, &[&hooks[..], &["--force"]].concat());
    // The certificate is renewed, and what is to use it does not know.
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("flaky (2 of 2) failed") && run.stderr.contains("nginx is down"));
    assert!(run.stderr.contains("without another renewal"), "{run:#?}");
    let new = in_force(&sandbox.path("web"));
    let line = format!("after v0002 {old} {new}\n");
    assert_eq!(sandbox.read("told.log"), line);
    let again = rotate(&sandbox, &[&hooks[..], &["--json"]].concat());
    assert_eq!(json(&again)["hooksOwed"], 1, "{again:#?}");
    assert_eq!(again.code, 1, "{again:#?}");
    let check = rotate(
        &sandbox,
        &[&hooks[..], &["--check", "--exit-code"]].concat(),
    );
    assert_eq!(check.code, 10, "{check:#?}");
    assert!(
        check.stdout.contains("would run again  ") && check.stdout.contains("flaky (2 of 2)"),
        "{check:#?}"
    );
    sandbox.write("repaired", "");
    let again = rotate(&sandbox, &hooks);
    assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{again:#?}");
    assert_eq!(rotate(&sandbox, &hooks).code, 0);
    assert_eq!(sandbox.read("told.log"), line);
    assert_eq!(sandbox.read("flaky.log"), line.repeat(3));
    assert_eq!(in_force(&sandbox.path("web")), new);
    // One before the change that fails stops it.
    let run = rotate(&sandbox, &["--force", "--before-hook", "false"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("the hook false failed"));
    assert_eq!(in_force(&sandbox.path("web")), new);
    assert_eq!(rotate(&sandbox, &["--force"]).code, 0);
    assert_ne!(in_force(&sandbox.path("web")), new);
}

#[test]
fn a_new_certificate_is_tried_out_before_it_is_used() {
    let sandbox = with_identity();
    let old = in_force(&sandbox.path("web"));
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let session = |url: &str| -> Vec<String> {
        let all = emulator.arguments("web/current");
        let at = |option: &str| {
            let place = all.iter().position(|word| word == option).unwrap();
            vec![option.to_owned(), all[place + 1].clone()]
        };
        ["--trust-anchor-arn", "--profile-arn", "--role-arn"]
            .into_iter()
            .flat_map(at)
            .chain([
                "--endpoint".to_owned(),
                url.to_owned(),
                "--force".to_owned(),
            ])
            .collect()
    };
    let forced = |url: &str| {
        let arguments = session(url);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        rotate(&sandbox, &arguments)
    };
    let run = forced(&emulator.url);
    assert_eq!(run.code, 0, "{run:#?}");
    let new = in_force(&sandbox.path("web"));
    assert_ne!(new, old);
    assert!(emulator.log().contains("POST /sessions 201"));
    // Nobody listens there.
    let run = forced("http://127.0.0.1:1");
    assert_eq!(run.code, 5, "{run:#?}");
    assert_eq!(in_force(&sandbox.path("web")), new);
    // An anchor that is another CA's.
    let mut other = vec!["ca", "init", "--dir", "other", "--name", "Other"];
    other.extend(["--passphrase-file", "passphrase"]);
    sandbox.ok(&other);
    let stranger = sandbox.emulate(&["--trust-anchor", "other/trust-anchor.pem"]);
    let run = forced(&stranger.url);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr
            .contains("the certificate in force is good until")
    );
    assert_eq!(in_force(&sandbox.path("web")), new);
    // What was certified is tried again, and is not certified anew.
    let issued = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    let run = forced(&emulator.url);
    assert_eq!(run.code, 0, "{run:#?}");
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    let count = |text: &str| text.matches("\"serialNumber\"").count();
    assert_eq!(count(&listed), count(&issued));
}

#[test]
fn profiles_name_identities_and_all_are_looked_after() {
    let sandbox = with_ca();
    let (ca, passphrase) = (sandbox.path("ca"), sandbox.path("passphrase"));
    let profile = |name: &str| {
        format!(
            "[profile.{name}]\nidentity = \"{}\"\ncn = \"{name}-1\"\nca_dir = \"{}\"\n\
             passphrase_file = \"{}\"\n",
            sandbox.path(name).display(),
            ca.display(),
            passphrase.display()
        )
    };
    let other = "[profile.plain]\ncertificate = \"nowhere.pem\"\n";
    sandbox.write("config.toml", profile("web") + &profile("db") + other);
    let run = sandbox.run(&["rotate", "--all", "--config", "config.toml", "--json"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let shown = json(&run);
    let results: Vec<(&str, &str)> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["profile"].as_str().unwrap(),
                one["result"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(results, [("db", "renewed"), ("web", "renewed")]);
    in_force(&sandbox.path("db"));
    // One that cannot be looked after leaves the others alone.
    let broken = "[profile.aaa]\nidentity = \"/proc/nothing\"\ncn = \"a\"\nca_dir = \"nowhere\"\n";
    sandbox.write("config.toml", profile("web") + broken);
    let run = sandbox.run(&["rotate", "--all", "--force", "--config", "config.toml"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stdout.starts_with("renewed "), "{run:#?}");
    let run = sandbox.run(&["rotate", "--profile", "web", "--config", "config.toml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
}

#[test]
fn two_runs_at_once_renew_it_once() {
    let sandbox = with_identity();
    sandbox.write(
        "slow",
        "#!/bin/sh\ntouch begun\nwhile [ ! -e go ]; do sleep 0.02; done\n",
    );
    let slow = sandbox.path("slow");
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o700)).unwrap();
    let slow = slow.display().to_string();
    let first = std::thread::scope(|scope| {
        let run = scope.spawn(|| rotate(&sandbox, &["--force", "--before-hook", &slow]));
        while !sandbox.path("begun").exists() {
            assert!(!run.is_finished());
            std::thread::yield_now();
        }
        let second = rotate(&sandbox, &["--force", "--json"]);
        assert_eq!(second.code, 0, "{second:#?}");
        assert_eq!(json(&second)["result"], "busy");
        sandbox.write("go", "");
        run.join().unwrap()
    });
    assert_eq!(first.code, 0, "{first:#?}");
    assert!(sandbox.path("web/v0002").exists() && !sandbox.path("web/v0003").exists());
}

#[test]
fn wrong_options_and_foreign_directories_are_refused_with_a_way_out() {
    let sandbox = with_identity();
    fs::create_dir(sandbox.path("theirs")).unwrap();
    sandbox.write("theirs/important", "data");
    let local = ["--ca-dir", "ca", "--passphrase-file", "passphrase"];
    let cases: [(&[&str], u8, &str, &str); 9] = [
        (
            &["--cn", "a", "--ca-dir", "ca"],
            2,
            "no identity",
            "--identity",
        ),
        (
            &["--identity", "x", "--ca-dir", "ca"],
            2,
            "no common name",
            "--cn",
        ),
        (
            &["--identity", "x", "--cn", "a"],
            2,
            "issuer",
            "--issuer-command",
        ),
        (
            &[
                "--identity",
                "x",
                "--cn",
                "a",
                "--trust-anchor",
                "ca/trust-anchor.pem",
            ],
            2,
            "issuer",
            "--issuer-command",
        ),
        (
            &["--identity", "x", "--cn", "a", "--issuer-command", "cat"],
            2,
            "--trust-anchor",
            "",
        ),
        (
            &["--identity", "x", "--cn", "a b\u{7}", "--ca-dir", "ca"],
            2,
            "--cn",
            "",
        ),
        (
            &[
                "--identity",
                "x",
                "--cn",
                "a",
                "--ca-dir",
                "ca",
                "--window",
                "0 2 * * SUN 3h",
            ],
            2,
            "--window",
            "",
        ),
        (
            &["--identity", "x", "--cn", "a", "--ca-dir", "none"],
            2,
            "none",
            "",
        ),
        (
            &[
                "--identity",
                "theirs",
                "--cn",
                "a",
                local[0],
                local[1],
                local[2],
                local[3],
            ],
            2,
            "theirs",
            "",
        ),
    ];
    for (arguments, code, what, hint) in cases {
        let run = sandbox.run(&[&["rotate"], arguments].concat());
        assert_eq!(run.code, i32::from(code), "{run:#?}");
        assert!(run.stderr.contains(what), "{what}: {run:#?}");
        assert!(run.stderr.contains(hint), "{hint}: {run:#?}");
        assert_eq!(run.stdout, "");
        assert!(!sandbox.path("x").exists(), "{run:#?}");
    }
    assert_eq!(sandbox.read("theirs/important"), "data");
    // What rotation knows of itself is damaged: the pair is not.
    let serial = in_force(&sandbox.path("web"));
    sandbox.write("web/state.json", "{\"format\":1,\"inForce\":");
    let run = rotate(&sandbox, &["--force"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("web/state.json") && run.stderr.contains("remove "));
    assert_eq!(in_force(&sandbox.path("web")), serial);
    fs::remove_file(sandbox.path("web/state.json")).unwrap();
    assert_eq!(rotate(&sandbox, &[]).code, 0);
}

#[test]
fn files_at_fixed_paths_follow_and_keep_their_modes() {
    let sandbox = with_ca();
    fs::create_dir(sandbox.path("etc")).unwrap();
    sandbox.write("etc/tls.key", "old");
    let set = |name: &str, mode: u32| {
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("etc/tls.key", 0o640);
    let mut fixed = vec![
        "--key-file",
        "etc/tls.key",
        "--fullchain-file",
        "etc/tls.pem",
    ];
    fixed.extend([
        "--cert-file",
        "etc/one.pem",
        "--chain-file",
        "etc/above.pem",
    ]);
    let follows = || {
        for (fixed, of_version) in [
            ("etc/tls.key", "key.pem"),
            ("etc/tls.pem", "fullchain.pem"),
            ("etc/one.pem", "cert.pem"),
            ("etc/above.pem", "chain.pem"),
        ] {
            let version = sandbox.read(&format!("web/current/{of_version}"));
            assert_eq!(sandbox.read(fixed), version, "{fixed}");
        }
    };
    assert_eq!(rotate(&sandbox, &fixed).code, 0);
    follows();
    let mode = |name: &str| {
        fs::metadata(sandbox.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("etc/tls.key"), mode("etc/tls.pem")), (0o640, 0o644));
    assert_eq!(
        rotate(&sandbox, &[&fixed[..], &["--force"]].concat()).code,
        0
    );
    follows();
    // What somebody has removed or changed is there again after the next run.
    fs::remove_file(sandbox.path("etc/tls.pem")).unwrap();
    sandbox.write("etc/one.pem", "something else");
    assert_eq!(rotate(&sandbox, &fixed).code, 0);
    follows();
    assert_eq!(fs::read_dir(sandbox.path("etc")).unwrap().count(), 4);
    // A target that cannot be written is told, and nothing is changed there.
    fs::create_dir(sandbox.path("etc/dir")).unwrap();
    let run = rotate(
        &sandbox,
        &[
            "--force",
            "--key-file",
            "etc/tls.key",
            "--cert-file",
            "etc/dir",
        ],
    );
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("etc/dir"), "{run:#?}");
    in_force(&sandbox.path("web"));
    assert_eq!(rotate(&sandbox, &fixed).code, 0);
    follows();
}

#[test]
fn a_group_may_read_the_key_of_an_identity_that_is_for_it() {
    let sandbox = with_ca();
    let group = rustix::process::getgid().as_raw().to_string();
    assert_eq!(rotate(&sandbox, &["--group", &group]).code, 0);
    for (path, mode) in [
        ("web", 0o750),
        ("web/v0001", 0o750),
        ("web/v0001/key.pem", 0o640),
    ] {
        let found = fs::metadata(sandbox.path(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    // Later runs need not say so.
    assert_eq!(rotate(&sandbox, &["--force"]).code, 0);
    let found = fs::metadata(sandbox.path("web/v0002/key.pem")).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o640);
    let run = rotate(&sandbox, &["--group", "no-such-group"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("no-such-group") && run.stderr.contains("getent group"));
}

/// What is lost is found out before the certificate ends.
#[test]
fn a_pair_that_cannot_be_used_is_renewed() {
    let sandbox = with_identity();
    sandbox.ok(&[&LOCAL[..], &["--force"]].concat());
    let other = sandbox.read("web/v0001/key.pem");
    let broken: [fn(&Sandbox, &str); 4] = [
        |sandbox, _| fs::remove_file(sandbox.path("web/current/key.pem")).unwrap(),
        |sandbox, _| sandbox.write("web/current/key.pem", ""),
        |sandbox, other| sandbox.write("web/current/key.pem", other),
        |sandbox, _| fs::remove_file(sandbox.path("web/current/fullchain.pem")).unwrap(),
    ];
    for breaks in broken {
        let before = fs::read_link(sandbox.path("web/current")).unwrap();
        breaks(&sandbox, &other);
        let run = rotate(&sandbox, &["--json"]);
        assert_eq!(json(&run)["result"], "renewed", "{run:#?}");
        assert_ne!(fs::read_link(sandbox.path("web/current")).unwrap(), before);
        in_force(&sandbox.path("web"));
        assert_eq!(rotate(&sandbox, &[]).stdout, "");
    }
}

/// A copy without links is no reason to make an end of the keys.
#[test]
fn versions_of_which_none_is_in_force_are_left_to_a_person() {
    let sandbox = with_identity();
    sandbox.ok(&[&LOCAL[..], &["--force"]].concat());
    let current = sandbox.path("web/current");
    let was = fs::read_link(&current).unwrap();
    fs::remove_file(&current).unwrap();
    for more in [&["--force"][..], &[], &["--check"]] {
        let run = rotate(&sandbox, more);
        assert_eq!(run.code, 4, "{run:#?}");
        assert!(run.stderr.contains("ln -s v0002 "), "{run:#?}");
    }
    for name in ["v0001/key.pem", "v0002/key.pem", "v0002/fullchain.pem"] {
        assert!(sandbox.path("web").join(name).exists(), "{name}");
    }
    std::os::unix::fs::symlink(was, &current).unwrap();
    assert_eq!(rotate(&sandbox, &["--force"]).code, 0);
    in_force(&sandbox.path("web"));
}

/// Nothing that is wrong with a fixed path keeps the rest from being done.
#[test]
fn a_fixed_path_that_fails_is_told_and_the_renewal_goes_on() {
    let sandbox = with_identity();
    let old = in_force(&sandbox.path("web"));
    let hook = ["--after-hook", "touch told"];
    let fixed = ["--cert-file", "nowhere/cert.pem", "--force"];
    let run = rotate(&sandbox, &[&fixed[..], &hook].concat());
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("nowhere/cert.pem"), "{run:#?}");
    assert!(run.stdout.starts_with("renewed "), "{run:#?}");
    assert_ne!(in_force(&sandbox.path("web")), old);
    assert!(sandbox.path("told").exists());
    // Whoever can make files there would be given the key.
    fs::create_dir(sandbox.path("open")).unwrap();
    let mode = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(sandbox.path("open"), mode).unwrap();
    let run = rotate(&sandbox, &["--key-file", "open/key.pem"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(!sandbox.path("open/key.pem").exists());
}

/// It is for this program alone, and so are the variables of hooks for theirs.
#[test]
fn programs_are_not_given_the_passphrase_and_may_call_windlass() {
    let sandbox = with_identity();
    for name in ["issuer", "hook"] {
        let text = format!(
            "#!/bin/sh\nenv >{name}.env\n[ {name} = hook ] && exec {} key show --identity web >shown\nexit 75\n",
            crate::harness::program()
        );
        sandbox.write(name, text);
        let path = sandbox.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let path = |name: &str| sandbox.path(name).display().to_string();
    let mut command = sandbox.command();
    command.args(["rotate", "--identity", "web", "--cn", "web-1", "--force"]);
    command.args([
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--passphrase-env",
        "SECRET_PHRASE",
    ]);
    command.args(["--issuer-command", &path("issuer")]);
    command.env("SECRET_PHRASE", crate::harness::PASSPHRASE);
    assert_eq!(sandbox.finish(command).code, 5);
    let mut command = sandbox.command();
    command.args(["rotate", "--identity", "web", "--cn", "web-1", "--force"]);
    command.args(["--ca-dir", "ca", "--passphrase-env", "SECRET_PHRASE"]);
    command.args(["--after-hook", &path("hook")]);
    command.env("SECRET_PHRASE", crate::harness::PASSPHRASE);
    let run = sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    for name in ["issuer.env", "hook.env"] {
        let environment = sandbox.read(name);
        assert!(environment.contains("PATH="), "{name}");
        assert!(!environment.contains("SECRET_PHRASE"), "{name}");
    }
    assert!(
        sandbox
            .read("hook.env")
            .contains("WINDLASS_HOOK_VERSION=v0002")
    );
    assert!(sandbox.read("shown").contains("CN=web-1"));
}

#[test]
fn what_the_policy_of_the_ca_refuses_ends_with_3() {
    let sandbox = with_identity();
    let old = in_force(&sandbox.path("web"));
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    let run = rotate(&sandbox, &["--force"]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stderr.contains("cn.allow"), "{run:#?}");
    assert_eq!(in_force(&sandbox.path("web")), old);
}
