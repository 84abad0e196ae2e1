//! Loading the key and the certificates that the options name, as one snapshot.

use std::cell::RefCell;
use std::sync::Arc;

use crate::cli::IdentityArgs;
use crate::key::{
    self, Access, ExternalSigner, FoundCertificate, KeySource, Loader, PassphraseSource,
    Permissions, Signer, Source,
};
use crate::limits;
use crate::pki::{self, Certificate, Identity, Sourced};
use crate::secret::Secret;

use super::{Context, Error, material};

/// Opens the key, reads the certificates and puts them together. While they do
/// not match the load is tried again for a moment: a rotation replaces one file
/// after the other.
pub(super) fn load(arguments: &IdentityArgs, context: &Context) -> Result<Identity, Error> {
    let passphrase = passphrase(arguments, context);
    check_standard_input(arguments, passphrase.as_ref())?;
    let cache: RefCell<Option<Arc<Secret>>> = RefCell::default();
    // A descriptor or a terminal cannot be read twice.
    let ask = || -> Result<Option<Secret>, key::Error> {
        if let Some(known) = cache.borrow().as_ref() {
            return Ok(Some(Secret::new(known.expose().to_vec())));
        }
        let Some(source) = &passphrase else {
            return Ok(None);
        };
        let secret = source.read(&context.environment)?;
        cache.replace(Some(Arc::new(Secret::new(secret.expose().to_vec()))));
        Ok(Some(secret))
    };
    let mut loader = Loader::new(Access {
        environment: &context.environment,
        passphrase: &ask,
        permissions: if arguments.allow_insecure_key_permissions {
            Permissions::Any
        } else {
            Permissions::Private
        },
    });
    let mut pauses = limits::RELOAD_PAUSES.into_iter();
    let identity = loop {
        match attempt(arguments, context, &mut loader) {
            Err(error) if is_transient(&error) && has_file(arguments) => match pauses.next() {
                Some(pause) => {
                    std::thread::sleep(pause);
                    loader.forget_files();
                }
                None => return Err(error),
            },
            other => break other?,
        }
    };
    if passphrase.is_some() && cache.borrow().is_none() {
        context
            .printer
            .note("the private key is not encrypted: its passphrase was not needed");
    }
    for dropped in identity.dropped() {
        context.printer.note(&format!(
            "{} of {} is not part of the chain and is not sent",
            dropped.certificate.subject(),
            dropped.origin
        ));
    }
    Ok(identity)
}

fn attempt(
    arguments: &IdentityArgs,
    context: &Context,
    loader: &mut Loader<'_>,
) -> Result<Identity, Error> {
    let typed = |source: &KeySource| match source {
        KeySource::Material(source) => KeySource::Material(context.source(source)),
    };
    let certificate_source = typed(&arguments.certificate);
    let mut certificates = certificates(loader, &certificate_source)?;
    if let Some(source) = &arguments.intermediates {
        let source = KeySource::Material(context.source(source));
        certificates.extend(self::certificates(loader, &source)?);
    }
    if let Some(command) = &arguments.signer_command {
        let leaf = first_end_entity(&certificates);
        let key = leaf.public_key().clone();
        let signer = ExternalSigner::new(command.clone(), arguments.signer_input, key);
        return Ok(Identity::new(Box::new(signer), certificates)?);
    }
    let key_source = arguments
        .private_key
        .as_ref()
        .map_or_else(|| certificate_source.clone(), typed);
    let signer: Box<dyn Signer> = loader.open(&key_source)?;
    if key_source != certificate_source {
        // A key's file may hold certificates of the chain too. Whatever else is
        // in it does not matter.
        let found = loader.certificates(&key_source)?;
        check_number(&found, &key_source)?;
        certificates.extend(found.into_iter().filter_map(|found| {
            let certificate = Certificate::from_der(&found.der, &found.origin).ok()?;
            Some(Sourced {
                origin: found.origin,
                certificate,
            })
        }));
    }
    Ok(Identity::new(signer, certificates)?)
}

/// Reads the certificates of a source, which must hold one.
fn certificates(loader: &mut Loader<'_>, source: &KeySource) -> Result<Vec<Sourced>, Error> {
    let found = loader.certificates(source)?;
    if found.is_empty() {
        let KeySource::Material(source) = source;
        let material = loader.material(source)?;
        return Err(pki::Error::NoCertificate {
            origin: material.origin().to_owned(),
            found: material.contents().clone(),
        }
        .into());
    }
    check_number(&found, source)?;
    found
        .into_iter()
        .map(|found| {
            Ok(Sourced {
                certificate: Certificate::from_der(&found.der, &found.origin)?,
                origin: found.origin,
            })
        })
        .collect()
}

/// A chain may take a signature check for each certificate.
fn check_number(found: &[FoundCertificate], source: &KeySource) -> Result<(), pki::Error> {
    if found.len() > limits::MAX_CERTIFICATES {
        return Err(pki::Error::TooMany {
            origin: source.to_string(),
            count: found.len(),
            max: limits::MAX_CERTIFICATES,
        });
    }
    Ok(())
}

/// The certificate for whose key a program is asked to sign: the first that is
/// not a CA's.
fn first_end_entity(certificates: &[Sourced]) -> &Certificate {
    let leaf = certificates
        .iter()
        .find(|candidate| !candidate.certificate.is_ca());
    &leaf.unwrap_or(&certificates[0]).certificate
}

fn passphrase(arguments: &IdentityArgs, context: &Context) -> Option<PassphraseSource> {
    if let Some(secret) = &arguments.pkcs8_password {
        context.printer.warning(
            "--pkcs8-password: every user of this machine can read the passphrase in the list of processes; use --passphrase-from",
        );
        return Some(PassphraseSource::Given(secret.secret()));
    }
    material::passphrase_source(
        &arguments.passphrase,
        context,
        "Passphrase of the private key",
    )
}

/// The standard input can be read for one purpose only.
fn check_standard_input(
    arguments: &IdentityArgs,
    passphrase: Option<&PassphraseSource>,
) -> Result<(), Error> {
    let is_stdin = |source: &KeySource| matches!(source, KeySource::Material(Source::Stdin));
    let material = is_stdin(&arguments.certificate)
        || arguments.private_key.as_ref().is_some_and(is_stdin)
        || arguments.intermediates == Some(Source::Stdin);
    let passphrase = matches!(passphrase, Some(PassphraseSource::Source(Source::Stdin)));
    if material && passphrase {
        return Err(Error::StandardInputTwice);
    }
    Ok(())
}

/// Whether the next moment may bring a better answer.
fn is_transient(error: &Error) -> bool {
    matches!(
        error,
        Error::Pki(
            pki::Error::KeyMismatch { .. }
                | pki::Error::Damaged { .. }
                | pki::Error::NoCertificate {
                    found: key::Contents::Empty | key::Contents::Unfinished,
                    ..
                }
        ) | Error::Key(
            key::Error::Damaged { .. }
                | key::Error::DamagedFile { .. }
                | key::Error::NotAKey {
                    found: key::Contents::Empty | key::Contents::Unfinished,
                    ..
                }
        )
    )
}

fn has_file(arguments: &IdentityArgs) -> bool {
    let is_file = |source: &KeySource| matches!(source, KeySource::Material(Source::File(_)));
    is_file(&arguments.certificate)
        || arguments.private_key.as_ref().is_some_and(is_file)
        || arguments
            .intermediates
            .as_ref()
            .is_some_and(Source::is_file)
}
