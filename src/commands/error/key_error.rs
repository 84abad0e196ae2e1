//! Exit codes and hints for what goes wrong with keys.

use std::path::Path;

use crate::key::{self, Contents};
use crate::process::CommandFailure;

use super::super::Outcome;
use super::store_error::hint_io;
use super::token;

pub(super) fn of_key(error: &key::Error) -> Outcome {
    match error {
        key::Error::Command {
            failure: CommandFailure::TimedOut,
            ..
        } => Outcome::Temporary,
        // Another program's turn, or the TPM's own pause, comes to an end.
        key::Error::TpmLockout { .. } | key::Error::TpmTimeout { .. } => Outcome::Temporary,
        key::Error::TpmDevice { source, .. }
            if source.kind() == std::io::ErrorKind::ResourceBusy =>
        {
            Outcome::Temporary
        }
        key::Error::Command {
            failure: CommandFailure::Start(_),
            ..
        }
        | key::Error::NoTerminal
        | key::Error::Passphrase { .. }
        | key::Error::Read { .. }
        | key::Error::Source { .. }
        | key::Error::TooLarge { .. }
        | key::Error::TpmPasswordMissing { .. }
        | key::Error::UnfitPassphrase { .. } => Outcome::Usage,
        key::Error::BadPassphrase { .. }
        | key::Error::Damaged { .. }
        | key::Error::DamagedFile { .. }
        | key::Error::Encrypted { .. }
        | key::Error::EncryptionUnsupported { .. }
        | key::Error::KdfTooExpensive { .. }
        | key::Error::NotAKey { .. }
        | key::Error::NotExportable { .. }
        | key::Error::SeveralKeys { .. }
        | key::Error::SchemeMismatch { .. }
        | key::Error::TooOpen { .. }
        | key::Error::TpmDevice { .. }
        | key::Error::TpmForeignKey { .. }
        | key::Error::TpmNoKey { .. }
        | key::Error::TpmPasswordWrong { .. }
        | key::Error::Unsupported { .. } => Outcome::Unusable,
        key::Error::Encrypt { .. }
        | key::Error::Generate { .. }
        | key::Error::ReadBack { .. }
        | key::Error::Sign { .. }
        | key::Error::Command { .. }
        | key::Error::SignerCommand { .. }
        | key::Error::TpmAnswer { .. }
        | key::Error::TpmRefused { .. } => Outcome::Failed,
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
        key::Error::DamagedFile { .. } => {
            "is the file complete? 'openssl storeutl -noout FILE' reads it too"
        }
        key::Error::Encrypted { .. } => {
            concat!(
                "give --passphrase-file FILE, or --passphrase-from with tty, ",
                passphrase_sources!()
            )
        }
        key::Error::EncryptionUnsupported {
            form: "PKCS#12", ..
        } => {
            "export it anew with today's defaults, or convert it with: openssl pkcs12 -legacy -in FILE -out NEW.pem"
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
        } => "give --private-key the file with the private key that belongs to this certificate",
        key::Error::NotAKey { .. } => {
            "a private key file begins with '-----BEGIN PRIVATE KEY-----', or with RSA, EC or ENCRYPTED before PRIVATE"
        }
        key::Error::NotExportable { .. } => {
            "it can only be used where it is; for a key in a file issue another certificate with a new key ('windlass ca issue --help')"
        }
        key::Error::ReadBack { .. } => {
            "nothing was written; this is a fault of windlass: please report it with the command line"
        }
        key::Error::UnfitPassphrase { .. } => {
            "nothing was written; choose one that can be typed anywhere, of ASCII letters, digits and signs"
        }
        key::Error::NoTerminal => {
            concat!(
                "give --passphrase-file FILE, or --passphrase-from with ",
                passphrase_sources!()
            )
        }
        key::Error::Passphrase { .. } => {
            "nothing was changed; check the file, variable, descriptor or credential that is named"
        }
        // A source with a mistyped prefix is taken for a file.
        key::Error::Read { path, source }
            if source.kind() == std::io::ErrorKind::NotFound
                && path.as_os_str().to_string_lossy().contains(':') =>
        {
            "there is no such file; besides FILE there are -, env:NAME, fd:N, cmd:COMMAND, credential:NAME, pkcs11:URI and handle:0x81000001"
        }
        key::Error::Read { path, source } => return hint_io(path, source),
        key::Error::Command { .. } => {
            "run the command by hand as this user; it is not run by a shell, and has no terminal"
        }
        key::Error::SignerCommand { .. } => {
            "run the program by hand; the help of --signer-command says what it is given and must print"
        }
        key::Error::Source { .. } => {
            "a source is FILE, -, env:NAME, fd:N, cmd:COMMAND or credential:NAME"
        }
        key::Error::TooLarge { .. } => "is this the right file?",
        key::Error::TooOpen { path, .. } => {
            return Some(format!(
                "chmod 0600 {}; --allow-insecure-key-permissions accepts it as it is",
                quoted(path)
            ));
        }
        key::Error::SeveralKeys { .. } => "put the key that is meant into a file of its own",
        key::Error::TpmAnswer { .. } => {
            "is it a TPM 2.0? 'tpm2_getcap properties-fixed' asks it the same way"
        }
        key::Error::TpmDevice { device, source } => return hint_tpm_device(device, source),
        key::Error::TpmForeignKey { .. } => {
            "a TPM key works only in the TPM that made it, and no longer once that was cleared; make a new key there and a certificate for it"
        }
        key::Error::TpmLockout { .. } => {
            "wait for the TPM's recovery time, or end the lockout with: tpm2_dictionarylockout --clear-lockout"
        }
        key::Error::TpmNoKey { .. } => {
            "'tpm2_getcap handles-persistent' shows what there is; is the handle right, and the TPM?"
        }
        key::Error::TpmPasswordMissing { .. } => {
            "give --passphrase-file FILE or --passphrase-from, or --no-tpm-key-password if it has none; stop whatever calls this again by itself: each attempt may bring the TPM nearer to its lockout"
        }
        key::Error::TpmPasswordWrong { .. } => {
            "check the passphrase before another attempt: a TPM counts wrong ones and then takes none for a while"
        }
        key::Error::TpmRefused { code, .. } => return hint_tpm_code(*code),
        key::Error::TpmTimeout { .. } => {
            "does another program hold it? Use --tpm-device /dev/tpmrm0, the kernel's resource manager, which serves several at once"
        }
        key::Error::Unsupported { .. } => {
            "usable are EC keys on P-256, P-384 and P-521, RSA keys of 2048, 3072 and 4096 bits, and ML-DSA keys in files"
        }
        key::Error::Pkcs11(error) => token::hint(error),
        key::Error::Pkcs11Unavailable { .. } => token::HINT_UNAVAILABLE,
        key::Error::SchemeMismatch { .. } => {
            "Roles Anywhere takes SHA-256 only, and a TPM's key makes no other: leave out --digest"
        }
        key::Error::Encrypt { .. } | key::Error::Generate { .. } => return None,
        key::Error::Sign { .. } => {
            "is the key damaged? 'openssl pkey -in FILE -check -noout' looks at its numbers"
        }
    };
    Some(text.to_owned())
}

/// A path as it is typed in a shell.
fn quoted(path: &Path) -> String {
    let shown = path.display().to_string();
    shlex::try_quote(&shown).map_or_else(|_| shown.clone(), std::borrow::Cow::into_owned)
}

fn hint_tpm_device(device: &Path, source: &std::io::Error) -> Option<String> {
    let device = device.display();
    match source.kind() {
        std::io::ErrorKind::NotFound => Some(format!(
            "is --tpm-device {device} right? A TPM 2.0 that the firmware has switched on is /dev/tpmrm0"
        )),
        std::io::ErrorKind::PermissionDenied => Some(format!(
            "add this user to the group of {device}, which is 'tss' on most systems: usermod -a -G tss USER"
        )),
        std::io::ErrorKind::InvalidInput => Some(
            "give --tpm-device the device of a TPM 2.0, such as /dev/tpmrm0, or the socket of a software TPM".to_owned(),
        ),
        std::io::ErrorKind::ResourceBusy => Some(
            "another program holds it; use --tpm-device /dev/tpmrm0, the kernel's resource manager, which serves several at once".to_owned(),
        ),
        _ => None,
    }
}

/// The low octets of a code say what is wrong (TPM 2.0 Library, part 2, 6.6).
fn hint_tpm_code(code: u32) -> Option<String> {
    let text = match code & 0xfff {
        0x100 => "a software TPM is started with: swtpm socket --flags startup-clear",
        0x902 | 0x904 | 0x906 => {
            "use /dev/tpmrm0, which makes room; 'tpm2_flushcontext --transient-object' clears what others have left on /dev/tpm0"
        }
        0x901 | 0x903 | 0x905 => {
            "use /dev/tpmrm0, which makes room; 'tpm2_flushcontext --loaded-session' clears what others have left on /dev/tpm0"
        }
        // AUTH_FAIL and BAD_AUTH of a parent or hierarchy, in session one.
        0x98e | 0x9a2 => {
            "the key's parent or its hierarchy has a password of its own, which windlass does not use; make the key below a parent without one"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
