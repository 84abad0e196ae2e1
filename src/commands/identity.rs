//! Loading the key and the certificates that the options name, as one snapshot.

mod attempt;
mod exportable;
mod leaf;
mod managed;
mod opening;
mod said;
mod subject;

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::{CertificateArgs, IdentityArgs, SelectorArgument};
use crate::key::{
    self, Access, Changes, KeySource, Loader, Passphrase, PassphraseSource, Permissions, Signer,
    TokenOptions, TpmDevice,
};
use crate::limits;
use crate::pki::{self, Certificate, CertificateSelector, Identity, Sourced};
use crate::secret::Secret;
use crate::store::read_bounded;

use self::attempt::{Attempt, Places};
pub(super) use self::exportable::{Exportable, exportable};
pub(super) use self::managed::check_managed;
use self::managed::{Holds, Look, Managed};
pub(super) use self::opening::Opening;
pub(super) use self::said::Said;
pub(super) use self::subject::{Judged, Subject};
use super::{Context, Error, material};

/// What there is to show.
pub(super) enum Loaded {
    /// A certificate whose key is elsewhere, with its intermediates.
    Certificate(Box<Sourced>, Vec<Certificate>),
    /// A key with its certificates.
    Identity(Box<Identity>),
    /// A key alone.
    Key(Box<dyn Signer>),
}

/// Opens the key, reads the certificates and puts them together, or the key or
/// the certificate alone where the other is not with it.
pub(super) fn load_any(arguments: &IdentityArgs, context: &Context) -> Result<Loaded, Error> {
    let said = Said::identity(arguments);
    let plan = Plan::new(said, context)?;
    plan.retrying(|attempt, loader| {
        if !attempt.places.has_certificate {
            return key_and_beside(attempt, loader);
        }
        let has_signer = attempt.places.private_key.is_some() || said.signer_command().is_some();
        if has_signer || loader.has_key(&attempt.places.place)? {
            let identity = attempt.identity(loader)?;
            return Ok(Loaded::Identity(Box::new(identity)));
        }
        let candidates = attempt.leaves(loader)?;
        let leaf = candidates.sole_leaf().ok_or_else(|| candidates.several())?;
        let leaf = leaf.0.clone();
        let mut others = attempt.intermediates(loader)?;
        others.extend(candidates.named.into_iter().map(|(sourced, _)| sourced));
        let chain = pki::chain_of(&leaf.certificate, others);
        Ok(Loaded::Certificate(Box::new(leaf), chain))
    })
}

/// A key about whose certificate nothing is said, with those that stand beside it.
fn key_and_beside(attempt: &Attempt<'_>, loader: &mut Loader<'_>) -> Result<Loaded, Error> {
    let source = attempt.key_source();
    let signer = loader.open(source, None)?;
    let mut beside = attempt.beside(loader, source)?;
    let has_own = |found: &Sourced| found.certificate.public_key() == signer.public_key();
    Ok(if beside.iter().any(has_own) {
        beside.extend(attempt.intermediates(loader)?);
        Loaded::Identity(Box::new(Identity::new(signer, beside)?))
    } else {
        Loaded::Key(signer)
    })
}

/// Opens the key; certificates are read only where they say which key is meant.
pub(super) fn signer_only(said: Said<'_>, context: &Context) -> Result<Box<dyn Signer>, Error> {
    let plan = Plan::new(said, context)?;
    plan.retrying(|attempt, loader| {
        // Of several keys in a token a certificate names one.
        if !attempt.places.has_certificate {
            return Ok(loader.open(attempt.key_source(), None)?);
        }
        let leaves = attempt.leaves(loader)?;
        attempt.signer(loader, &leaves)
    })
}

/// Reads the certificates that the options name, in the order of their source.
pub(super) fn certificates_only(said: Said<'_>, context: &Context) -> Result<Vec<Sourced>, Error> {
    let plan = Plan::new(said, context)?;
    plan.retrying(|attempt, loader| {
        let found = attempt.parse(loader, &attempt.places.place)?.named;
        let found: Vec<Sourced> = found
            .into_iter()
            .map(|(sourced, _)| sourced)
            .filter(|sourced| attempt.is_selected(&sourced.certificate))
            .collect();
        Ok(found)
    })
}

/// Whether what signs is a device or a program, and no key in a file.
pub(super) fn is_by_device(arguments: &IdentityArgs) -> bool {
    let is_device = |source: &Option<KeySource>| {
        matches!(source, Some(KeySource::Token(_) | KeySource::Tpm(_)))
    };
    arguments.key.signer_command.is_some()
        || is_device(&arguments.key.private_key)
        || (arguments.key.private_key.is_none() && is_device(&arguments.certificate.certificate))
}

/// Whether certificates are looked for, instead of one named outright.
pub(super) const fn is_search(arguments: &CertificateArgs) -> bool {
    arguments.cert_selector.is_some() || matches!(arguments.certificate, Some(KeySource::Token(_)))
}

/// What the options mean, with paths resolved.
struct Plan<'a> {
    said: Said<'a>,
    context: &'a Context,
    sources: Sources,
    selector: Option<CertificateSelector>,
    passphrase: Passphrase,
}

/// How certificate and key are found.
enum Sources {
    /// The options name their places.
    Named(Places),
    /// They are in a version of a managed identity, which changes.
    Managed(Managed),
}

impl<'a> Plan<'a> {
    fn new(said: Said<'a>, context: &'a Context) -> Result<Self, Error> {
        let selector = match &said.certificate.cert_selector {
            None => None,
            Some(SelectorArgument::Inline(selector)) => Some(selector.clone()),
            Some(SelectorArgument::File(path)) => {
                let path = context.path(path);
                let content = read_bounded(&path, limits::MAX_FILE)?;
                let parsed = CertificateSelector::from_json(&content);
                Some(parsed.map_err(|reason| Error::Selector { path, reason })?)
            }
        };
        let source = passphrase_source(said, context);
        let sources = match said.identity {
            Some(directory) => Sources::Managed(Managed::new(&context.path(directory))),
            None => {
                let places = Places::named(said, selector.is_some(), context)?;
                places.check_read_once(source.as_ref())?;
                Sources::Named(places)
            }
        };
        Ok(Self {
            said,
            context,
            sources,
            selector,
            passphrase: Passphrase::new(source, &context.environment),
        })
    }

    /// Runs one attempt after the other while the next moment may bring a better
    /// answer.
    fn retrying<T: Holds>(
        &self,
        attempt: impl Fn(&Attempt<'_>, &mut Loader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.retrying_with(&mut Look::new(self.loader()), attempt)
    }

    /// The same with what a loader has read already.
    fn retrying_with<T: Holds>(
        &self,
        look: &mut Look<'a>,
        attempt: impl Fn(&Attempt<'_>, &mut Loader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let done = match &self.sources {
            Sources::Named(places) => {
                let attempt =
                    |loader: &mut Loader<'a>| attempt(&Attempt { plan: self, places }, loader);
                while_files_change(&mut look.loader, attempt)
            }
            Sources::Managed(managed) => managed.take(self, look, &attempt),
        }?;
        if self.passphrase.is_unused() {
            self.context.printer.note("no passphrase was needed");
        }
        Ok(done)
    }

    fn loader(&self) -> Loader<'a> {
        let (context, key) = (self.context, self.said.key);
        let tpm = key.and_then(|key| key.tpm_device.clone()).or_else(|| {
            let named = context.environment.get("TPM_DEVICE");
            named.map(PathBuf::from)
        });
        Loader::new(Access {
            environment: &context.environment,
            passphrase: self.passphrase.clone(),
            permissions: if key.is_some_and(|key| key.allow_insecure_key_permissions) {
                Permissions::Any
            } else {
                Permissions::Private
            },
            tokens: TokenOptions {
                library: self
                    .said
                    .certificate
                    .pkcs11_lib
                    .as_ref()
                    .map(|path| context.path(path)),
                reuse_pin: key.is_some_and(|key| key.reuse_pin),
            },
            tpm: TpmDevice::new(tpm.map(|path| context.path(&path)).as_deref()),
        })
    }
}

/// Tries again when files have been replaced since they were read, and waits for
/// that a moment.
fn while_files_change<'a, T>(
    loader: &mut Loader<'a>,
    attempt: impl Fn(&mut Loader<'a>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pauses = limits::RELOAD_PAUSES.into_iter();
    loop {
        let error = match attempt(loader) {
            Err(error) if is_transient(&error) => error,
            outcome => return outcome,
        };
        loop {
            match loader.forget_changed_files() {
                Changes::Impossible => return Err(error),
                Changes::Some => break,
                Changes::None => match pauses.next() {
                    Some(pause) => std::thread::sleep(pause),
                    None => return Err(error),
                },
            }
        }
    }
}

/// With `~/` resolved in a file's name.
fn resolved(source: &KeySource, context: &Context) -> KeySource {
    match source {
        KeySource::Material(source) => KeySource::Material(context.source(source)),
        other => other.clone(),
    }
}

fn passphrase_source(said: Said<'_>, context: &Context) -> Option<PassphraseSource> {
    if said.key.is_some_and(|key| key.no_tpm_key_password) {
        // Whatever $WINDLASS_PASSPHRASE_FILE is for, it is not for this key.
        return Some(PassphraseSource::Given(Arc::new(Secret::new(Vec::new()))));
    }
    let given = [
        ("--pkcs8-password", said.unlock.pkcs8_password.as_ref()),
        (
            "--tpm-key-password",
            said.key.and_then(|key| key.tpm_key_password.as_ref()),
        ),
    ];
    for (option, secret) in given {
        if let Some(secret) = secret {
            context.printer.warning_once(&format!(
                "{option}: every user of this machine can read the passphrase in the list of processes; use --passphrase-from",
            ));
            return Some(PassphraseSource::Given(secret.secret()));
        }
    }
    material::passphrase_source(
        &said.unlock.passphrase,
        context,
        "Passphrase of the private key",
    )
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
