//! Trust policies: whatever is read is judged and linted without a panic, and an
//! answer that was given without knowing a value stays when it is known. The
//! first byte says which values the request has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::admission::policy::{Decision, Fact, RequestContext, TrustPolicy, Verdict};

const KEYS: [(&str, &str); 4] = [
    (
        "aws:SourceArn",
        "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/x",
    ),
    ("aws:PrincipalTag/x509Subject/CN", "web-1"),
    ("aws:CurrentTime", "2026-06-01T12:00:00Z"),
    ("sts:SourceIdentity", ""),
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, document)) = input.split_first() else {
        return;
    };
    let Ok(policy) = TrustPolicy::read(document) else {
        return;
    };
    for finding in policy.lint() {
        assert!(!finding.to_string().is_empty());
    }
    let mut known = RequestContext::default();
    for (index, (key, value)) in KEYS.into_iter().enumerate() {
        let fact = match choice >> (2 * index) & 3 {
            0 => Fact::Absent(None),
            1 => Fact::One(value.to_owned()),
            2 => Fact::Many(vec![value.to_owned(), "b".to_owned()]),
            _ => continue,
        };
        known = known.with(key, fact);
    }
    let before = policy.judge(&RequestContext::default());
    let after = policy.judge(&known);
    assert!(!after.to_string().is_empty());
    for (before, after) in before.actions.iter().zip(&after.actions) {
        let refused = matches!(after.verdict, Verdict::NotAllowed | Verdict::Denied);
        match before.verdict {
            Verdict::Unknown => {}
            Verdict::NotAllowed => assert!(refused, "{before}\n{after}"),
            definite => assert_eq!(definite, after.verdict, "{before}\n{after}"),
        }
    }
    if let Decision::Refused(reason) | Decision::Unknown(reason) = after.decision() {
        assert!(!reason.is_empty());
    }
});
