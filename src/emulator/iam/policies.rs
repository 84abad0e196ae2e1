//! What roles may do: kept and given back, never judged.

use serde_json::Value;

use super::fields::{ARN, DOCUMENT, PATH_PREFIX, POLICY_NAME, ROLE_NAME};
use super::page::Page;
use super::roles::{encoded, find, find_mut, malformed, quota};
use super::{Answered, Call, no_such};
use crate::emulator::query::{QueryRefusal, element};
use crate::emulator::state::State;

/// Most characters of all inline policies of a role, white space apart (IAM user
/// guide, "IAM and AWS STS quotas").
const MAX_INLINE: usize = 10_240;

/// Most managed policies of a role, before a raise of the quota.
const MAX_ATTACHED: usize = 10;

/// PutRolePolicy
pub(super) fn put(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let name = fields.need("PolicyName", POLICY_NAME);
    let document = fields.need("PolicyDocument", DOCUMENT);
    fields.end()?;
    let policies = &mut find_mut(state, role_name)?.details.policies;
    check(document)?;
    policies.insert(name.to_owned(), document.to_owned());
    let size: usize = policies.values().map(|policy| size(policy)).sum();
    if size > MAX_INLINE {
        let message =
            format!("Maximum policy size of {MAX_INLINE} bytes exceeded for role {role_name}");
        return Err(QueryRefusal::new(409, "LimitExceeded", message));
    }
    Ok(None)
}

/// GetRolePolicy
pub(super) fn get(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let name = fields.need("PolicyName", POLICY_NAME);
    fields.end()?;
    let role = find(state, role_name)?;
    let document = role
        .details
        .policies
        .get(name)
        .ok_or_else(|| unknown(name))?;
    Ok(Some(
        [
            element("RoleName", role.name()),
            element("PolicyName", name),
            element("PolicyDocument", &encoded(document)),
        ]
        .concat(),
    ))
}

/// DeleteRolePolicy
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let name = fields.need("PolicyName", POLICY_NAME);
    fields.end()?;
    let policies = &mut find_mut(state, role_name)?.details.policies;
    policies.remove(name).ok_or_else(|| unknown(name))?;
    Ok(None)
}

/// ListRolePolicies
pub(super) fn list(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let page = Page::read(&mut fields);
    fields.end()?;
    let names = find(state, role_name)?.details.policies.keys();
    let names = names.map(|name| (name.as_str(), ())).collect();
    page.of("PolicyNames", names, |name, ()| name.to_owned())
        .map(Some)
}

/// AttachRolePolicy. Whether there is such a policy is not known here.
pub(super) fn attach(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let arn = fields.need("PolicyArn", ARN);
    fields.end()?;
    if policy_of(arn, call).is_none() {
        let message = format!("ARN {arn} is not valid.");
        return Err(QueryRefusal::new(400, "InvalidInput", message)
            .because("a policy is AWS's own or of this account and partition"));
    }
    let attached = &mut find_mut(state, role_name)?.details.attached;
    if !attached.iter().any(|known| known == arn) {
        attached.push(arn.to_owned());
    }
    if attached.len() > MAX_ATTACHED {
        return Err(quota("PoliciesPerRole", MAX_ATTACHED));
    }
    Ok(None)
}

/// DetachRolePolicy
pub(super) fn detach(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let arn = fields.need("PolicyArn", ARN);
    fields.end()?;
    let attached = &mut find_mut(state, role_name)?.details.attached;
    let before = attached.len();
    attached.retain(|known| known != arn);
    if attached.len() == before {
        return Err(no_such(format!("Policy {arn} was not found.")));
    }
    Ok(None)
}

/// ListAttachedRolePolicies
pub(super) fn list_attached(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let role_name = fields.need("RoleName", ROLE_NAME);
    let prefix = fields.may("PathPrefix", PATH_PREFIX).unwrap_or("/");
    let page = Page::read(&mut fields);
    fields.end()?;
    let attached = find(state, role_name)?.details.attached.iter();
    let attached = attached.filter_map(|arn| {
        let (path, name) = policy_of(arn, call)?;
        path.starts_with(prefix).then_some((arn.as_str(), name))
    });
    page.of("AttachedPolicies", attached.collect(), |arn, name| {
        element("PolicyName", name) + &element("PolicyArn", arn)
    })
    .map(Some)
}

fn unknown(name: &str) -> QueryRefusal {
    no_such(format!("The role policy with name {name} cannot be found."))
}

/// The path and the name of a managed policy; `None` for another ARN.
fn policy_of<'a>(arn: &'a str, call: &Call<'_>) -> Option<(&'a str, &'a str)> {
    let partition = call.place.region.partition().name();
    let rest = arn.strip_prefix("arn:")?.strip_prefix(partition)?;
    let (owner, resource) = rest.strip_prefix(":iam::")?.split_once(":policy")?;
    let (before, name) = resource.rsplit_once('/')?;
    let path = resource.get(..=before.len())?;
    let is_ours = owner == "aws" || owner == call.place.account;
    (is_ours && !name.is_empty()).then_some((path, name))
}

/// As much of the form of a policy as tells a mistake from a policy.
fn check(document: &str) -> Result<(), QueryRefusal> {
    let read: Value = serde_json::from_str(document).map_err(|error| {
        malformed("This policy contains invalid Json").because(error.to_string())
    })?;
    let statements = match read.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => {
            return Err(malformed("Syntax errors in policy.").because("it has no Statement"));
        }
    };
    let has_principal = |statement: &Value| {
        let has = |name| statement.get(name).is_some();
        has("Principal") || has("NotPrincipal")
    };
    if statements.iter().any(has_principal) {
        return Err(malformed("Policy document should not specify a principal."));
    }
    Ok(())
}

fn size(document: &str) -> usize {
    let characters = document.chars();
    characters.filter(|one| !one.is_whitespace()).count()
}
