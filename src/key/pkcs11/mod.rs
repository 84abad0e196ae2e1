//! Keys and certificates in PKCS#11 tokens: smart cards, HSMs, SoftHSM.
//!
//! A token's library is loaded at run time, which a statically linked program
//! cannot do. So this needs the feature `pkcs11`; without it URIs are read all
//! the same and the functions say what is missing. The choice between the two
//! is made here and nowhere else.

mod error;
mod pin_source;
mod uri;

#[cfg(not(feature = "pkcs11"))]
mod absent;
#[cfg(feature = "pkcs11")]
mod find;
#[cfg(feature = "pkcs11")]
mod login;
#[cfg(feature = "pkcs11")]
mod module;
#[cfg(feature = "pkcs11")]
mod objects;
#[cfg(feature = "pkcs11")]
mod sign;
#[cfg(feature = "pkcs11")]
mod slots;

use std::path::PathBuf;

#[cfg(not(feature = "pkcs11"))]
pub use absent::{TokenKey, open_token_key, token_certificates};
pub use error::{Listing, PinWarning, Pkcs11Error};
#[cfg(feature = "pkcs11")]
pub use find::{open_token_key, token_certificates};
#[cfg(feature = "pkcs11")]
pub use sign::TokenKey;
pub use uri::{ObjectKind, Pkcs11Uri, Pkcs11UriError};

use crate::secret::Secret;

use super::Error;

/// How tokens are reached, besides what the URI says.
#[derive(Clone, Debug, Default)]
pub struct TokenOptions {
    /// The module to load when the URI has no `module-path`. Without it the
    /// URI's `module-name` is looked up, else the p11-kit proxy is loaded.
    pub library: Option<PathBuf>,
    /// Whether a key that wants a PIN for every signature
    /// (CKA_ALWAYS_AUTHENTICATE) is given the one of the first login again.
    pub reuse_pin: bool,
}

/// Asks for the PIN of the token with this label, which is safe to show; `None` when there is no way
/// to have one. It is only asked when the URI holds neither `pin-value` nor
/// `pin-source`.
pub type AskPin = Box<dyn FnMut(&str) -> Result<Option<Secret>, Error> + Send>;

/// A certificate as a token holds it.
#[derive(Clone, Debug)]
pub struct TokenCertificate {
    /// The certificate's DER, as it stands in the token and not yet examined.
    pub der: Vec<u8>,
    /// The certificate's full URI. It keeps what the URI that found it says
    /// about module and PIN, so it also serves to find the private key.
    pub uri: Pkcs11Uri,
}

/// What a search for certificates found.
#[derive(Clone, Debug)]
pub struct TokenCertificates {
    /// Those that the URI names; at least one.
    pub named: Vec<TokenCertificate>,
    /// All others of the same token: candidates for a chain, related or not.
    pub others: Vec<TokenCertificate>,
}

impl TokenCertificates {
    /// The one certificate that the URI names, and the others of its token.
    /// `uri` is the one that was searched with.
    ///
    /// # Errors
    ///
    /// [`Pkcs11Error::Ambiguous`] with their full URIs when it names several.
    pub fn into_single(
        mut self,
        uri: &Pkcs11Uri,
    ) -> Result<(TokenCertificate, Vec<TokenCertificate>), Error> {
        match (self.named.pop(), self.named.is_empty()) {
            (Some(only), true) => Ok((only, self.others)),
            (last, _) => Err(Pkcs11Error::Ambiguous {
                uri: uri.to_string(),
                matches: Listing::new(
                    self.named
                        .iter()
                        .chain(&last)
                        .map(|certificate| certificate.uri.to_string()),
                ),
            }
            .into()),
        }
    }
}
