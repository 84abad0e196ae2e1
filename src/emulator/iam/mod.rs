//! IAM, as far as roles and their trust policies need it (IAM API reference).
//!
//! Trust policies are judged for each session. Inline and managed policies are
//! kept and given back, and never judged: what credentials may do is not
//! emulated.

mod fields;
mod page;
mod policies;
mod roles;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::caller::Scope;
use super::faults::SpoiltSession;
use super::query::{Document, Form, QueryOutcome, QueryRefusal};
use super::request::Received;
use super::sessions::Session;
use super::state::{Place, State};
use super::world::World;
use crate::rolesanywhere::Region;
use fields::Fields;

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// The version of the API, which every request names.
const VERSION: &str = "2010-05-08";

/// An operation that was asked for.
struct Call<'a> {
    form: &'a Form,
    place: &'a Place,
    now: DateTime<Utc>,
}

impl<'a> Call<'a> {
    const fn fields(&self) -> Fields<'a> {
        Fields::of(self.form)
    }
}

/// The members of an operation's result; `None` where it has no result.
type Answered = Result<Option<String>, QueryRefusal>;

/// How an operation is run.
#[derive(Clone, Copy)]
enum Run {
    /// It looks at the account.
    Read(fn(&Call<'_>, &State) -> Answered),
    /// It changes the account.
    Change(fn(&Call<'_>, &mut State) -> Answered),
}

const OPERATIONS: [(&str, Run); 16] = [
    ("AttachRolePolicy", Run::Change(policies::attach)),
    ("CreateRole", Run::Change(roles::create)),
    ("DeleteRole", Run::Change(roles::delete)),
    ("DeleteRolePolicy", Run::Change(policies::delete)),
    ("DetachRolePolicy", Run::Change(policies::detach)),
    ("GetRole", Run::Read(roles::get)),
    ("GetRolePolicy", Run::Read(policies::get)),
    (
        "ListAttachedRolePolicies",
        Run::Read(policies::list_attached),
    ),
    ("ListRolePolicies", Run::Read(policies::list)),
    ("ListRoleTags", Run::Read(roles::list_tags)),
    ("ListRoles", Run::Read(roles::list)),
    ("PutRolePolicy", Run::Change(policies::put)),
    ("TagRole", Run::Change(roles::tag)),
    ("UntagRole", Run::Change(roles::untag)),
    (
        "UpdateAssumeRolePolicy",
        Run::Change(roles::update_trust_policy),
    ),
    ("UpdateRole", Run::Change(roles::update)),
];

/// Whether a request is for IAM: by its signature's scope, and by the version of
/// the API where it has none.
pub(super) fn is_for(request: &Received) -> bool {
    match request.signed_service() {
        Some(service) => service == "iam",
        None => Form::read(request).one("Version") == Some(VERSION),
    }
}

impl World {
    /// Answers one request to IAM.
    pub(super) fn answer_iam(
        &self,
        request: &Received,
        now: DateTime<Utc>,
        spoilt: Option<SpoiltSession>,
        request_id: &str,
    ) -> QueryOutcome {
        let form = Form::read(request);
        let action = form.one("Action").unwrap_or_default();
        let found = OPERATIONS.iter().find(|(name, _)| *name == action);
        let document = Document {
            namespace: NAMESPACE,
            operation: found.map_or("IAM", |(name, _)| *name),
            request_id,
        };
        let mut caller = None;
        let answered = self.signed_for_iam(request, now).and_then(|session| {
            caller = Some(session.principal());
            let Some((operation, run)) = found else {
                let message = format!("Could not find operation {action} for version {VERSION}");
                return Err(QueryRefusal::new(400, "InvalidAction", message)
                    .because("the emulator knows no such operation of IAM"));
            };
            self.may_use_iam(&session, operation, spoilt)?;
            let call = Call {
                form: &form,
                place: &self.place,
                now,
            };
            match run {
                Run::Read(run) => run(&call, &self.state()),
                Run::Change(run) => self.change(|state| run(&call, state)),
            }
        });
        document.outcome(answered, caller)
    }

    fn signed_for_iam(
        &self,
        request: &Received,
        now: DateTime<Utc>,
    ) -> Result<Arc<Session>, QueryRefusal> {
        let global = global_region(&self.place.region);
        // Clients that are given an endpoint sign for the region that they are
        // in, all others for that of IAM.
        let region = match (request.signed_region(), &global) {
            (Some(signed), Some(global)) if signed == global.as_str() => global,
            _ => &self.place.region,
        };
        let scope = Scope {
            region,
            service: "iam",
            now,
        };
        Ok(self.authenticate(request, scope)?)
    }

    /// Policies are not judged: whoever is of the account may do everything.
    fn may_use_iam(
        &self,
        session: &Session,
        operation: &str,
        spoilt: Option<SpoiltSession>,
    ) -> Result<(), QueryRefusal> {
        let reason = if spoilt == Some(SpoiltSession::Denied) {
            "a fault"
        } else if session.account() != self.place.account {
            "the credentials are of a role in another account"
        } else {
            return Ok(());
        };
        let message = format!(
            "User: {} is not authorized to perform: iam:{operation}",
            session.principal()
        );
        Err(QueryRefusal::new(403, "AccessDenied", message).because(reason))
    }
}

/// The region for which requests to IAM are signed (IAM's endpoint rules).
fn global_region(region: &Region) -> Option<Region> {
    let name = match region.partition().name() {
        "aws" => "us-east-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => return None,
    };
    name.parse().ok()
}

/// There is no such thing.
fn no_such(message: String) -> QueryRefusal {
    QueryRefusal::new(404, "NoSuchEntity", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_region_for_iam() {
        for region in [
            "eu-west-1",
            "cn-northwest-1",
            "us-gov-east-1",
            "eusc-de-east-1",
        ] {
            let region: Region = region.parse().unwrap();
            let global = global_region(&region).unwrap();
            assert_eq!(global.partition().name(), region.partition().name());
        }
    }
}
