//! The credentials that were given out, so that they can be used here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::admission::policy::Caller;
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

/// Credentials that open nothing outside.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key_id: String,
    pub(super) secret: Secret,
    /// What makes a session of it; an administrator's key pair has none.
    pub(super) token: Option<String>,
    /// When they end, if ever.
    pub(super) expiration: Option<DateTime<Utc>>,
    who: Who,
}

/// Whose credentials they are.
#[derive(Debug)]
enum Who {
    /// A session's.
    Role {
        arn: RoleArn,
        id: String,
        name: String,
    },
    /// The administrator's, by the ARN of that user.
    Administrator { partition: String, account: String },
}

impl Session {
    /// Makes one of a role, by its ARN and its id, that lasts for so long. `None`
    /// without randomness.
    pub(super) fn new(
        role: &RoleArn,
        id: String,
        name: &str,
        at: DateTime<Utc>,
        life: TimeDelta,
    ) -> Option<Self> {
        Some(Self {
            key_id: format!("{KEY_ID_PREFIX}{}", key_id_suffix()?),
            // As long as real ones: 40 and 320 characters.
            secret: marked_text::<12>()?.into(),
            token: Some(marked_text::<222>()?),
            expiration: Some(at + life),
            who: Who::Role {
                arn: role.clone(),
                id,
                name: name.to_owned(),
            },
        })
    }

    /// The ARN of who uses it.
    pub(super) fn principal(&self) -> String {
        match &self.who {
            Who::Role { arn, name, .. } => format!(
                "arn:{}:sts::{}:assumed-role/{}/{name}",
                arn.partition().name(),
                arn.account(),
                arn.role_name(),
            ),
            Who::Administrator { partition, account } => {
                format!("arn:{partition}:iam::{account}:user/administrator")
            }
        }
    }

    /// The id of who uses it.
    pub(super) fn principal_id(&self) -> String {
        match &self.who {
            Who::Role { id, name, .. } => format!("{id}:{name}"),
            Who::Administrator { .. } => "AIDA0EMULATED0EMULATE".to_owned(),
        }
    }

    /// The account of who uses it.
    pub(super) fn account(&self) -> &str {
        match &self.who {
            Who::Role { arn, .. } => arn.account(),
            Who::Administrator { account, .. } => account,
        }
    }

    /// The role whose session it is; an administrator has none.
    pub(super) const fn role(&self) -> Option<&RoleArn> {
        match &self.who {
            Who::Role { arn, .. } => Some(arn),
            Who::Administrator { .. } => None,
        }
    }

    /// Who uses it, as trust policies see it.
    pub(super) fn caller(&self) -> Caller {
        Caller {
            arn: self.principal(),
            account: self.account().to_owned(),
            role: self.role().cloned(),
        }
    }

    /// The session's token; nothing for a key pair without one.
    pub(super) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }
}

/// The last sessions, by access key id, and the administrator's key pair.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: Mutex<Given>,
    administrator: Option<Arc<Session>>,
}

#[derive(Debug, Default)]
struct Given {
    by_key_id: HashMap<String, Arc<Session>>,
    order: VecDeque<String>,
}

impl Sessions {
    pub(super) fn keep(&self, session: Session) -> Arc<Session> {
        let mut given = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Arc::new(session);
        given.order.push_back(session.key_id.clone());
        given
            .by_key_id
            .insert(session.key_id.clone(), Arc::clone(&session));
        if given.order.len() > limits::MAX_EMULATED_SESSIONS
            && let Some(oldest) = given.order.pop_front()
        {
            given.by_key_id.remove(&oldest);
        }
        session
    }

    /// Lets an administrator in, too.
    pub(super) fn admit(&mut self, keys: AdministratorKeys, partition: &str, account: &str) {
        self.administrator = Some(Arc::new(Session {
            key_id: keys.key_id,
            secret: keys.secret,
            token: None,
            expiration: None,
            who: Who::Administrator {
                partition: partition.to_owned(),
                account: account.to_owned(),
            },
        }));
    }

    pub(super) fn find(&self, key_id: &str) -> Option<Arc<Session>> {
        let administrator = self.administrator.as_ref();
        if let Some(known) = administrator.filter(|known| known.key_id == key_id) {
            return Some(Arc::clone(known));
        }
        let given = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        given.by_key_id.get(key_id).cloned()
    }
}

/// The key pair of an administrator, which opens nothing but an emulator.
#[derive(Debug)]
pub struct AdministratorKeys {
    key_id: String,
    secret: Secret,
}

impl AdministratorKeys {
    /// The begin of the access key id: as of a user's, but for the `0`.
    const PREFIX: &str = "AKIA0EMULATED0";

    /// Makes a pair. `None` without randomness.
    #[must_use]
    pub fn generate() -> Option<Self> {
        Some(Self {
            key_id: format!("{}{}", Self::PREFIX, key_id_suffix()?),
            secret: marked_text::<12>()?.into(),
        })
    }

    /// A pair that was made here earlier. `None` for every other one: real keys
    /// are not taken.
    #[must_use]
    pub fn made_earlier(key_id: &str, secret: &str) -> Option<Self> {
        let is_ours = key_id.len() == 20
            && key_id.starts_with(Self::PREFIX)
            && key_id.bytes().all(|octet| octet.is_ascii_alphanumeric())
            && secret.len() == 40
            && secret.starts_with(SECRET_MARK)
            && secret.ends_with(SECRET_MARK);
        is_ours.then(|| Self {
            key_id: key_id.to_owned(),
            secret: secret.to_owned().into(),
        })
    }

    /// The access key id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The secret access key.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Six characters of base32.
fn key_id_suffix() -> Option<String> {
    random::octets::<6>().map(|octets| base32(&octets))
}

/// One character of base32 (RFC 4648, section 6) for each octet's last five bits.
pub(super) fn base32(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    octets
        .iter()
        .map(|octet| char::from(ALPHABET[usize::from(octet & 0x1f)]))
        .collect()
}

/// So many random bytes in base64, between two marks.
fn marked_text<const N: usize>() -> Option<String> {
    let bytes = random::octets::<N>()?;
    Some(format!(
        "{SECRET_MARK}{}{SECRET_MARK}",
        STANDARD.encode(bytes)
    ))
}
