//! What has to hold for every trust policy and every request.

use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::admission::policy::{Action, Fact, RequestContext, TrustPolicy, Verdict};

use super::{allowing, policy};

/// The keys of the generated policies.
const KEYS: [&str; 4] = [
    "test:A",
    "test:B",
    "aws:PrincipalTag/c",
    "aws:PrincipalTag/d",
];

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "a",
        "b",
        "a*",
        "true",
        "7",
        "${aws:PrincipalTag/c}",
        "${aws:PrincipalTag/d, 'a'}",
        "${*}",
        "${",
        "arn:a:b:c:d:${test:A}",
    ])
}

pub fn statement() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
        "ForAllValues:StringEquals",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringEquals",
        "ForAnyValue:StringNotEquals",
        "ForAnyValue:StringLikeIfExists",
        "ForAllValues:StringNotLikeIfExists",
        "Null",
        "Bool",
        "NumericLessThan",
        "NumericNotEquals",
        "ArnLike",
        "ArnNotLikeIfExists",
        "DateGreaterThan",
        "NotIpAddress",
        "Strange",
    ]);
    let condition = (
        operator,
        prop::sample::select(KEYS.to_vec()),
        prop::collection::vec(value(), 1..3),
    );
    let action = prop::sample::select(vec!["sts:*", "sts:AssumeRole", "sts:T*", "s3:*"]);
    let principal = prop::sample::select(vec![
        "rolesanywhere.amazonaws.com",
        "ec2.amazonaws.com",
        "*",
    ]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Deny"]);
    let conditions = prop::collection::vec(condition, 0..3);
    (effect, principal, action, conditions).prop_map(|(effect, principal, action, conditions)| {
        let mut statement = json!({ "Effect": effect, "Principal": { "Service": principal }, "Action": action, "Condition": {} });
        for (operator, key, values) in conditions {
            statement["Condition"][operator][key] = json!(values);
        }
        statement
    })
}

fn known() -> impl Strategy<Value = Fact> {
    let text = || {
        prop::sample::select(vec!["", "a", "b", "ab", "true", "7", "arn:a:b:c:d:a"])
            .prop_map(str::to_owned)
    };
    prop_oneof![
        Just(Fact::Absent(None)),
        text().prop_map(Fact::One),
        prop::collection::vec(text(), 0..3).prop_map(Fact::Many),
    ]
}

fn context(facts: &[Fact]) -> RequestContext {
    let pairs = KEYS.into_iter().zip(facts);
    pairs.fold(RequestContext::default(), |context, (key, fact)| {
        context.with(key, fact.clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// What is answered without a value stays so with any value; and a refusal
    /// without it is no grant with it.
    #[test]
    fn a_definite_answer_does_not_hang_on_what_is_not_known(
        statements in prop::collection::vec(statement(), 0..4),
        facts in prop::collection::vec((known(), any::<bool>()), KEYS.len()),
    ) {
        let policy = policy(&json!({ "Version": "2012-10-17", "Statement": statements }));
        let full: Vec<Fact> = facts.iter().map(|(fact, _)| fact.clone()).collect();
        let hidden: Vec<Fact> = facts
            .iter()
            .map(|(fact, hide)| if *hide { Fact::Unknown("it is hidden".to_owned()) } else { fact.clone() })
            .collect();
        let before = policy.judge(&context(&hidden));
        let after = policy.judge(&context(&full));
        for (before, after) in before.actions.iter().zip(&after.actions) {
            match before.verdict {
                Verdict::Unknown => {}
                Verdict::NotAllowed => prop_assert!(matches!(after.verdict, Verdict::NotAllowed | Verdict::Denied), "{before}\n{after}"),
                definite => prop_assert_eq!(definite, after.verdict, "{}\n{}", before, after),
            }
        }
    }

    /// Whatever stands beside it, a deny that matches wins, and a further deny
    /// never allows anything.
    #[test]
    fn a_deny_wins(
        statements in prop::collection::vec(statement(), 0..4),
        facts in prop::collection::vec(known(), KEYS.len()),
        further in statement(),
        place in any::<prop::sample::Index>(),
    ) {
        let read = |statements: &[Value]| policy(&json!({ "Version": "2012-10-17", "Statement": statements }));
        let context = context(&facts);
        let with = |added: Value| {
            let mut all = statements.clone();
            all.insert(place.index(all.len() + 1), added);
            read(&all).judge(&context)
        };
        let mut deny = allowing(&json!({}));
        deny["Effect"] = json!("Deny");
        for judged in with(deny).actions {
            prop_assert_eq!(judged.verdict, Verdict::Denied);
        }
        let mut perhaps = further;
        perhaps["Effect"] = json!("Deny");
        let plain = read(&statements).judge(&context);
        for (before, after) in plain.actions.iter().zip(with(perhaps).actions) {
            prop_assert!(after.verdict != Verdict::Allowed || before.verdict == Verdict::Allowed);
        }
    }

    /// Nothing that is handed in makes it panic, and what is read is judged.
    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}\":,a-zA-Z0-9$%* \u{fc}]{0,80}") {
        if let Ok(policy) = TrustPolicy::read(text.as_bytes()) {
            prop_assert_eq!(policy.judge(&RequestContext::default()).actions.len(), Action::ALL.len());
        }
    }
}
