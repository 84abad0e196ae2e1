//! Signatures of the CA's key over its log: whoever holds one knows later whether
//! the log still says what it said then, and whether its end was cut off.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::{rfc3339, whole_seconds};
use crate::key::{PublicKey, Scheme, Signer};
use crate::pki::Certificate;
use crate::store::{Checkpoint, Inventory, Writer};

use super::{Authority, Error, Occasion};

/// Set before what is signed. A certificate's or a list's to-be-signed octets
/// begin with 0x30, so that neither can be taken for the other.
const DOMAIN: &[u8] = b"windlass audit checkpoint 1\n";

/// What the file says that it is.
const FORMAT: &str = "windlass-audit-checkpoint-1";

/// While the key is open anyway, a checkpoint is made after so many entries.
const MOST_ENTRIES: i64 = 1000;

/// The same after so much time.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// A checkpoint as it is kept elsewhere, as JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptCheckpoint {
    format: String,
    /// The issuing CA, as text: for whoever finds the file.
    issuer: String,
    sequence: i64,
    /// Lowercase hex.
    hash: String,
    /// RFC 3339.
    at: String,
    /// Lowercase hex.
    key_id: String,
    /// Base64.
    signature: String,
}

impl KeptCheckpoint {
    /// Reads the file's content.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn read(content: &[u8]) -> Result<Self, String> {
        let kept: Self = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        match kept.format.as_str() {
            FORMAT => Ok(kept),
            other => Err(format!("its format is '{other}', not '{FORMAT}'")),
        }
    }

    fn of(checkpoint: &Checkpoint, issuing: &Certificate) -> Self {
        Self {
            format: FORMAT.to_owned(),
            issuer: issuing.subject().to_string(),
            sequence: checkpoint.sequence,
            hash: hex::encode(checkpoint.hash),
            at: rfc3339(checkpoint.at),
            key_id: hex::encode(&checkpoint.key_id),
            signature: STANDARD.encode(&checkpoint.signature),
        }
    }

    /// As it is judged; `None` when a field is not what it has to be.
    pub(super) fn parsed(&self) -> Option<Checkpoint> {
        Some(Checkpoint {
            sequence: self.sequence,
            at: DateTime::parse_from_rfc3339(&self.at).ok()?.to_utc(),
            hash: hex::decode(&self.hash).ok()?.try_into().ok()?,
            key_id: hex::decode(&self.key_id).ok()?,
            signature: STANDARD.decode(&self.signature).ok()?,
        })
    }

    /// The number of the entry up to which it speaks.
    #[must_use]
    pub const fn sequence(&self) -> i64 {
        self.sequence
    }

    /// When it was signed, as RFC 3339.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }
}

impl Authority {
    /// Signs the log as it is now.
    ///
    /// # Errors
    ///
    /// As [`Authority::issue`]: the clock, the CA's own validity, the key, the
    /// inventory.
    pub fn checkpoint(&self, occasion: &Occasion<'_>) -> Result<KeptCheckpoint, Error> {
        self.check_ready(occasion)?;
        let writer = self.inventory.write()?;
        let checkpoint = signed(&writer, self.issuing_key.as_ref(), occasion.at)?;
        writer.add_checkpoint(&checkpoint)?;
        writer.commit()?;
        Ok(KeptCheckpoint::of(&checkpoint, self.issuing()))
    }
}

/// Signs the log within a transaction whose signer is open for something else,
/// when the last checkpoint is old enough.
pub(super) fn checkpoint_when_due(
    inventory: &Inventory,
    writer: &Writer<'_>,
    signer: &dyn Signer,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let (sequence, _) = writer.log_end()?;
    if is_due(inventory.newest_checkpoint()?.as_ref(), sequence, at) {
        writer.add_checkpoint(&signed(writer, signer, at)?)?;
    }
    Ok(())
}

/// Signs the log within a transaction, also when it was just signed.
pub(super) fn sign_log(
    writer: &Writer<'_>,
    signer: &dyn Signer,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    Ok(writer.add_checkpoint(&signed(writer, signer, at)?)?)
}

/// Whether the key has to sign the log when it is used for an entry.
pub(super) fn is_due(newest: Option<&Checkpoint>, sequence: i64, at: DateTime<Utc>) -> bool {
    newest.is_none_or(|last| {
        sequence.saturating_sub(last.sequence) >= MOST_ENTRIES
            || (whole_seconds(at) - last.at).abs() >= LONGEST
    })
}

fn signed(
    writer: &Writer<'_>,
    signer: &dyn Signer,
    at: DateTime<Utc>,
) -> Result<Checkpoint, Error> {
    let (sequence, hash) = writer.log_end()?;
    let at = whole_seconds(at);
    let scheme = scheme(signer.public_key());
    Ok(Checkpoint {
        sequence,
        at,
        hash,
        key_id: signer.public_key().key_identifier().to_vec(),
        signature: signer.sign(scheme, &statement(sequence, &hash, at))?,
    })
}

/// Whether one of these keys has signed it.
pub(super) fn is_signed_by(checkpoint: &Checkpoint, keys: &[PublicKey]) -> bool {
    let statement = statement(checkpoint.sequence, &checkpoint.hash, checkpoint.at);
    keys.iter()
        .filter(|key| key.key_identifier().as_slice() == checkpoint.key_id)
        .any(|key| key.verify(scheme(key), &statement, &checkpoint.signature))
}

/// As the key signs certificates. A key that signs none refuses ML-DSA too.
fn scheme(key: &PublicKey) -> Scheme {
    key.certificate_scheme().unwrap_or(Scheme::MlDsa)
}

fn statement(sequence: i64, hash: &[u8; 32], at: DateTime<Utc>) -> Vec<u8> {
    let numbers = [sequence.to_be_bytes(), at.timestamp().to_be_bytes()].concat();
    [DOMAIN, &numbers, hash].concat()
}
