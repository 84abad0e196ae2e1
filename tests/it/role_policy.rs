//! `windlass emulate --role-policy`: sessions that a role's trust policy allows
//! or does not, asked for by the real client.

use serde_json::{Value, json};

use crate::harness::{Emulator, Run, Sandbox};

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const ROLE: &str = "arn:aws:iam::123456789012:role/app=1";
const OTHER: &str = "arn:aws:iam::123456789012:role/app";
const CN: &str = "aws:PrincipalTag/x509Subject/CN";

/// A CA, an identity, and emulators of one policy each.
struct Site {
    sandbox: Sandbox,
    anchor: String,
}

impl Site {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("web-1", &[]);
        Self {
            sandbox,
            anchor: format!("{ANCHOR}=ca/trust-anchor.pem"),
        }
    }

    fn emulate(&self, options: &[&str]) -> Emulator {
        let usual = ["--trust-anchor", &self.anchor, "--role-arn", ROLE];
        self.sandbox.emulate(&[&usual[..], options].concat())
    }

    /// Asks for a session of a role with that policy.
    fn ask(&self, statements: &Value) -> (Run, String) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        self.sandbox.write("policy.json", document.to_string());
        let emulator = self.emulate(&["--role-policy", "policy.json"]);
        (self.process(&emulator), emulator.log())
    }

    fn process(&self, emulator: &Emulator) -> Run {
        let arguments = emulator.arguments("web-1");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.sandbox.run(&arguments)
    }
}

fn statement(actions: &[&str], condition: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "rolesanywhere.amazonaws.com" },
        "Action": actions,
        "Condition": condition,
    })
}

const ALL: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

fn pinned(name: &str) -> Value {
    json!({ "ArnEquals": { "aws:SourceArn": ANCHOR }, "StringEquals": { CN: name } })
}

fn refused(run: &Run, reason: &str) {
    assert_eq!(run.code, 3, "{run:#?}");
    let message = format!("Unable to assume role for {ROLE}");
    assert!(run.stderr.contains(&message), "{}", run.stderr);
    // It came in the header x-windlass-reason.
    let reason = format!("the emulator's reason: {reason}");
    assert!(run.stderr.contains(&reason), "{}\n{reason}", run.stderr);
}

#[test]
fn a_session_needs_what_the_trust_policy_asks_for() {
    let site = Site::new();
    let (run, log) = site.ask(&json!([statement(&ALL, &pinned("web-1"))]));
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(log.contains("POST /sessions 201"), "{log}");
    assert!(!log.contains("warning"), "{log}");

    let (run, _) = site.ask(&json!([statement(&ALL, &pinned("web-2"))]));
    refused(
        &run,
        "the trust policy does not allow sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity: statement 1: \
         aws:PrincipalTag/x509Subject/CN is \"web-1\", the policy wants StringEquals \"web-2\"",
    );

    let (run, log) = site.ask(&json!([statement(&ALL[..2], &pinned("web-1"))]));
    refused(
        &run,
        "the trust policy does not allow sts:SetSourceIdentity: statement 1: it is about sts:AssumeRole, sts:TagSession",
    );
    // Before anybody asks, the weakness was told.
    assert!(
        log.contains("policy.json: the policy: no statement allows sts:SetSourceIdentity"),
        "{log}"
    );

    let mut deny = statement(&["sts:*"], &json!({ "StringLike": { CN: "web-*" } }));
    deny["Effect"] = json!("Deny");
    let (run, _) = site.ask(&json!([statement(&ALL, &pinned("web-1")), deny]));
    refused(
        &run,
        "the trust policy does not allow sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity: statement 2 denies it",
    );

    let elsewhere = ANCHOR.replace("1111", "9999");
    let condition = json!({ "ArnEquals": { "aws:SourceArn": elsewhere } });
    let (run, _) = site.ask(&json!([statement(&ALL, &condition)]));
    refused(
        &run,
        &format!(
            "the trust policy does not allow sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity: statement 1: \
             aws:SourceArn is \"{ANCHOR}\", the policy wants ArnEquals \"{elsewhere}\""
        ),
    );
}

#[test]
fn what_only_aws_can_know_is_refused() {
    let site = Site::new();
    let condition = json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } });
    let (run, _) = site.ask(&json!([statement(&ALL, &condition)]));
    refused(
        &run,
        "whether the trust policy allows this cannot be told here: sts:AssumeRole, sts:TagSession, \
         sts:SetSourceIdentity: statement 1: aws:SourceIp is not known here",
    );
}

#[test]
fn each_role_has_its_own_policy_and_the_others_share_one() {
    let site = Site::new();
    let write = |name: &str, common_name: &str| {
        let statement = statement(&ALL, &pinned(common_name));
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        site.sandbox.write(name, document.to_string());
    };
    write("own=1.json", "web-1");
    write("others.json", "nobody");
    // The role's name holds a '=', and is longer than the other's.
    let own = format!("{ROLE}=own=1.json");
    let options = [
        "--role-arn",
        OTHER,
        "--role-policy",
        "others.json",
        "--role-policy",
        &own,
    ];
    let mut emulator = site.emulate(&options);
    let run = site.process(&emulator);
    assert_eq!(run.code, 0, "{run:#?}");
    emulator.role_arn = OTHER.to_owned();
    let run = site.process(&emulator);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr.contains("wants StringEquals \"nobody\""),
        "{}",
        run.stderr
    );
}
