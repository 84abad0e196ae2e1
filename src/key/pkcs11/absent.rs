//! What stands in for tokens in a build that cannot load libraries.

use std::convert::Infallible;

use crate::secret::Secret;

use super::super::{Error, PublicKey, Scheme, Signer};
use super::{AskPin, Pkcs11Uri, TokenCertificates, TokenOptions};

/// A private key in a token; this build cannot have one.
#[derive(Debug)]
pub struct TokenKey(Infallible);

/// Would find the certificates that a URI names.
///
/// # Errors
///
/// Always [`Error::Pkcs11Unavailable`].
pub fn token_certificates(
    uri: &Pkcs11Uri,
    _options: &TokenOptions,
    _ask: &mut dyn FnMut(&str) -> Result<Option<Secret>, Error>,
) -> Result<TokenCertificates, Error> {
    Err(unavailable(uri))
}

/// Would open the private key that a URI names.
///
/// # Errors
///
/// Always [`Error::Pkcs11Unavailable`].
pub fn open_token_key(
    uri: &Pkcs11Uri,
    _options: &TokenOptions,
    _certificate: Option<&PublicKey>,
    _ask: AskPin,
) -> Result<TokenKey, Error> {
    Err(unavailable(uri))
}

fn unavailable(uri: &Pkcs11Uri) -> Error {
    Error::Pkcs11Unavailable {
        uri: if uri.is_empty() {
            "the token".to_owned()
        } else {
            uri.to_string()
        },
    }
}

impl Signer for TokenKey {
    fn origin(&self) -> &str {
        match self.0 {}
    }

    fn public_key(&self) -> &PublicKey {
        match self.0 {}
    }

    fn sign(&self, _scheme: Scheme, _message: &[u8]) -> Result<Vec<u8>, Error> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let uri: Pkcs11Uri = "pkcs11:token=a?pin-value=4711".parse().unwrap();
        let options = TokenOptions::default();
        let opened = open_token_key(&uri, &options, None, Box::new(|_| Ok(None)));
        let found = token_certificates(&uri, &options, &mut |_| Ok(None));
        for error in [
            opened.map(|_| ()).unwrap_err(),
            found.map(|_| ()).unwrap_err(),
        ] {
            let shown = error.to_string();
            assert!(shown.contains("pkcs11:token=a"), "{shown}");
            assert!(shown.contains("has no PKCS#11"), "{shown}");
            assert!(!shown.contains("4711"), "{shown}");
        }
    }
}
