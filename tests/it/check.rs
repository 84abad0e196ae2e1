//! `windlass check` and `windlass status`: what monitors and people are told of the
//! identities of a host.

mod files;
mod metrics;
mod probes;
mod profiles;
mod status;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::harness::{Run, Sandbox};

/// What every rotation of these tests says: a CA beside the identity.
const ROTATE: [&str; 9] = [
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

/// An identity with a certificate of 30 days.
fn with_identity() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.ok(&ROTATE);
    sandbox
}

fn rotate(sandbox: &Sandbox, more: &[&str]) -> Run {
    sandbox.run(&[&ROTATE[..], more].concat())
}

fn check(sandbox: &Sandbox, options: &[&str]) -> Run {
    sandbox.run(&[&["check"], options].concat())
}

/// The exit code with what is said of each thing that is not in order: the probe,
/// the level and the sentence.
fn told(sandbox: &Sandbox, options: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let run = check(sandbox, &[options, &["--json"]].concat());
    let shown: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = shown["findings"].as_array().unwrap().iter();
    let worst = findings
        .filter(|finding| finding["level"] != "OK")
        .map(|finding| {
            let of = |name| text(finding, name);
            (of("probe"), of("level"), of("text"))
        })
        .collect();
    (run.code, worst)
}

/// Expects one thing that is not in order, and gives the sentence.
#[track_caller]
fn alone(sandbox: &Sandbox, options: &[&str], code: i32, probe: &str) -> String {
    let (found, worst) = told(sandbox, options);
    let level = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::try_from(code).unwrap()];
    let shown: Vec<(&str, &str)> = worst
        .iter()
        .map(|(probe, level, _)| (probe.as_str(), level.as_str()))
        .collect();
    assert_eq!((found, shown), (code, vec![(probe, level)]), "{worst:#?}");
    worst[0].2.clone()
}

/// Changes what is kept between runs.
fn edit_state(sandbox: &Sandbox, change: impl Fn(&mut Value)) {
    let mut state: Value = serde_json::from_str(&sandbox.read("web/state.json")).unwrap();
    change(&mut state);
    sandbox.write("web/state.json", state.to_string());
}

/// A moment as the state has it, so long ago; in the future where it is negative.
fn ago(ago: TimeDelta) -> Value {
    windlass::clock::rfc3339(Utc::now() - ago).into()
}

/// Makes it look as if the certificate had been obtained so many days ago: its life
/// is as much longer, and its end stays.
fn obtained(sandbox: &Sandbox, days: i64) {
    edit_state(sandbox, |state| {
        state["inForce"]["obtained"] = ago(TimeDelta::days(days));
    });
}

fn set_mode(sandbox: &Sandbox, name: &str, mode: u32) {
    fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// A profile that renews an identity of its own name.
fn profile(sandbox: &Sandbox, name: &str, more: &str) -> String {
    format!(
        "[profile.{name}]\nidentity = \"{}\"\ncn = \"{name}-1\"\nca_dir = \"{}\"\n\
         passphrase_file = \"{}\"\n{more}\n",
        sandbox.path(name).display(),
        sandbox.path("ca").display(),
        sandbox.path("passphrase").display()
    )
}

#[test]
fn an_identity_in_order_is_ok_and_nothing_is_changed() {
    let sandbox = with_identity();
    let before = crate::ca_state::files_below(sandbox.root());
    let run = check(&sandbox, &["--identity", "web"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let (first, rest) = run.stdout.split_once('\n').unwrap();
    let web = sandbox.path("web").display().to_string();
    assert!(
        first.starts_with(&format!("WINDLASS IDENTITY OK - {web}: CN=web-1, ")),
        "{first}"
    );
    assert_eq!(first.matches('|').count(), 1, "{first}");
    let (said, numbers) = first.split_once(" | ").unwrap();
    // In the second in which it was issued, it is 30 days.
    assert!(said.contains("ends in 29 days, on ") || said.contains("ends in 30 days, on "));
    assert!(said.contains("; it is renewed from "), "{first}");
    assert!(numbers.contains(&format!("failures_{web}=0")), "{numbers}");
    for probe in [
        "certificate",
        "key",
        "parts",
        "chain",
        "issuer",
        "state",
        "renewal",
        "runs",
        "hooks",
        "modes",
        "clock",
    ] {
        assert!(rest.contains(&format!("OK {web} {probe}: ")), "{rest}");
    }
    assert_eq!(rest.lines().count(), 11);
    assert_eq!(crate::ca_state::files_below(sandbox.root()), before);
}

#[test]
fn arguments_that_are_none_end_with_unknown_on_stdout() {
    let sandbox = with_identity();
    let wrong: [(&[&str], &str); 6] = [
        (
            &["--identity"],
            "a value is required for '--identity <DIR>'",
        ),
        (&["--bla"], "unexpected argument '--bla' found"),
        (&["--bla|x"], "unexpected argument '--bla/x' found"),
        (&["--warn", "tomorrow"], "how much is left is a time"),
        (&["--critical", "0%"], "as in 20%"),
        (&["--format", "xml"], "invalid value 'xml'"),
    ];
    for (wrong, why) in wrong {
        let run = check(&sandbox, wrong);
        let first = run.stdout.lines().next().unwrap();
        assert!(first.contains(why), "{run:#?}");
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(
            run.stdout.starts_with("WINDLASS IDENTITY UNKNOWN - ")
                && run.stdout.contains("windlass check --help"),
            "{run:#?}"
        );
        assert!(run.stderr.starts_with("error: "), "{run:#?}");
    }
    // Whatever stands before the verb.
    for line in ["--verbose check --bla", "--error-format json check --bla"] {
        let run = sandbox.run(&line.split(' ').collect::<Vec<_>>());
        let says = "WINDLASS IDENTITY UNKNOWN - unexpected argument '--bla' found";
        assert!(run.code == 3 && run.stdout.starts_with(says), "{run:#?}");
    }
    // What is wrong beyond the arguments is told in the same words.
    for wrong in [
        &["--profile", "web"][..],
        &["--all", "--config", "nowhere.toml"],
        &[],
    ] {
        let run = check(&sandbox, wrong);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(
            run.stdout.starts_with("WINDLASS IDENTITY UNKNOWN - "),
            "{run:#?}"
        );
    }
    let run = check(&sandbox, &["--help"]);
    assert_eq!(run.code, 0);
}
