//! Role chaining: AssumeRole of STS with the session that Roles Anywhere gave.

use std::io::Write;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;
use serde_json::{Value, json};
use windlass::rolesanywhere::{HmacUnsigned, SessionCredentials, sign_with_secret};

use crate::fault_server::{Fault, FaultServer, http};
use crate::harness::{Emulator, Run, Sandbox, client_script, tool};
use crate::workload::{
    PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload, failure, grant, granting,
};

const MIDDLE: &str = "arn:aws:iam::123456789012:role/middle";
const LAST: &str = "arn:aws:iam::210987654321:role/path/last=1";
const LAST_ID: &str = "arn:aws:iam::210987654321:role/path/last=1=on=prem";

/// A workload and an emulator in which two roles can be assumed.
struct Chained {
    sandbox: Sandbox,
    emulator: Emulator,
}

impl Chained {
    fn new(options: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("web-1", &[]);
        let roles = ["--assumable-role", MIDDLE, "--assumable-role", LAST];
        let usual = ["--trust-anchor", "ca/trust-anchor.pem", "--count-requests"];
        let id = ["--external-id", LAST_ID];
        let emulator = sandbox.emulate(&[&usual[..], &roles, &id, options].concat());
        Self { sandbox, emulator }
    }

    fn arguments(&self, options: &[&str]) -> Vec<String> {
        let mut all = self.emulator.arguments("web-1");
        all.extend(["--sts-endpoint", &self.emulator.url].map(str::to_owned));
        all.extend(options.iter().map(|option| (*option).to_owned()));
        all
    }

    fn ask(&self, options: &[&str]) -> Run {
        let mut command = self.sandbox.command();
        command.args(self.arguments(options));
        self.sandbox.finish(command)
    }

    /// Who STS says one is with these credentials, by boto3.
    fn caller(&self, document: &Value) -> Value {
        self.boto3(document, "us-east-1", "get_caller_identity", &json!({}))
    }

    fn boto3(&self, document: &Value, region: &str, operation: &str, parameters: &Value) -> Value {
        let mut command = Command::new(tool("python"));
        self.sandbox.scrub(&mut command);
        command
            .arg(client_script("sts.py"))
            .args([&self.emulator.url, region, operation])
            .arg(parameters.to_string())
            .env("NO_PROXY", "*");
        for (name, key) in [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ] {
            command.env(name, document[key].as_str().unwrap());
        }
        let run = self.sandbox.finish(command);
        assert_eq!(run.code, 0, "{run:#?}");
        serde_json::from_str(&run.stdout).unwrap()
    }
}

fn granted(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:#?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_chain_leads_to_its_last_role_and_sdks_are_that_role() {
    let chained = Chained::new(&[]);
    let run = chained.ask(&[
        "--assume-role",
        MIDDLE,
        "--assume-role",
        LAST,
        "--external-id",
        "on=prem",
        "--assume-role-session-name",
        "on-prem/{cn}@{account}",
        "--session-tag",
        "Cost Centre=Zürich 1",
        "--transitive-tag-key",
        "Cost Centre",
    ]);
    let document = granted(&run);
    assert_eq!(run.stderr, "");
    let expiration: DateTime<Utc> = document["Expiration"].as_str().unwrap().parse().unwrap();
    let left = expiration - Utc::now();
    assert!(left <= TimeDelta::hours(1) && left > TimeDelta::minutes(58));
    let arn = "arn:aws:sts::210987654321:assumed-role/last=1/on-prem-web-1@123456789012";
    assert_eq!(chained.caller(&document)["Arn"], arn);
    let log = chained.emulator.log();
    let line = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(line("CreateSession #"), 1, "{log}");
    assert_eq!(line("AssumeRole #"), 2, "{log}");
    // The second role is assumed with the first one's session.
    assert_eq!(line("assumed-role/middle/web-1]"), 1, "{log}");
}

#[test]
fn the_aws_cli_is_the_last_role() {
    let chained = Chained::new(&[]);
    let arguments: Vec<String> = chained
        .arguments(&["--assume-role", MIDDLE])
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    chained.sandbox.write(
        "aws-config",
        format!(
            "[profile chained]\ncredential_process = '{}' {}\n",
            crate::harness::program(),
            arguments.join(" ")
        ),
    );
    let mut command = Command::new(tool("aws"));
    chained.sandbox.scrub(&mut command);
    command
        .args(["sts", "get-caller-identity", "--profile", "chained"])
        .args(["--region", "us-east-1", "--endpoint-url"])
        .arg(&chained.emulator.url)
        .env("AWS_CONFIG_FILE", chained.sandbox.path("aws-config"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "*");
    let run = chained.sandbox.finish(command);
    let caller = granted(&run);
    let arn = "arn:aws:sts::123456789012:assumed-role/middle/web-1";
    assert_eq!(caller["Arn"], arn);
    assert_eq!(caller["Account"], "123456789012");
}

/// The same from a profile of the config file, where options of the command line
/// may say the rest.
#[test]
fn a_profile_may_have_a_chain() {
    let chained = Chained::new(&[]);
    let emulator = &chained.emulator;
    chained.sandbox.write(
        "policy.json",
        r#"{"Version": "2012-10-17", "Statement": []}"#,
    );
    let profile = [
        "[profile.restore]".to_owned(),
        "certificate = \"web-1/fullchain.pem\"".to_owned(),
        "private_key = \"web-1/key.pem\"".to_owned(),
        format!("trust_anchor_arn = \"{}\"", emulator.trust_anchor_arn),
        format!("profile_arn = \"{}\"", emulator.profile_arn),
        format!("role_arn = \"{}\"", emulator.role_arn),
        format!("endpoint = \"{}\"", emulator.url),
        format!("sts_endpoint = \"{}\"", emulator.url),
        format!("assume_role = [\"{MIDDLE}\", \"{LAST}\"]"),
        "session_policy = \"policy.json\"\n".to_owned(),
    ];
    chained.sandbox.write("config.toml", profile.join("\n"));
    let run = chained.sandbox.run(&[
        "credential-process",
        "--config",
        "config.toml",
        "--profile",
        "restore",
        "--external-id",
        "on=prem",
    ]);
    let arn = "arn:aws:sts::210987654321:assumed-role/last=1/web-1";
    assert_eq!(chained.caller(&granted(&run))["Arn"], arn);
    let status = chained
        .sandbox
        .ok(&["status", "--config", "config.toml", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status[0]["roleArn"], LAST, "the session is the last role's");
}

/// Each hop of a profile's chain has its own parameters, in a table.
#[test]
fn a_profile_says_for_each_role_what_is_asked_for() {
    let workload = Workload::new();
    let sts = FaultServer::start(vec![assumed(|answer| answer), assumed(|answer| answer)]);
    let roles_anywhere = granting(1);
    let profile = format!(
        "[profile.restore]\ncertificate = 'fullchain.pem'\nprivate_key = 'key.pem'\n\
         trust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nprofile_arn = '{PROFILE_ARN}'\n\
         role_arn = '{ROLE_ARN}'\nendpoint = '{}'\nsts_endpoint = '{}'\nno_cache = true\n\
         assume_role = [{{role_arn = '{MIDDLE}', session_name = 'first', \
         tags = {{site = 'berlin'}}}}, {{role_arn = '{LAST}', external_id = 'on-prem', \
         duration_seconds = 1200}}]\n",
        roles_anywhere.url(),
        sts.url()
    );
    workload.sandbox.write("config.toml", profile);
    let run = workload.sandbox.run(&[
        "credential-process",
        "--config",
        "config.toml",
        "--profile",
        "restore",
    ]);
    granted(&run);
    let seen = sts.seen();
    let says = |index: usize, text: &str| seen[index].contains(text);
    assert!(says(0, "RoleSessionName=first"), "{seen:#?}");
    assert!(says(0, "Tags.member.1.Value=berlin"), "{seen:#?}");
    assert!(!says(0, "ExternalId"), "{seen:#?}");
    assert!(says(1, "ExternalId=on-prem"), "{seen:#?}");
    assert!(says(1, "DurationSeconds=1200"), "{seen:#?}");
    assert!(!says(1, "Tags.member"), "{seen:#?}");

    let mistake = workload
        .sandbox
        .read("config.toml")
        .replace("external_id", "external-id");
    workload.sandbox.write("config.toml", mistake);
    let arguments = ["--config", "config.toml", "--profile", "restore"];
    let run = workload
        .sandbox
        .run(&[&["credential-process"], &arguments[..]].concat());
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.starts_with("error: config.toml, line 10: "),
        "{run:#?}"
    );
    assert!(
        run.stderr.contains("unknown field `external-id`"),
        "{run:#?}"
    );
}

/// Sessions of different chains are different sessions in the cache.
#[test]
fn the_cache_tells_chains_apart() {
    let chained = Chained::new(&[]);
    let ask = |options: &[&str]| {
        let mut all = chained.arguments(options);
        all.retain(|argument| argument != "--no-cache");
        let mut command = chained.sandbox.command();
        command.args(all);
        granted(&chained.sandbox.finish(command))["AccessKeyId"].clone()
    };
    let plain = ask(&[]);
    let middle = ask(&["--assume-role", MIDDLE]);
    let tagged = ask(&["--assume-role", MIDDLE, "--session-tag", "a=b"]);
    assert!(plain != middle && middle != tagged && plain != tagged);
    assert_eq!(ask(&["--assume-role", MIDDLE]), middle);
    assert_eq!(ask(&[]), plain);
    assert!(chained.emulator.log().contains("(AssumeRole #2)"));
    assert!(!chained.emulator.log().contains("(AssumeRole #3)"));
}

#[test]
fn a_refusal_names_the_role_of_the_chain() {
    let chained = Chained::new(&[]);
    let shown = |options: &[&str]| {
        let run = chained.ask(options);
        let shown = failure(&run, &[]);
        // The request's id is another one each time.
        let (before, after) = shown.split_once("(request id ").unwrap();
        format!("{before}(request id [ID]{}", &after[36..])
    };
    assert_snapshot!(shown(&["--assume-role", MIDDLE, "--assume-role", LAST]), @"
    exit 3
    error: role 2 of the chain, arn:aws:iam::210987654321:role/path/last=1: AWS refused with 403 AccessDenied: User: arn:aws:sts::123456789012:assumed-role/middle/web-1 is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/path/last=1 (request id [ID]); the emulator's reason: the external id is not the role's
    hint: the policies of role 1 of the chain and the trust policy of arn:aws:iam::210987654321:role/path/last=1 must both allow sts:AssumeRole and sts:SetSourceIdentity (and sts:TagSession for session tags); is the external id the one that the trust policy asks for?
    ");
    let unknown = "arn:aws:iam::210987654321:role/unknown";
    let first = shown(&["--assume-role", unknown]);
    assert!(first.contains("error: role 1 of the chain, "), "{first}");
    assert!(
        first.contains("the policies of the role of --role-arn and"),
        "{first}"
    );
}

#[test]
fn one_hour_at_most_is_said_before_anything_is_sent() {
    let chained = Chained::new(&[]);
    let run = chained.ask(&["--assume-role", MIDDLE, "--session-duration", "3601"]);
    assert_snapshot!(failure(&run, &[]), @"
    exit 2
    error: a session of 3601 s is asked for by --session-duration, but AWS limits sessions by role chaining to one hour
    hint: ask for 3600 s or less (--session-duration); what the role allows by itself does not matter
    ");
    assert_eq!(chained.emulator.log(), "");
}

#[test]
fn options_that_make_no_chain_are_refused() {
    let workload = Workload::new();
    workload.sandbox.write("policy.json", "[]");
    workload.sandbox.write("huge.json", "x".repeat(2049));
    let with = |options: &[&str]| failure(&workload.ask(options), &[]);
    assert_snapshot!(with(&["--external-id", "on-prem"]), @"
    exit 2
    error: --external-id is given, and no role to assume
    hint: it applies to the last role of --assume-role
    ");
    assert_snapshot!(with(&["--assume-role", MIDDLE, "--session-policy", "policy.json"]), @"
    exit 2
    error: policy.json is not a session policy: it is not a JSON object
    hint: give a file with one IAM policy as JSON to --session-policy
    ");
    assert_snapshot!(with(&["--assume-role", MIDDLE, "--session-policy", "huge.json"]), @"
    exit 2
    error: huge.json is not a session policy: it has 2049 characters, and a session policy at most 2048
    hint: give a file with one IAM policy as JSON to --session-policy
    ");
    let twice = ["--session-tag", "Cost=1", "--session-tag", "cost=2"];
    assert_snapshot!(with(&[&["--assume-role", MIDDLE], &twice[..]].concat()), @"
    exit 2
    error: the tag key 'cost' is given twice for arn:aws:iam::123456789012:role/middle
    ");
    assert_snapshot!(with(&["--assume-role", "arn:aws-cn:iam::123456789012:role/x"]), @"
    exit 2
    error: the role arn:aws-cn:iam::123456789012:role/x is in another partition than arn:aws:iam::123456789012:role/backup
    ");
    for bad in [
        ["--external-id", "a b"],
        ["--session-tag", "aws:x=y"],
        ["--assume-role-session-name", "{host}"],
        ["--session-policy-arn", MIDDLE],
    ] {
        let run = workload.ask(&[&["--assume-role", MIDDLE], &bad[..]].concat());
        assert_eq!(run.code, 2, "{run:#?}");
    }
}

/// An answer of STS with credentials, after `change`.
fn assumed(change: impl FnOnce(String) -> String) -> Fault {
    let ends = windlass::clock::rfc3339(Utc::now() + TimeDelta::hours(1));
    let body = change(format!(
        "<?xml version=\"1.0\"?>\n<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
         <AssumeRoleResult><Credentials>\n<AccessKeyId>ASIALAST</AccessKeyId>\
         <SecretAccessKey>{SECRET_KEY}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>\
         <Expiration>{ends}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ));
    Fault::Answer(http("200 OK", &[("Content-Type", "text/xml")], &body))
}

/// Runs with a Roles Anywhere that grants, and this STS.
fn against(script: Vec<Fault>, options: &[&str]) -> (Run, FaultServer) {
    let first = granting(1);
    let sts = FaultServer::start(script);
    let (url, sts_url) = (first.url(), sts.url());
    let endpoints = ["--endpoint", &url, "--sts-endpoint", &sts_url];
    let workload = Workload::new();
    workload.sandbox.write(
        "policy.json",
        "{\"Version\": \"2012-10-17\",\n\"Statement\": []}\n",
    );
    let all = [&endpoints[..], &["--assume-role", MIDDLE], options].concat();
    (workload.ask(&all), sts)
}

#[test]
fn the_request_says_all_that_was_asked_for() {
    let policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let (run, sts) = against(
        vec![assumed(|body| body)],
        &[
            "--external-id",
            "a:/b",
            "--session-tag",
            "Cost=1 2",
            "--session-tag",
            "Team=ops",
            "--transitive-tag-key",
            "Cost",
            "--session-policy",
            "policy.json",
            "--session-policy-arn",
            policy_arn,
            "--session-duration",
            "900",
        ],
    );
    assert!(granted(&run)["AccessKeyId"] == "ASIALAST");
    let request = &sts.seen()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "), "{head}");
    assert!(
        head.contains(&format!("x-amz-security-token: {TOKEN}")),
        "{head}"
    );
    let lines = body.replace('&', "\n");
    assert_snapshot!(lines, @"
    Action=AssumeRole
    Version=2011-06-15
    RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fmiddle
    RoleSessionName=web-1
    DurationSeconds=900
    ExternalId=a%3A%2Fb
    Policy=%7B%22Version%22%3A%20%222012-10-17%22%2C%0A%22Statement%22%3A%20%5B%5D%7D
    PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess
    Tags.member.1.Key=Cost
    Tags.member.1.Value=1%202
    Tags.member.2.Key=Team
    Tags.member.2.Value=ops
    TransitiveTagKeys.member.1=Cost
    ");
}

#[test]
fn endpoint_of_sts_from_the_environment() {
    let first = FaultServer::start(vec![grant(); 2]);
    for name in ["AWS_ENDPOINT_URL_STS", "WINDLASS_STS_ENDPOINT"] {
        let sts = FaultServer::start(vec![assumed(|body| body)]);
        let run = Workload::new().ask_in(
            &[
                (name, &sts.url()),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ],
            &["--endpoint", &first.url(), "--assume-role", MIDDLE],
        );
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(sts.seen().len(), 1);
    }
}

#[test]
fn answers_of_sts_that_are_no_session() {
    let answer = |status: &str, body: &str| {
        let headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", "1234")];
        Fault::Answer(http(status, &headers, body))
    };
    let error = |status: &str, code: &str, message: &str| {
        answer(
            status,
            &format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
        )
    };
    // Each takes minutes to read whose work grows with the square of it.
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"\"")).collect();
    let spaces: String = (0..15_000)
        .map(|n| format!("<a xmlns:n{n}=\"u\">"))
        .collect();
    for body in [format!("<AssumeRoleResponse{attributes}/>"), spaces] {
        let (run, _) = against(vec![answer("200 OK", &body)], &[]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    }
    // Deep enough to overflow the stack of who recurses.
    let deep = "<a>".repeat(200_000);
    let half = |body: String| body[..body.len() / 2].to_owned();
    for (fault, code, attempts, said) in [
        (
            error("400 Bad Request", "ExpiredTokenException", "x &amp; y"),
            3,
            1,
            "AWS refused with 400 ExpiredTokenException: x & y (request id 1234)",
        ),
        (
            error(
                "400 Bad Request",
                "PackedPolicyTooLarge",
                "Packed size: 112%",
            ),
            3,
            1,
            "make them shorter",
        ),
        (
            error("400 Bad Request", "Throttling", "Rate exceeded"),
            5,
            4,
            "too many requests",
        ),
        (
            error("500 Internal Server Error", "InternalFailure", "x"),
            5,
            4,
            "answered 500",
        ),
        (
            answer("200 OK", "<html><title>Login</title></html>"),
            1,
            1,
            "HTML page titled 'Login'",
        ),
        (answer("200 OK", ""), 1, 1, "its body is empty"),
        (answer("200 OK", &deep), 1, 1, "not an answer of AWS"),
        (
            answer(
                "200 OK",
                "<!DOCTYPE a [<!ENTITY b \"c\">]><AssumeRoleResponse>&b;</AssumeRoleResponse>",
            ),
            1,
            1,
            "not an answer of AWS",
        ),
        (
            answer(
                "200 OK",
                "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
            ),
            1,
            1,
            "its XML lacks the credentials",
        ),
        (
            assumed(|body| body.replace(SECRET_KEY, "")),
            1,
            1,
            "a part of its credentials is empty",
        ),
        (
            assumed(|body| body.replace("<Expiration>20", "<Expiration>19")),
            1,
            1,
            "expired already",
        ),
        (
            assumed(|body| half(body.replace("<?xml version=\"1.0\"?>\n", ""))),
            5,
            4,
            "its XML ends too early",
        ),
    ] {
        let (run, sts) = against(vec![fault; 4], &[]);
        assert_eq!(run.code, code, "{run:#?}");
        assert_eq!(sts.seen().len(), attempts, "{run:#?}");
        assert!(run.stderr.contains("role 1 of the chain, "), "{run:#?}");
        assert!(run.stderr.contains(said), "{said}: {run:#?}");
    }
}

#[test]
fn the_request_that_sts_refused_is_named() {
    let headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", "1234")];
    let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    for (status, code) in [("403 Forbidden", 3), ("503 Service Unavailable", 5)] {
        let fault = Fault::Answer(http(status, &headers, refusal));
        let (run, _) = against(vec![fault; 4], &["--error-format", "json"]);
        assert_eq!(run.code, code, "{run:#?}");
        let error: Value = serde_json::from_str(&run.stderr).unwrap();
        assert_eq!(error["requestId"], "1234", "{error}");
    }
}

/// The same rules as for CreateSession.
#[test]
fn bad_days_of_sts_are_survived() {
    let chained = Chained::new(&["--fault", "ok,503,truncated,ok,ok,reset,ok"]);
    for _ in 0..2 {
        granted(&chained.ask(&["--assume-role", MIDDLE]));
    }
    let log = chained.emulator.log();
    assert!(
        log.contains("(AssumeRole #5)") && !log.contains("(AssumeRole #6)"),
        "{log}"
    );
    assert!(
        log.contains("(CreateSession #2)") && !log.contains("(CreateSession #3)"),
        "{log}"
    );
}

/// Found out by STS itself, or by Roles Anywhere before: then STS is asked with
/// the right time at once.
#[test]
fn a_clock_that_is_off_is_corrected_for_sts_too() {
    for (script, sessions, roles) in [("ok,skew:-1230*2", 1, 2), ("skew:1230*3", 2, 1)] {
        let chained = Chained::new(&["--fault", script]);
        let run = chained.ask(&["--assume-role", MIDDLE]);
        granted(&run);
        let warning = "warning: this host's clock is 20 min ";
        assert_eq!(run.stderr.matches(warning).count(), 1, "{run:#?}");
        let log = chained.emulator.log();
        let count = |operation: &str| log.matches(&format!("({operation} #")).count();
        assert_eq!(count("CreateSession"), sessions, "{log}");
        assert_eq!(count("AssumeRole"), roles, "{log}");
    }
}

/// Byte for byte what botocore signs, the canonical request too.
#[test]
fn signatures_are_botocores() {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let requests: Vec<Value> = [
        (
            "https://sts.us-east-1.amazonaws.com/",
            "us-east-1",
            "sts",
            "Action=AssumeRole&Version=2011-06-15",
        ),
        (
            "https://sts.cn-north-1.amazonaws.com.cn/",
            "cn-north-1",
            "sts",
            "a=%20%2B&b=Z%C3%BCrich",
        ),
        (
            "https://vpce-1.example:8443/base%20path/x/",
            "eu-west-1",
            "sts",
            "",
        ),
        ("http://127.0.0.1:9910/", "us-gov-west-1", "other", "x"),
    ]
    .map(|(url, region, service, body)| {
        json!({
            "url": url, "region": region, "service": service, "body": body,
            "headers": { "Content-Type": form, "X-Amz-Odd": "  a   b  " },
            "date": "2026-11-23T01:02:03+00:00",
            "key_id": "ASIAEXAMPLE", "secret": SECRET_KEY, "token": TOKEN,
        })
    })
    .to_vec();
    let mut child = Command::new(tool("python"))
        .arg(client_script("sigv4.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_string(&requests).unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let theirs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(theirs.len(), requests.len());
    for (request, theirs) in requests.iter().zip(theirs) {
        let text = |name: &str| request[name].as_str().unwrap();
        let (authority, path) = {
            let rest = text("url").split_once("://").unwrap().1;
            let end = rest.find('/').unwrap();
            (&rest[..end], &rest[end..])
        };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            header("content-type", form),
            header("host", authority),
            header("x-amz-odd", "  a   b  "),
        ];
        let credentials = SessionCredentials {
            access_key_id: text("key_id").to_owned(),
            secret_access_key: SECRET_KEY.to_owned().into(),
            session_token: TOKEN.to_owned().into(),
            expiration: Utc::now(),
        };
        let ours = sign_with_secret(
            &HmacUnsigned {
                service: text("service"),
                region: &text("region").parse().unwrap(),
                path,
                headers: &headers,
                body: text("body"),
                at: text("date").parse::<DateTime<Utc>>().unwrap(),
            },
            &credentials,
        );
        assert_eq!(
            ours.canonical_request.expose_str(),
            theirs["canonical_request"].as_str()
        );
        let (_, authorization) = ours.headers.last().unwrap();
        assert_eq!(
            Some(authorization.as_str()),
            theirs["authorization"].as_str()
        );
        assert!(!format!("{ours:?}").contains(TOKEN));
    }
}

/// The emulator's STS, asked by boto3.
#[test]
fn the_emulated_sts_refuses_as_sts_does() {
    let chained = Chained::new(&[]);
    let document = granted(&chained.ask(&[]));
    let wanted = |role: &str, seconds: u32| json!({ "RoleArn": role, "RoleSessionName": "boto3", "DurationSeconds": seconds });
    let refused = |document: &Value, region: &str, parameters: &Value| {
        let answer = chained.boto3(document, region, "assume_role", parameters);
        format!(
            "{} {}: {}",
            answer["status"], answer["code"], answer["message"]
        )
    };
    let usual = wanted(MIDDLE, 900);
    assert_eq!(
        chained.boto3(&document, "us-east-1", "assume_role", &usual)["status"],
        200
    );
    let by_get = chained.boto3(&document, "us-east-1", "get", &json!({}));
    let arn = "<Arn>arn:aws:sts::123456789012:assumed-role/emulated-role/";
    assert!(by_get["body"].as_str().unwrap().contains(arn), "{by_get}");
    let too_long = refused(&document, "us-east-1", &wanted(MIDDLE, 3601));
    assert_eq!(
        too_long,
        "400 \"ValidationError\": \"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining\""
    );
    let denied = refused(&document, "us-east-1", &wanted(LAST, 900));
    assert!(
        denied.starts_with("403 \"AccessDenied\": \"User: arn:aws:sts::123456789012:assumed-role/"),
        "{denied}"
    );
    let scope = refused(&document, "eu-west-1", &usual);
    assert!(
        scope.contains("SignatureDoesNotMatch") && scope.contains("not 'eu-west-1'"),
        "{scope}"
    );
    for (member, value, code) in [
        (
            "AccessKeyId",
            "ASIA0EMULATED0UNKNOWN",
            "InvalidClientTokenId",
        ),
        ("SessionToken", "another", "InvalidClientTokenId"),
        ("SecretAccessKey", "another", "SignatureDoesNotMatch"),
    ] {
        let mut wrong = document.clone();
        wrong[member] = value.into();
        let refused = refused(&wrong, "us-east-1", &usual);
        assert!(
            refused.starts_with(&format!("403 \"{code}\"")),
            "{member}: {refused}"
        );
    }
}
