//! The sessions that were given out, so that their credentials can be used here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::limits;
use crate::random;
use crate::rolesanywhere::RoleArn;
use crate::secret::Secret;

/// The begin of every access key id made here. Real ones are base32 and so
/// never have a `0`: these cannot be mistaken for them.
const KEY_ID_PREFIX: &str = "ASIA0EMULATED0";

/// Stands at both ends of every secret key and token made here, twelve
/// characters of base64. Whoever searches files and logs for credentials finds
/// all of them by it, cut off or not, without knowing a single session.
const SECRET_MARK: &str = "EmulatedOnly";

/// A session, with credentials that open nothing.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key_id: String,
    pub(super) secret: Secret,
    pub(super) token: String,
    pub(super) expiration: DateTime<Utc>,
    pub(super) role: RoleArn,
    pub(super) name: String,
}

impl Session {
    /// Makes one that lasts for so long. `None` without randomness.
    pub(super) fn new(
        role: &RoleArn,
        name: &str,
        at: DateTime<Utc>,
        life: TimeDelta,
    ) -> Option<Self> {
        Some(Self {
            key_id: format!("{KEY_ID_PREFIX}{}", key_id_suffix()?),
            // As long as real ones: 40 and 320 characters.
            secret: marked_text::<12>()?.into(),
            token: marked_text::<222>()?,
            expiration: at + life,
            role: role.clone(),
            name: name.to_owned(),
        })
    }

    /// The ARN of who uses it.
    pub(super) fn principal(&self) -> String {
        format!(
            "arn:{}:sts::{}:assumed-role/{}/{}",
            self.role.partition().name(),
            self.role.account(),
            self.role.role_name(),
            self.name
        )
    }

    /// The id of who uses it.
    pub(super) fn principal_id(&self) -> String {
        format!("AROA0EMULATED0EMULATE:{}", self.name)
    }
}

/// The last sessions, by access key id.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_key_id: HashMap<String, Arc<Session>>,
    order: VecDeque<String>,
}

impl Sessions {
    pub(super) fn keep(&self, session: Session) -> Arc<Session> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Arc::new(session);
        kept.order.push_back(session.key_id.clone());
        kept.by_key_id
            .insert(session.key_id.clone(), Arc::clone(&session));
        if kept.order.len() > limits::MAX_EMULATED_SESSIONS
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_key_id.remove(&oldest);
        }
        session
    }

    pub(super) fn find(&self, key_id: &str) -> Option<Arc<Session>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_key_id.get(key_id).cloned()
    }
}

/// Six characters of base32.
fn key_id_suffix() -> Option<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bytes = random::octets::<6>()?;
    Some(
        bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte & 0x1f)]))
            .collect(),
    )
}

/// So many random bytes in base64, between two marks.
fn marked_text<const N: usize>() -> Option<String> {
    let bytes = random::octets::<N>()?;
    Some(format!(
        "{SECRET_MARK}{}{SECRET_MARK}",
        STANDARD.encode(bytes)
    ))
}
