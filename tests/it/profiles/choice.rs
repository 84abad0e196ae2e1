//! Which profile a verb uses: what is named goes before `$WINDLASS_PROFILE`, and
//! that before the usual one.

use serde_json::Value;

use super::{Host, granted};
use crate::harness::Run;

/// A host with the profiles `backup` and `other`, and a verb run there with
/// `$WINDLASS_PROFILE`.
fn run_with(host: &Host, variable: &str, arguments: &[&str]) -> Run {
    let mut command = host.sandbox().command();
    command.args(arguments).env("WINDLASS_PROFILE", variable);
    host.sandbox().finish(command)
}

fn host() -> Host {
    let host = Host::new("");
    host.write(&format!(
        "{}{}",
        host.profile("backup"),
        host.profile("other")
    ));
    host
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:#?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn update_takes_the_profile_of_the_variable_unless_another_is_named() {
    let host = host();
    let sections = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["update", "--once", "--json", "--no-cache"], arguments].concat();
        let told = json(&run_with(&host, "backup", &arguments));
        let written = told["written"].as_array().unwrap().iter();
        written
            .map(|one| one["section"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(sections(&[]), ["backup"]);
    assert_eq!(sections(&["--profile", "other"]), ["other"]);
    assert_eq!(sections(&["--all"]), ["backup", "other"]);
    let run = run_with(
        &host,
        "backup",
        &["update", "--once", "--all", "--profile", "x"],
    );
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("cannot be used with"), "{run:#?}");
}

#[test]
fn status_shows_the_profile_of_the_variable_unless_others_are_named() {
    let host = host();
    let shown = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["status", "--json"], arguments].concat();
        let told = json(&run_with(&host, "other", &arguments));
        let entries = told.as_array().unwrap().iter();
        entries
            .map(|one| one["profile"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown(&[]), ["other"]);
    assert_eq!(shown(&["--profile", "backup"]), ["backup"]);
    assert_eq!(shown(&["--all"]), ["backup", "other"]);
}

#[test]
fn configure_writes_the_profile_of_the_variable() {
    let host = host();
    let run = run_with(&host, "other", &["configure", "--print", "--fips"]);
    // The profile has an endpoint, which --fips makes unsaid.
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("[profile.other]\n"), "{run:#?}");
    assert!(run.stdout.contains("[profile other]\n"), "{run:#?}");
}

#[test]
fn all_profiles_are_served_whatever_the_variable_names() {
    let run = run_with(&host(), "backup", &["serve", "--all", "--no-imds"]);
    assert_eq!(run.code, 2, "{run:#?}");
    // What comes after the choice of profiles.
    assert!(run.stderr.contains("nothing would be served"), "{run:#?}");
}

/// `--all` behind `--` belongs to the command.
#[test]
fn the_options_of_a_command_choose_no_profile() {
    let run = run_with(
        &host(),
        "backup",
        &["exec", "--no-cache", "--", "echo", "--all"],
    );
    granted_nothing_but(&run, "--all\n");
}

fn granted_nothing_but(run: &Run, stdout: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (0, stdout), "{run:#?}");
}

#[test]
fn a_profile_that_is_named_has_to_exist_where_no_arn_is_given() {
    let host = host();
    let home = host.sandbox().root().display().to_string();
    let told = |arguments: &[&str]| {
        let run = host.sandbox().run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        run.stderr.replace(&home, "~")
    };
    let update = ["update", "--once", "--profile"];
    insta::assert_snapshot!(
        "update_profile_mistyped",
        told(&[&update[..], &["bakcup"]].concat())
    );
    insta::assert_snapshot!(
        "update_profile_unknown",
        told(&[&update[..], &["zzz"]].concat())
    );
    let run = run_with(&host, "nope", &["update", "--once"]);
    assert!(
        run.stderr
            .starts_with("error: no config file has a profile 'nope'\n"),
        "{run:#?}"
    );
    std::fs::remove_file(host.sandbox().path(super::FILE)).unwrap();
    insta::assert_snapshot!(
        "update_profile_without_any_file",
        told(&[&update[..], &["nope"]].concat())
    );
    // What is named by options needs none.
    let told = told(
        &[
            &update[..],
            &["nope", "--role-arn", crate::workload::ROLE_ARN],
        ]
        .concat(),
    );
    assert!(told.contains("no trust anchor is given"), "{told}");
}

#[test]
fn a_session_of_options_is_written_without_a_profile() {
    let host = host();
    let mut command = host.sandbox().command();
    command
        .args(["update", "--once", "--profile", "new", "--no-cache"])
        .args(["--certificate", "fullchain.pem", "--private-key", "key.pem"])
        .args(["--trust-anchor-arn", crate::workload::TRUST_ANCHOR_ARN])
        .args(["--profile-arn", crate::workload::PROFILE_ARN])
        .args(["--role-arn", crate::workload::ROLE_ARN])
        .args(["--endpoint", &host.server.url()]);
    let run = host.sandbox().finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    granted(&host.ask(&["--profile", "backup"]));
}
