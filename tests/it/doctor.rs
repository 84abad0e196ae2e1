//! `windlass doctor`: each misconfiguration has its cause at the top, and what it
//! says can be typed.

mod agreement;
mod offline;
mod shared_files;
mod snapshots;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Emulator, Run, Sandbox};

/// A host whose certificate its CA has issued, and the options of its session.
struct Host {
    sandbox: Sandbox,
    emulator: Emulator,
}

impl Host {
    fn new(emulator: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("web-1", &[]);
        let mut options = vec!["--trust-anchor", "ca/trust-anchor.pem"];
        options.extend(emulator);
        let emulator = sandbox.emulate(&options);
        Self { sandbox, emulator }
    }

    /// The options of the session, each changed where `changes` has another value;
    /// an empty one takes the option away.
    fn options(&self, changes: &[(&str, &str)]) -> Vec<String> {
        let emulator = &self.emulator;
        let mut options: Vec<(&str, String)> = vec![
            ("--certificate", "web-1/fullchain.pem".to_owned()),
            ("--private-key", "web-1/key.pem".to_owned()),
            ("--trust-anchor-arn", emulator.trust_anchor_arn.clone()),
            ("--profile-arn", emulator.profile_arn.clone()),
            ("--role-arn", emulator.role_arn.clone()),
            ("--endpoint", emulator.url.clone()),
        ];
        for (option, value) in changes {
            options.retain(|(known, _)| known != option);
            if !value.is_empty() {
                options.push((option, (*value).to_owned()));
            }
        }
        let words = options
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value]);
        words.collect()
    }

    /// Runs it with JSON.
    fn doctor(&self, changes: &[(&str, &str)], more: &[&str]) -> Told {
        self.doctor_in(changes, more, &[])
    }

    fn doctor_in(
        &self,
        changes: &[(&str, &str)],
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Told {
        let mut command = self.sandbox.command();
        command
            .args(["doctor", "--json"])
            .args(self.options(changes))
            .args(more)
            .envs(variables.iter().copied());
        Told::new(self.sandbox.finish(command))
    }
}

/// What it told.
#[derive(Debug)]
struct Told {
    code: i32,
    json: Value,
}

impl Told {
    fn new(run: Run) -> Self {
        let json = serde_json::from_str(&run.stdout);
        let json = json.unwrap_or_else(|error| panic!("{error}: {run:#?}"));
        Self {
            code: run.code,
            json,
        }
    }

    /// Id and standing of all findings, in their order.
    fn findings(&self) -> Vec<(&str, &str)> {
        let all = self.json["findings"].as_array().unwrap();
        all.iter()
            .map(|it| (it["id"].as_str().unwrap(), it["standing"].as_str().unwrap()))
            .collect()
    }

    /// What stands first.
    fn first(&self) -> (&str, &str) {
        self.findings()[0]
    }

    fn message(&self, id: &str) -> &str {
        let all = self.json["findings"].as_array().unwrap();
        let found = all.iter().find(|it| it["id"] == id);
        found.unwrap_or_else(|| panic!("{id}: {self:#?}"))["message"]
            .as_str()
            .unwrap()
    }

    #[track_caller]
    fn blames(&self, id: &str, standing: &str, words: &str) {
        assert_eq!((self.code, self.first()), (1, (id, standing)), "{self:#?}");
        assert!(self.message(id).contains(words), "{self:#?}");
        let first = &self.json["findings"][0];
        let steps = first["next"].as_array().unwrap();
        assert!(!steps.is_empty(), "no next step: {self:#?}");
    }
}

#[test]
fn a_session_that_is_granted_is_well() {
    let host = Host::new(&[]);
    let told = host.doctor(&[], &[]);
    assert_eq!(told.code, 0, "{told:#?}");
    assert_eq!(told.json["verdict"], "granted");
    assert!(
        told.findings()
            .iter()
            .all(|(_, standing)| *standing == "well")
    );
}

/// AWS's sentence and what is known here lead to one cause each.
#[test]
fn each_refusal_has_its_cause_at_the_top() {
    let host = Host::new(&[]);
    let other = |arn: &str, from: &str, to: &str| arn.replace(from, to);
    let anchor = &host.emulator.trust_anchor_arn;
    let profile = &host.emulator.profile_arn;
    let id = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
    let elsewhere = "00000000-0000-4000-8000-000000000000";

    host.doctor(&[("--certificate", "web-1/cert.pem")], &[])
        .blames("chain", "likely", "an intermediate is missing");
    let unknown = other(anchor, &id(anchor), elsewhere);
    host.doctor(&[("--trust-anchor-arn", &unknown)], &[])
        .blames(
            "anchor",
            "certain",
            "no such trust anchor in the account 123456789012",
        );
    let unknown = other(profile, &id(profile), elsewhere);
    host.doctor(&[("--profile-arn", &unknown)], &[])
        .blames("profile", "likely", "no such profile");
    host.doctor(
        &[("--role-arn", "arn:aws:iam::123456789012:role/other")],
        &[],
    )
    .blames("profile-role", "certain", "does not list the role");
    host.doctor(&[("--role-session-name", "nightly")], &[])
        .blames("session-name", "certain", "accepts no session name");
}

#[test]
fn what_is_wrong_here_is_found_here() {
    let host = Host::new(&[]);
    host.sandbox.issue("web-2", &[]);
    host.doctor(&[("--private-key", "web-2/key.pem")], &[])
        .blames(
            "key-match",
            "certain",
            "belongs to none of the certificates",
        );
    host.doctor(&[("--private-key", "web-1/missing.pem")], &[])
        .blames("files", "certain", "web-1/missing.pem does not exist");
    host.doctor(&[("--private-key", "gone/away/key.pem")], &[])
        .blames("files", "certain", "there is no gone");
    host.doctor(&[("--certificate", "web-1")], &[])
        .blames("files", "certain", "is a directory");
    host.doctor(&[("--private-key", "web-1/cert.pem")], &[])
        .blames("key", "certain", "holds no private key");
    let key = host.sandbox.path("web-1/key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    host.doctor(&[], &[])
        .blames("files", "certain", "can be read by others");
}

#[test]
fn arns_that_disagree_are_told_apart() {
    let host = Host::new(&[]);
    let profile = host.emulator.profile_arn.replace("us-east-1", "eu-west-1");
    host.doctor(&[("--profile-arn", &profile)], &[]).blames(
        "arns",
        "certain",
        "the profile's is eu-west-1",
    );
    host.doctor(&[("--role-arn", "arn:aws:iam::999999999999:role/x")], &[])
        .blames("arns", "certain", "the role is in 999999999999");
    host.doctor(
        &[("--role-arn", "arn:aws-cn:iam::123456789012:role/x")],
        &[],
    )
    .blames("arns", "certain", "aws-cn");
    host.doctor(&[("--role-arn", "")], &[])
        .blames("arns", "certain", "--role-arn");
    host.doctor(&[("--region", "eu-west-1")], &[]).blames(
        "arns",
        "certain",
        "the region eu-west-1 is asked for",
    );
}

#[test]
fn the_way_to_aws_is_told_part_by_part() {
    let host = Host::new(&[]);
    host.doctor(&[("--endpoint", "https://windlass.invalid")], &[])
        .blames("dns", "certain", "does not resolve");
    host.doctor(&[("--endpoint", "http://127.0.0.1:1")], &[])
        .blames("connection", "certain", "no connection");
    let proxy = [("HTTPS_PROXY", "http://user:never-shown@127.0.0.1:1")];
    let told = host.doctor_in(&[("--endpoint", "https://windlass.invalid")], &[], &proxy);
    told.blames("proxy", "certain", "gives no connection");
    assert!(!told.json.to_string().contains("never-shown"));
    let secured = host
        .sandbox
        .emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    host.doctor(&[("--endpoint", &secured.url)], &[])
        .blames("tls", "certain", "issued by");
}

#[test]
fn a_wrong_clock_is_told_before_all_else() {
    let host = Host::new(&[]);
    let options = [
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--fault-file",
        "fault",
    ];
    let late = host.sandbox.emulate(&options);
    // It is granted, since windlass dates the request by AWS's clock.
    host.sandbox.write("fault", "skew:420");
    let told = host.doctor(&[("--endpoint", &late.url)], &[]);
    told.blames("clock", "likely", "min behind");
    assert_eq!(told.json["verdict"], "granted, with faults");
    // By that clock the certificate is not valid yet, which AWS does not say.
    host.sandbox.write("fault", "skew:-86400");
    let told = host.doctor(&[("--endpoint", &late.url)], &[]);
    told.blames("clock", "certain", "ahead of AWS");
}

#[test]
fn variables_that_sdks_prefer_are_told() {
    let host = Host::new(&[]);
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "a-secret-that-is-never-shown"),
    ];
    let told = host.doctor_in(&[], &[], &keys);
    told.blames("shadow", "certain", "before any profile");
    assert!(!told.json.to_string().contains("never-shown"));
    // Without a session it is not the first thing that matters.
    let told = host.doctor_in(&[("--certificate", "web-1/cert.pem")], &[], &keys);
    assert_eq!(told.first().0, "chain", "{told:#?}");
}

#[test]
fn nothing_is_asked_offline() {
    let host = Host::new(&[]);
    let told = host.doctor(&[], &["--offline"]);
    assert_eq!(told.json["asked"], false, "{told:#?}");
    assert!(!host.emulator.log().contains("CreateSession"));
}

#[test]
fn without_any_option_it_is_a_mistake_of_use() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["doctor"]);
    assert_eq!(run.code, 2, "{run:#?}");
}
