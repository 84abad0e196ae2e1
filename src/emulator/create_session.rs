//! CreateSession: from a request to an answer, in the order that leaks least
//! and fits every message that was seen live.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::admission::{
    AnchorFacts, Answer, Known, Profile, Refusal, RoleFacts, Situation, StaleLists, judge,
};
use crate::pki::Certificate;
use crate::rolesanywhere::{ProfileArn, RoleArn, SessionDuration, TrustAnchorArn};
use crate::store;

use super::credentials;
use super::faults::SpoiltSession;
use super::json;
use super::rates::RateGroup;
use super::request::{Received, query_pairs};
use super::sessions::Session;
use super::signature::Claim;
use super::state::{Kind, Visit, subject_id};
use super::world::World;

/// What the emulator answers, and what it writes to its log.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The HTTP status.
    pub status: u16,
    /// `x-amzn-ErrorType`, on refusals.
    pub error_type: Option<&'static str>,
    /// The JSON body.
    pub body: Value,
    /// The reason that AWS does not give, on refusals.
    pub reason: Option<String>,
    /// The certificate's subject, when it could be read.
    pub subject: Option<String>,
}

impl World {
    /// Answers one request at a given time.
    #[must_use]
    pub fn answer(&self, request: &Received, now: DateTime<Utc>) -> Outcome {
        self.answer_spoilt(request, now, None)
    }

    /// Answers one request, on a bad day.
    pub(super) fn answer_spoilt(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
    ) -> Outcome {
        let mut seen = Seen::default();
        if !self.admits(RateGroup::Sessions, now) {
            return Outcome {
                status: 429,
                error_type: Some("ThrottlingException"),
                body: serde_json::json!({ "message": "Rate exceeded" }),
                reason: Some("more than ten sessions were asked for in a second".to_owned()),
                subject: None,
            };
        }
        let answered = self.create_session(request, now, spoilt, &mut seen);
        let subject = seen.leaf.as_ref().map(|leaf| leaf.subject().to_string());
        if let Err(error) = self.write_down(seen, &answered, now) {
            return Outcome {
                status: 503,
                error_type: Some("ServiceUnavailableException"),
                body: serde_json::json!({ "message": "Service is unavailable" }),
                reason: Some(error.to_string()),
                subject,
            };
        }
        match answered {
            Ok(body) => Outcome {
                status: 201,
                error_type: None,
                body,
                reason: None,
                subject,
            },
            Err(refusal) => Outcome {
                status: refusal.answer.status(),
                error_type: Some(refusal.answer.error_type()),
                body: serde_json::json!({ "message": refusal.answer.message() }),
                reason: Some(refusal.reason),
                subject,
            },
        }
    }

    /// Keeps the subject of a request whose certificate was found to be trusted,
    /// whether a session was granted or not. Others could be anybody.
    fn write_down(
        &self,
        seen: Seen,
        answered: &Result<Value, Refusal>,
        at: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let failed = match answered {
            Ok(_) => false,
            Err(refusal) => match refusal.answer {
                Answer::InvalidProfile
                | Answer::Revoked
                | Answer::RoleNotListed
                | Answer::SessionNameNotAllowed
                | Answer::UnableToAssumeRole { .. }
                | Answer::UnmappedAttributes { .. } => true,
                _ => return Ok(()),
            },
        };
        let Some(leaf) = &seen.leaf else {
            return Ok(());
        };
        self.note(|state| {
            state.see(Visit {
                leaf,
                properties: seen.properties,
                failed,
                at,
            });
        })
    }

    fn create_session(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
        seen: &mut Seen,
    ) -> Result<Value, Refusal> {
        if request.method != "POST" || request.path != "/sessions" {
            return Err(Refusal::new(
                Answer::NotFound,
                "only POST /sessions is answered here",
            ));
        }
        let claim = match Claim::read(request) {
            Ok(claim) => claim,
            Err(reason) => return Err(unsigned(&reason)),
        };
        seen.leaf = Some(claim.leaf.clone());
        let verified = claim.verify(request);
        let caller = Situation {
            now: Some(now),
            region: Some(&self.place.region),
            clock_ahead: Some(claim.date - now),
            clock_window: Some(self.clock_window),
            signed_region: Some(&claim.scope_region),
            signature: Some(verified.as_ref().copied().map_err(String::as_str)),
            chain: Some(&claim.chain),
            stale_lists: StaleLists::Honoured,
            ..Situation::default()
        };
        // Before the body is looked at: nothing else in a request that was
        // changed on its way deserves an answer.
        refuse(judge(&caller).denial())?;
        let wanted = Wanted::read(request)?;
        seen.properties = wanted.instance_properties.clone().unwrap_or_default();
        let state = self.state();
        let anchor = state.anchor_facts(wanted.trust_anchor.as_str());
        let crls = state.crl_facts(wanted.trust_anchor.as_str());
        let profile = state.profile_facts(wanted.profile.as_str());
        let role = state.role_facts(&wanted.role);
        let situation = Situation {
            leaf: Some(&claim.leaf),
            anchor_arn: Some(&wanted.trust_anchor),
            profile_arn: Some(&wanted.profile),
            role_arn: Some(&wanted.role),
            duration: Known::of(wanted.duration),
            session_name: Known::of(wanted.session_name.as_deref()),
            instance_properties: Known::of(wanted.instance_properties.as_ref()),
            anchor: Known::of(anchor.as_ref().map(AnchorFacts::from)),
            crls: Some(&crls),
            profile: Known::of(profile.as_ref()),
            role: Known::of(role.as_ref().map(RoleFacts::from)),
            ..caller
        };
        refuse(judge(&situation).refusal())?;
        if spoilt == Some(SpoiltSession::Denied) {
            let answer = Answer::UnableToAssumeRole {
                role_arn: wanted.role.to_string(),
                duration: false,
            };
            return Err(Refusal::new(answer, "a fault"));
        }
        let default_name = claim.leaf.serial().hex();
        let name = wanted.session_name.as_deref();
        let name = name.unwrap_or(&default_name);
        let life = self.life(wanted.lasting(profile.as_ref()), spoilt);
        let subject_arn = self.place.arn(Kind::Subject, &subject_id(&claim.leaf));
        let mut body = Session::new(&wanted.role, state.role_id(&wanted.role), name, now, life)
            .map(|session| self.sessions.keep(session))
            .and_then(|session| {
                credentials::body(&session, &wanted.role, &claim.leaf, &subject_arn)
            })
            .ok_or_else(|| unsigned("the emulator got no randomness"))?;
        if spoilt == Some(SpoiltSession::Empty) {
            body["credentialSet"] = serde_json::json!([]);
        }
        Ok(body)
    }
}

/// Who has asked, as far as that was found out.
#[derive(Default)]
struct Seen {
    leaf: Option<Certificate>,
    properties: BTreeMap<String, String>,
}

/// The refusal of a request whose signature cannot be looked at.
fn unsigned(reason: &str) -> Refusal {
    let situation = Situation {
        signature: Some(Err(reason)),
        ..Situation::default()
    };
    let refusal = judge(&situation).denial();
    refusal.unwrap_or_else(|| Refusal::new(Answer::InvalidSignature, reason))
}

fn refuse(refusal: Option<Refusal>) -> Result<(), Refusal> {
    refusal.map_or(Ok(()), Err)
}

/// What the request asks for; whether that is within its bounds, the rules say.
struct Wanted {
    trust_anchor: TrustAnchorArn,
    profile: ProfileArn,
    role: RoleArn,
    duration: Option<i64>,
    session_name: Option<String>,
    instance_properties: Option<BTreeMap<String, String>>,
}

impl Wanted {
    fn read(request: &Received) -> Result<Self, Refusal> {
        let body = if request.body.is_empty() {
            Map::new()
        } else {
            match json::read(&request.body) {
                Ok(Value::Object(members)) => members,
                Ok(_) => return Err(malformed("body", "…", "Member must be a JSON object")),
                Err(error) => {
                    let constraint = format!("Member must be a JSON object: {error}");
                    return Err(malformed("body", "…", &constraint));
                }
            }
        };
        let query = query_pairs(&request.query)
            .ok_or_else(|| malformed("query", "…", "Member must be percent-encoded"))?;
        Ok(Self {
            trust_anchor: arn(&body, &query, "trustAnchorArn")?,
            profile: arn(&body, &query, "profileArn")?,
            role: arn(&body, &query, "roleArn")?,
            duration: duration(&body)?,
            session_name: session_name(&body)?,
            instance_properties: instance_properties(&body)?,
        })
    }

    /// How many seconds the session lasts, once it is granted.
    fn lasting(&self, profile: Option<&Profile>) -> i64 {
        let seconds = self
            .duration
            .and_then(|seconds| u32::try_from(seconds).ok());
        let asked = seconds.and_then(|seconds| SessionDuration::try_from(seconds).ok());
        let lasting = profile.map_or_else(SessionDuration::default, |it| it.lasting(asked));
        i64::from(lasting.seconds())
    }
}

/// An ARN from the query or the body. Both at once must agree: what AWS does
/// when they differ is not known.
fn arn<T: std::str::FromStr>(
    body: &Map<String, Value>,
    query: &[(Vec<u8>, Vec<u8>)],
    member: &'static str,
) -> Result<T, Refusal> {
    let mut given: Vec<String> = query
        .iter()
        .filter(|(name, _)| name == member.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect();
    if given.len() > 1 {
        let constraint = "Member must not be given twice in the query";
        return Err(malformed(member, &given[0], constraint));
    }
    match body.get(member) {
        Some(Value::String(text)) => given.push(text.clone()),
        Some(Value::Null) | None => {}
        Some(other) => {
            return Err(malformed(
                member,
                &other.to_string(),
                "Member must be a string",
            ));
        }
    }
    let Some(first) = given.first() else {
        return Err(malformed(member, "null", "Member must not be null"));
    };
    if given.iter().any(|other| other != first) {
        return Err(malformed(
            member,
            first,
            "Member must not be given twice with different values",
        ));
    }
    first.parse().map_err(|_| {
        malformed(
            member,
            first,
            "Member must satisfy the pattern of such an ARN",
        )
    })
}

fn duration(body: &Map<String, Value>) -> Result<Option<i64>, Refusal> {
    const MEMBER: &str = "durationSeconds";
    match body.get(MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .map(Some)
            .ok_or_else(|| malformed(MEMBER, &value.to_string(), "Member must be an integer")),
    }
}

fn session_name(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    const MEMBER: &str = "roleSessionName";
    match body.get(MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(malformed(
            MEMBER,
            &other.to_string(),
            "Member must be a string",
        )),
    }
}

fn instance_properties(
    body: &Map<String, Value>,
) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    const MEMBER: &str = "instanceProperties";
    let refuse = || malformed(MEMBER, "…", "Member must be a map of strings");
    match body.get(MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(properties)) => {
            let pairs = properties.iter().map(|(name, value)| {
                let value = value.as_str().ok_or_else(refuse)?;
                Ok((name.clone(), value.to_owned()))
            });
            pairs.collect::<Result<_, Refusal>>().map(Some)
        }
        Some(_) => Err(refuse()),
    }
}

fn malformed(member: &'static str, value: &str, constraint: &str) -> Refusal {
    let answer = Answer::Validation {
        member,
        value: value.to_owned(),
        constraint: constraint.to_owned(),
    };
    let reason = format!("{member}: {constraint}");
    Refusal::new(answer, reason)
}
