//! The container endpoint's token: made and kept in a file, or given.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::commands::{Error, ServeError};
use crate::environment::Environment;
use crate::key::Source;
use crate::limits;
use crate::secret::Secret;
use crate::store::{self, Readers};

/// Octets of a new token: 256 bits.
const OCTETS: usize = 32;

/// The token in the file. One of an earlier run is kept, so that clients do not
/// notice a restart, as long as only its owner could have written it; else a new
/// one is made. Other files are left alone.
pub(super) fn kept(path: &Path) -> Result<Secret, Error> {
    store::check_parent(path)?;
    if let Ok(metadata) = fs::symlink_metadata(path) {
        let content = if metadata.is_file() {
            store::read_bounded(path, limits::MAX_AUTHORIZATION_TOKEN).ok()
        } else {
            None
        };
        let in_the_way = || Error::InTheWay {
            path: path.to_owned(),
            what: "a token file of windlass serve",
        };
        let content = Secret::new(content.ok_or_else(in_the_way)?);
        let is_ours = is_token(content.expose());
        if is_ours && is_trusted(&metadata) {
            return Ok(content);
        }
        // An empty file is one that mktemp has made.
        if !is_ours && !content.expose().is_empty() {
            return Err(in_the_way());
        }
    }
    let token = fresh()?;
    // Without a newline: botocore and Rust's SDK would send it.
    store::write_atomic(path, token.expose(), Readers::Owner)?;
    Ok(token)
}

/// A token that nobody knows yet.
pub(super) fn fresh() -> Result<Secret, Error> {
    let mut octets = Zeroizing::new([0; OCTETS]);
    SystemRandom::new()
        .fill(octets.as_mut())
        .map_err(|_| ServeError::NoRandomness)?;
    Ok(Secret::from(hex::encode(octets.as_ref())))
}

/// The token from a source, without one line ending at its end.
pub(super) fn given(source: &Source, environment: &Environment) -> Result<Secret, Error> {
    let content = source.read(environment, limits::MAX_AUTHORIZATION_TOKEN)?;
    let bytes: &[u8] = &content.bytes;
    let token = bytes
        .strip_suffix(b"\r\n")
        .or_else(|| bytes.strip_suffix(b"\n"))
        .unwrap_or(bytes);
    let is_header = token.iter().all(u8::is_ascii_graphic);
    if !is_header || token.len() < limits::MIN_AUTHORIZATION_TOKEN {
        return Err(ServeError::WeakToken {
            origin: source.to_string(),
            min: limits::MIN_AUTHORIZATION_TOKEN,
        }
        .into());
    }
    Ok(Secret::new(token.to_vec()))
}

fn is_token(content: &[u8]) -> bool {
    content.len() == 2 * OCTETS
        && content
            .iter()
            .all(|octet| octet.is_ascii_digit() || (b'a'..=b'f').contains(octet))
}

/// Whether nobody else could have put a token there that they know, or can read
/// it now as one of all users.
fn is_trusted(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o026 == 0
}
