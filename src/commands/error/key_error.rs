//! Exit codes and hints for what goes wrong with keys.

use crate::key::{self, Contents};

use super::super::Outcome;
use super::{hint_io, token};

pub(super) fn of_key(error: &key::Error) -> Outcome {
    match error {
        key::Error::NoTerminal
        | key::Error::Passphrase { .. }
        | key::Error::Read { .. }
        | key::Error::Source { .. }
        | key::Error::TooLarge { .. } => Outcome::Usage,
        key::Error::BadPassphrase { .. }
        | key::Error::Damaged { .. }
        | key::Error::Encrypted { .. }
        | key::Error::EncryptionUnsupported { .. }
        | key::Error::KdfTooExpensive { .. }
        | key::Error::NotAKey { .. }
        | key::Error::SeveralKeys { .. }
        | key::Error::SchemeMismatch { .. }
        | key::Error::TooOpen { .. }
        | key::Error::Unsupported { .. } => Outcome::Unusable,
        key::Error::Encrypt { .. }
        | key::Error::Generate { .. }
        | key::Error::Sign { .. }
        | key::Error::SignerCommand { .. } => Outcome::Failed,
        key::Error::Pkcs11(error) => token::outcome(error),
        key::Error::Pkcs11Unavailable { .. } => Outcome::Usage,
    }
}

pub(super) fn hint_key(error: &key::Error) -> Option<String> {
    let text = match error {
        key::Error::BadPassphrase { .. } => {
            "check the passphrase; one trailing line ending of a passphrase file is not part of it, spaces are"
        }
        key::Error::Damaged { .. } => {
            "is the file complete? 'openssl pkey -in FILE -noout' reads it too"
        }
        key::Error::Encrypted { .. } => {
            "give --passphrase-file FILE, or --passphrase-from with env:NAME, fd:N, cmd:COMMAND, credential:NAME or tty"
        }
        key::Error::EncryptionUnsupported { origin, .. } => {
            return Some(format!(
                "convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {origin} -out NEW"
            ));
        }
        key::Error::KdfTooExpensive { .. } => {
            "encrypt the key anew with: openssl pkcs8 -topk8 -scrypt -in FILE -out NEW"
        }
        key::Error::NotAKey {
            found: Contents::Certificate,
            ..
        } => "give the file with the private key that belongs to this certificate",
        key::Error::NotAKey { .. } => {
            "a private key file begins with '-----BEGIN PRIVATE KEY-----', or with RSA, EC or ENCRYPTED before PRIVATE"
        }
        key::Error::NoTerminal => {
            "give --passphrase-file FILE, or --passphrase-from with env:NAME, fd:N, cmd:COMMAND, credential:NAME or tty"
        }
        key::Error::Passphrase { .. } => {
            "nothing was changed; check the file, variable, descriptor or credential that is named"
        }
        key::Error::Read { path, source } => return hint_io(path, source),
        key::Error::SignerCommand { .. } => {
            "run the program by hand with 32 bytes on its stdin; README.md says what it is given and must print"
        }
        key::Error::Source { .. } => {
            "a source is FILE, -, env:NAME, fd:N, cmd:COMMAND or credential:NAME"
        }
        key::Error::TooLarge { .. } => "is this the right file?",
        key::Error::TooOpen { path, .. } => {
            return Some(format!(
                "chmod 0600 {}; --allow-insecure-key-permissions accepts it as it is",
                path.display()
            ));
        }
        key::Error::SeveralKeys { .. } => "put the key that is meant into a file of its own",
        key::Error::Unsupported { .. } => {
            "usable are EC keys on P-256, P-384 and P-521, RSA keys of 2048 to 4096 bits, and ML-DSA keys"
        }
        key::Error::Pkcs11(error) => token::hint(error),
        key::Error::Pkcs11Unavailable { .. } => token::HINT_UNAVAILABLE,
        key::Error::Encrypt { .. }
        | key::Error::Generate { .. }
        | key::Error::SchemeMismatch { .. }
        | key::Error::Sign { .. } => return None,
    };
    Some(text.to_owned())
}
