//! Profiles and their attribute mappings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::common::{self, ChangedHead, NewHead, time};
use super::refused::Refused;
use crate::admission::{AttributeMapping, CertificateField, Specifier};
use crate::emulator::state::{Profile, State};
use crate::rolesanywhere::SessionDuration;

/// Most profiles (user guide, "Quotas").
const MOST: usize = 250;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    #[serde(flatten)]
    head: NewHead,
    role_arns: Vec<String>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    accept_role_session_name: bool,
    #[serde(default)]
    require_instance_properties: bool,
    session_policy: Option<String>,
    #[serde(default)]
    managed_policy_arns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    #[serde(flatten)]
    head: ChangedHead,
    role_arns: Option<Vec<String>>,
    duration_seconds: Option<u32>,
    accept_role_session_name: Option<bool>,
    session_policy: Option<String>,
    managed_policy_arns: Option<Vec<String>>,
}

/// Nothing said, 3600 seconds; the shape has the bounds.
fn duration(seconds: Option<u32>) -> Result<SessionDuration, Refused> {
    seconds.map_or_else(
        || Ok(SessionDuration::default()),
        |seconds| SessionDuration::try_from(seconds).map_err(Refused::Invalid),
    )
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let new: New = call.read()?;
    if state.profiles.len() >= MOST {
        return Err(Refused::Quota {
            what: "profiles in this account and region",
            most: MOST,
        });
    }
    let number = state.take_number();
    let profile = Profile {
        head: new.head.make(call, number, &state.profiles)?,
        role_arns: new.role_arns,
        duration: duration(new.duration_seconds)?,
        accepts_session_name: new.accept_role_session_name,
        requires_instance_properties: new.require_instance_properties,
        mapping: AttributeMapping::default(),
        session_policy: new.session_policy,
        managed_policy_arns: new.managed_policy_arns,
    };
    let shown = answer(state, &profile);
    state.profiles.push(profile);
    Ok(shown)
}

pub(super) fn get(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    Ok(shown_at(state, index))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    common::page(call, &state.profiles, "profiles", |profile| {
        show(state, profile)
    })
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let changed: Changed = call.read()?;
    let previous = changed.head.apply(call, &mut state.profiles, index)?;
    if let Some(profile) = state.profiles.get_mut(index) {
        if let Some(role_arns) = changed.role_arns {
            profile.role_arns = role_arns;
        }
        if changed.duration_seconds.is_some() {
            profile.duration = duration(changed.duration_seconds)?;
        }
        if let Some(accepts) = changed.accept_role_session_name {
            profile.accepts_session_name = accepts;
        }
        if let Some(arns) = changed.managed_policy_arns {
            profile.managed_policy_arns = arns;
        }
        if changed.session_policy.is_some() {
            profile.session_policy = changed.session_policy;
        }
    }
    let profile = shown_at(state, index)["profile"].take();
    Ok(json!({ "profile": common::with_previous(profile, previous.as_ref()) }))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let shown = shown_at(state, index);
    state.profiles.remove(index);
    Ok(shown)
}

pub(super) fn enable(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    change(call, state, |profile| profile.head.enabled = true)
}

pub(super) fn disable(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    change(call, state, |profile| profile.head.enabled = false)
}

pub(super) fn put_mapping(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Put {
        mapping_rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        specifier: String,
    }
    let put: Put = call.read()?;
    let field = field(call)?;
    let rules = put.mapping_rules.iter();
    let specifiers = specifiers(rules.map(|rule| rule.specifier.as_str()))?;
    change(call, state, |profile| {
        profile.mapping.put(field, specifiers);
    })
}

pub(super) fn delete_mapping(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    #[derive(Deserialize)]
    struct Delete {
        #[serde(default)]
        specifiers: Vec<String>,
    }
    let delete: Delete = call.read()?;
    let field = field(call)?;
    let specifiers = specifiers(delete.specifiers.iter().map(String::as_str))?;
    change(call, state, |profile| {
        profile.mapping.delete(field, &specifiers);
    })
}

fn field(call: &Call<'_>) -> Result<CertificateField, Refused> {
    CertificateField::named(call.text("certificateField"))
        .ok_or_else(|| Refused::Invalid("Invalid certificateField".to_owned()))
}

fn specifiers<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Specifier>, Refused> {
    texts
        .map(|text| {
            text.parse()
                .map_err(|reason| Refused::Invalid(format!("Invalid specifier: {reason}")))
        })
        .collect()
}

fn change(
    call: &Call<'_>,
    state: &mut State,
    how: impl FnOnce(&mut Profile),
) -> Result<Value, Refused> {
    let index = position(call, state)?;
    if let Some(profile) = state.profiles.get_mut(index) {
        how(profile);
        profile.head.updated_at = call.now;
    }
    Ok(shown_at(state, index))
}

fn position(call: &Call<'_>, state: &State) -> Result<usize, Refused> {
    common::find(call, state, &state.profiles, "profileId")
}

fn shown_at(state: &State, index: usize) -> Value {
    let profile = state.profiles.get(index);
    profile.map_or(Value::Null, |profile| answer(state, profile))
}

fn answer(state: &State, profile: &Profile) -> Value {
    json!({ "profile": show(state, profile) })
}

fn show(state: &State, profile: &Profile) -> Value {
    let head = &profile.head;
    let mappings = profile.mapping.fields().map(|(field, specifiers)| {
        let rules = specifiers.iter();
        let rules: Value = rules
            .map(|specifier| json!({ "specifier": specifier.as_str() }))
            .collect();
        json!({ "certificateField": field.as_str(), "mappingRules": rules })
    });
    let mut shown = json!({
        "profileId": head.id,
        "profileArn": state.arn_of(profile),
        "name": head.name,
        "requireInstanceProperties": profile.requires_instance_properties,
        "enabled": head.enabled,
        "createdBy": state.place.account,
        "roleArns": profile.role_arns,
        "managedPolicyArns": profile.managed_policy_arns,
        "createdAt": time(head.created_at),
        "updatedAt": time(head.updated_at),
        "durationSeconds": profile.duration.seconds(),
        "acceptRoleSessionName": profile.accepts_session_name,
        "attributeMappings": mappings.collect::<Value>(),
    });
    if let Some(policy) = &profile.session_policy {
        shown["sessionPolicy"] = json!(policy);
    }
    common::with_alias(shown, state, profile)
}
