//! Role trust policies, judged without AWS: tables of what AWS documents, and
//! what has to hold for every policy.

use std::fs;

use serde_json::{Value, json};
use windlass::admission::policy::{
    Decision, Fact, PolicyRule, RequestContext, TrustPolicy, Verdict,
};
use windlass::admission::{Principal, PrincipalTag};

use crate::harness::testdata;

pub mod properties;
mod reading;

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";

fn table(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(testdata("trust-policies").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn policy(document: &Value) -> TrustPolicy {
    TrustPolicy::read(document.to_string().as_bytes()).unwrap()
}

fn allowing(condition: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "rolesanywhere.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": condition,
    })
}

/// The verdict on all three actions, which is the same.
fn verdict(policy: &TrustPolicy, context: &RequestContext) -> Verdict {
    let judgement = policy.judge(context);
    let first = judgement.actions[0].verdict;
    assert!(
        judgement
            .actions
            .iter()
            .all(|judged| judged.verdict == first)
    );
    first
}

/// A fact as the tables write it: a text, a list, null for a key that is not
/// there, and an object for one that is not known.
fn fact(value: &Value) -> Fact {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match value {
        Value::Null => Fact::Absent(None),
        Value::Array(values) => Fact::Many(values.iter().map(text).collect()),
        Value::Object(_) => Fact::Unknown("it is not told".to_owned()),
        one => Fact::One(text(one)),
    }
}

#[test]
fn conditions_are_met_as_aws_documents_them() {
    let mut count = 0;
    for group in table("conditions.json") {
        let version = group["version"].as_str().unwrap_or("2012-10-17");
        for case in group["cases"].as_array().unwrap() {
            count += 1;
            let context = RequestContext::default()
                .with("test:Key", fact(&case["found"]))
                .with("aws:PrincipalTag/team", Fact::One("blue".to_owned()))
                .with("aws:PrincipalTag/none", Fact::Absent(None));
            let operator = case["operator"].as_str().unwrap();
            let statement = allowing(&json!({ operator: { "TEST:key": case["wanted"] } }));
            let mut deny = statement.clone();
            deny["Effect"] = json!("Deny");
            let allows = policy(&json!({ "Version": version, "Statement": statement }));
            let denies =
                policy(&json!({ "Version": version, "Statement": [allowing(&json!({})), deny] }));
            let met = case["met"].as_str().unwrap();
            let expected = match met {
                "yes" => Verdict::Allowed,
                "no" => Verdict::NotAllowed,
                _ => Verdict::Unknown,
            };
            assert_eq!(verdict(&allows, &context), expected, "{case}");
            let expected = match case["deny"].as_str().unwrap_or(met) {
                "yes" => Verdict::Denied,
                "no" => Verdict::Allowed,
                _ => Verdict::Unknown,
            };
            assert_eq!(verdict(&denies, &context), expected, "deny: {case}");
        }
    }
    assert!(count > 190, "{count}");
}

/// The request of a session, with what a case has special.
fn session(special: &Value) -> RequestContext {
    let tag = |key: &str, value: &str| PrincipalTag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let undocumented = special["undocumented"].as_object();
    let principal = Principal {
        source_identity: "CN=web-1".to_owned(),
        source_identity_documented: true,
        session_name: "1f2e".to_owned(),
        session_name_documented: special["session_name_documented"].as_bool().unwrap_or(true),
        tags: vec![
            tag("x509Subject/CN", "web-1"),
            tag("x509Subject/OU", "Security/Research"),
            tag("x509Issuer/CN", "Test CA"),
            tag("x509SAN/URI", "spiffe://example.com/workload/web-1"),
        ],
        left_out: vec![tag("x509Subject/ST", "a(b)")],
        undocumented: undocumented
            .into_iter()
            .flatten()
            .map(|(key, value)| tag(key, value.as_str().unwrap()))
            .collect(),
        unmapped: Vec::new(),
        not_first: Vec::new(),
    };
    let name = special["session_name"]
        .as_str()
        .map(|name| name.parse().unwrap());
    RequestContext::of_session(
        &special["anchor"]
            .as_str()
            .unwrap_or(ANCHOR)
            .parse()
            .unwrap(),
        &principal,
        name.as_ref(),
        "2026-06-01T12:00:00Z".parse().unwrap(),
    )
}

#[test]
fn documents_are_judged_for_each_action() {
    let cases = table("documents.json");
    assert!(cases.len() > 80, "{}", cases.len());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let judgement = policy(&case["policy"]).judge(&session(&case["session"]));
        let found: Vec<&str> = judgement
            .actions
            .iter()
            .map(|judged| match judged.verdict {
                Verdict::Allowed => "allowed",
                Verdict::Denied => "denied",
                Verdict::NotAllowed => "not allowed",
                Verdict::Unknown => "unknown",
            })
            .collect();
        assert_eq!(json!(found), case["expect"], "{name}\n{judgement}");
        let decision = judgement.decision();
        let (kind, reason) = match &decision {
            Decision::Granted => ("granted", ""),
            Decision::Refused(reason) => ("refused", reason.as_str()),
            Decision::Unknown(reason) => ("unknown", reason.as_str()),
        };
        let expected = if found
            .iter()
            .any(|one| ["denied", "not allowed"].contains(one))
        {
            "refused"
        } else if found.contains(&"unknown") {
            "unknown"
        } else {
            "granted"
        };
        assert_eq!(kind, expected, "{name}");
        assert_eq!(reason.is_empty(), kind == "granted", "{name}");
        if let Some(because) = case["because"].as_str() {
            assert!(reason.contains(because), "{name}: {reason}");
        }
    }
}

#[test]
fn a_judgement_is_a_trace_that_a_person_reads() {
    let statement = |sid: &str, condition: &Value| {
        let mut statement = allowing(condition);
        statement["Sid"] = json!(sid);
        statement
    };
    let mut deny = statement(
        "Old",
        &json!({ "StringLike": { "aws:PrincipalTag/x509Subject/CN": "old-*" } }),
    );
    deny["Effect"] = json!("Deny");
    let mut one_action = statement("Tag", &json!({}));
    one_action["Action"] = json!("sts:TagSession");
    let mut lambda = statement("", &json!({}));
    lambda["Principal"] = json!({ "Service": "lambda.amazonaws.com" });
    let document = json!({ "Version": "2012-10-17", "Statement": [
        statement("Web", &json!({
            "ArnEquals": { "aws:SourceArn": ANCHOR },
            "StringEquals": { "aws:PrincipalTag/x509Subject/CN": ["web-2", "${aws:PrincipalTag/x509Issuer/CN}"] },
        })),
        lambda,
        one_action,
        statement("Office", &json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } })),
        deny,
    ]});
    let judgement = policy(&document).judge(&session(&json!({})));
    insta::assert_snapshot!(judgement);
    let Decision::Unknown(reason) = judgement.decision() else {
        panic!("{judgement}");
    };
    insta::assert_snapshot!(reason);
}

#[test]
fn every_lint_has_a_policy_that_breaks_it_and_one_that_does_not() {
    let pinned = json!({
        "ArnEquals": { "aws:SourceArn": ANCHOR },
        "StringEquals": { "aws:PrincipalTag/x509Subject/CN": "web-1" },
    });
    let good = allowing(&pinned);
    let found = |statement: &Value| -> Vec<PolicyRule> {
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let findings = policy(&document).lint();
        findings.iter().map(|finding| finding.rule).collect()
    };
    assert_eq!(found(&good), []);
    let condition = |operator: &str, key: &str, value: &str| {
        let mut statement = good.clone();
        statement["Condition"][operator][key] = json!(value);
        statement
    };
    let cn = "aws:PrincipalTag/x509Subject/CN";
    let mut everybody = good.clone();
    everybody["Principal"] = json!({ "AWS": "*" });
    let mut no_tags = good.clone();
    no_tags["Action"] = json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let cases = [
        (everybody, PolicyRule::WildcardPrincipal),
        (no_tags, PolicyRule::MissingAction),
        (allowing(&json!({})), PolicyRule::NoSourceArn),
        (
            allowing(&json!({ "ArnLikeIfExists": { "aws:SourceArn": ANCHOR } })),
            PolicyRule::NoSourceArn,
        ),
        (
            condition(
                "ArnEquals",
                "aws:SourceArn",
                "arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main",
            ),
            PolicyRule::AliasSourceArn,
        ),
        (
            condition("ForAllValues:StringEquals", "aws:TagKeys", "x"),
            PolicyRule::ForAllValuesAllows,
        ),
        (
            condition("StringLike", cn, "web-1"),
            PolicyRule::LikeWithoutWildcard,
        ),
        (
            condition("StringNotEquals", cn, "web-2"),
            PolicyRule::NegatedTag,
        ),
        (
            condition("StringEquals", cn, "web-*"),
            PolicyRule::WildcardWithoutLike,
        ),
        (
            condition("StringEquals", cn, "web (1)"),
            PolicyRule::TagNeverSet,
        ),
        (
            condition("StringEquals", cn, &"x".repeat(257)),
            PolicyRule::TagNeverSet,
        ),
        (
            condition("StringEquals", "aws:PrincipalTag/x509SAN/IP", "192.0.2.1"),
            PolicyRule::TagNeverSet,
        ),
    ];
    for (statement, rule) in cases {
        assert_eq!(found(&statement), [rule], "{statement}");
        assert!(!rule.id().is_empty() && rule.source().contains("guide"));
    }
    for fine in [
        condition("StringLike", cn, "web-*"),
        condition("StringEquals", cn, &"x".repeat(256)),
        condition(
            "StringEquals",
            "AWS:principaltag/x509SAN/DNS",
            "web.example.com",
        ),
        condition(
            "StringEquals",
            "sts:SourceIdentity",
            "CN=${aws:PrincipalTag/x509Subject/CN}",
        ),
    ] {
        assert_eq!(found(&fine), [], "{fine}");
    }
}
