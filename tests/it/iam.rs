//! IAM's roles in the emulator, by boto3 and the AWS CLI: what they are is what
//! sessions and AssumeRole are judged by.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Emulator, Sandbox, client_script, tool};

const ADMINISTRATOR: &str = "arn:aws:iam::123456789012:user/administrator";

struct Account {
    sandbox: Sandbox,
    emulator: Emulator,
}

impl Account {
    fn new(options: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("web-1", &[]);
        let emulator = start(&sandbox, options);
        Self { sandbox, emulator }
    }

    /// What boto3 gets, call by call, as the administrator.
    fn calls(&self, service: &str, calls: &Value) -> Vec<Value> {
        self.calls_in("us-east-1", service, calls, &[])
    }

    fn calls_in(
        &self,
        region: &str,
        service: &str,
        calls: &Value,
        environment: &[(&str, &str)],
    ) -> Vec<Value> {
        let mut command = Command::new(tool("python"));
        self.sandbox.scrub(&mut command);
        let credentials = self.sandbox.path("admin");
        command
            .arg(client_script("iam.py"))
            .args([&self.emulator.url, region, service])
            .env("NO_PROXY", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if environment.is_empty() {
            command.env("AWS_SHARED_CREDENTIALS_FILE", credentials);
        }
        command.envs(environment.iter().copied());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(calls.to_string().as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(tool("aws"));
        self.sandbox.scrub(&mut command);
        command
            .args(arguments)
            .args(["--region", "us-east-1", "--output", "json"])
            .args(["--endpoint-url", &self.emulator.url])
            .env("AWS_SHARED_CREDENTIALS_FILE", self.sandbox.path("admin"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env("NO_PROXY", "*");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The code of `credential-process` for a role and its last words.
    fn session(&self, role: &str) -> (i32, String) {
        let mut arguments = self.emulator.arguments("web-1");
        let index = arguments.iter().position(|word| word == "--role-arn");
        arguments[index.unwrap() + 1] = role.to_owned();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = self.sandbox.run(&arguments);
        let said = if run.code == 0 {
            run.stdout
        } else {
            run.stderr
        };
        (run.code, said)
    }
}

fn start(sandbox: &Sandbox, options: &[&str]) -> Emulator {
    let usual = [
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--admin-credentials-file",
        "admin",
        "--state",
        "account.json",
    ];
    sandbox.emulate(&[&usual[..], options].concat())
}

fn policy(principal: &Value, actions: &[&str]) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": actions }],
    })
    .to_string()
}

fn for_roles_anywhere() -> String {
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    policy(
        &json!({ "Service": "rolesanywhere.amazonaws.com" }),
        &actions,
    )
}

#[track_caller]
fn refused(answer: &Value, status: u16, code: &str, message: &str) {
    assert_eq!(answer["status"], status, "{answer}");
    assert_eq!(answer["code"], code, "{answer}");
    let said = answer["message"].as_str().unwrap();
    assert!(said.contains(message), "{answer}");
    assert!(answer["reason"].is_string(), "no reason: {answer}");
}

#[test]
fn roles_live_as_in_iam() {
    let account = Account::new(&[]);
    let trust = for_roles_anywhere();
    let web = json!({ "RoleName": "web" });
    let answers = account.calls(
        "iam",
        &json!([
            ["create_role", {
                "RoleName": "web", "Path": "/on-prem/", "AssumeRolePolicyDocument": trust,
                "Description": "hosts <&> co", "MaxSessionDuration": 7200,
                "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
                "Tags": [{ "Key": "Team", "Value": "Zürich 1" }],
            }],
            ["get_role", web],
            ["update_role", { "RoleName": "web", "MaxSessionDuration": 3600 }],
            ["update_assume_role_policy", {
                "RoleName": "web", "PolicyDocument": policy(&json!({ "AWS": "*" }), &["sts:AssumeRole"]),
            }],
            ["tag_role", { "RoleName": "web", "Tags": [{ "Key": "Team", "Value": "B" }, { "Key": "Env", "Value": "" }] }],
            ["list_role_tags", web],
            ["untag_role", { "RoleName": "web", "TagKeys": ["Team"] }],
            ["get_role", web],
            ["delete_role", web],
            ["get_role", web],
        ]),
    );
    let made = &answers[0]["Role"];
    assert_eq!(
        made["Arn"], "arn:aws:iam::123456789012:role/on-prem/web",
        "{made}"
    );
    assert_eq!(made["Path"], "/on-prem/");
    assert_eq!(made["MaxSessionDuration"], 7200);
    assert_eq!(made["Description"], "hosts <&> co");
    let id = made["RoleId"].as_str().unwrap();
    assert!(id.starts_with("AROA0EMULATED0") && id.len() == 21, "{id}");
    // botocore decodes the percent-encoded document, and parses it.
    let document: Value = serde_json::from_str(&trust).unwrap();
    assert_eq!(made["AssumeRolePolicyDocument"], document);
    let got = &answers[1]["Role"];
    assert_eq!(got["RoleId"], id);
    assert_eq!(got["Tags"][0]["Value"], "Zürich 1");
    let boundary = &got["PermissionsBoundary"]["PermissionsBoundaryArn"];
    assert_eq!(boundary, "arn:aws:iam::aws:policy/ReadOnlyAccess");
    for index in [2, 3, 4, 6, 8] {
        assert_eq!(answers[index]["status"], 200, "{index}: {}", answers[index]);
    }
    let tags = json!([{ "Key": "Env", "Value": "" }, { "Key": "Team", "Value": "B" }]);
    assert_eq!(answers[5]["Tags"], tags);
    let changed = &answers[7]["Role"];
    assert_eq!(changed["MaxSessionDuration"], 3600);
    assert_eq!(changed["Description"], "hosts <&> co");
    assert_eq!(
        changed["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"],
        "*"
    );
    assert_eq!(changed["Tags"], json!([{ "Key": "Env", "Value": "" }]));
    refused(
        &answers[9],
        404,
        "NoSuchEntity",
        "The role with name web cannot be found.",
    );
    assert_eq!(answers[9]["class"], "NoSuchEntityException");
    let log = account.emulator.log();
    assert!(log.contains(&format!("[{ADMINISTRATOR}]")), "{log}");
}

#[test]
fn policies_of_roles_are_kept_and_lists_go_on() {
    let account = Account::new(&[]);
    let inline =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let managed = "arn:aws:iam::aws:policy/job-function/Billing";
    let of = |name: &str| json!({ "RoleName": "emulated-role", "PolicyName": name });
    let mut calls = vec![
        json!(["put_role_policy", { "RoleName": "emulated-role", "PolicyName": "b", "PolicyDocument": inline }]),
        json!(["put_role_policy", { "RoleName": "emulated-role", "PolicyName": "a", "PolicyDocument": inline }]),
        json!(["get_role_policy", of("a")]),
        json!(["list_role_policies", { "RoleName": "emulated-role", "MaxItems": 1 }]),
        json!(["attach_role_policy", { "RoleName": "emulated-role", "PolicyArn": managed }]),
        json!(["list_attached_role_policies", { "RoleName": "emulated-role" }]),
        json!(["delete_role", { "RoleName": "emulated-role" }]),
        json!(["detach_role_policy", { "RoleName": "emulated-role", "PolicyArn": managed }]),
        json!(["detach_role_policy", { "RoleName": "emulated-role", "PolicyArn": managed }]),
        json!(["delete_role", { "RoleName": "emulated-role" }]),
        json!(["delete_role_policy", of("a")]),
        json!(["delete_role_policy", of("a")]),
        json!(["get_role_policy", of("a")]),
    ];
    for index in 0..12 {
        let path = if index % 2 == 0 { "/even/" } else { "/odd/" };
        calls.push(json!(["create_role", {
            "RoleName": format!("r{index:02}"), "Path": path, "AssumeRolePolicyDocument": for_roles_anywhere(),
        }]));
    }
    let answers = account.calls("iam", &json!(calls));
    assert_eq!(
        answers[2]["PolicyDocument"]["Statement"]["Action"], "s3:*",
        "{}",
        answers[2]
    );
    assert_eq!(answers[3]["PolicyNames"], json!(["a"]));
    assert_eq!(answers[3]["IsTruncated"], true);
    let policies = json!([{ "PolicyName": "Billing", "PolicyArn": managed }]);
    assert_eq!(answers[5]["AttachedPolicies"], policies);
    refused(
        &answers[6],
        409,
        "DeleteConflict",
        "must detach all policies first",
    );
    assert_eq!(answers[7]["status"], 200);
    refused(&answers[8], 404, "NoSuchEntity", managed);
    refused(
        &answers[9],
        409,
        "DeleteConflict",
        "must delete policies first",
    );
    refused(
        &answers[11],
        404,
        "NoSuchEntity",
        "The role policy with name a cannot be found.",
    );
    refused(&answers[12], 404, "NoSuchEntity", "role policy with name a");
    // The CLI asks for one part after the other by itself.
    let listed = account.aws(&[
        "iam",
        "list-roles",
        "--path-prefix",
        "/even",
        "--page-size",
        "2",
    ]);
    let names: Vec<&str> = listed["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["RoleName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["r00", "r02", "r04", "r06", "r08", "r10"]);
    let all = account.aws(&["iam", "list-roles", "--page-size", "5"]);
    assert_eq!(all["Roles"].as_array().unwrap().len(), 13);
}

#[test]
fn what_iam_refuses_is_refused_in_its_words() {
    let account = Account::new(&[]);
    let trust = for_roles_anywhere();
    let create = |changes: Value| {
        let mut parameters = json!({ "RoleName": "new", "AssumeRolePolicyDocument": trust });
        for (name, value) in changes.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        json!(["create_role", parameters])
    };
    let mut large: Value = serde_json::from_str(&trust).unwrap();
    large["Statement"][0]["Sid"] = json!("a".repeat(5000));
    let large = large.to_string();
    let cases = [
        (
            create(json!({ "RoleName": "EMULATED-role" })),
            409,
            "EntityAlreadyExists",
            "already exists.",
        ),
        (
            create(json!({ "RoleName": "a b" })),
            400,
            "ValidationError",
            "at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        ),
        (
            create(json!({ "RoleName": "a".repeat(65) })),
            400,
            "ValidationError",
            "length less than or equal to 64",
        ),
        (
            create(json!({ "Path": "on-prem" })),
            400,
            "ValidationError",
            "'path'",
        ),
        (
            create(json!({ "MaxSessionDuration": 900 })),
            400,
            "ValidationError",
            "Value '900' at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600",
        ),
        (
            create(json!({ "MaxSessionDuration": 43201, "Path": "x" })),
            400,
            "ValidationError",
            "2 validation errors detected: ",
        ),
        (
            create(json!({ "Description": "x".repeat(1001) })),
            400,
            "ValidationError",
            "'description'",
        ),
        (
            create(json!({ "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "A", "Value": "2" }] })),
            400,
            "InvalidInput",
            "Duplicate tag keys",
        ),
        (
            create(json!({ "AssumeRolePolicyDocument": "{" })),
            400,
            "MalformedPolicyDocument",
            "invalid Json",
        ),
        (
            create(
                json!({ "AssumeRolePolicyDocument": "{\"Statement\":[{\"Effect\":\"Maybe\"}]}" }),
            ),
            400,
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        ),
        (
            create(json!({ "AssumeRolePolicyDocument": large })),
            409,
            "LimitExceeded",
            "ACLSizePerRole",
        ),
        (
            json!(["create_role", {}]),
            400,
            "ValidationError",
            "Value null at 'roleName'",
        ),
        (
            json!(["get_role", { "RoleName": "none" }]),
            404,
            "NoSuchEntity",
            "The role with name none cannot be found.",
        ),
        (
            json!(["update_assume_role_policy", { "RoleName": "none", "PolicyDocument": trust }]),
            404,
            "NoSuchEntity",
            "none",
        ),
        (
            json!(["put_role_policy", { "RoleName": "emulated-role", "PolicyName": "p", "PolicyDocument": trust }]),
            400,
            "MalformedPolicyDocument",
            "should not specify a principal",
        ),
        (
            json!(["put_role_policy", { "RoleName": "emulated-role", "PolicyName": "p", "PolicyDocument": "[]" }]),
            400,
            "MalformedPolicyDocument",
            "Syntax",
        ),
        (
            json!(["attach_role_policy", { "RoleName": "emulated-role", "PolicyArn": "arn:aws:iam::210987654321:policy/x" }]),
            400,
            "InvalidInput",
            "is not valid.",
        ),
        (
            json!(["list_roles", { "MaxItems": 1001 }]),
            400,
            "ValidationError",
            "less than or equal to 1000",
        ),
        (
            json!(["list_roles", { "Marker": "zz" }]),
            400,
            "ValidationError",
            "Invalid Marker.",
        ),
        (json!(["list_users", {}]), 400, "InvalidAction", "ListUsers"),
    ];
    let calls: Vec<&Value> = cases.iter().map(|(call, ..)| call).collect();
    let answers = account.calls("iam", &json!(calls));
    for ((call, status, code, message), answer) in cases.iter().zip(&answers) {
        eprintln!("{} is refused with {code}", call[0]);
        refused(answer, *status, code, message);
    }
    let stranger = [
        ("AWS_ACCESS_KEY_ID", "AKIA0EMULATED0NOBODY"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let call = json!([["list_roles", {}]]);
    let answers = account.calls_in("us-east-1", "iam", &call, &stranger);
    refused(&answers[0], 403, "InvalidClientTokenId", "security token");
}

#[test]
fn sessions_are_judged_by_the_roles_of_iam() {
    let account = Account::new(&[]);
    let role = account.aws(&[
        "iam",
        "create-role",
        "--role-name",
        "web",
        "--assume-role-policy-document",
        &for_roles_anywhere(),
    ]);
    let arn = role["Role"]["Arn"].as_str().unwrap();
    let (code, said) = account.session(arn);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("Requested Role isn't one of those listed"),
        "{said}"
    );
    let profile = account.emulator.profile_arn.rsplit('/').next().unwrap();
    let roles = [arn, &account.emulator.role_arn];
    account.aws(
        &[
            &[
                "rolesanywhere",
                "update-profile",
                "--profile-id",
                profile,
                "--role-arns",
            ][..],
            &roles,
        ]
        .concat(),
    );
    let (code, said) = account.session(arn);
    assert_eq!(code, 0, "{said}");
    // Who asks has the role's id in its own.
    let document: Value = serde_json::from_str(&said).unwrap();
    let key = |name: &str| document[name].as_str().unwrap();
    let session = [
        ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", key("SessionToken")),
    ];
    let caller = account.calls_in(
        "us-east-1",
        "sts",
        &json!([["get_caller_identity", {}]]),
        &session,
    );
    let id = role["Role"]["RoleId"].as_str().unwrap();
    assert!(
        caller[0]["UserId"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{id}:")),
        "{caller:?}"
    );
    let without_tags = policy(
        &json!({ "Service": "rolesanywhere.amazonaws.com" }),
        &["sts:AssumeRole", "sts:SetSourceIdentity"],
    );
    account.aws(&[
        "iam",
        "update-assume-role-policy",
        "--role-name",
        "web",
        "--policy-document",
        &without_tags,
    ]);
    let (code, said) = account.session(arn);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains(&format!("Unable to assume role for {arn}")),
        "{said}"
    );
    assert!(said.contains("sts:TagSession"), "{said}");
    account.aws(&["iam", "delete-role", "--role-name", "web"]);
    let (code, said) = account.session(arn);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("Unable to assume role for"), "{said}");
}

/// The administrator is in STS, and assumes what a trust policy lets them.
#[test]
fn assume_role_asks_the_trust_policy() {
    let account = Account::new(&[]);
    let condition = json!({ "StringEquals": { "sts:ExternalId": "on-prem" } });
    let with_id = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "sts:AssumeRole", "Condition": condition,
    }] });
    let create = |name: &str, policy: &str, seconds: u32| {
        json!(["create_role", {
            "RoleName": name, "AssumeRolePolicyDocument": policy, "MaxSessionDuration": seconds,
        }])
    };
    let made = account.calls(
        "iam",
        &json!([
            create(
                "mine",
                &policy(&json!({ "AWS": ADMINISTRATOR }), &["sts:AssumeRole"]),
                7200
            ),
            create("with-id", &with_id.to_string(), 3600),
            create(
                "other",
                &policy(
                    &json!({ "AWS": "arn:aws:iam::210987654321:root" }),
                    &["sts:AssumeRole"]
                ),
                3600
            ),
            create(
                "chained",
                &policy(
                    &json!({ "AWS": "arn:aws:iam::123456789012:role/mine" }),
                    &["sts:AssumeRole"]
                ),
                43200
            ),
        ]),
    );
    assert!(
        made.iter().all(|answer| answer["status"] == 200),
        "{made:?}"
    );
    let assume = |name: &str, more: Value| {
        let mut parameters = json!({
            "RoleArn": format!("arn:aws:iam::123456789012:role/{name}"), "RoleSessionName": "me",
        });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        json!(["assume_role", parameters])
    };
    let answers = account.calls(
        "sts",
        &json!([
            ["get_caller_identity", {}],
            assume("mine", json!({ "DurationSeconds": 7200 })),
            assume("mine", json!({ "DurationSeconds": 7201 })),
            assume("mine", json!({ "Tags": [{ "Key": "a", "Value": "b" }] })),
            assume("with-id", json!({})),
            assume("with-id", json!({ "ExternalId": "on-prem" })),
            assume("other", json!({})),
            assume("emulated-role", json!({})),
            assume("none", json!({})),
        ]),
    );
    assert_eq!(answers[0]["Arn"], ADMINISTRATOR);
    assert_eq!(answers[0]["Account"], "123456789012");
    assert_eq!(answers[1]["status"], 200, "{}", answers[1]);
    refused(
        &answers[2],
        400,
        "ValidationError",
        "exceeds the MaxSessionDuration set for this role.",
    );
    for (index, reason) in [
        (3, "sts:TagSession"),
        (4, "sts:ExternalId"),
        (
            6,
            "it is about AWS \"arn:aws:iam::210987654321:root\", not arn:aws:iam::123456789012:user/administrator",
        ),
        (7, "no trust policy"),
        (8, "no role has this ARN"),
    ] {
        refused(
            &answers[index],
            403,
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole",
        );
        let said = answers[index]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{index}: {said}");
    }
    assert_eq!(answers[5]["status"], 200, "{}", answers[5]);
    let credentials = &answers[1]["Credentials"];
    let key = |name: &str| credentials[name].as_str().unwrap();
    let mine = [
        ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", key("SessionToken")),
    ];
    let calls = json!([
        assume("chained", json!({})),
        assume("chained", json!({ "DurationSeconds": 3601 })),
        assume("mine", json!({}))
    ]);
    let answers = account.calls_in("us-east-1", "sts", &calls, &mine);
    assert_eq!(answers[0]["status"], 200, "{}", answers[0]);
    refused(
        &answers[1],
        400,
        "ValidationError",
        "1 hour session limit for roles assumed by role chaining",
    );
    refused(
        &answers[2],
        403,
        "AccessDenied",
        "assumed-role/mine/me is not authorized",
    );
}

#[test]
fn roles_of_iam_are_in_the_state_file() {
    let account = Account::new(&[]);
    let create = json!([["create_role", { "RoleName": "kept", "AssumeRolePolicyDocument": for_roles_anywhere() }]]);
    let made = account.calls("iam", &create);
    let Account { sandbox, emulator } = account;
    drop(emulator);
    assert!(
        fs::read_to_string(sandbox.path("account.json"))
            .unwrap()
            .contains("role/kept")
    );
    let emulator = start(&sandbox, &[]);
    let account = Account { sandbox, emulator };
    let got = account.calls("iam", &json!([["get_role", { "RoleName": "kept" }]]));
    assert_eq!(
        got[0]["Role"]["RoleId"], made[0]["Role"]["RoleId"],
        "{got:?}"
    );
}

/// Clients that are given an endpoint sign for their own region, others for that
/// of IAM.
#[test]
fn iam_is_asked_from_every_region() {
    let account = Account::new(&["--region", "eu-central-1"]);
    let call = json!([["list_roles", {}]]);
    for region in ["us-east-1", "eu-central-1"] {
        let answers = account.calls_in(region, "iam", &call, &[]);
        assert_eq!(answers[0]["status"], 200, "{region}: {answers:?}");
    }
    let answers = account.calls_in("eu-west-1", "iam", &call, &[]);
    refused(&answers[0], 403, "SignatureDoesNotMatch", "valid region");
}
