//! AssumeRole and GetCallerIdentity, for the sessions that were given out here
//! (STS API reference; refusals in STS's own words).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::admission::policy::{Action, Decision, RequestContext};
use crate::clock::rfc3339;
use crate::rolesanywhere::{RoleArn, RoleSessionName, SessionDuration};

use super::caller::Scope;
use super::faults::SpoiltSession;
use super::query::{Document, Form, QueryOutcome, QueryRefusal, escape};
use super::request::Received;
use super::sessions::Session;
use super::state::State;
use super::world::World;

/// The namespace of STS's documents.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The longest session by role chaining, in seconds.
const CHAINED_MAX: i64 = 3600;

/// A role that sessions may assume.
#[derive(Clone, Debug)]
pub struct Assumable {
    /// Its ARN.
    pub role: RoleArn,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

impl World {
    /// Answers one request to STS.
    pub(super) fn answer_sts(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
        request_id: &str,
    ) -> QueryOutcome {
        let mut caller = None;
        let form = Form::read(request);
        let document = Document {
            namespace: NAMESPACE,
            operation: operation_of(&form),
            request_id,
        };
        let asked = Asked {
            request,
            form,
            now,
            spoilt,
        };
        let answered = self.sts(&asked, &mut caller).map(Some);
        document.outcome(answered, caller)
    }

    fn sts(&self, asked: &Asked<'_>, caller: &mut Option<String>) -> Result<String, QueryRefusal> {
        let session = self.caller_of(asked)?;
        *caller = Some(session.principal());
        if asked.spoilt == Some(SpoiltSession::Denied) {
            return Err(QueryRefusal::new(403, "AccessDenied", "Access denied").because("a fault"));
        }
        match operation_of(&asked.form) {
            "AssumeRole" => self.assume_role(asked, &session),
            "GetCallerIdentity" => Ok(format!(
                "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
                escape(&session.principal()),
                escape(&session.principal_id()),
                session.account()
            )),
            _ => Err(QueryRefusal::new(
                400,
                "InvalidAction",
                "Could not find operation for version 2011-06-15",
            )),
        }
    }

    /// Whose credentials signed the request.
    fn caller_of(&self, asked: &Asked<'_>) -> Result<Arc<Session>, QueryRefusal> {
        let scope = Scope {
            region: &self.place.region,
            service: "sts",
            now: asked.now,
        };
        Ok(self.authenticate(asked.request, scope)?)
    }

    fn assume_role(&self, asked: &Asked<'_>, caller: &Session) -> Result<String, QueryRefusal> {
        let wanted = Wanted::read(&asked.form)?;
        let state = self.state();
        self.may_assume(&state, asked, (caller, &wanted))?;
        let seconds = Self::seconds(&state, &wanted, caller)?;
        let life = self.life(seconds, asked.spoilt);
        let id = state.role_id(&wanted.role);
        let name = wanted.session_name.as_str();
        let session = Session::new(&wanted.role, id, name, asked.now, life)
            .map(|session| self.sessions.keep(session))
            .ok_or_else(|| QueryRefusal::new(500, "InternalFailure", "no randomness"))?;
        if asked.spoilt == Some(SpoiltSession::Empty) {
            return Ok(String::new());
        }
        Ok(format!(
            "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>\
             </AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId>\
             <SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
             <Expiration>{}</Expiration></Credentials>",
            escape(&session.principal_id()),
            escape(&session.principal()),
            session.key_id,
            session.secret.expose_str().unwrap_or_default(),
            session.token(),
            rfc3339(asked.now + life)
        ))
    }

    /// Whether the caller may assume the role: one of `--assumable-role` with its
    /// external id, any other one by its trust policy.
    fn may_assume(
        &self,
        state: &State,
        asked: &Asked<'_>,
        (caller, wanted): (&Session, &Wanted),
    ) -> Result<(), QueryRefusal> {
        let denied = |reason: &str| {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                caller.principal(),
                wanted.role
            );
            QueryRefusal::new(403, "AccessDenied", message).because(reason)
        };
        let external_id = asked.form.one("ExternalId");
        let mut assumable = self.assumable.iter();
        if let Some(assumable) = assumable.find(|known| known.role == wanted.role) {
            let id = assumable.external_id.as_deref();
            return match id.is_some_and(|id| external_id != Some(id)) {
                true => Err(denied("the external id is not the role's")),
                false => Ok(()),
            };
        }
        let role = state
            .role(wanted.role.as_str())
            .ok_or_else(|| denied("no role has this ARN, and it is none of --assumable-role"))?;
        let policy = role.trust_policy.as_ref().ok_or_else(|| {
            denied("the role has no trust policy here, and is none of --assumable-role")
        })?;
        let name = &wanted.session_name;
        let context = RequestContext::of_caller(caller.caller(), name, external_id, asked.now);
        let actions = Wanted::actions(&asked.form);
        match policy.policy().judge_for(&actions, &context).decision() {
            Decision::Granted => Ok(()),
            Decision::Refused(reason) => {
                Err(denied(&format!("the trust policy does not allow {reason}")))
            }
            Decision::Unknown(reason) => Err(denied(&format!(
                "whether the trust policy allows this cannot be told here: {reason}"
            ))),
        }
    }

    /// How long the session is to last: an hour at most by role chaining, and as
    /// long as the role allows for all others.
    fn seconds(state: &State, wanted: &Wanted, caller: &Session) -> Result<i64, QueryRefusal> {
        let invalid = |message: &str| Err(QueryRefusal::new(400, "ValidationError", message));
        let role = state.role(wanted.role.as_str());
        let most = role.map_or(CHAINED_MAX, |role| i64::from(role.max_duration.seconds()));
        if wanted.seconds > CHAINED_MAX && caller.role().is_some() {
            return invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            );
        }
        if wanted.seconds > most {
            return invalid(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            );
        }
        Ok(wanted.seconds)
    }

    /// How long a session lasts that is to last for so many seconds.
    pub(super) fn life(&self, seconds: i64, spoilt: Option<SpoiltSession>) -> TimeDelta {
        match (spoilt, self.session_seconds) {
            (Some(SpoiltSession::Expired), _) => TimeDelta::minutes(-1),
            (_, Some(fixed)) => TimeDelta::seconds(i64::from(fixed)),
            (Some(SpoiltSession::Short(percent)), None) => {
                let part = seconds * i64::from(percent) / 100;
                TimeDelta::seconds(part.max(i64::from(SessionDuration::MIN)))
            }
            (_, None) => TimeDelta::seconds(seconds),
        }
    }
}

/// A request to STS, taken apart.
struct Asked<'a> {
    request: &'a Received,
    form: Form,
    now: DateTime<Utc>,
    spoilt: Option<SpoiltSession>,
}

fn operation_of(form: &Form) -> &'static str {
    match form.one("Action") {
        Some("AssumeRole") => "AssumeRole",
        Some("GetCallerIdentity") => "GetCallerIdentity",
        _ => "STS",
    }
}

/// What an AssumeRole asks for, as far as it is judged here.
struct Wanted {
    role: RoleArn,
    session_name: RoleSessionName,
    seconds: i64,
}

impl Wanted {
    /// What the trust policy has to allow.
    fn actions(form: &Form) -> Vec<Action> {
        let besides = [
            (Action::TagSession, form.has_any("Tags.member.")),
            (
                Action::SetSourceIdentity,
                form.one("SourceIdentity").is_some(),
            ),
        ];
        let besides = besides.into_iter().filter(|(_, asked)| *asked);
        let besides = besides.map(|(action, _)| action);
        std::iter::once(Action::AssumeRole).chain(besides).collect()
    }

    fn read(form: &Form) -> Result<Self, QueryRefusal> {
        let invalid = |message: String| QueryRefusal::new(400, "ValidationError", message);
        let missing = |member: &str| {
            invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        };
        let role = form.one("RoleArn").ok_or_else(|| missing("roleArn"))?;
        let role: RoleArn = role
            .parse()
            .map_err(|_| invalid(format!("{role} is invalid")))?;
        let name = form
            .one("RoleSessionName")
            .ok_or_else(|| missing("roleSessionName"))?;
        let session_name = name.parse().map_err(|_| {
            invalid(format!(
                "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            ))
        })?;
        let seconds = match form.one("DurationSeconds") {
            None => CHAINED_MAX,
            Some(text) => text
                .parse()
                .map_err(|_| invalid("DurationSeconds is not a number".to_owned()))?,
        };
        if seconds < 900 {
            return Err(invalid(format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: \
                 Member must have value greater than or equal to 900"
            )));
        }
        if seconds > i64::from(SessionDuration::MAX) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: \
                 Member must have value less than or equal to {}",
                SessionDuration::MAX
            )));
        }
        Ok(Self {
            role,
            session_name,
            seconds,
        })
    }
}
