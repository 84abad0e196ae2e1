//! Notification settings of trust anchors.

use serde::Deserialize;
use serde_json::{Value, json};

use super::anchors;
use super::call::Call;
use super::refused::Refused;
use crate::emulator::state::{Notification, State, TrustAnchor};

/// What can be told, by default 45 days before (user guide, "Notifications").
const EVENTS: [&str; 2] = ["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"];

/// Days before.
const THRESHOLD: u32 = 45;

/// A setting in a request. There is one channel, `ALL`.
#[derive(Debug, Deserialize)]
pub(super) struct Setting {
    event: String,
    enabled: bool,
    threshold: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    notification_settings: Vec<Setting>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reset {
    notification_setting_keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    event: String,
}

pub(super) fn put(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let put: Put = call.read()?;
    change(call, state, |anchor| set(anchor, put.notification_settings))
}

pub(super) fn reset(call: &Call<'_>, state: &mut State) -> Result<Value, Refused> {
    let reset: Reset = call.read()?;
    change(call, state, |anchor| {
        anchor.notifications.retain(|known| {
            let mut keys = reset.notification_setting_keys.iter();
            !keys.any(|key| key.event == known.event)
        });
    })
}

fn change(
    call: &Call<'_>,
    state: &mut State,
    how: impl FnOnce(&mut TrustAnchor),
) -> Result<Value, Refused> {
    let index = anchors::position(call, state)?;
    if let Some(anchor) = state.anchors.get_mut(index) {
        how(anchor);
        anchor.head.updated_at = call.now;
    }
    Ok(anchors::shown_at(state, index))
}

/// Puts settings in the place of those about the same events.
pub(super) fn set(anchor: &mut TrustAnchor, settings: Vec<Setting>) {
    for setting in settings {
        anchor
            .notifications
            .retain(|known| known.event != setting.event);
        anchor.notifications.push(Notification {
            event: setting.event,
            enabled: setting.enabled,
            threshold: setting.threshold.unwrap_or(THRESHOLD),
        });
    }
}

/// All settings: the service's own ones where there are no others.
pub(super) fn show(state: &State, anchor: &TrustAnchor) -> Value {
    let one = |event: &str| {
        let own = anchor.notifications.iter().find(|own| own.event == event);
        let by = match own {
            Some(_) => state.place.account.as_str(),
            None => "rolesanywhere.amazonaws.com",
        };
        json!({
            "enabled": own.is_none_or(|own| own.enabled),
            "event": event,
            "threshold": own.map_or(THRESHOLD, |own| own.threshold),
            "channel": "ALL",
            "configuredBy": by,
        })
    };
    EVENTS.into_iter().map(one).collect()
}
