//! Credentials that open nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use crate::admission::Principal;
use crate::clock::rfc3339;
use crate::pki::Certificate;
use crate::rolesanywhere::{RoleArn, RoleSessionName, SessionDuration, TrustAnchorArn};

use super::world::uuid;

/// The begin of every access key id made here. Real ones are base32 and so
/// never have a `0`: these cannot be mistaken for them.
const KEY_ID_PREFIX: &str = "ASIA0EMULATED0";

/// What a granted session is about.
pub(super) struct Grant<'a> {
    pub(super) leaf: &'a Certificate,
    pub(super) anchor: &'a TrustAnchorArn,
    pub(super) role: &'a RoleArn,
    pub(super) session_name: Option<&'a RoleSessionName>,
    pub(super) duration: SessionDuration,
    pub(super) at: DateTime<Utc>,
}

impl Grant<'_> {
    /// The body of the 201, as the user guide documents it.
    pub(super) fn body(&self) -> Option<Value> {
        let default_name = self.leaf.serial().hex();
        let session_name = self
            .session_name
            .map_or(default_name.as_str(), RoleSessionName::as_str);
        let partition = self.role.partition().name();
        let (account, role_name) = (self.role.account(), self.role.role_name());
        let expiration = self.at + TimeDelta::seconds(i64::from(self.duration.seconds()));
        let subject_id = uuid(self.leaf.subject().der());
        Some(json!({
            "credentialSet": [{
                "assumedRoleUser": {
                    "arn": format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}"),
                    "assumedRoleId": format!("AROA0EMULATED0EMULATE:{session_name}"),
                },
                "credentials": {
                    "accessKeyId": format!("{KEY_ID_PREFIX}{}", key_id_suffix()?),
                    "secretAccessKey": random_text::<30>()?,
                    "sessionToken": random_text::<240>()?,
                    "expiration": rfc3339(expiration),
                },
                "packedPolicySize": 0,
                "roleArn": self.role.as_str(),
                "sourceIdentity": Principal::of(self.leaf).source_identity,
            }],
            "subjectArn": format!(
                "arn:{partition}:rolesanywhere:{}:{}:subject/{subject_id}",
                self.anchor.region(),
                self.anchor.account(),
            ),
        }))
    }
}

/// Six characters of base32.
fn key_id_suffix() -> Option<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = [0; 6];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(
        bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte & 0x1f)]))
            .collect(),
    )
}

fn random_text<const N: usize>() -> Option<String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}
