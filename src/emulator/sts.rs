//! AssumeRole and GetCallerIdentity, for the sessions that were given out here
//! (STS API reference; refusals in STS's own words).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::rfc3339;
use crate::rolesanywhere::{RoleArn, RoleSessionName};

use super::faults::SpoiltSession;
use super::hmac::{Expected, HmacClaim};
use super::request::{Received, form_pairs};
use super::sessions::Session;
use super::world::World;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

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

/// What STS answers, and what is written to the log.
#[derive(Clone, Debug)]
pub(super) struct StsOutcome {
    pub(super) status: u16,
    /// The XML.
    pub(super) body: String,
    /// The sentence in the answer and the reason behind it, on refusals.
    pub(super) refused: Option<(String, String)>,
    /// Who asks, when it is known.
    pub(super) caller: Option<String>,
    /// What is asked for.
    pub(super) operation: &'static str,
}

/// A refusal of STS.
pub(super) struct StsRefusal {
    status: u16,
    code: &'static str,
    message: String,
    reason: Option<String>,
}

impl StsRefusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            reason: None,
        }
    }

    fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The document.
    pub(super) fn body(&self, request_id: &str) -> String {
        let kind = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            self.code,
            escape(&self.message)
        )
    }
}

impl World {
    /// Answers one request to STS.
    pub(super) fn answer_sts(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
        request_id: &str,
    ) -> StsOutcome {
        let mut caller = None;
        let form = Form::read(request);
        let operation = form.operation();
        let asked = Asked {
            request,
            form,
            now,
            spoilt,
        };
        match self.sts(&asked, &mut caller) {
            Ok(result) => StsOutcome {
                status: 200,
                body: format!(
                    "<{operation}Response xmlns=\"{NAMESPACE}\">{result}<ResponseMetadata>\
                     <RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
                ),
                refused: None,
                caller,
                operation,
            },
            Err(refusal) => StsOutcome {
                status: refusal.status,
                body: refusal.body(request_id),
                refused: Some((
                    refusal.message.clone(),
                    refusal.reason.unwrap_or(refusal.message),
                )),
                caller,
                operation,
            },
        }
    }

    fn sts(&self, asked: &Asked<'_>, caller: &mut Option<String>) -> Result<String, StsRefusal> {
        let session = self.authenticate(asked)?;
        *caller = Some(session.principal());
        if asked.spoilt == Some(SpoiltSession::Denied) {
            return Err(StsRefusal::new(403, "AccessDenied", "Access denied").because("a fault"));
        }
        match asked.form.operation() {
            "AssumeRole" => self.assume_role(asked, &session),
            "GetCallerIdentity" => Ok(format!(
                "<GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>\
                 </GetCallerIdentityResult>",
                escape(&session.principal()),
                escape(&session.principal_id()),
                session.role.account()
            )),
            _ => Err(StsRefusal::new(
                400,
                "InvalidAction",
                "Could not find operation for version 2011-06-15",
            )),
        }
    }

    /// Whose session signed the request.
    fn authenticate(&self, asked: &Asked<'_>) -> Result<Arc<Session>, StsRefusal> {
        let request = asked.request;
        if request.values("authorization").next().is_none() {
            return Err(StsRefusal::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        }
        let claim = HmacClaim::read(request)
            .map_err(|reason| StsRefusal::new(400, "IncompleteSignature", reason))?;
        let unknown = |reason: &str| {
            StsRefusal::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )
            .because(reason)
        };
        let session = self
            .sessions
            .find(&claim.key_id)
            .ok_or_else(|| unknown("the access key id was not given out here"))?;
        let token = request.single("x-amz-security-token").unwrap_or_default();
        if token != session.token {
            return Err(unknown("the token is not that of the access key id"));
        }
        let expected = Expected {
            region: &self.region,
            session: &session,
            now: asked.now,
            window: self.clock_window,
        };
        claim
            .verify(request, &expected)
            .map_err(|message| StsRefusal::new(403, "SignatureDoesNotMatch", message))?;
        if session.expiration <= asked.now {
            return Err(StsRefusal::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        Ok(session)
    }

    fn assume_role(&self, asked: &Asked<'_>, caller: &Session) -> Result<String, StsRefusal> {
        let wanted = Wanted::read(&asked.form)?;
        let denied = |reason: &str| {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                caller.principal(),
                wanted.role
            );
            StsRefusal::new(403, "AccessDenied", message).because(reason)
        };
        let assumable = self
            .assumable
            .iter()
            .find(|assumable| assumable.role == wanted.role)
            .ok_or_else(|| denied("the role is none of --assumable-role"))?;
        if assumable
            .external_id
            .as_deref()
            .is_some_and(|id| asked.form.one("ExternalId") != Some(id))
        {
            return Err(denied("the external id is not the role's"));
        }
        let life = self.life(wanted.seconds, asked.spoilt);
        let session = Session::new(&wanted.role, wanted.session_name.as_str(), asked.now, life)
            .map(|session| self.sessions.keep(session))
            .ok_or_else(|| StsRefusal::new(500, "InternalFailure", "no randomness"))?;
        if asked.spoilt == Some(SpoiltSession::Empty) {
            return Ok("<AssumeRoleResult></AssumeRoleResult>".to_owned());
        }
        Ok(format!(
            "<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>\
             </AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId>\
             <SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
             <Expiration>{}</Expiration></Credentials></AssumeRoleResult>",
            escape(&session.principal_id()),
            escape(&session.principal()),
            session.key_id,
            session.secret.expose_str().unwrap_or_default(),
            session.token,
            rfc3339(session.expiration)
        ))
    }

    /// How long a session lasts that is to last for so many seconds.
    pub(super) fn life(&self, seconds: i64, spoilt: Option<SpoiltSession>) -> TimeDelta {
        match (spoilt, self.session_seconds) {
            (Some(SpoiltSession::Expired), _) => TimeDelta::minutes(-1),
            (_, Some(fixed)) => TimeDelta::seconds(i64::from(fixed)),
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

/// The parameters of the query protocol: the body of a POST, the query of a GET.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(request: &Received) -> Self {
        let body = String::from_utf8_lossy(&request.body);
        let text = match request.method.as_str() {
            "POST" => body.as_ref(),
            _ => request.query.as_str(),
        };
        Self(form_pairs(text).unwrap_or_default())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn operation(&self) -> &'static str {
        match self.one("Action") {
            Some("AssumeRole") => "AssumeRole",
            Some("GetCallerIdentity") => "GetCallerIdentity",
            _ => "STS",
        }
    }
}

/// What an AssumeRole asks for, as far as it is judged here.
struct Wanted {
    role: RoleArn,
    session_name: RoleSessionName,
    seconds: i64,
}

impl Wanted {
    fn read(form: &Form) -> Result<Self, StsRefusal> {
        let invalid = |message: String| StsRefusal::new(400, "ValidationError", message);
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
        if seconds > CHAINED_MAX {
            return Err(invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
                    .to_owned(),
            ));
        }
        Ok(Self {
            role,
            session_name,
            seconds,
        })
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
