//! Outcomes and hints of what is wrong with a token.

use crate::key::Pkcs11Error;

use super::Outcome;

/// What to do when the program has no PKCS#11.
pub(super) const HINT_UNAVAILABLE: &str = "the build named windlass-pkcs11 (for glibc) has it; --signer-command is the way to any other key store";

/// How a command ends that has failed so.
pub(super) fn outcome(error: &Pkcs11Error) -> Outcome {
    use Pkcs11Error as E;
    match error {
        E::Ambiguous { .. }
        | E::AmbiguousToken { .. }
        | E::Kind { .. }
        | E::Load { .. }
        | E::ModuleName { .. }
        | E::NoModule
        | E::PinMissing { .. }
        | E::Uri(_)
        | E::PinSource { .. }
        | E::TooManyObjects { .. } => Outcome::Usage,
        E::BadSignature { .. }
        | E::KeyMismatch { .. }
        | E::Mechanism { .. }
        | E::NoToken { .. }
        | E::NotFound { .. }
        | E::PinLocked { .. }
        | E::PinUnusable { .. }
        | E::PinWrong { .. }
        | E::PublicKeyUnknown { .. } => Outcome::Unusable,
        E::Module { .. } | E::Sign { .. } | E::SignInParts { .. } => Outcome::Failed,
    }
}

/// What to do about it.
pub(super) fn hint(error: &Pkcs11Error) -> &'static str {
    use Pkcs11Error as E;
    match error {
        E::Uri(_) => {
            "write it as pkcs11:token=LABEL;object=LABEL?pin-source=/FILE, everything but letters, digits and -_.~ as %XX (RFC 7512)"
        }
        E::Ambiguous { .. } => "give the full URI of the one that is meant",
        E::AmbiguousToken { .. } => {
            "give the URI of the one that is meant, with its token and serial; a PIN is told to one token only"
        }
        E::BadSignature { .. } => {
            "key, public key and certificate of the same id in the token do not belong together; 'pkcs11-tool --list-objects --login' shows them"
        }
        E::Kind { .. } => "leave the type out, or give the URI of the right object",
        E::KeyMismatch { .. } => "give the URI of the key for which the certificate was issued",
        E::Load { .. } => {
            "give the token's PKCS#11 library to --pkcs11-lib, for this machine's architecture"
        }
        E::Mechanism { .. } => "'pkcs11-tool --list-mechanisms' shows what the token can do",
        E::Module { .. } | E::Sign { .. } => {
            "'pkcs11-tool --module LIBRARY --list-slots' shows whether the token works at all"
        }
        E::ModuleName { .. } | E::NoModule => {
            "give the token's PKCS#11 library to --pkcs11-lib, or as module-path in the URI"
        }
        E::NoToken { .. } => {
            "is the token plugged in, and may this user reach it? --pkcs11-lib names another library"
        }
        E::NotFound { .. } => {
            "labels and ids are compared as they stand, and an id's octets are written %XX, as in id=%01; 'pkcs11-tool --list-objects --login' shows them"
        }
        E::PinLocked { .. } => "unlock it with the security officer's PIN or the vendor's tool",
        E::PinMissing { .. } => {
            concat!(
                "give --passphrase-file FILE, --passphrase-from with tty, ",
                passphrase_sources!(),
                ", or end the URI with ?pin-source=/FILE"
            )
        }
        E::PinSource { .. } => {
            "pin-source takes the absolute path of a file that holds the PIN and nothing else"
        }
        E::PinUnusable { .. } => "change the PIN with the vendor's tool",
        E::PinWrong { .. } => {
            "stop whatever calls this again by itself until the PIN is right: each wrong one brings the token nearer to its lock"
        }
        E::PublicKeyUnknown { .. } => {
            "give the key's certificate too, or put its public key into the token with the same id"
        }
        E::SignInParts { .. } => {
            "some modules cannot sign so with an EC key; use an RSA key, or one without CKA_ALWAYS_AUTHENTICATE"
        }
        E::TooManyObjects { .. } => "name the object by its label (object=) or its id",
    }
}
