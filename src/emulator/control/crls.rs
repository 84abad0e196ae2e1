//! Revocation lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::common::{self, ChangedHead, NewHead, time};
use super::refused::Refused;
use crate::emulator::state::{CrlData, Kind, Resource as _, RevocationList, State};

/// Most lists of one trust anchor (user guide, "Quotas").
const MOST: usize = 2;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    #[serde(flatten)]
    head: NewHead,
    crl_data: String,
    trust_anchor_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    #[serde(flatten)]
    head: ChangedHead,
    crl_data: Option<String>,
}

/// PEM is documented, DER was seen to be taken.
fn read(base64: &str) -> Result<CrlData, Refused> {
    let invalid = |reason: String| Refused::Invalid(format!("Invalid crlData: {reason}"));
    let bytes = STANDARD
        .decode(base64)
        .map_err(|error| invalid(error.to_string()))?;
    CrlData::read(bytes).map_err(|error| invalid(error.to_string()))
}

pub(super) fn import(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let new: New = call.read()?;
    let data = read(&new.crl_data)?;
    // An alias ARN is not found here (API reference, ImportCrl).
    let arn = &new.trust_anchor_arn;
    let mut anchors = state.anchors.iter();
    let anchor = anchors
        .find(|anchor| state.arn_of(*anchor) == *arn)
        .map(|anchor| anchor.head.id.clone())
        .ok_or_else(|| Refused::NotFound {
            kind: Kind::TrustAnchor,
            identifier: arn.clone(),
        })?;
    let lists = state.crls.iter();
    if lists.filter(|list| list.anchor == anchor).count() >= MOST {
        return Err(Refused::Quota {
            what: "CRLs of a trust anchor",
            most: MOST,
        });
    }
    let number = state.take_number();
    let list = RevocationList {
        head: new.head.make(call, number, &state.crls)?,
        anchor,
        data,
    };
    let shown = answer(state, &list);
    state.crls.push(list);
    Ok(shown)
}

pub(super) fn get(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    Ok(shown_at(state, index))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    common::page(call, &state.crls, "crls", |list| show(state, list))
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let changed: Changed = call.read()?;
    let data = changed.crl_data.as_deref().map(read).transpose()?;
    let previous = changed.head.apply(call, &mut state.crls, index)?;
    if let (Some(list), Some(data)) = (state.crls.get_mut(index), data) {
        list.data = data;
    }
    let list = shown_at(state, index)["crl"].take();
    Ok(json!({ "crl": common::with_previous(list, previous.as_ref()) }))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let shown = shown_at(state, index);
    state.crls.remove(index);
    Ok(shown)
}

pub(super) fn enable(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    switch(call, state, true)
}

pub(super) fn disable(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    switch(call, state, false)
}

fn switch(call: &Call<'_>, state: &mut State, enabled: bool) -> Result<Value, Refused> {
    let index = position(call, state)?;
    if let Some(list) = state.crls.get_mut(index) {
        list.head.enabled = enabled;
        list.head.updated_at = call.now;
    }
    Ok(shown_at(state, index))
}

fn position(call: &Call<'_>, state: &State) -> Result<usize, Refused> {
    common::find(call, state, &state.crls, "crlId")
}

fn shown_at(state: &State, index: usize) -> Value {
    let list = state.crls.get(index);
    list.map_or(Value::Null, |list| answer(state, list))
}

fn answer(state: &State, list: &RevocationList) -> Value {
    json!({ "crl": show(state, list) })
}

fn show(state: &State, list: &RevocationList) -> Value {
    let head = list.head();
    let shown = json!({
        "crlId": head.id,
        "crlArn": state.arn_of(list),
        "name": head.name,
        "enabled": head.enabled,
        "crlData": list.data.base64(),
        "trustAnchorArn": state.place.arn(Kind::TrustAnchor, &list.anchor),
        "createdAt": time(head.created_at),
        "updatedAt": time(head.updated_at),
    });
    common::with_alias(shown, state, list)
}
