//! One attempt to load a key and its certificates, from places that stay as they
//! are meanwhile.

use std::path::Path;

use crate::commands::{Context, Error};
use crate::key::{
    ExternalSigner, FoundCertificate, KeySource, Loader, PassphraseSource, Pkcs11Uri, Signer,
    Source,
};
use crate::limits;
use crate::pki::{self, Certificate, Identity, Sourced};
use crate::store::{FULLCHAIN, KEY};

use super::leaf::{Candidates, Wanted};
use super::{Plan, Said, resolved};

/// Where certificate and key are.
pub(super) struct Places {
    /// Whether the place is that of a certificate, or of a key alone.
    pub(super) has_certificate: bool,
    /// Where the certificate is, or the key when nothing is said about one.
    pub(super) place: KeySource,
    pub(super) private_key: Option<KeySource>,
    pub(super) intermediates: Option<KeySource>,
}

impl Places {
    /// As the options name them, with paths resolved. A selector without a place
    /// looks into the token.
    pub(super) fn named(
        said: Said<'_>,
        has_selector: bool,
        context: &Context,
    ) -> Result<Self, Error> {
        let resolved = |source: &KeySource| resolved(source, context);
        let certificate = said.certificate.certificate.as_ref();
        let has_pin = |source: &KeySource| match source {
            KeySource::Token(uri) => uri.as_ref().as_ref().is_ok_and(Pkcs11Uri::has_pin_value),
            KeySource::Material(_) | KeySource::Tpm(_) => false,
        };
        let places = [certificate, said.private_key()];
        if places.into_iter().flatten().any(has_pin) {
            context.printer.warning_once(
                "pin-value: every user of this machine can read the PIN in the list of processes; use pin-source or --passphrase-from",
            );
        }
        let token = || KeySource::Token(Box::new(Ok(Pkcs11Uri::default())));
        let certificate = certificate
            .map(resolved)
            .or_else(|| has_selector.then(token));
        let private_key = said.private_key().map(resolved);
        Ok(Self {
            has_certificate: certificate.is_some(),
            place: certificate
                .or_else(|| private_key.clone())
                .ok_or(Error::NoIdentity)?,
            private_key,
            intermediates: said.intermediates.map(resolved),
        })
    }

    /// Those of a version of a managed identity.
    pub(super) fn of_version(directory: &Path) -> Self {
        let file = |name| KeySource::Material(Source::File(directory.join(name)));
        Self {
            has_certificate: true,
            place: file(FULLCHAIN),
            private_key: Some(file(KEY)),
            intermediates: None,
        }
    }

    /// Refuses a passphrase from a pipe from which something else is read: a pipe
    /// gives what it has once.
    pub(super) fn check_read_once(
        &self,
        passphrase: Option<&PassphraseSource>,
    ) -> Result<(), Error> {
        let Some(PassphraseSource::Source(source @ (Source::Stdin | Source::Fd(_)))) = passphrase
        else {
            return Ok(());
        };
        let others = [
            Some(&self.place),
            self.private_key.as_ref(),
            self.intermediates.as_ref(),
        ];
        let mut others = others.into_iter().flatten();
        if others.any(|other| other.material() == Some(source)) {
            return Err(Error::ReadTwice {
                origin: source.to_string(),
            });
        }
        Ok(())
    }
}

/// One attempt, and what the options say besides.
pub(super) struct Attempt<'p> {
    pub(super) plan: &'p Plan<'p>,
    pub(super) places: &'p Places,
}

impl Attempt<'_> {
    pub(super) fn key_source(&self) -> &KeySource {
        self.places
            .private_key
            .as_ref()
            .unwrap_or(&self.places.place)
    }

    pub(super) fn identity(&self, loader: &mut Loader<'_>) -> Result<Identity, Error> {
        let candidates = self.leaves(loader)?;
        let signer = self.signer(loader, &candidates)?;
        self.assemble(loader, candidates, signer)
    }

    /// Puts a key and the certificates of all sources together.
    pub(super) fn assemble(
        &self,
        loader: &mut Loader<'_>,
        candidates: Candidates,
        signer: Box<dyn Signer>,
    ) -> Result<Identity, Error> {
        let mut others = candidates.others;
        others.extend(self.intermediates(loader)?);
        if let Some(source) = &self.places.private_key
            && source.material() != self.places.place.material()
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
            self.plan.context.printer.note(&format!(
                "{} of {} is not part of the chain and is left out",
                dropped.certificate.subject(),
                dropped.origin
            ));
        }
        Ok(identity)
    }

    /// Whether the options say which certificate is the leaf, and not the key.
    pub(super) const fn names_the_leaf(&self) -> bool {
        self.plan.selector.is_some() || matches!(self.places.place, KeySource::Token(_))
    }

    /// The certificates of which one is the leaf. With a selector it is the
    /// selected one; all others are kept for the chain.
    pub(super) fn leaves(&self, loader: &mut Loader<'_>) -> Result<Candidates, Error> {
        let candidates = self.parse(loader, &self.places.place)?;
        if !self.names_the_leaf() {
            // The key picks the leaf out.
            return Ok(candidates);
        }
        let wanted = Wanted {
            selector: self.plan.selector.as_ref(),
            latest: self
                .plan
                .said
                .key
                .is_some_and(|key| key.use_latest_expiring_certificate),
        };
        candidates.choose(&wanted, &self.places.place)
    }

    pub(super) fn signer(
        &self,
        loader: &mut Loader<'_>,
        candidates: &Candidates,
    ) -> Result<Box<dyn Signer>, Error> {
        let leaf = candidates.sole_leaf();
        let public = leaf.map(|(leaf, _)| leaf.certificate.public_key());
        if let Some((command, input)) = self.plan.said.signer_command() {
            let public = public.ok_or_else(|| candidates.several())?.clone();
            return Ok(Box::new(ExternalSigner::new(
                command.clone(),
                input,
                public,
            )));
        }
        match (&self.places.private_key, leaf) {
            (Some(source), _) => Ok(loader.open(source, public)?),
            // A certificate of a token leads to its key there.
            (None, Some((_, Some(uri)))) => {
                let source = KeySource::Token(Box::new(Ok(uri.clone())));
                Ok(loader.open(&source, public)?)
            }
            (None, _) => Ok(loader.open(&self.places.place, public)?),
        }
    }

    pub(super) fn is_selected(&self, certificate: &Certificate) -> bool {
        self.plan
            .selector
            .as_ref()
            .is_none_or(|selector| selector.matches(certificate))
    }

    /// Reads the certificates of a source, which must hold one.
    pub(super) fn parse(
        &self,
        loader: &mut Loader<'_>,
        source: &KeySource,
    ) -> Result<Candidates, Error> {
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

    pub(super) fn intermediates(&self, loader: &mut Loader<'_>) -> Result<Vec<Sourced>, Error> {
        let Some(source) = &self.places.intermediates else {
            return Ok(Vec::new());
        };
        let found = self.parse(loader, source)?.named;
        Ok(found.into_iter().map(|(sourced, _)| sourced).collect())
    }

    /// The certificates that stand beside a key. Whatever else is there, and in
    /// what state, does not matter.
    pub(super) fn beside(
        &self,
        loader: &mut Loader<'_>,
        source: &KeySource,
    ) -> Result<Vec<Sourced>, Error> {
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
