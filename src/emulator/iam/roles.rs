//! Roles, their trust policies and their tags.

use super::fields::{ARN, DESCRIPTION, DOCUMENT, Fields, PATH, PATH_PREFIX, ROLE_NAME};
use super::page::Page;
use super::{Answered, Call, no_such};
use crate::admission::policy::PolicyError;
use crate::clock::rfc3339;
use crate::emulator::canonical::encode;
use crate::emulator::query::{QueryRefusal, element};
use crate::emulator::state::{PolicyText, Role, State, Tag};
use crate::rolesanywhere::SessionDuration;

/// Most roles of an account (IAM user guide, "IAM and AWS STS quotas").
const MAX_ROLES: usize = 1000;

/// Most tags of a role.
const MAX_TAGS: usize = 50;

/// `MaxSessionDuration` where none is given, in seconds; the least that IAM takes.
const LEAST_DURATION: u32 = 3600;

/// What IAM would show of a role that was given to the emulator without a trust
/// policy, and is Roles Anywhere's to assume for everybody.
const OPEN_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"rolesanywhere.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;

/// CreateRole
pub(super) fn create(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let document = fields.need("AssumeRolePolicyDocument", DOCUMENT);
    let path = fields.may("Path", PATH).unwrap_or("/");
    let description = fields.may("Description", DESCRIPTION);
    let boundary = fields.may("PermissionsBoundary", ARN);
    let duration = duration(&mut fields);
    let tags = fields.tags();
    fields.end()?;
    distinct(&tags)?;
    let is_same = |role: &Role| role.name().eq_ignore_ascii_case(name);
    if state.roles.iter().any(is_same) {
        let message = format!("Role with name {name} already exists.");
        return Err(QueryRefusal::new(409, "EntityAlreadyExists", message)
            .because("names of roles are unique in any case and whatever the path"));
    }
    if state.roles.len() >= MAX_ROLES {
        return Err(quota("RolesPerAccount", MAX_ROLES));
    }
    let policy = trust_policy(document)?;
    let partition = call.place.region.partition().name();
    let account = &call.place.account;
    let arn = format!("arn:{partition}:iam::{account}:role{path}{name}");
    let arn = arn.parse().map_err(|error| {
        let message = format!("{arn} is invalid");
        QueryRefusal::new(400, "ValidationError", message).because(format!("{error}"))
    })?;
    let duration = duration.or_else(|| SessionDuration::try_from(LEAST_DURATION).ok());
    let Some(duration) = duration else {
        return Err(QueryRefusal::new(500, "ServiceFailure", "no duration"));
    };
    let mut role = Role::new(arn, duration, call.now);
    role.trust_policy = Some(policy);
    role.details.description = description.map(str::to_owned);
    role.details.permissions_boundary = boundary.map(str::to_owned);
    role.details.tags = tags;
    let shown = shown(&role);
    state.roles.push(role);
    Ok(Some(format!("<Role>{shown}</Role>")))
}

/// GetRole
pub(super) fn get(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    fields.end()?;
    let role = find(state, name)?;
    let tags: String = role.details.tags.iter().map(member).collect();
    let tags = match tags.is_empty() {
        true => tags,
        false => format!("<Tags>{tags}</Tags>"),
    };
    Ok(Some(format!(
        "<Role>{}{tags}<RoleLastUsed></RoleLastUsed></Role>",
        shown(role)
    )))
}

/// ListRoles
pub(super) fn list(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let prefix = fields.may("PathPrefix", PATH_PREFIX).unwrap_or("/");
    let page = Page::read(&mut fields);
    fields.end()?;
    let roles = state.roles.iter();
    let roles = roles.filter(|role| role.path().starts_with(prefix));
    let roles = roles.map(|role| (role.name(), role)).collect();
    page.of("Roles", roles, |_, role| shown(role)).map(Some)
}

/// UpdateAssumeRolePolicy
pub(super) fn update_trust_policy(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let document = fields.need("PolicyDocument", DOCUMENT);
    fields.end()?;
    let role = find_mut(state, name)?;
    role.trust_policy = Some(trust_policy(document)?);
    Ok(None)
}

/// UpdateRole; what is not given stays as it is.
pub(super) fn update(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let description = fields.may("Description", DESCRIPTION);
    let duration = duration(&mut fields);
    fields.end()?;
    let role = find_mut(state, name)?;
    if let Some(description) = description {
        role.details.description = Some(description.to_owned());
    }
    if let Some(duration) = duration {
        role.max_duration = duration;
    }
    Ok(Some(String::new()))
}

/// DeleteRole
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    fields.end()?;
    let details = &find(state, name)?.details;
    let conflict = |message| Err(QueryRefusal::new(409, "DeleteConflict", message));
    if !details.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !details.policies.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    state.roles.retain(|role| role.name() != name);
    Ok(None)
}

/// TagRole
pub(super) fn tag(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let tags = fields.tags();
    fields.end()?;
    distinct(&tags)?;
    let known = &mut find_mut(state, name)?.details.tags;
    for tag in tags {
        match known.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => known.value = tag.value,
            None => known.push(tag),
        }
    }
    if known.len() > MAX_TAGS {
        return Err(quota("TagsPerRole", MAX_TAGS));
    }
    Ok(None)
}

/// UntagRole
pub(super) fn untag(call: &Call<'_>, state: &mut State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let keys = fields.tag_keys();
    fields.end()?;
    let known = &mut find_mut(state, name)?.details.tags;
    known.retain(|tag| !keys.contains(&tag.key));
    Ok(None)
}

/// ListRoleTags
pub(super) fn list_tags(call: &Call<'_>, state: &State) -> Answered {
    let mut fields = call.fields();
    let name = fields.need("RoleName", ROLE_NAME);
    let page = Page::read(&mut fields);
    fields.end()?;
    let tags = find(state, name)?.details.tags.iter();
    let tags = tags.map(|tag| (tag.key.as_str(), tag)).collect();
    page.of("Tags", tags, |_, tag| tag_members(tag)).map(Some)
}

/// The role of a name.
pub(super) fn find<'a>(state: &'a State, name: &str) -> Result<&'a Role, QueryRefusal> {
    let mut roles = state.roles.iter();
    roles
        .find(|role| role.name() == name)
        .ok_or_else(|| unknown(name))
}

/// The same, to change it.
pub(super) fn find_mut<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Role, QueryRefusal> {
    let mut roles = state.roles.iter_mut();
    roles
        .find(|role| role.name() == name)
        .ok_or_else(|| unknown(name))
}

/// More of something than an account or a role may have.
pub(super) fn quota(what: &str, most: usize) -> QueryRefusal {
    let message = format!("Cannot exceed quota for {what}: {most}");
    QueryRefusal::new(409, "LimitExceeded", message)
}

fn unknown(name: &str) -> QueryRefusal {
    no_such(format!("The role with name {name} cannot be found."))
}

fn duration(fields: &mut Fields<'_>) -> Option<SessionDuration> {
    let seconds = fields.number("MaxSessionDuration", LEAST_DURATION, SessionDuration::MAX)?;
    SessionDuration::try_from(seconds).ok()
}

/// Keys of tags are the same in any case (IAM user guide, "Tagging IAM
/// resources").
fn distinct(tags: &[Tag]) -> Result<(), QueryRefusal> {
    for (index, tag) in tags.iter().enumerate() {
        let mut earlier = tags.iter().take(index);
        if earlier.any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(QueryRefusal::new(400, "InvalidInput", message));
        }
    }
    Ok(())
}

/// Reads a trust policy as IAM does before it stores one.
fn trust_policy(document: &str) -> Result<PolicyText, QueryRefusal> {
    // The form is decoded already; what is encoded still was encoded twice.
    if document.trim_start().starts_with('%') {
        let reason = "the policy is percent-encoded twice";
        return Err(malformed("This policy contains invalid Json").because(reason));
    }
    PolicyText::try_from(document.to_owned()).map_err(|error| {
        let refusal = match &error {
            PolicyError::Size { max, .. } => quota("ACLSizePerRole", *max),
            PolicyError::Json(_) | PolicyError::Encoding => {
                malformed("This policy contains invalid Json")
            }
            _ => malformed("Syntax errors in policy."),
        };
        refusal.because(error.to_string())
    })
}

/// A policy that IAM would not store.
pub(super) fn malformed(message: &str) -> QueryRefusal {
    QueryRefusal::new(400, "MalformedPolicyDocument", message)
}

/// A document as the API gives it: percent-encoded (RFC 3986).
pub(super) fn encoded(document: &str) -> String {
    if document.trim_start().starts_with('%') {
        return document.trim().to_owned();
    }
    encode(document.as_bytes())
}

/// What every answer has of a role; tags only GetRole shows.
fn shown(role: &Role) -> String {
    let details = &role.details;
    let policy = role.trust_policy.as_ref();
    let policy = encoded(policy.map_or(OPEN_POLICY, PolicyText::as_str));
    let mut text = [
        element("Path", role.path()),
        element("RoleName", role.name()),
        element("RoleId", &role.id()),
        element("Arn", role.arn.as_str()),
        element("CreateDate", &rfc3339(details.created_at)),
        element("AssumeRolePolicyDocument", &policy),
    ]
    .concat();
    if let Some(description) = &details.description {
        text.push_str(&element("Description", description));
    }
    text.push_str(&element(
        "MaxSessionDuration",
        &role.max_duration.to_string(),
    ));
    if let Some(boundary) = &details.permissions_boundary {
        text.push_str(&format!(
            "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy\
             </PermissionsBoundaryType>{}</PermissionsBoundary>",
            element("PermissionsBoundaryArn", boundary)
        ));
    }
    text
}

fn member(tag: &Tag) -> String {
    format!("<member>{}</member>", tag_members(tag))
}

fn tag_members(tag: &Tag) -> String {
    element("Key", &tag.key) + &element("Value", &tag.value)
}
