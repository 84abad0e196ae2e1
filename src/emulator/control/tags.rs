//! Tags of resources of every sort, by their ARNs.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::common;
use super::refused::Refused;
use crate::emulator::state::{Head, Kind, Resource, State, Tag};

pub(super) fn list(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    fn among<'a, R: Resource>(resources: &'a [R], id: &str) -> Option<&'a Head> {
        let mut heads = resources.iter().map(Resource::head);
        heads.find(|head| head.id == id)
    }
    let (kind, id) = named(call, state)?;
    let head = match kind {
        Kind::Crl => among(&state.crls, id),
        Kind::Profile => among(&state.profiles, id),
        Kind::Subject => among(&state.subjects, id),
        Kind::TrustAnchor => among(&state.anchors, id),
    };
    let head = head.ok_or_else(|| not_found(call, kind))?;
    Ok(json!({ "tags": head.tags }))
}

pub(super) fn add(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    #[derive(Deserialize)]
    struct Add {
        tags: Vec<Tag>,
    }
    let add: Add = call.read()?;
    common::add_tags(head(call, state)?, add.tags)?;
    Ok(json!({}))
}

pub(super) fn remove(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Remove {
        tag_keys: Vec<String>,
    }
    let remove: Remove = call.read()?;
    let head = head(call, state)?;
    head.tags.retain(|tag| !remove.tag_keys.contains(&tag.key));
    Ok(json!({}))
}

/// The resource of an ARN, to change it.
fn head<'a>(call: &Call<'_>, state: &'a mut State) -> Result<&'a mut Head, Refused> {
    fn among<'a, R: Resource>(resources: &'a mut [R], id: &str) -> Option<&'a mut Head> {
        let mut heads = resources.iter_mut().map(Resource::head_mut);
        heads.find(|head| head.id == id)
    }
    let (kind, id) = named(call, state)?;
    let head = match kind {
        Kind::Crl => among(&mut state.crls, id),
        Kind::Profile => among(&mut state.profiles, id),
        Kind::Subject => among(&mut state.subjects, id),
        Kind::TrustAnchor => among(&mut state.anchors, id),
    };
    head.ok_or_else(|| not_found(call, kind))
}

/// Sort and id of what an ARN names; aliases name nothing here.
fn named<'a>(call: &'a Call<'_>, state: &State) -> Result<(Kind, &'a str), Refused> {
    let arn = call.text("resourceArn");
    let kinds = [Kind::Crl, Kind::Profile, Kind::Subject, Kind::TrustAnchor];
    let found = kinds.into_iter().find_map(|kind| {
        let id = arn.strip_prefix(&state.place.arn(kind, ""))?;
        Some((kind, id))
    });
    found.ok_or_else(|| match arn.starts_with("arn:") {
        true => not_found(call, Kind::TrustAnchor),
        false => Refused::Invalid("Invalid resourceArn".to_owned()),
    })
}

fn not_found(call: &Call<'_>, kind: Kind) -> Refused {
    Refused::NotFound {
        kind,
        identifier: call.text("resourceArn").to_owned(),
    }
}
