//! Values that wipe themselves and never print.

use std::io::Read;

use zeroize::Zeroizing;

/// Secret bytes: a passphrase, a private key, a session's secret.
///
/// It is not cloned in passing, its `Debug` says only that it is redacted, and its
/// memory is overwritten when it is dropped. [`Secret::expose`] is the only
/// way to the content, so that every use can be found by name.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over bytes that are secret from here on.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Another copy, which wipes itself too: for a value that is handed out more
    /// than once. It is no `Clone`, so that copies can be found by name.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::new(self.expose().to_vec())
    }

    /// The secret itself. Never pass it to anything that formats or logs.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, or `None` when it is not UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Reads to the end. A buffer that has become too small is wiped when its
/// content has moved to a larger one, so that no part of a secret stays behind.
///
/// `expected` is the length that is known before, in octets; it may be wrong, and 0
/// says nothing.
///
/// # Errors
///
/// What the reader says.
pub fn read_wiping(mut from: impl Read, expected: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // One more, so that the end is seen without growing; and not much more, since all
    // of it is wiped octet by octet.
    let room = if expected == 0 { 4095 } else { expected };
    let mut buffer = Zeroizing::new(vec![0; room + 1]);
    let mut length = 0;
    loop {
        if length == buffer.len() {
            let mut larger = Zeroizing::new(vec![0; buffer.len() * 2]);
            larger[..length].copy_from_slice(&buffer);
            buffer = larger;
        }
        match from.read(&mut buffer[length..]) {
            Ok(0) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_content() {
        let secret = Secret::from("correct horse".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        assert_eq!(format!("{secret:#?}"), "Secret(redacted)");
    }
}
