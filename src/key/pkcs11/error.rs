//! Why a token, or what is in it, cannot be used.

use std::fmt;
use std::path::PathBuf;

use crate::limits;
use crate::text::printable;

use super::{ObjectKind, Pkcs11UriError};

/// Why a token, or what is in it, cannot be used. URIs in it never hold a PIN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// Several objects fit the URI.
    #[error("{uri} fits {matches}")]
    Ambiguous {
        /// What was looked for.
        uri: String,
        /// The full URI of each.
        matches: Listing,
    },
    /// Several tokens fit the URI, and what is in them does not decide.
    #[error("{uri} fits several tokens: {tokens}")]
    AmbiguousToken {
        /// What was looked for.
        uri: String,
        /// The URI of each.
        tokens: Listing,
    },
    /// A signature does not verify with the public key that stands for the key.
    #[error("a signature of {uri} does not verify with its public key")]
    BadSignature {
        /// The key.
        uri: String,
    },
    /// The URI names another class of object than is needed.
    #[error("{uri} names a {found}, where a {wanted} is needed")]
    Kind {
        /// What was given.
        uri: String,
        /// What is needed.
        wanted: ObjectKind,
        /// What it names.
        found: ObjectKind,
    },
    /// The private keys that the URI names do not belong to the certificate.
    #[error("no private key that {uri} names belongs to the certificate")]
    KeyMismatch {
        /// What was looked for.
        uri: String,
    },
    /// The library does not load, or is not a PKCS#11 module.
    #[error("{path} cannot be loaded as a PKCS#11 module: {reason}")]
    Load {
        /// The library.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The token has no mechanism with which the signature can be made.
    #[error("the token '{token}' has none of the mechanisms {wanted}")]
    Mechanism {
        /// The token's label.
        token: String,
        /// The mechanisms that would serve.
        wanted: &'static str,
    },
    /// A function of the module failed.
    #[error("the PKCS#11 module {path} failed to {action}: {reason}")]
    Module {
        /// The library.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The module's return value.
        reason: String,
    },
    /// No library of the `module-name` is installed where modules are.
    #[error("no PKCS#11 module '{name}' is installed in the usual directories")]
    ModuleName {
        /// The name.
        name: String,
    },
    /// Nothing says which library is to be loaded, and there is no proxy.
    #[error("no PKCS#11 module is named, and the p11-kit proxy is not installed")]
    NoModule,
    /// No token fits the URI.
    #[error("no token fits {uri}; present: {present}")]
    NoToken {
        /// What was looked for.
        uri: String,
        /// The URI of each token that is there.
        present: Listing,
    },
    /// Nothing in the token fits the URI.
    #[error("no {wanted} fits {uri}; {searched}: {held}")]
    NotFound {
        /// What was looked for.
        uri: String,
        /// Its class.
        wanted: ObjectKind,
        /// What was searched, in words.
        searched: String,
        /// What there is of that class.
        held: Listing,
    },
    /// The token is locked.
    #[error("the PIN of the token '{token}' is locked after too many wrong ones")]
    PinLocked {
        /// The token's label.
        token: String,
    },
    /// A PIN is needed and none was given.
    #[error("the token '{token}' needs a PIN and none was given")]
    PinMissing {
        /// The token's label.
        token: String,
    },
    /// The `pin-source` cannot be read.
    #[error("no PIN could be read from the pin-source {path}: {reason}")]
    PinSource {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The token does not take such a PIN now.
    #[error("the token '{token}' does not take the PIN: {reason}")]
    PinUnusable {
        /// The token's label.
        token: String,
        /// The module's return value.
        reason: String,
    },
    /// The PIN is wrong.
    #[error("the PIN of the token '{token}' is wrong{warning}")]
    PinWrong {
        /// The token's label.
        token: String,
        /// What the token says about further attempts.
        warning: PinWarning,
    },
    /// Nothing tells the public half of a private key.
    #[error("the token holds no public key for {uri}")]
    PublicKeyUnknown {
        /// The private key.
        uri: String,
    },
    /// Signing failed.
    #[error("{uri} does not sign: {reason}")]
    Sign {
        /// The key.
        uri: String,
        /// The module's return value.
        reason: String,
    },
    /// Signing failed with a key that wants a PIN for every signature.
    #[error(
        "{uri}, which wants a PIN for every signature, does not sign in several parts: {reason}"
    )]
    SignInParts {
        /// The key.
        uri: String,
        /// The module's return value.
        reason: String,
    },
    /// More objects fit than are looked at.
    #[error("{uri} fits more than {} objects", limits::MAX_TOKEN_OBJECTS)]
    TooManyObjects {
        /// What was looked for.
        uri: String,
    },
    /// A URI is not one of RFC 7512.
    #[error("the PKCS#11 URI cannot be read")]
    Uri(#[source] Pkcs11UriError),
}

/// What a token says after a wrong PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinWarning {
    /// It was found wrong before and was not sent to the token again.
    NotTriedAgain,
    /// Nothing beyond that it is wrong.
    Wrong,
    /// There were wrong ones before (CKF_USER_PIN_COUNT_LOW).
    CountLow,
    /// One attempt is left (CKF_USER_PIN_FINAL_TRY).
    FinalTry,
    /// That was the last attempt (CKF_USER_PIN_LOCKED).
    Locked,
}

impl fmt::Display for PinWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTriedAgain => ", as before; it was not tried again",
            Self::Wrong => "; too many wrong ones lock it",
            Self::CountLow => "; the token warns that few attempts are left before it locks",
            Self::FinalTry => "; ONE attempt is left before it locks",
            Self::Locked => ", and it is locked now",
        })
    }
}

/// A bounded list of URIs for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(Vec<String>);

impl Listing {
    /// Takes what is to be listed; commas in it are percent-encoded already.
    pub(super) fn new(entries: impl IntoIterator<Item = String>) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, entry) in self.0.iter().take(limits::MAX_LISTED).enumerate() {
            let between = if position == 0 { "" } else { ", " };
            write!(f, "{between}{}", printable(entry, limits::MAX_PKCS11_URI))?;
        }
        match self.0.len().saturating_sub(limits::MAX_LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_bounded() {
        let listing = |count: usize| Listing::new((0..count).map(|n| n.to_string())).to_string();
        assert_eq!(listing(0), "none");
        assert_eq!(listing(2), "0, 1");
        assert_eq!(listing(8), "0, 1, 2, 3, 4, 5, 6, 7");
        assert_eq!(listing(11), "0, 1, 2, 3, 4, 5, 6, 7 and 3 more");
    }
}
