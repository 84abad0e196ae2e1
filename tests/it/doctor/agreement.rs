//! What is judged here and what the emulator answers are the same, whatever the
//! case.

use serde_json::{Value, json};

use super::Host;

/// How many cases are made up. `WINDLASS_DOCTOR_CASES` asks for more.
const CASES: u64 = 24;

/// Numbers that look random and are the same in each run (an LCG of Knuth's).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// True once in so many times.
    fn once_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// A trust policy, with an action or a condition that may not fit.
fn policy(numbers: &mut Numbers, anchor: &str) -> Value {
    let mut actions = vec!["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    if numbers.once_in(4) {
        let gone = usize::try_from(numbers.below(3)).unwrap();
        actions.remove(gone);
    }
    let service = match numbers.once_in(8) {
        true => "ec2.amazonaws.com",
        false => "rolesanywhere.amazonaws.com",
    };
    let condition = match numbers.below(6) {
        0 => json!({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "web-2"}}),
        1 => json!({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "web-1"}}),
        2 => json!({"ArnEquals": {"aws:SourceArn": anchor}}),
        3 => json!({"StringLike": {"aws:PrincipalTag/x509Issuer/CN": "Other*"}}),
        _ => json!({}),
    };
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service},
        "Action": actions, "Condition": condition,
    }]})
}

/// One account and one request, for the emulator and in files.
#[test]
fn the_rules_and_the_emulator_agree() {
    let cases = std::env::var("WINDLASS_DOCTOR_CASES");
    let cases = cases.map_or(CASES, |text| text.parse().unwrap());
    let host = Host::new(&[]);
    let (mut granted, mut refused) = (0, 0);
    for case in 0..cases {
        let mut numbers = Numbers(case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (anchor, profile) = (&host.emulator.trust_anchor_arn, &host.emulator.profile_arn);
        let policy = policy(&mut numbers, anchor);
        host.sandbox.write("policy.json", policy.to_string());
        let (no_anchor, no_profile) = (numbers.once_in(10), numbers.once_in(10));
        let accepts = numbers.once_in(2);
        let (longest, most) = (900 * (1 + numbers.below(8)), 3600);
        let longest_text = longest.to_string();
        let mut options = vec!["--trust-anchor", "ca/trust-anchor.pem"];
        options.extend([
            "--role-policy",
            "policy.json",
            "--profile-duration",
            &longest_text,
        ]);
        for (is_disabled, arn) in [(no_anchor, anchor), (no_profile, profile)] {
            if is_disabled {
                options.extend(["--disable", arn]);
            }
        }
        if accepts {
            options.push("--accept-role-session-name");
        }
        let emulator = host.sandbox.emulate(&options);
        let duration = (900 * (1 + numbers.below(8))).to_string();
        let mut changes = vec![
            ("--endpoint", emulator.url.as_str()),
            ("--session-duration", duration.as_str()),
        ];
        if numbers.once_in(3) {
            changes.push(("--role-session-name", "nightly"));
        }
        if numbers.once_in(8) {
            changes.push(("--certificate", "web-1/cert.pem"));
        }
        let change = |all: &mut Value| {
            all["trustAnchor"]["enabled"] = (!no_anchor).into();
            all["profile"]["enabled"] = (!no_profile).into();
            all["profile"]["durationSeconds"] = longest.into();
            all["profile"]["acceptRoleSessionName"] = accepts.into();
            all["Role"]["MaxSessionDuration"] = most.into();
            all["Role"]["AssumeRolePolicyDocument"] = policy.clone();
            // The emulator's default, which names alternative names too.
            all["profile"]["attributeMappings"] = Value::Null;
        };
        let judged = host.judged(&changes, &change);
        let asked = host.doctor(&changes, &[]);
        let about = format!("case {case}: {judged:#?}\n{asked:#?}");
        if asked.json["verdict"] == "granted" {
            granted += 1;
            assert_eq!((judged.code, asked.code), (0, 0), "{about}");
            continue;
        }
        refused += 1;
        assert_eq!((judged.code, asked.code), (1, 1), "{about}");
        let rules = judged.json["rules"].as_array().unwrap();
        let first = rules.iter().find(|rule| rule["verdict"] == "deny").unwrap();
        let refusal = asked.json["refusal"].as_str().unwrap();
        let sentence = first["message"].as_str().unwrap();
        let sentence = sentence.replace("ROLE", &host.emulator.role_arn);
        assert!(refusal.contains(&sentence), "{about}");
        let reason = first["reason"].as_str().unwrap();
        assert!(refusal.contains(reason), "{about}");
    }
    assert!(
        granted > cases / 10 && refused > cases / 4,
        "{granted}, {refused}"
    );
}
