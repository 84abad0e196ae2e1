//! Trust anchors.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::common::{self, ChangedHead, NewHead, time};
use super::notifications::{self, Setting};
use super::refused::Refused;
use crate::emulator::state::{Bundle, Source, State, TrustAnchor};

/// Most trust anchors (user guide, "Quotas").
const MOST: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    #[serde(flatten)]
    head: NewHead,
    source: GivenSource,
    #[serde(default)]
    crl_dp_revocation_enabled: bool,
    #[serde(default)]
    notification_settings: Vec<Setting>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    #[serde(flatten)]
    head: ChangedHead,
    source: Option<GivenSource>,
    crl_dp_revocation_enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenSource {
    source_type: Option<String>,
    source_data: Option<GivenData>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenData {
    x509_certificate_data: Option<String>,
    acm_pca_arn: Option<String>,
}

impl GivenSource {
    /// What fits the type must be there, and nothing else: the data is a union.
    fn check(self) -> Result<Source, Refused> {
        let missing = |at: &str| Refused::member(at, None, "Member must not be null");
        let data = self.source_data.unwrap_or(GivenData {
            x509_certificate_data: None,
            acm_pca_arn: None,
        });
        let both = data.x509_certificate_data.is_some() && data.acm_pca_arn.is_some();
        if both {
            return Err(Refused::Invalid(
                "Invalid sourceData: it is a union, of which one member is set".to_owned(),
            ));
        }
        match self.source_type.as_deref() {
            None => Err(missing("source.sourceType")),
            Some("CERTIFICATE_BUNDLE") => {
                let text = data
                    .x509_certificate_data
                    .ok_or_else(|| missing("source.sourceData.x509CertificateData"))?;
                let certificates = Bundle::try_from(text)?;
                Ok(Source::Bundle { certificates })
            }
            Some("AWS_ACM_PCA") => {
                let arn = data
                    .acm_pca_arn
                    .ok_or_else(|| missing("source.sourceData.acmPcaArn"))?;
                let is_arn = arn.starts_with("arn:") && arn.contains(":acm-pca:");
                match is_arn {
                    true => Ok(Source::Pca { arn }),
                    false => Err(Refused::Invalid("Invalid acmPcaArn".to_owned())),
                }
            }
            Some(_) => Ok(Source::SelfSigned),
        }
    }
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let new: New = call.read()?;
    let source = new.source.check()?;
    if state.anchors.len() >= MOST {
        return Err(Refused::Quota {
            what: "trust anchors in this account and region",
            most: MOST,
        });
    }
    let number = state.take_number();
    let mut anchor = TrustAnchor {
        head: new.head.make(call, number, &state.anchors)?,
        source,
        crl_dp_revocation_enabled: new.crl_dp_revocation_enabled,
        notifications: Vec::new(),
    };
    notifications::set(&mut anchor, new.notification_settings);
    let shown = answer(state, &anchor);
    state.anchors.push(anchor);
    Ok(shown)
}

pub(super) fn get(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    Ok(shown_at(state, index))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    common::page(call, &state.anchors, "trustAnchors", |anchor| {
        show(state, anchor)
    })
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let changed: Changed = call.read()?;
    let source = changed.source.map(GivenSource::check).transpose()?;
    let previous = changed.head.apply(call, &mut state.anchors, index)?;
    if let Some(anchor) = state.anchors.get_mut(index) {
        if let Some(source) = source {
            anchor.source = source;
        }
        if let Some(enabled) = changed.crl_dp_revocation_enabled {
            anchor.crl_dp_revocation_enabled = enabled;
        }
    }
    let anchor = shown_at(state, index)["trustAnchor"].take();
    Ok(json!({ "trustAnchor": common::with_previous(anchor, previous.as_ref()) }))
}

/// Its revocation lists stay, and are for nothing.
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let index = position(call, state)?;
    let shown = shown_at(state, index);
    state.anchors.remove(index);
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
    if let Some(anchor) = state.anchors.get_mut(index) {
        anchor.head.enabled = enabled;
        anchor.head.updated_at = call.now;
    }
    Ok(shown_at(state, index))
}

pub(super) fn position(call: &Call<'_>, state: &State) -> Result<usize, Refused> {
    common::find(call, state, &state.anchors, "trustAnchorId")
}

pub(super) fn shown_at(state: &State, index: usize) -> Value {
    let anchor = state.anchors.get(index);
    anchor.map_or(Value::Null, |anchor| answer(state, anchor))
}

fn answer(state: &State, anchor: &TrustAnchor) -> Value {
    json!({ "trustAnchor": show(state, anchor) })
}

fn show(state: &State, anchor: &TrustAnchor) -> Value {
    let (kind, data) = match &anchor.source {
        Source::Bundle { certificates } => (
            "CERTIFICATE_BUNDLE",
            json!({ "x509CertificateData": certificates.text() }),
        ),
        Source::Pca { arn } => ("AWS_ACM_PCA", json!({ "acmPcaArn": arn })),
        Source::SelfSigned => ("SELF_SIGNED_REPOSITORY", json!({})),
    };
    let head = &anchor.head;
    let shown = json!({
        "trustAnchorId": head.id,
        "trustAnchorArn": state.arn_of(anchor),
        "name": head.name,
        "source": { "sourceType": kind, "sourceData": data },
        "enabled": head.enabled,
        "crlDpRevocationEnabled": anchor.crl_dp_revocation_enabled,
        "createdAt": time(head.created_at),
        "updatedAt": time(head.updated_at),
        "notificationSettings": notifications::show(state, anchor),
    });
    common::with_alias(shown, state, anchor)
}
