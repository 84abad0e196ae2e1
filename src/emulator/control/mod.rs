//! The control plane of Roles Anywhere: the operations of its service model, by
//! REST and JSON, with ordinary signatures.

mod anchors;
mod call;
mod common;
mod crls;
mod notifications;
mod operations;
mod profiles;
mod refused;
mod shape;
mod shapes;
mod subjects;
mod tags;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::caller::Scope;
use super::faults::SpoiltSession;
use super::rates::RateGroup;
use super::request::Received;
use super::sessions::Session;
use super::world::World;
use call::Call;
use operations::{OPERATIONS, Operation, Run};
use refused::Refused;

/// What the control plane answers, and what is written to the log.
#[derive(Clone, Debug)]
pub(super) struct ControlOutcome {
    /// The HTTP status.
    pub(super) status: u16,
    /// `x-amzn-ErrorType`, on refusals.
    pub(super) error_type: Option<&'static str>,
    /// The JSON body.
    pub(super) body: Value,
    /// The reason that AWS does not give, on refusals.
    pub(super) reason: Option<String>,
    /// Who asks, when it is known.
    pub(super) caller: Option<String>,
    /// What is asked for.
    pub(super) operation: &'static str,
}

/// Whether an operation has this path, whatever the method.
pub(super) fn is_path(path: &str) -> bool {
    OPERATIONS
        .iter()
        .any(|operation| call::labels(operation.path, path).is_some())
}

impl World {
    /// Answers one request to the control plane.
    pub(super) fn answer_control(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
    ) -> ControlOutcome {
        let found = OPERATIONS.iter().find_map(|operation| {
            let labels = call::labels(operation.path, &request.path)?;
            (operation.method == request.method).then_some((operation, labels))
        });
        let Some((operation, labels)) = found else {
            return ControlOutcome {
                status: 404,
                error_type: Some("UnknownOperationException"),
                body: json!({ "message": "Unknown operation" }),
                reason: Some(format!("no operation has {} for this path", request.method)),
                caller: None,
                operation: "RolesAnywhere",
            };
        };
        let mut caller = None;
        let answered = self.signed_by(request, now).and_then(|session| {
            let asked = Asked {
                operation,
                labels: &labels,
                session: &session,
                spoilt,
                now,
            };
            let answer = self.operate(request, &asked);
            caller = Some(session.principal());
            answer
        });
        let (status, error_type, body, reason) = match answered {
            Ok(body) => (operation.status, None, body, None),
            Err(refused) => (
                refused.status(),
                Some(refused.error_type()),
                json!({ "message": refused.message() }),
                Some(refused.reason()),
            ),
        };
        ControlOutcome {
            status,
            error_type,
            body,
            reason,
            caller,
            operation: operation.name,
        }
    }

    fn signed_by(&self, request: &Received, now: DateTime<Utc>) -> Result<Arc<Session>, Refused> {
        let scope = Scope {
            region: &self.place.region,
            service: "rolesanywhere",
            now,
        };
        self.authenticate(request, scope)
            .map_err(Refused::Unauthenticated)
    }

    fn operate(&self, request: &Received, asked: &Asked<'_>) -> Result<Value, Refused> {
        let operation = asked.operation;
        let denied = |reason: &str| Refused::Denied {
            caller: asked.session.principal(),
            operation: operation.name,
            reason: reason.to_owned(),
        };
        if asked.spoilt == Some(SpoiltSession::Denied) {
            return Err(denied("a fault"));
        }
        if asked.session.account() != self.place.account {
            return Err(denied("the credentials are of a role in another account"));
        }
        if !self.admits(RateGroup::of(operation.name), asked.now) {
            return Err(Refused::Throttled);
        }
        let input = call::input(request, asked.labels, operation.members)?;
        let found = shape::violations(operation.members, &input);
        if !found.is_empty() {
            return Err(Refused::Violations(found));
        }
        let call = Call {
            input,
            now: asked.now,
            place: &self.place,
        };
        if let Some(arn) = call.foreign_arn() {
            return Err(denied(&format!("{arn} is of another account")));
        }
        match operation.run {
            Run::Read(run) => run(&call, &self.state()),
            Run::Change(run) => self.change(|state| run(&call, state)),
        }
    }
}

/// A request to an operation, before it is read.
struct Asked<'a> {
    operation: &'static Operation,
    labels: &'a [(&'static str, String)],
    session: &'a Session,
    spoilt: Option<SpoiltSession>,
    now: DateTime<Utc>,
}
