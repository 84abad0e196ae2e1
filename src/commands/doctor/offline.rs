//! The rules of Roles Anywhere, judged here with what is known.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::admission::{
    AnchorFacts, Judgement, Known, Message, MissingInput, RoleFacts, Rule, Situation, Stage,
    Verdict, judge,
};
use crate::commands::{Error, identity::is_by_device};
use crate::pki::Identity;
use crate::rolesanywhere::{Region, SessionDuration};
use crate::text::counted;

use super::case::Case;
use super::finding::{Finding, Standing};
use super::given::Given;
use super::live::{self, Live};
use super::refusal::{Commands, Sentence};

/// Rules whose cause is told by a look at this host, with more to show.
const TOLD_ELSEWHERE: [&str; 5] = [
    "clock-skew",
    "profile-account",
    "profile-region",
    "role-account",
    "role-partition",
];

/// What the rules say.
pub(super) struct Offline {
    judgement: Judgement,
}

/// What of AWS's answer matters for the rules.
#[derive(Clone, Copy)]
pub(super) enum Answered {
    /// A session.
    Granted,
    /// Nothing: AWS was not asked, or did not answer.
    Nothing,
    /// A refusal, by which of the messages if it is a known one.
    Refused(Option<Message>),
}

impl Answered {
    pub(super) fn of(live: &Live) -> Self {
        match live {
            Live::Granted(_) => Self::Granted,
            Live::Failed(Error::Exchange(error)) => match error {
                // The first session was granted then.
                crate::rolesanywhere::Error::Chained { .. } => Self::Granted,
                error => match error.root() {
                    crate::rolesanywhere::Error::Denied { message, .. } => {
                        Self::Refused(Sentence::read(message).message())
                    }
                    _ => Self::Nothing,
                },
            },
            _ => Self::Nothing,
        }
    }
}

/// Whether a rule leads to the message that AWS gave. A message with attributes that
/// failed has the same causes as the one without.
fn leads_to(message: Message, answered: Message) -> bool {
    let same = |message| match message {
        Message::UnmappedAttributes => Message::UnableToAssumeRole,
        other => other,
    };
    same(message) == same(answered)
}

impl Offline {
    /// Judges the case.
    pub(super) fn judge(
        case: &Case<'_>,
        given: &Given,
        identity: Option<&Identity>,
        live: &Live,
    ) -> Self {
        let session = case.session;
        let region = region_of_endpoint(case);
        let (now, clock_ahead) = time(case, live);
        let anchor = given.anchor.as_ref().map(|anchor| AnchorFacts {
            arn: anchor.arn.as_ref(),
            enabled: anchor.enabled,
            certificates: anchor.certificates.as_deref(),
        });
        let role = given.role.as_ref().map(|role| RoleFacts {
            max_duration: role.max_duration,
            trust_policy: Known::Is(&role.trust_policy),
        });
        let duration = match session.chain.assume_role.is_empty() {
            true => session.session_duration,
            // The session only leads to the next role.
            false => SessionDuration::shortest(),
        };
        // A key in memory was compared with the certificate; a device has to sign.
        let signature = match (identity, is_by_device(&session.identity)) {
            (Some(_), false) => Some(Ok(())),
            _ => None,
        };
        let situation = Situation {
            now: Some(now),
            region: region.as_ref(),
            clock_ahead,
            signed_region: session
                .trust_anchor_arn
                .as_ref()
                .map(|arn| arn.region().as_str()),
            signature,
            leaf: identity.map(Identity::leaf),
            chain: identity.map(Identity::chain),
            anchor_arn: session.trust_anchor_arn.as_ref(),
            profile_arn: session.profile_arn.as_ref(),
            role_arn: session.role_arn.as_ref(),
            duration: Known::Is(i64::from(duration.seconds())),
            session_name: Known::of(session.role_session_name.as_ref().map(|name| name.as_str())),
            instance_properties: Known::Absent,
            anchor: anchor.map_or(Known::Unknown, Known::Is),
            crls: given.crls.as_deref(),
            profile: given.profile.as_ref().map_or(Known::Unknown, Known::Is),
            role: role.map_or(Known::Unknown, Known::Is),
            ..Situation::default()
        };
        Self {
            judgement: judge(&situation),
        }
    }

    /// The denials that explain what AWS answered.
    pub(super) fn explains(&self, message: Message) -> bool {
        self.judgement
            .denials()
            .any(|(rule, _)| leads_to(rule.message, message))
    }

    /// Whether everything that leads to this message was judged, and passed.
    pub(super) fn excludes(&self, message: Message) -> bool {
        let of_it = |(rule, _): &&(&'static Rule, Verdict)| leads_to(rule.message, message);
        let mut verdicts = self.judgement.verdicts.iter().filter(of_it).peekable();
        verdicts.peek().is_some() && verdicts.all(|(_, verdict)| *verdict == Verdict::Pass)
    }

    /// What they say to a person.
    pub(super) fn findings(
        &self,
        answered: Answered,
        case: &Case<'_>,
        identity: Option<&Identity>,
    ) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .judgement
            .denials()
            .filter(|(rule, _)| !TOLD_ELSEWHERE.contains(&rule.id))
            .map(|(rule, denied)| {
                let reason = denied.reason.clone();
                Finding::new(rule.id, standing(rule, answered), reason)
                    .shows_all(case.said(settings_of(rule.message)))
                    .shows_all(case.files(rule.message))
                    .next(rule.remedy)
                    .cause(rule.cause)
            })
            .collect();
        findings.extend(self.unknown(answered, case, identity));
        let verdicts = &self.judgement.verdicts;
        let passed = verdicts
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Pass);
        let passed: Vec<(String, String)> = passed
            .map(|(rule, _)| (rule.id.to_owned(), rule.sentence.to_owned()))
            .collect();
        if !passed.is_empty() {
            let what = format!("{} of Roles Anywhere hold", counted(passed.len(), "rule"));
            findings.push(Finding::new("rules", Standing::Well, what).shows_all(passed));
        }
        findings
    }

    /// What was not judged, once for each thing that would have to be known. What AWS
    /// has answered settles some of it.
    fn unknown(
        &self,
        answered: Answered,
        case: &Case<'_>,
        identity: Option<&Identity>,
    ) -> Vec<Finding> {
        let mut by_input: BTreeMap<(usize, String), (Vec<&'static Rule>, String)> = BTreeMap::new();
        for (rule, missing) in self.judgement.unknown() {
            let is_settled = match answered {
                Answered::Granted => true,
                Answered::Refused(Some(message)) => !leads_to(rule.message, message),
                Answered::Refused(None) | Answered::Nothing => rule.stage == Stage::Setup,
            };
            let is_of_identity = matches!(
                missing,
                MissingInput::Leaf | MissingInput::Chain | MissingInput::Signature
            );
            if is_settled || (is_of_identity && identity.is_none()) {
                continue;
            }
            let (order, what, next) = source(missing, case);
            let entry = by_input.entry((order, what)).or_default();
            entry.0.push(rule);
            entry.1 = next;
        }
        by_input
            .into_iter()
            .map(|((_, what), (rules, next))| {
                let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
                let finding = Finding::new("rules", Standing::Unknown, what);
                let finding = finding.shows("hang on it", ids.join(", "));
                match next.is_empty() {
                    true => finding,
                    false => finding.next(next),
                }
            })
            .collect()
    }

    /// Every rule with its verdict.
    pub(super) fn json(&self) -> Value {
        let verdicts = self.judgement.verdicts.iter().map(|(rule, verdict)| {
            let (word, reason) = match verdict {
                Verdict::Pass => ("pass", None),
                Verdict::Deny(finding) => ("deny", Some(finding.reason.clone())),
                Verdict::Unknown(missing) => ("unknown", Some(missing.to_string())),
            };
            json!({
                "id": rule.id,
                "sentence": rule.sentence,
                "verdict": word,
                "reason": reason,
                "message": rule.message.text(),
                "confidence": rule.confidence.as_str(),
                "source": rule.source,
            })
        });
        verdicts.collect()
    }
}

/// How sure it is that a rule which denies is what stands in the way.
fn standing(rule: &Rule, answered: Answered) -> Standing {
    use crate::admission::Confidence::{Assumed, Confirmed};
    match (answered, rule.stage) {
        // AWS does not see it so, or something else than the files say.
        (Answered::Granted, _) => Standing::Warning,
        (Answered::Refused(Some(message)), _) if leads_to(rule.message, message) => {
            Standing::Certain
        }
        // It would refuse next.
        (Answered::Refused(_), Stage::Session) => Standing::Likely,
        (Answered::Refused(_), Stage::Setup) => Standing::Warning,
        (Answered::Nothing, _) => match rule.confidence {
            Confirmed => Standing::Certain,
            Assumed => Standing::Likely,
        },
    }
}

/// The time at AWS, as far as it is known, and how far this host's clock is ahead.
fn time(case: &Case<'_>, live: &Live) -> (DateTime<Utc>, Option<TimeDelta>) {
    if let Some(at) = case.asked.at {
        return (at, Some(TimeDelta::zero()));
    }
    let ahead = live.clock_ahead();
    let here = case.context.clock.now();
    // The answer was on its way for some seconds, which make no difference but to
    // a certificate that was issued just now.
    let there = match ahead {
        Some(ahead) if ahead.abs() > TimeDelta::minutes(1) => here - ahead,
        _ => here,
    };
    (there, ahead)
}

/// The region whose service answers at the endpoint, where its name tells.
fn region_of_endpoint(case: &Case<'_>) -> Option<Region> {
    let own = case.session.trust_anchor_arn.as_ref()?.region();
    let endpoint = live::place(case)?;
    if case.setting("endpoint").is_none() || endpoint.is_loopback() {
        return Some(own.clone());
    }
    // rolesanywhere.REGION.amazonaws.com, also behind the name of a VPC endpoint.
    let authority = endpoint.authority();
    let mut labels = authority.split('.');
    labels.find(|label| label.starts_with("rolesanywhere"))?;
    labels.next()?.parse().ok()
}

/// The options that decide whether AWS gives a message.
const fn settings_of(message: Message) -> &'static [&'static str] {
    match message {
        Message::InvalidSignature => &["endpoint", "region", "private_key", "proxy"],
        Message::TrustAnchorNotFound | Message::TrustAnchorDisabled | Message::BasicConstraints => {
            &["trust_anchor_arn"]
        }
        Message::UntrustedCertificate => &["certificate", "identity", "intermediates"],
        Message::InsufficientCertificate | Message::Revoked => &["certificate", "identity"],
        Message::InvalidProfile => &["profile_arn"],
        Message::RoleNotListed => &["profile_arn", "role_arn"],
        Message::SessionNameNotAllowed => &["role_session_name", "profile_arn"],
        Message::DurationExceeded => &["session_duration", "role_arn"],
        Message::UnableToAssumeRole | Message::UnmappedAttributes => &["role_arn"],
        Message::Validation => &["session_duration", "role_session_name"],
    }
}

/// What would have to be known, in an order and in words, and the command that gets
/// it.
fn source(missing: &MissingInput, case: &Case<'_>) -> (usize, String, String) {
    let commands = Commands(case.session);
    let fetch = |command: String, name: &str, option: &str| {
        format!("{command} >{name}.json, then windlass doctor with {option} {name}.json")
    };
    let (order, what, next) = match missing {
        MissingInput::Anchor
        | MissingInput::AnchorArn
        | MissingInput::AnchorEnabled
        | MissingInput::AnchorCertificates
        | MissingInput::Path => {
            let command = commands.anchor("get-trust-anchor");
            let next = fetch(command, "anchor", "--trust-anchor-file");
            (0, "the trust anchor is not known here", next)
        }
        MissingInput::Profile | MissingInput::ProfileArn => {
            let next = fetch(commands.profile("get-profile"), "profile", "--profile-file");
            (1, "the profile is not known here", next)
        }
        MissingInput::Role
        | MissingInput::RoleArn
        | MissingInput::RoleMaxDuration
        | MissingInput::TrustPolicy => {
            let next = fetch(commands.role("get-role"), "role", "--role-file");
            (2, "the role is not known here", next)
        }
        MissingInput::Crls | MissingInput::IssuerOfList(_) => {
            let next = fetch(commands.list("list-crls"), "crls", "--crl-file");
            let what = "the revocation lists of the trust anchor are not known here";
            (3, what, next)
        }
        other => return source_here(other),
    };
    (order, what.to_owned(), next)
}

/// The same of what is not on AWS's side.
fn source_here(missing: &MissingInput) -> (usize, String, String) {
    let (order, what, next) = match missing {
        MissingInput::Clock => (
            4,
            "how far this host's clock is off is not known",
            "windlass doctor without --offline compares it with AWS's",
        ),
        MissingInput::Signature => (
            5,
            "whether the key signs rightly is not known",
            "windlass sign-string with the same key has to succeed",
        ),
        MissingInput::Region | MissingInput::SignedRegion => (
            6,
            "the region that answers at the endpoint is not known",
            "leave the endpoint out, or name that of the trust anchor's region",
        ),
        // Nothing that can be fetched.
        other => return (7, other.to_string(), String::new()),
    };
    (order, what.to_owned(), next.to_owned())
}
