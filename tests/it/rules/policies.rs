//! The rules take a trust policy apart, and must agree with what it says as a whole.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::admission::policy::{Decision, RequestContext, TrustPolicy};
use windlass::admission::{AttributeMapping, Known, Principal, RoleFacts, judge};

use super::scenario::Scenario;
use crate::harness::testdata;
use crate::trust_policies::properties::statement;

/// A session of a certificate with more than one kind of name, some of which AWS
/// makes no tags of.
fn scenario() -> Scenario {
    Scenario::read(&json!({
        "leaf": {
            "subject": [["OU", "Security"], ["OU", "Research"], ["ST", "a(b)"], ["CN", "web-1"]],
            "san": ["URI:spiffe://example.com/workload/web-1", "DNS:a", "DNS:b"],
        },
    }))
}

/// Nothing that the policy refuses passes every rule, nothing that it grants is
/// refused by one, and what it leaves open is neither.
fn agrees(scenario: &Scenario, document: &Value) -> Result<(), String> {
    let Ok(policy) = TrustPolicy::read(document.to_string().as_bytes()) else {
        return Ok(());
    };
    scenario.with(|situation| {
        let mut situation = *situation;
        let role = situation.role.is().unwrap();
        situation.role = Known::Is(RoleFacts {
            trust_policy: Known::Is(&policy),
            ..role
        });
        let principal = Principal::of(situation.leaf.unwrap(), &AttributeMapping::default());
        let anchor = situation.anchor_arn.unwrap();
        let context = RequestContext::of_session(anchor, &principal, None, situation.now.unwrap());
        let decision = policy.judge(&context).decision();
        let judgement = judge(&situation);
        let is_same = match decision {
            Decision::Granted => judgement.is_granted(),
            Decision::Refused(_) => judgement.denial().is_some(),
            Decision::Unknown(_) => judgement.denial().is_none() && judgement.refusal().is_some(),
        };
        if is_same {
            return Ok(());
        }
        let refusal = judgement.refusal();
        Err(format!("{document:#}\n{decision:?}\n{refusal:?}"))
    })
}

#[test]
fn every_policy_of_the_table_is_judged_alike() {
    let text = fs::read_to_string(testdata("trust-policies").join("documents.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 50);
    let scenario = scenario();
    for case in &cases {
        agrees(&scenario, &case["policy"]).unwrap();
    }
}

/// A condition that a session of ours meets or not.
fn condition() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({}),
        json!({ "StringEquals": { "aws:PrincipalTag/x509Subject/CN": "web-1" } }),
        json!({ "StringEquals": { "aws:principaltag/X509subject/cn": "web-2" } }),
        json!({ "StringNotEquals": { "aws:PrincipalTag/x509Subject/ST": "a(b)" } }),
        json!({ "StringEquals": { "aws:PrincipalTag/x509Subject/ST": "a(b)" } }),
        json!({ "StringLike": { "aws:PrincipalTag/x509SAN/DNS": "b*" } }),
        json!({ "StringEquals": { "aws:SourceAccount": "123456789012", "sts:ExternalId": "x" } }),
        json!({ "Null": { "aws:PrincipalTag/x509Subject/OU": "true" } }),
        json!({ "StringLike": { "sts:SourceIdentity": "CN=*" } }),
        json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_policy_is_judged_alike(
        generated in prop::collection::vec(statement(), 0..3),
        made in prop::collection::vec((condition(), any::<bool>(), any::<bool>()), 0..4),
    ) {
        let made = made.into_iter().map(|(condition, denies, is_of_one)| json!({
            "Effect": if denies { "Deny" } else { "Allow" },
            "Principal": { "Service": "rolesanywhere.amazonaws.com" },
            "Action": if is_of_one { "sts:TagSession" } else { "sts:*" },
            "Condition": condition,
        }));
        let statements: Vec<Value> = generated.into_iter().chain(made).collect();
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        let agreed = agrees(&scenario(), &document);
        prop_assert!(agreed.is_ok(), "{}", agreed.unwrap_err());
    }
}
