//! Why a key cannot be read, made or used.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::CommandFailure;

use super::{Contents, KeyAlgorithm, KeyType, Pkcs11Error, Scheme};

/// Why a key cannot be read, made or used. `origin` names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The passphrase does not decrypt the key.
    #[error("the passphrase does not open {origin}")]
    BadPassphrase {
        /// The key file.
        origin: String,
    },
    /// A program that gives a secret, a certificate or a signature failed.
    #[error("the command {program} failed: {failure}")]
    Command {
        /// The program's name; its arguments may be sensitive.
        program: String,
        /// What went wrong.
        failure: CommandFailure,
    },
    /// The key's bytes do not decode although their form is known.
    #[error("{origin} holds a damaged {form} private key")]
    Damaged {
        /// The key file.
        origin: String,
        /// The form that its label or structure announces.
        form: &'static str,
    },
    /// A file does not decode, so that nobody knows what is in it.
    #[error("{origin} is damaged: its {form} does not decode")]
    DamagedFile {
        /// The file.
        origin: String,
        /// The form that it has.
        form: &'static str,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("{origin} is encrypted and no passphrase was given")]
    Encrypted {
        /// The key file.
        origin: String,
    },
    /// Encrypting failed because no randomness could be had.
    #[error("{origin} could not be encrypted")]
    Encrypt {
        /// What the key is called.
        origin: String,
    },
    /// The key is encrypted in a way that is not read.
    #[error("{origin} is protected with {scheme}, which windlass does not read")]
    EncryptionUnsupported {
        /// The key file.
        origin: String,
        /// What holds the key.
        form: &'static str,
        /// The scheme of the encryption or of the integrity check.
        scheme: String,
    },
    /// Making a key failed.
    #[error("a new {key_type} key could not be made")]
    Generate {
        /// What was asked for.
        key_type: KeyType,
    },
    /// The file's encryption parameters demand more than is allowed.
    #[error("{origin} demands too much work to decrypt: {demand}")]
    KdfTooExpensive {
        /// The key file.
        origin: String,
        /// What it demands, with the bound.
        demand: String,
    },
    /// The file holds no private key.
    #[error("{origin} holds no private key: {found}")]
    NotAKey {
        /// The key file.
        origin: String,
        /// What was found instead.
        found: Contents,
    },
    /// The key cannot be written elsewhere.
    #[error("{origin} cannot be exported: the private key never leaves its {device}")]
    NotExportable {
        /// The URI, handle or key file.
        origin: String,
        /// `token` or `TPM`.
        device: &'static str,
    },
    /// A passphrase is needed and there is no terminal to ask on.
    #[error("a passphrase is needed and there is no terminal to ask on")]
    NoTerminal,
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file holds several private keys.
    #[error("{origin} holds {count} private keys, and only one can be meant")]
    SeveralKeys {
        /// The key file.
        origin: String,
        /// How many.
        count: usize,
    },
    /// A passphrase could not be read.
    #[error("no passphrase could be read from {from}: {reason}")]
    Passphrase {
        /// The source, named as the user knows it; never its content.
        from: String,
        /// What went wrong.
        reason: String,
    },
    /// What was written does not read as it should: a fault of this program.
    #[error("{origin} would not be read again as it was written")]
    ReadBack {
        /// What was to be written.
        origin: String,
    },
    /// The scheme cannot be used with this key.
    #[error("this {algorithm} key does not sign as {scheme}")]
    SchemeMismatch {
        /// The key's algorithm.
        algorithm: KeyAlgorithm,
        /// The scheme that was asked for.
        scheme: Scheme,
    },
    /// Signing failed.
    #[error("signing with the key of {origin} failed")]
    Sign {
        /// The key file.
        origin: String,
    },
    /// The program that signs gave something else than a signature.
    #[error("the signer command {program} failed: {reason}")]
    SignerCommand {
        /// The program's name.
        program: String,
        /// What went wrong.
        reason: String,
    },
    /// Something other than a file cannot be read.
    #[error("nothing could be read from {from}: {reason}")]
    Source {
        /// The source, named as the user knows it.
        from: String,
        /// What went wrong.
        reason: String,
    },
    /// A file is larger than is read.
    #[error("{path} is larger than the {max} bytes that are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound in bytes.
        max: u64,
    },
    /// A private key file can be read by others.
    #[error("the private key file {path} can be read by others (mode {mode:04o})")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A new passphrase is one that others could not type or read.
    #[error("the new passphrase {reason}")]
    UnfitPassphrase {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key is of a type or size that cannot be used.
    #[error("{origin} holds a key that cannot be used: {found}")]
    Unsupported {
        /// The key file.
        origin: String,
        /// The type or size that was found, with the rule.
        found: String,
    },
    /// A token, or what is in it, cannot be used.
    #[error(transparent)]
    Pkcs11(#[from] Pkcs11Error),
    /// This program was built without support for tokens.
    #[error(
        "{uri} cannot be used: this build has no PKCS#11, since a statically linked program cannot load a token's library"
    )]
    Pkcs11Unavailable {
        /// The URI of the key or certificate.
        uri: String,
    },
    /// The TPM's answer breaks the rules of TPM 2.0.
    #[error("the TPM {} cannot be understood: {reason}", device.display())]
    TpmAnswer {
        /// The TPM's device or socket.
        device: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The TPM cannot be opened, written or read.
    #[error("the TPM {} cannot be reached", device.display())]
    TpmDevice {
        /// The TPM's device or socket.
        device: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The TPM does not recognise the key as one that it has wrapped.
    #[error("{origin} does not belong to the TPM {} (TPM_RC_INTEGRITY)", device.display())]
    TpmForeignKey {
        /// The key file.
        origin: String,
        /// The TPM's device or socket.
        device: PathBuf,
    },
    /// The TPM takes no passwords for a while.
    #[error(
        "the TPM {} takes no passwords now, after too many wrong ones (TPM_RC_LOCKOUT)",
        device.display()
    )]
    TpmLockout {
        /// The TPM's device or socket.
        device: PathBuf,
    },
    /// There is nothing at the handle.
    #[error("the TPM {} has no key {origin}", device.display())]
    TpmNoKey {
        /// The handle.
        origin: String,
        /// The TPM's device or socket.
        device: PathBuf,
    },
    /// The TPM key has a password and none was given.
    #[error("the TPM key {origin} has a password and none was given")]
    TpmPasswordMissing {
        /// The key file or handle.
        origin: String,
    },
    /// The TPM key has another password.
    #[error("the password is not that of the TPM key {origin}")]
    TpmPasswordWrong {
        /// The key file or handle.
        origin: String,
    },
    /// The TPM refused a command.
    #[error("the TPM {} refuses to {action}: {words} (0x{code:03x})", device.display())]
    TpmRefused {
        /// The TPM's device or socket.
        device: PathBuf,
        /// What it was to do, with the key.
        action: String,
        /// The response code in words.
        words: &'static str,
        /// The response code (TPM 2.0 Library, part 2, 6.6).
        code: u32,
    },
    /// The TPM did not answer in time.
    #[error("the TPM {} has not answered within {} s", device.display(), after.as_secs_f32())]
    TpmTimeout {
        /// The TPM's device or socket.
        device: PathBuf,
        /// How long one use of a key may take.
        after: Duration,
    },
}
