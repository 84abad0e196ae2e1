//! CreateSession: from a request to an answer, in the order that leaks least
//! and fits every message that was seen live.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::admission::policy::RequestContext;
use crate::admission::{
    Answer, Principal, Refusal, SessionFacts, check_anchor, check_leaf, check_session,
    check_trust_policy,
};
use crate::pki::{PathQuery, Policy, Revocation, validate_path};
use crate::rolesanywhere::{ProfileArn, RoleArn, RoleSessionName, SessionDuration, TrustAnchorArn};

use super::credentials;
use super::faults::SpoiltSession;
use super::request::{Received, query_pairs};
use super::sessions::Session;
use super::signature::Claim;
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
        let mut subject = None;
        match self.create_session(request, now, spoilt, &mut subject) {
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
                body: json!({ "message": refusal.answer.message() }),
                reason: Some(refusal.reason),
                subject,
            },
        }
    }

    fn create_session(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
        subject: &mut Option<String>,
    ) -> Result<Value, Refusal> {
        if request.method != "POST" || request.path != "/sessions" {
            return Err(Refusal::new(
                Answer::NotFound,
                "only POST /sessions is answered here",
            ));
        }
        let signature = |reason| Refusal::new(Answer::InvalidSignature, reason);
        let claim = Claim::read(request).map_err(signature)?;
        *subject = Some(claim.leaf.subject().to_string());
        // Before the body is looked at: nothing else in a request that was
        // changed on its way deserves an answer.
        claim
            .verify(request, &self.region, now, self.clock_window)
            .map_err(signature)?;
        let wanted = Wanted::read(request)?;
        let known = self
            .anchors
            .iter()
            .find(|anchor| anchor.arn == wanted.trust_anchor);
        let anchor = check_anchor(known)?;
        check_leaf(&claim.leaf)?;
        validate_path(&PathQuery {
            leaf: &claim.leaf,
            intermediates: &claim.chain,
            anchors: &anchor.certificates,
            revocation: Revocation::Listed(&self.crls),
            at: now,
            policy: Policy::RolesAnywhere,
        })
        .map_err(|error| {
            let answer = match error.is_revocation() {
                true => Answer::Revoked,
                false => Answer::UntrustedCertificate,
            };
            Refusal::new(answer, error.to_string())
        })?;
        let role = self.roles.iter().find(|role| role.arn == wanted.role);
        let duration = check_session(&SessionFacts {
            profile: self
                .profiles
                .iter()
                .find(|profile| profile.arn == wanted.profile),
            role_arn: &wanted.role,
            role,
            duration: wanted.duration,
            session_name: wanted.session_name.as_ref(),
        })?;
        if let Some(role) = role {
            let principal = Principal::of(&claim.leaf);
            let name = wanted.session_name.as_ref();
            let context = RequestContext::of_session(&anchor.arn, &principal, name, now);
            check_trust_policy(role, &context)?;
        }
        if spoilt == Some(SpoiltSession::Denied) {
            let answer = Answer::UnableToAssumeRole {
                role_arn: wanted.role.to_string(),
                duration: false,
            };
            return Err(Refusal::new(answer, "a fault"));
        }
        let default_name = claim.leaf.serial().hex();
        let name = wanted
            .session_name
            .as_ref()
            .map_or(default_name.as_str(), RoleSessionName::as_str);
        let life = self.life(i64::from(duration.seconds()), spoilt);
        let mut body = Session::new(&wanted.role, name, now, life)
            .map(|session| self.sessions.keep(session))
            .and_then(|session| credentials::body(&session, &claim.leaf, &anchor.arn))
            .ok_or_else(|| signature("the emulator got no randomness".to_owned()))?;
        if spoilt == Some(SpoiltSession::Empty) {
            body["credentialSet"] = json!([]);
        }
        Ok(body)
    }
}

/// What the request asks for.
struct Wanted {
    trust_anchor: TrustAnchorArn,
    profile: ProfileArn,
    role: RoleArn,
    duration: Option<SessionDuration>,
    session_name: Option<RoleSessionName>,
}

impl Wanted {
    fn read(request: &Received) -> Result<Self, Refusal> {
        let body = if request.body.is_empty() {
            Map::new()
        } else {
            match serde_json::from_slice(&request.body) {
                Ok(Value::Object(members)) => members,
                _ => return Err(malformed("body", "…", "Member must be a JSON object")),
            }
        };
        let query = query_pairs(&request.query)
            .ok_or_else(|| malformed("query", "…", "Member must be percent-encoded"))?;
        check_instance_properties(&body)?;
        Ok(Self {
            trust_anchor: arn(&body, &query, "trustAnchorArn")?,
            profile: arn(&body, &query, "profileArn")?,
            role: arn(&body, &query, "roleArn")?,
            duration: duration(&body)?,
            session_name: session_name(&body)?,
        })
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

fn duration(body: &Map<String, Value>) -> Result<Option<SessionDuration>, Refusal> {
    const MEMBER: &str = "durationSeconds";
    let value = match body.get(MEMBER) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let refuse = |constraint: String| malformed(MEMBER, &value.to_string(), &constraint);
    let Some(seconds) = value.as_i64() else {
        return Err(refuse("Member must be an integer".to_owned()));
    };
    if seconds < i64::from(SessionDuration::MIN) {
        return Err(refuse(format!(
            "Member must have value greater than or equal to {}",
            SessionDuration::MIN
        )));
    }
    u32::try_from(seconds)
        .ok()
        .and_then(|seconds| SessionDuration::try_from(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            refuse(format!(
                "Member must have value less than or equal to {}",
                SessionDuration::MAX
            ))
        })
}

fn session_name(body: &Map<String, Value>) -> Result<Option<RoleSessionName>, Refusal> {
    const MEMBER: &str = "roleSessionName";
    match body.get(MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| {
            malformed(
                MEMBER,
                text,
                "Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}",
            )
        }),
        Some(other) => Err(malformed(
            MEMBER,
            &other.to_string(),
            "Member must be a string",
        )),
    }
}

/// At most 50 properties, names and values of 1 to 200 characters.
fn check_instance_properties(body: &Map<String, Value>) -> Result<(), Refusal> {
    const MEMBER: &str = "instanceProperties";
    let sized = |text: &str| (1..=200).contains(&text.chars().count());
    match body.get(MEMBER) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(properties))
            if properties.len() <= 50
                && properties
                    .iter()
                    .all(|(name, value)| sized(name) && value.as_str().is_some_and(sized)) =>
        {
            Ok(())
        }
        Some(_) => Err(malformed(
            MEMBER,
            "…",
            "Member must have at most 50 entries of 1 to 200 characters",
        )),
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
