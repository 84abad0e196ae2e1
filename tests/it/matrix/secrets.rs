//! Looking for secrets in whatever a program shows, in whatever notation.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::harness::PASSPHRASE;

use super::material::WIDE_PASSPHRASE;

/// That many bytes of a secret in a row are a leak.
const WINDOW: usize = 12;

/// The passphrases and private keys of the cases.
pub struct Secrets {
    windows: HashSet<[u8; WINDOW]>,
}

impl Secrets {
    /// Looks for any part of these keys, which are DER, and of the passphrases,
    /// but for what stands in these certificates too: a key has its public half
    /// in it.
    pub fn new(keys: &[Vec<u8>], certificates: &[Vec<u8>]) -> Self {
        let passphrases = [PASSPHRASE, WIDE_PASSPHRASE].map(str::as_bytes);
        let windows_of = |secret: &[u8]| -> Vec<[u8; WINDOW]> {
            let windows = secret.windows(WINDOW);
            windows.map(|window| window.try_into().unwrap()).collect()
        };
        let secrets = keys.iter().map(Vec::as_slice).chain(passphrases);
        let mut windows: HashSet<_> = secrets.flat_map(windows_of).collect();
        for window in certificates.iter().flat_map(|der| windows_of(der)) {
            windows.remove(&window);
        }
        Self { windows }
    }

    /// Fails when the bytes hold part of a secret: as they are, in hexadecimal,
    /// in base64, or as a list of decimal numbers.
    pub fn scan(&self, shown: &[u8], what: &str) {
        if let Some(notation) = self.find(shown) {
            let text = String::from_utf8_lossy(shown);
            panic!("{what} shows a secret ({notation}): {text}");
        }
    }

    fn find(&self, shown: &[u8]) -> Option<&'static str> {
        if self.holds(shown) {
            return Some("as it is");
        }
        let text = String::from_utf8_lossy(shown);
        let bytes_of_hex = |run: &str| {
            let runs = [run, run.get(1..).unwrap_or_default()];
            runs.map(|run| hex::decode(&run[..run.len() / 2 * 2]).unwrap_or_default())
        };
        let joined = text.replace(':', "");
        if joined
            .split(|character: char| !character.is_ascii_hexdigit())
            .flat_map(bytes_of_hex)
            .any(|bytes| self.holds(&bytes))
        {
            return Some("hexadecimal");
        }
        let is_base64 = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_')
        };
        if text
            .split(|character| !is_base64(character))
            .flat_map(|run| (0..4).filter_map(move |start| run.get(start..)))
            .any(|run| self.holds(&bytes_of_base64(run)))
        {
            return Some("base64");
        }
        let numbers: Vec<u8> = text
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        self.holds(&numbers).then_some("decimal")
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        bytes
            .windows(WINDOW)
            .any(|window| self.windows.contains(window))
    }
}

/// Decodes either alphabet, and as much as there is.
fn bytes_of_base64(run: &str) -> Vec<u8> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let run = run.replace('-', "+").replace('_', "/");
    let whole = run.len() / 4 * 4;
    engine.decode(&run[..whole]).unwrap_or_default()
}

#[test]
fn a_secret_is_found_in_every_notation() {
    let key: Vec<u8> = (0..64u8).map(|number| number.wrapping_mul(37)).collect();
    let secrets = Secrets::new(std::slice::from_ref(&key), &[key[40..].to_vec()]);
    let part = &key[5..25];
    let base64 = base64::engine::general_purpose::STANDARD.encode(part);
    let colons: Vec<String> = part.iter().map(|octet| format!("{octet:02X}")).collect();
    for (shown, notation) in [
        (part.to_vec(), "as it is"),
        (format!("it is {PASSPHRASE}").into_bytes(), "as it is"),
        (
            format!("a{}", hex::encode(part)).into_bytes(),
            "hexadecimal",
        ),
        (colons.join(":").into_bytes(), "hexadecimal"),
        (format!("xyz{base64}").into_bytes(), "base64"),
        (base64.replace('+', "-").into_bytes(), "base64"),
        (format!("Key({part:?})").into_bytes(), "decimal"),
    ] {
        assert_eq!(secrets.find(&shown), Some(notation));
    }
    assert_eq!(secrets.find(&key[..WINDOW - 1]), None);
    assert_eq!(secrets.find(&key[40..]), None, "it is public");
    assert_eq!(secrets.find(b"error: p256.pem holds no private key"), None);
}
