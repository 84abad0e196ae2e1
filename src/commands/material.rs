//! Reading keys, certificates and passphrases from where the options say.

use std::path::Path;

use crate::cli::{NewPassphraseArgs, PassphraseArgs, TypedPassphrase};
use crate::key::{self, PassphraseSource, Source};
use crate::limits;
use crate::pki::{self, Certificate, Crl, Sourced};
use crate::secret::Secret;
use crate::store::{self, read_bounded};

use super::Context;

/// The passphrase's source: an option, else the environment's file. `prompt` is
/// what a terminal shows.
pub(super) fn passphrase_source(
    arguments: &PassphraseArgs,
    context: &Context,
    prompt: &str,
) -> Option<PassphraseSource> {
    Some(match arguments.source() {
        Some(TypedPassphrase::Source(source)) => PassphraseSource::Source(context.source(&source)),
        Some(TypedPassphrase::Terminal) => PassphraseSource::Terminal {
            prompt: prompt.to_owned(),
            confirm: false,
        },
        None => {
            let path = context.environment.get("WINDLASS_PASSPHRASE_FILE")?;
            PassphraseSource::Source(context.source(&Source::File(path.into())))
        }
    })
}

/// Reads the passphrase, or asks for it on the terminal; twice when a new one
/// is chosen there.
pub(super) fn passphrase_or_ask(
    arguments: &PassphraseArgs,
    context: &Context,
    prompt: &str,
    confirm: bool,
) -> Result<Secret, key::Error> {
    let source = match passphrase_source(arguments, context, prompt) {
        Some(PassphraseSource::Terminal { .. }) | None => PassphraseSource::Terminal {
            prompt: prompt.to_owned(),
            confirm,
        },
        Some(other) => other,
    };
    source.read(&context.environment)
}

/// The source of a passphrase that is being chosen, beside another one that is
/// read: a pipe gives what it has once.
pub(super) fn new_passphrase_source(
    arguments: &NewPassphraseArgs,
    other: &PassphraseArgs,
    context: &Context,
    prompt: &str,
) -> Result<PassphraseSource, super::Error> {
    let typed = arguments.source();
    let is_stdin = |typed: Option<&TypedPassphrase>| {
        matches!(typed, Some(TypedPassphrase::Source(Source::Stdin)))
    };
    if is_stdin(typed.as_ref()) && is_stdin(other.source().as_ref()) {
        return Err(super::Error::ReadTwice {
            origin: "the standard input".to_owned(),
        });
    }
    Ok(match typed {
        Some(TypedPassphrase::Source(source)) => PassphraseSource::Source(context.source(&source)),
        Some(TypedPassphrase::Terminal) | None => PassphraseSource::Terminal {
            prompt: prompt.to_owned(),
            confirm: true,
        },
    })
}

/// Reads a passphrase that is being chosen, from where [`new_passphrase_source`] says.
pub(super) fn new_passphrase(
    source: &PassphraseSource,
    context: &Context,
) -> Result<Secret, super::Error> {
    match source.read(&context.environment) {
        Err(key::Error::NoTerminal) => Err(super::Error::NoNewPassphrase),
        read => Ok(read?),
    }
}

/// Reads all certificates of a file, with the file's name.
pub(super) fn certificates(path: &Path) -> Result<Vec<Sourced>, super::Error> {
    let origin = path.display().to_string();
    let material = read_bounded(path, limits::MAX_FILE)?;
    let certificates = pki::read_certificates(&material, &origin)?;
    Ok(certificates
        .into_iter()
        .map(|certificate| Sourced {
            origin: origin.clone(),
            certificate,
        })
        .collect())
}

/// Reads all certificates of a file.
pub(super) fn bare_certificates(path: &Path) -> Result<Vec<Certificate>, super::Error> {
    Ok(certificates(path)?
        .into_iter()
        .map(|sourced| sourced.certificate)
        .collect())
}

/// Reads a revocation list.
pub(super) fn crl(path: &Path) -> Result<Crl, super::Error> {
    let material = read_bounded(path, limits::MAX_FILE)?;
    Ok(Crl::read(&material, &path.display().to_string())?)
}

/// Further TLS roots: the option's, else `$AWS_CA_BUNDLE`'s, else
/// `$SSL_CERT_FILE`'s. The last is often set for other programs, so that it is
/// missing is only noted.
pub(super) fn tls_roots(
    option: Option<&Path>,
    context: &Context,
) -> Result<Vec<Vec<u8>>, super::Error> {
    let read = |path: &Path| -> Result<Vec<Vec<u8>>, super::Error> {
        let path = &context.path(path);
        let material = read_bounded(path, limits::MAX_FILE)?;
        Ok(pki::read_der_bundle(
            &material,
            &path.display().to_string(),
        )?)
    };
    let environment = &context.environment;
    if let Some(path) = option {
        return read(path);
    }
    if let Some(path) = environment.get("AWS_CA_BUNDLE").map(Path::new) {
        return read(path).map_err(|source| super::Error::Variable {
            name: "AWS_CA_BUNDLE",
            source: Box::new(source),
        });
    }
    match environment.get("SSL_CERT_FILE").map(Path::new) {
        None => Ok(Vec::new()),
        Some(path) => match read(path) {
            Err(super::Error::Store(error @ store::Error::Io { .. })) => {
                context.printer.note(&format!("$SSL_CERT_FILE: {error}"));
                Ok(Vec::new())
            }
            other => other,
        },
    }
}
