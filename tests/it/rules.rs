//! The admission rules, each by itself: cases of testdata/admission, what they have
//! to hold for every situation, and that the manual has them.

mod policies;
mod scenario;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use windlass::admission::{
    Known, Message, MissingInput, RULES, Rule, Situation, Stage, Verdict, judge,
};

use crate::harness::testdata;
use scenario::Scenario;

struct Case {
    rule: &'static Rule,
    name: String,
    denied: bool,
    scenario: Scenario,
}

/// The folders of `testdata/admission`, each with its files.
fn folders() -> Vec<(String, Vec<PathBuf>)> {
    let list = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    list(&testdata("admission"))
        .iter()
        .map(|folder| (name(folder), list(folder)))
        .collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (id, files) in folders() {
        let rule = RULES.iter().find(|rule| rule.id == id);
        let rule = rule.unwrap_or_else(|| panic!("testdata/admission/{id} is of no rule"));
        for file in files {
            let name = format!("{id}/{}", file.file_name().unwrap().to_str().unwrap());
            let text = fs::read_to_string(&file).unwrap();
            let described: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let denied = name.contains("/denied-");
            assert!(denied || name.contains("/allowed-"), "{name}");
            assert!(described["why"].is_string(), "{name} does not say why");
            cases.push(Case {
                rule,
                name,
                denied,
                scenario: Scenario::read(&described),
            });
        }
    }
    cases
}

/// What AWS may add to a refusal to assume a role.
fn is_of(rule: &Rule, message: Message) -> bool {
    message == rule.message
        || (rule.message == Message::UnableToAssumeRole && message == Message::UnmappedAttributes)
}

#[test]
fn every_case_ends_by_its_rule() {
    let mut wrong = Vec::new();
    for case in cases() {
        let judgement = case.scenario.with(judge);
        let found: Vec<String> = judgement
            .verdicts
            .iter()
            .filter(|(_, verdict)| *verdict != Verdict::Pass)
            .map(|(rule, verdict)| format!("  {}: {verdict:?}", rule.id))
            .collect();
        let first = judgement.denials().next();
        let is_right = match first {
            Some((rule, finding)) if case.denied => {
                rule.id == case.rule.id
                    && finding
                        .answer
                        .kind()
                        .is_some_and(|message| is_of(rule, message))
            }
            None => !case.denied && judgement.is_granted(),
            Some(_) => false,
        };
        if !is_right {
            wrong.push(format!("{}:\n{}", case.name, found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The sentence of each answer is one of the table of messages, word for word where
/// it is always the same.
#[test]
fn every_denial_is_a_message_that_is_known() {
    for case in cases().iter().filter(|case| case.denied) {
        let judgement = case.scenario.with(judge);
        for (rule, finding) in judgement.denials() {
            let text = finding.answer.message();
            let recognized = Message::recognize(&text);
            let kind = finding.answer.kind();
            assert_eq!(recognized, kind, "{}: {}: {text}", case.name, rule.id);
            assert!(!finding.reason.is_empty() && !finding.reason.ends_with('.'));
            for left in ["ROLE", "NAMES", "VALUE", "MEMBER", "CONSTRAINT"] {
                assert!(!text.contains(left), "{text}");
            }
        }
    }
}

#[test]
fn every_rule_has_a_case_of_both_kinds() {
    let cases = cases();
    for rule in RULES {
        for denied in [true, false] {
            let mut of_rule = cases.iter().filter(|case| case.rule.id == rule.id);
            assert!(
                of_rule.any(|case| case.denied == denied),
                "{} has no case that is {}",
                rule.id,
                if denied { "denied" } else { "allowed" }
            );
        }
    }
}

#[test]
fn rules_are_named_once_and_say_what_they_are() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let is_of_id = |one: char| one.is_ascii_lowercase() || one == '-';
        assert!(rule.id.chars().all(is_of_id), "{}", rule.id);
        for text in [rule.sentence, rule.source, rule.cause, rule.remedy] {
            assert!(
                !text.is_empty() && !text.ends_with('.'),
                "{}: {text}",
                rule.id
            );
        }
    }
    // What is refused while resources are made comes before any session.
    let stages: Vec<Stage> = RULES.iter().map(|rule| rule.stage).collect();
    let first = stages.iter().position(|stage| *stage == Stage::Session);
    assert!(
        stages[first.unwrap()..]
            .iter()
            .all(|stage| *stage == Stage::Session)
    );
}

#[test]
fn every_rule_and_every_message_stands_in_the_manual() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/windlass-rules.7");
    let page = fs::read_to_string(path).unwrap().replace("\\-", "-");
    for rule in RULES {
        let heading = format!(
            ".TP\n\\fB{}\\fR\nRule ({})",
            rule.id,
            rule.confidence.as_str()
        );
        assert!(page.contains(&heading), "the manual lacks {}", rule.id);
    }
    for message in Message::ALL {
        let heading = format!(".TP\n\\fB{}\\fR\n{}\n", message.id(), message.text());
        assert!(page.contains(&heading), "the manual lacks {}", message.id());
    }
}

/// Whoever types what a rule says finds that it is there.
#[test]
fn commands_and_options_of_remedies_exist() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let read = |name: &str| fs::read_to_string(manual.join(name)).map(|it| it.replace("\\-", "-"));
    let of_session = read("windlass-credential-process.1").unwrap();
    for rule in RULES {
        for text in [rule.cause, rule.remedy] {
            // What is quoted is a command: ours have a page.
            let (quoted, plain): (Vec<_>, Vec<_>) = text
                .split('`')
                .enumerate()
                .partition(|(index, _)| index % 2 == 1);
            for (_, command) in quoted
                .into_iter()
                .filter(|(_, it)| it.starts_with("windlass "))
            {
                let page = format!("{}.1", command.replace(' ', "-"));
                assert!(read(&page).is_ok(), "{}: {command}", rule.id);
            }
            let words = plain.iter().flat_map(|(_, text)| text.split_whitespace());
            let options = words.map(|word| word.trim_end_matches(&[',', ';'][..]));
            for option in options.filter(|word| word.starts_with("--")) {
                let is_of_aws = ["--enabled", "--accept-role-session-name"].contains(&option);
                let has = of_session.contains(&format!("\\fB{option}\\fR"));
                assert!(is_of_aws || has, "{}: {option}", rule.id);
            }
        }
    }
}

/// Messages as they were seen, number by number.
#[test]
fn messages_are_recognized_as_they_were_seen() {
    let role = "arn:aws:iam::123456789012:role/app";
    for (id, text) in [
        ("E1", "Invalid signature".to_owned()),
        ("E2", "Specified Trust Anchor wasn't found.".to_owned()),
        ("E3", "Specified Trust Anchor is disabled.".to_owned()),
        ("E4", "Untrusted signing certificate".to_owned()),
        ("E4", "Untrusted Signing Certificate".to_owned()),
        ("E5", "Untrusted certificate. Insufficient certificate".to_owned()),
        ("E6", "Certificate revoked".to_owned()),
        ("E7", "Invalid or empty profile provided.".to_owned()),
        (
            "E8",
            "Requested Role isn't one of those listed in the Profile.".to_owned(),
        ),
        ("E9", "Not authorized to set roleSessionName.".to_owned()),
        ("E10", format!("Unable to assume role for {role}")),
        (
            "E11",
            format!(
                "Unable to assume role for {role} The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            ),
        ),
        (
            "E12",
            format!(
                "Unable to assume role for {role}. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]"
            ),
        ),
        (
            "E13",
            "1 validation error detected: Value '43200' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600".to_owned(),
        ),
        ("E14", "Incorrect basic constraints for CA certificate".to_owned()),
    ] {
        let found = Message::recognize(&text).map(Message::id);
        assert_eq!(found, Some(id), "{text}");
    }
    assert_eq!(Message::recognize("Profile is disabled"), None);
}

#[test]
fn where_nothing_is_known_no_rule_passes() {
    let nothing = judge(&Situation::default());
    for (rule, verdict) in &nothing.verdicts {
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{}: {verdict:?}",
            rule.id
        );
    }
    assert!(!nothing.is_granted());
    assert!(nothing.denial().is_none());
    assert!(nothing.refusal().is_some());
}

type Forget = fn(&mut Situation<'_>);

/// What can be left unknown.
const FORGETS: &[(&str, Forget)] = &[
    ("now", |it| it.now = None),
    ("region", |it| it.region = None),
    ("clock_ahead", |it| it.clock_ahead = None),
    ("signed_region", |it| it.signed_region = None),
    ("signature", |it| it.signature = None),
    ("leaf", |it| it.leaf = None),
    ("chain", |it| it.chain = None),
    ("anchor_arn", |it| it.anchor_arn = None),
    ("profile_arn", |it| it.profile_arn = None),
    ("role_arn", |it| it.role_arn = None),
    ("duration", |it| it.duration = Known::Unknown),
    ("session_name", |it| it.session_name = Known::Unknown),
    ("properties", |it| it.instance_properties = Known::Unknown),
    ("anchor", |it| it.anchor = Known::Unknown),
    ("anchor_enabled", |it| {
        if let Known::Is(anchor) = &mut it.anchor {
            anchor.enabled = None;
        }
    }),
    ("anchor_certificates", |it| {
        if let Known::Is(anchor) = &mut it.anchor {
            anchor.certificates = None;
        }
    }),
    ("crls", |it| it.crls = None),
    ("profile", |it| it.profile = Known::Unknown),
    ("role", |it| it.role = Known::Unknown),
    ("role_duration", |it| {
        if let Known::Is(role) = &mut it.role {
            role.max_duration = None;
        }
    }),
    ("trust_policy", |it| {
        if let Known::Is(role) = &mut it.role {
            role.trust_policy = Known::Unknown;
        }
    }),
];

/// Whoever knows less is never told the contrary: what is known settles a rule for
/// good, or does not settle it.
#[test]
fn knowing_less_never_changes_a_verdict_into_another() {
    let mut wrong = Vec::new();
    for case in cases() {
        case.scenario.with(|situation| {
            let whole = judge(situation);
            for (what, forget) in FORGETS {
                let mut less = *situation;
                forget(&mut less);
                let pairs = whole.verdicts.iter().zip(judge(&less).verdicts);
                for ((rule, before), (_, after)) in pairs {
                    let is_settled = matches!(
                        (before, &after),
                        (_, Verdict::Unknown(_))
                            | (Verdict::Pass, Verdict::Pass)
                            | (Verdict::Deny(_), Verdict::Deny(_))
                    );
                    if !is_settled {
                        wrong.push(format!(
                            "{} without {what}: {} was {before:?}, is {after:?}",
                            case.name, rule.id
                        ));
                    }
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_aws_does_not_document_is_not_told_as_known() {
    // A list whose next one is overdue, and nobody has said what that does.
    let described =
        serde_json::json!({ "crls": [{ "by": "root", "next_update": "260501000000Z" }] });
    let scenario = Scenario::read(&described);
    scenario.with(|situation| {
        let mut silent = *situation;
        silent.stale_lists = Default::default();
        let judgement = judge(&silent);
        let unknown: Vec<_> = judgement.unknown().collect();
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert_eq!(unknown[0].0.id, "crl-stale");
        assert!(matches!(unknown[0].1, MissingInput::Documentation(_)));
    });
}

/// AWS tells which attributes could not become tags, wherever it refuses to assume a
/// role.
#[test]
fn a_refused_role_comes_with_the_attributes_that_are_no_tags() {
    let described = serde_json::json!({
        "intermediates": [{ "subject": [["O", "Example (Test)"], ["CN", "CA"]] }],
        "leaf": {
            "subject": [["OU", "Servers (old)"], ["CN", "web-1"]],
            "san": ["URI:spiffe://example.com/web-1", "DNS:web-1.example.com", "DNS:www.example.com"],
        },
        "role": { "condition": { "StringEquals": { "aws:SourceAccount": "210987654321" } } },
    });
    Scenario::read(&described).with(|situation| {
        let refusal = judge(situation).refusal().unwrap();
        assert_eq!(
            refusal.answer.message(),
            "Unable to assume role for arn:aws:iam::123456789012:role/app. Some attributes failed to be mapped into session tags. Issuer: [ O ]; Subject: [ OU ]; SAN: [ DNS/3 ]"
        );
        assert!(refusal.reason.ends_with("(rule condition-source-account)"), "{}", refusal.reason);
    });
    let mut plain = described;
    plain["intermediates"] = serde_json::json!([]);
    plain["leaf"] = serde_json::json!({});
    Scenario::read(&plain).with(|situation| {
        let refusal = judge(situation).refusal().unwrap();
        let message = "Unable to assume role for arn:aws:iam::123456789012:role/app";
        assert_eq!(refusal.answer.message(), message);
    });
}

/// What refuses a session is told apart from what would have kept AWS from creating
/// what is described.
#[test]
fn what_is_refused_while_resources_are_made_refuses_no_session() {
    let described =
        serde_json::json!({ "anchor": { "certificates": ["root", "stranger", "namesake"] } });
    Scenario::read(&described).with(|situation| {
        let judgement = judge(situation);
        assert_eq!(
            judgement.denials().next().unwrap().0.id,
            "anchor-certificates"
        );
        assert_eq!(judgement.denial(), None);
        assert!(!judgement.is_granted());
    });
}
