//! The identities of all profiles.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{check, profile, set_mode, with_identity};
use crate::harness::Sandbox;

const CONFIG: [&str; 2] = ["--config", "config.toml"];

fn levels(sandbox: &Sandbox, options: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let run = check(sandbox, &[options, &["--json"]].concat());
    let shown: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"));
    let findings = shown["findings"].as_array().unwrap().iter();
    let bad = findings
        .filter(|finding| finding["level"] != "OK")
        .map(|finding| {
            let of = |name: &str| finding[name].as_str().map(str::to_owned);
            let whose = of("identity").or_else(|| of("certificate"));
            (whose.unwrap(), of("probe").unwrap(), of("level").unwrap())
        });
    (run.code, bad.collect())
}

fn is(identity: &str, probe: &str, level: &str) -> (String, String, String) {
    (identity.to_owned(), probe.to_owned(), level.to_owned())
}

#[test]
fn one_that_is_broken_keeps_no_other_from_being_told() {
    let sandbox = with_identity();
    let plain = "[profile.plain]\ncertificate = \"env:PEM\"\n";
    let all = profile(&sandbox, "web", "") + &profile(&sandbox, "db", "") + plain;
    sandbox.write("config.toml", &all);
    sandbox.ok(&["rotate", "--profile", "db", "--config", "config.toml"]);
    assert_eq!(levels(&sandbox, &CONFIG), (0, vec![]));
    // Its options are wrong.
    let wrong = profile(&sandbox, "aaa", "within = \"soon\"");
    sandbox.write("config.toml", all + &wrong);
    set_mode(&sandbox, "db/current/key.pem", 0o660);
    for options in [&CONFIG[..], &["--all", CONFIG[0], CONFIG[1]]] {
        let (code, found) = levels(&sandbox, options);
        assert_eq!(code, 3);
        assert_eq!(
            found,
            [
                is("aaa", "options", "UNKNOWN"),
                is("db", "modes", "WARNING")
            ]
        );
    }
    let run = check(&sandbox, &CONFIG);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].starts_with("WINDLASS IDENTITY UNKNOWN - aaa: "),
        "{run:#?}"
    );
    assert!(
        lines[0].contains("config.toml") && lines[0].contains("within"),
        "{run:#?}"
    );
    // The worst ones come first: a monitor cuts the rest off.
    assert!(lines[1].starts_with("UNKNOWN aaa options: "), "{run:#?}");
    assert!(lines[2].starts_with("WARNING db modes: "), "{run:#?}");
    assert!(lines[3].starts_with("OK "), "{run:#?}");
    // What is critical is worse than what nobody knows.
    set_mode(&sandbox, "web/current/key.pem", 0o666);
    assert_eq!(levels(&sandbox, &CONFIG).0, 2);
    // One by its name, and several.
    let (code, found) = levels(&sandbox, &[&CONFIG[..], &["--profile", "db"]].concat());
    assert_eq!((code, found), (1, vec![is("db", "modes", "WARNING")]));
    let run = check(&sandbox, &[&CONFIG[..], &["--profile", "plain"]].concat());
    assert!(
        run.stdout
            .contains("the profile names neither an identity nor a file"),
        "{run:#?}"
    );
    let several = ["--profile", "db", "--profile", "none", "--profile", "plain"];
    let (code, found) = levels(&sandbox, &[&CONFIG[..], &several].concat());
    assert_eq!(code, 3);
    assert_eq!(
        found,
        [
            is("db", "modes", "WARNING"),
            is("none", "options", "UNKNOWN"),
            is("plain", "options", "UNKNOWN")
        ]
    );
}

/// What something else renews ends too.
#[test]
fn a_profile_with_a_certificate_in_a_file_is_judged_by_that() {
    let sandbox = with_identity();
    let path = sandbox
        .path("web/current/fullchain.pem")
        .display()
        .to_string();
    let plain = |name: &str| {
        format!("[profile.{name}]\ncertificate = \"{path}\"\nprivate_key = \"key.pem\"\n")
    };
    let web = profile(&sandbox, "web", "");
    sandbox.write("config.toml", plain("a") + &plain("b") + &web);
    let warn = [&CONFIG[..], &["--warn", "31d"]].concat();
    let (code, found) = levels(&sandbox, &warn);
    let certificate = is(&path, "certificate", "WARNING");
    let identity = is("web", "certificate", "WARNING");
    assert_eq!((code, found), (1, vec![certificate.clone(), identity]));
    let (code, found) = levels(&sandbox, &[&warn[..], &["--profile", "b"]].concat());
    assert_eq!((code, found), (1, vec![certificate]));
    // It is the one that has issued no other, wherever it stands.
    let (leaf, above) = (
        sandbox.read("web/current/cert.pem"),
        sandbox.read("web/current/chain.pem"),
    );
    sandbox.write("turned.pem", above + &leaf);
    let run = check(&sandbox, &["--certificate", "turned.pem"]);
    assert!(run.stdout.contains("certificate: CN=web-1, "), "{run:#?}");
    assert_eq!(run.code, 0, "{run:#?}");
}

/// Rotation could not be run as the profile has it; the identity is told still.
#[test]
fn a_profile_that_rotation_cannot_use_is_told_beside_its_identity() {
    let sandbox = with_identity();
    let lost = profile(&sandbox, "web", "").replace("/ca\"", "/nowhere\"");
    sandbox.write("config.toml", lost);
    let (code, found) = levels(&sandbox, &CONFIG);
    assert_eq!((code, found), (3, vec![is("web", "options", "UNKNOWN")]));
    let run = check(&sandbox, &CONFIG);
    assert!(
        run.stdout.contains("OK web certificate: CN=web-1, "),
        "{run:#?}"
    );
    // Who renews it is another's affair: that is no mistake.
    let path = sandbox.path("web").display().to_string();
    sandbox.write(
        "config.toml",
        format!("[profile.web]\nidentity = \"{path}\"\n"),
    );
    assert_eq!(levels(&sandbox, &CONFIG), (0, vec![]));
}

#[test]
fn an_identity_of_several_profiles_is_told_once_and_the_schedule_is_the_profiles() {
    let sandbox = with_identity();
    let web = profile(&sandbox, "web", "");
    let again = web.replace("profile.web", "profile.again");
    sandbox.write("config.toml", web + &again);
    std::os::unix::fs::symlink("web", sandbox.path("link")).unwrap();
    let run = check(&sandbox, &CONFIG);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stdout.starts_with("WINDLASS IDENTITY OK - again: "),
        "{run:#?}"
    );
    assert!(!run.stdout.contains(" web "), "{run:#?}");
    // Its schedule counts, and what was typed before it.
    super::obtained(&sandbox, 68);
    sandbox.write("config.toml", profile(&sandbox, "web", "within = \"7d\""));
    assert_eq!(levels(&sandbox, &CONFIG), (0, vec![]));
    let typed = [&CONFIG[..], &["--within", "35d"]].concat();
    assert_eq!(
        levels(&sandbox, &typed),
        (1, vec![is("web", "runs", "WARNING")])
    );
}

#[test]
fn variables_name_a_profile_and_an_identity() {
    let sandbox = with_identity();
    sandbox.write("config.toml", profile(&sandbox, "web", ""));
    let with = |variables: &[(&str, &str)], options: &[&str]| {
        let mut command = sandbox.command();
        command.arg("check").args(options);
        command.envs(variables.iter().copied());
        sandbox.finish(command)
    };
    let config = ("WINDLASS_CONFIG", "config.toml");
    let run = with(&[config, ("WINDLASS_PROFILE", "web")], &[]);
    assert!(
        run.stdout.starts_with("WINDLASS IDENTITY OK - web: "),
        "{run:#?}"
    );
    let run = with(&[config, ("WINDLASS_PROFILE", "none")], &[]);
    assert_eq!(run.code, 3, "{run:#?}");
    let run = with(&[config, ("WINDLASS_PROFILE", "none")], &["--all"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let run = with(&[("WINDLASS_IDENTITY", "web")], &[]);
    assert_eq!(run.code, 0, "{run:#?}");
}

/// A variable that is left from somebody's work must not hide all identities but one.
#[test]
fn of_several_profiles_each_has_its_own_identity_and_name() {
    let sandbox = with_identity();
    let db = profile(&sandbox, "db", "");
    sandbox.write("config.toml", profile(&sandbox, "web", "") + &db);
    let with = |verb: &str, options: &[&str]| {
        let mut command = sandbox.command();
        command.arg(verb).args(CONFIG).args(options).arg("--json");
        command.envs([("WINDLASS_IDENTITY", "web"), ("WINDLASS_CN", "web-2")]);
        let run = sandbox.finish(command);
        serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"))
    };
    for options in [&["--all"][..], &["--profile", "db", "--profile", "web"]] {
        let shown = with("check", options);
        let worst: Vec<(&str, &str)> = shown["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["level"] != "OK")
            .map(|finding| {
                let text = |name: &str| finding[name].as_str().unwrap();
                (text("identity"), text("probe"))
            })
            .collect();
        assert_eq!(worst, [("db", "identity")], "{options:?}: {shown:#}");
        let shown = with("status", options);
        for name in ["db", "web"] {
            let of = |one: &&Value| one["profile"] == name;
            let one = shown.as_array().unwrap().iter().find(of).unwrap();
            let path = sandbox.path(name).display().to_string();
            assert_eq!(one["rotation"]["identity"], path, "{options:?}: {shown:#}");
        }
    }
    // Beside one profile both are heard, as `windlass rotate` hears them.
    let shown = with("check", &["--profile", "db"]);
    let names = shown["findings"].as_array().unwrap().iter();
    let names = names.filter(|finding| finding["level"] != "OK");
    let names: Vec<&str> = names.map(|one| one["probe"].as_str().unwrap()).collect();
    assert_eq!(names, ["names"], "{shown:#}");
}

#[test]
fn a_host_with_fifty_profiles_is_told_in_one_line_and_one_for_each_thing() {
    let sandbox = with_identity();
    let mut all = String::new();
    for number in 0..50 {
        let name = format!("web{number:02}");
        all +=
            &profile(&sandbox, &name, "").replace(&format!("cn = \"{name}-1\""), "cn = \"web-1\"");
        let copied = Command::new("cp")
            .arg("-a")
            .args([sandbox.path("web"), sandbox.path(&name)])
            .status();
        assert!(copied.unwrap().success());
    }
    sandbox.write("config.toml", all);
    let run = check(&sandbox, &CONFIG);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let first = run.stdout.lines().next().unwrap();
    assert!(
        first.contains(" things of 50 identities are in order | "),
        "{first}"
    );
    assert_eq!(run.stdout.lines().count(), 1 + 50 * 12);
    for number in 0..50 {
        fs::remove_file(sandbox.path(&format!("web{number:02}/current"))).unwrap();
    }
    let run = check(&sandbox, &CONFIG);
    assert_eq!(run.code, 2, "{run:#?}");
    let first = run.stdout.lines().next().unwrap();
    assert!(
        first.contains("web03: ") && first.contains(", and 46 more"),
        "{first}"
    );
    assert!(!first.contains("web04: ") && first.len() < 3000, "{first}");
}
