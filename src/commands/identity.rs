//! Loading the key and the certificates that the options name, as one snapshot.

mod exportable;
mod leaf;
mod opening;
mod said;

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::{CertificateArgs, IdentityArgs, SelectorArgument, UnlockArgs};
use crate::key::{
    self, Access, Changes, ExternalSigner, FoundCertificate, KeySource, Loader, Passphrase,
    PassphraseSource, Permissions, Pkcs11Uri, Signer, Source, TokenOptions, TpmDevice,
};
use crate::limits;
use crate::pki::{self, Certificate, CertificateSelector, Identity, Sourced};
use crate::secret::Secret;
use crate::store::read_bounded;

pub(super) use self::exportable::{Exportable, exportable};
use self::leaf::{Candidates, Wanted};
pub(super) use self::opening::Opening;
pub(super) use self::said::Said;
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
    if plan.has_certificate {
        let has_signer = plan.private_key.is_some() || said.signer_command().is_some();
        return plan.retrying(|loader| {
            if has_signer || loader.has_key(&plan.place)? {
                let identity = plan.identity(loader)?;
                return Ok(Loaded::Identity(Box::new(identity)));
            }
            let candidates = plan.leaves(loader)?;
            let leaf = candidates.sole_leaf().ok_or_else(|| candidates.several())?;
            let leaf = leaf.0.clone();
            let mut others = plan.intermediates(loader)?;
            others.extend(candidates.named.into_iter().map(|(sourced, _)| sourced));
            let chain = pki::chain_of(&leaf.certificate, others);
            Ok(Loaded::Certificate(Box::new(leaf), chain))
        });
    }
    plan.retrying(|loader| {
        let source = plan.key_source();
        let signer = loader.open(source, None)?;
        let mut beside = plan.beside(loader, source)?;
        let has_own = |found: &Sourced| found.certificate.public_key() == signer.public_key();
        Ok(if beside.iter().any(has_own) {
            beside.extend(plan.intermediates(loader)?);
            Loaded::Identity(Box::new(Identity::new(signer, beside)?))
        } else {
            Loaded::Key(signer)
        })
    })
}

/// Opens the key; certificates are read only where they say which key is meant.
pub(super) fn signer_only(said: Said<'_>, context: &Context) -> Result<Box<dyn Signer>, Error> {
    let plan = Plan::new(said, context)?;
    plan.retrying(|loader| {
        // Of several keys in a token a certificate names one.
        if !plan.has_certificate {
            return Ok(loader.open(plan.key_source(), None)?);
        }
        let leaves = plan.leaves(loader)?;
        plan.signer(loader, &leaves)
    })
}

/// Reads the certificates that the options name, in the order of their source.
pub(super) fn certificates_only(
    certificate: &CertificateArgs,
    unlock: &UnlockArgs,
    context: &Context,
) -> Result<Vec<Sourced>, Error> {
    let said = Said {
        certificate,
        key: None,
        intermediates: None,
        unlock,
    };
    let plan = Plan::new(said, context)?;
    plan.retrying(|loader| {
        let source = &plan.place;
        let found = plan.parse(loader, source)?.named;
        Ok(found
            .into_iter()
            .map(|(sourced, _)| sourced)
            .filter(|sourced| plan.is_selected(&sourced.certificate))
            .collect())
    })
}

/// Whether certificates are looked for, instead of one named outright.
pub(super) const fn is_search(arguments: &CertificateArgs) -> bool {
    arguments.cert_selector.is_some() || matches!(arguments.certificate, Some(KeySource::Token(_)))
}

/// What the options mean, with paths resolved.
struct Plan<'a> {
    said: Said<'a>,
    context: &'a Context,
    /// Whether the place is that of a certificate, or of a key alone.
    has_certificate: bool,
    /// Where the certificate is, or the key when nothing is said about one.
    place: KeySource,
    private_key: Option<KeySource>,
    intermediates: Option<KeySource>,
    selector: Option<CertificateSelector>,
    passphrase: Passphrase,
}

impl<'a> Plan<'a> {
    fn new(said: Said<'a>, context: &'a Context) -> Result<Self, Error> {
        let resolved = |source: &KeySource| resolved(source, context);
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
        let named = &said.certificate.certificate;
        let certificate = named.as_ref().map(resolved).or_else(|| {
            // Without a place a selector looks into the token.
            selector
                .is_some()
                .then(|| KeySource::Token(Box::new(Ok(Pkcs11Uri::default()))))
        });
        let private_key = said.private_key().map(resolved);
        let has_pin = |source: &KeySource| match source {
            KeySource::Token(uri) => uri.as_ref().as_ref().is_ok_and(Pkcs11Uri::has_pin_value),
            KeySource::Material(_) | KeySource::Tpm(_) => false,
        };
        let places = [named.as_ref(), said.private_key()];
        if places.into_iter().flatten().any(has_pin) {
            context.printer.warning_once(
                "pin-value: every user of this machine can read the PIN in the list of processes; use pin-source or --passphrase-from",
            );
        }
        let source = passphrase_source(said, context);
        // A pipe gives what it has once.
        if let Some(PassphraseSource::Source(passphrase)) = &source
            && matches!(passphrase, Source::Stdin | Source::Fd(_))
            && [
                certificate.as_ref(),
                private_key.as_ref(),
                said.intermediates,
            ]
            .into_iter()
            .flatten()
            .any(|other| other.material() == Some(passphrase))
        {
            return Err(Error::ReadTwice {
                origin: passphrase.to_string(),
            });
        }
        Ok(Self {
            said,
            context,
            has_certificate: certificate.is_some(),
            place: certificate
                .or_else(|| private_key.clone())
                .ok_or(Error::NoIdentity)?,
            private_key,
            intermediates: said.intermediates.map(resolved),
            selector,
            passphrase: Passphrase::new(source, &context.environment),
        })
    }

    /// Runs one attempt after the other while the next moment may bring a better
    /// answer.
    fn retrying<T>(
        &self,
        attempt: impl Fn(&mut Loader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.retrying_with(&mut self.loader(), attempt)
    }

    /// The same with what a loader has read already.
    fn retrying_with<T>(
        &self,
        loader: &mut Loader<'a>,
        attempt: impl Fn(&mut Loader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut pauses = limits::RELOAD_PAUSES.into_iter();
        let error = 'attempts: loop {
            let error = match attempt(loader) {
                Ok(done) => {
                    if self.passphrase.is_unused() {
                        self.context.printer.note("no passphrase was needed");
                    }
                    return Ok(done);
                }
                Err(error) if is_transient(&error) => error,
                Err(error) => return Err(error),
            };
            for pause in pauses.by_ref() {
                match loader.forget_changed_files() {
                    Changes::Impossible => break 'attempts error,
                    Changes::None => std::thread::sleep(pause),
                    Changes::Some => continue 'attempts,
                }
            }
            break error;
        };
        Err(error)
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

    fn key_source(&self) -> &KeySource {
        self.private_key.as_ref().unwrap_or(&self.place)
    }

    fn identity(&self, loader: &mut Loader<'a>) -> Result<Identity, Error> {
        let candidates = self.leaves(loader)?;
        let signer = self.signer(loader, &candidates)?;
        self.assemble(loader, candidates, signer)
    }

    /// Puts a key and the certificates of all sources together.
    fn assemble(
        &self,
        loader: &mut Loader<'a>,
        candidates: Candidates,
        signer: Box<dyn Signer>,
    ) -> Result<Identity, Error> {
        let mut others = candidates.others;
        others.extend(self.intermediates(loader)?);
        if let Some(source) = &self.private_key
            && source.material() != self.place.material()
        {
            others.extend(self.beside(loader, source)?);
        }
        // Where the leaf was named by a selector or in a token, a certificate
        // from elsewhere must not step in for it.
        if self.names_the_leaf() {
            others.retain(|other| other.certificate.public_key() != signer.public_key());
        }
        let leaves = candidates.named.into_iter().map(|(sourced, _)| sourced);
        let identity = Identity::new(signer, leaves.chain(others).collect())?;
        for dropped in identity.dropped() {
            self.context.printer.note(&format!(
                "{} of {} is not part of the chain and is left out",
                dropped.certificate.subject(),
                dropped.origin
            ));
        }
        Ok(identity)
    }

    /// Whether the options say which certificate is the leaf, and not the key.
    const fn names_the_leaf(&self) -> bool {
        self.selector.is_some() || matches!(self.place, KeySource::Token(_))
    }

    /// The certificates of which one is the leaf. With a selector it is the
    /// selected one; all others are kept for the chain.
    fn leaves(&self, loader: &mut Loader<'a>) -> Result<Candidates, Error> {
        let candidates = self.parse(loader, &self.place)?;
        if !self.names_the_leaf() {
            // The key picks the leaf out.
            return Ok(candidates);
        }
        let wanted = Wanted {
            selector: self.selector.as_ref(),
            latest: self
                .said
                .key
                .is_some_and(|key| key.use_latest_expiring_certificate),
        };
        candidates.choose(&wanted, &self.place)
    }

    fn signer(
        &self,
        loader: &mut Loader<'a>,
        candidates: &Candidates,
    ) -> Result<Box<dyn Signer>, Error> {
        let leaf = candidates.sole_leaf();
        let public = leaf.map(|(leaf, _)| leaf.certificate.public_key());
        if let Some((command, input)) = self.said.signer_command() {
            let public = public.ok_or_else(|| candidates.several())?.clone();
            return Ok(Box::new(ExternalSigner::new(
                command.clone(),
                input,
                public,
            )));
        }
        match (&self.private_key, leaf) {
            (Some(source), _) => Ok(loader.open(source, public)?),
            // A certificate of a token leads to its key there.
            (None, Some((_, Some(uri)))) => {
                let source = KeySource::Token(Box::new(Ok(uri.clone())));
                Ok(loader.open(&source, public)?)
            }
            (None, _) => Ok(loader.open(&self.place, public)?),
        }
    }

    fn is_selected(&self, certificate: &Certificate) -> bool {
        self.selector
            .as_ref()
            .is_none_or(|selector| selector.matches(certificate))
    }

    /// Reads the certificates of a source, which must hold one.
    fn parse(&self, loader: &mut Loader<'a>, source: &KeySource) -> Result<Candidates, Error> {
        let found = loader.certificates(source)?;
        if found.named.is_empty() {
            return Err(pki::Error::NoCertificate {
                origin: source.to_string(),
                found: loader.contents(source)?,
            }
            .into());
        }
        check_number(&found.named, source)?;
        let named = found.named.into_iter().map(|found| {
            let token = found.token.clone();
            Ok((decode(found)?, token))
        });
        Ok(Candidates {
            named: named.collect::<Result<_, pki::Error>>()?,
            // What else a token holds may be anything.
            others: found
                .others
                .into_iter()
                .filter_map(|found| decode(found).ok())
                .collect(),
        })
    }

    fn intermediates(&self, loader: &mut Loader<'a>) -> Result<Vec<Sourced>, Error> {
        let Some(source) = &self.intermediates else {
            return Ok(Vec::new());
        };
        let found = self.parse(loader, source)?.named;
        Ok(found.into_iter().map(|(sourced, _)| sourced).collect())
    }

    /// The certificates that stand beside a key. Whatever else is there, and in
    /// what state, does not matter.
    fn beside(&self, loader: &mut Loader<'a>, source: &KeySource) -> Result<Vec<Sourced>, Error> {
        if !matches!(source, KeySource::Material(_)) {
            return Ok(Vec::new());
        }
        let found = loader.certificates(source)?.named;
        check_number(&found, source)?;
        Ok(found
            .into_iter()
            .filter_map(|found| decode(found).ok())
            .collect())
    }
}

/// With `~/` resolved in a file's name.
fn resolved(source: &KeySource, context: &Context) -> KeySource {
    match source {
        KeySource::Material(source) => KeySource::Material(context.source(source)),
        other => other.clone(),
    }
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

fn decode(found: FoundCertificate) -> Result<Sourced, pki::Error> {
    Ok(Sourced {
        certificate: Certificate::from_der(&found.der, &found.origin)?,
        origin: found.origin,
    })
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
