//! A CA on this machine as the issuer of an identity's certificates.

use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;

use crate::authority::{self, Authority, Delivery};
use crate::cli::{OccasionArgs, PassphraseArgs, RotationArgs};
use crate::commands::ca::{Said, actor, occasion, unlock, wanted};
use crate::commands::{Context, Error, Outcome};
use crate::host::{Fault, Issuer, IssuerFailure, Word};
use crate::pki::{Certificate, CertificateRequest, RevocationReason, encode_pem};

/// The CA in a directory. It is opened when it is asked, so that nobody has to give
/// a passphrase for what is not due.
pub(super) struct LocalCa<'a> {
    pub(super) directory: PathBuf,
    pub(super) passphrase: &'a PassphraseArgs,
    pub(super) rotation: &'a RotationArgs,
    pub(super) context: &'a Context,
}

/// What the CA of this directory says of a certificate: as the inventory has it, which
/// needs no passphrase. One that cannot be read says nothing here: when something is
/// to be issued it is told.
pub(in crate::commands) fn word(directory: &Path, certificate: &Certificate) -> Word {
    let inventory = authority::read_inventory(directory).ok();
    let record = inventory.and_then(|found| {
        let record = found.get(certificate.serial().magnitude());
        record.ok().flatten()
    });
    let record = record.filter(|found| found.der.as_deref() == Some(certificate.der()));
    match record.and_then(|found| found.revocation) {
        None => Word::Nothing,
        Some(revocation) => match authority::reason_of(revocation) {
            RevocationReason::CertificateHold => Word::OnHold,
            _ => Word::Revoked,
        },
    }
}

impl LocalCa<'_> {
    fn certify(&self, request: &str) -> Result<Vec<u8>, Error> {
        let origin = "the request of this host";
        let request = CertificateRequest::read(request.as_bytes(), origin)?;
        let said = Said::nothing_of_names(self.rotation.days, self.rotation.ca_profile.clone());
        let wanted = wanted(&request, origin, said).map_err(Error::from)?;
        let unlock = unlock(&self.directory, self.passphrase, self.context)?;
        let authority = Authority::open(&self.directory, &unlock)?;
        let actor = actor(self.context);
        let arguments = OccasionArgs {
            comment: Some("rotation".to_owned()),
            accept_clock: false,
        };
        let occasion = occasion(&actor, &arguments, self.context);
        let random = SystemRandom::new();
        let issued = authority.issue(&wanted, Delivery::Handed, &occasion, &random)?;
        Ok(encode_pem([&issued.certificate, authority.issuing()]).into_bytes())
    }
}

impl Issuer for LocalCa<'_> {
    fn name(&self) -> String {
        format!("the CA in {}", self.directory.display())
    }

    fn word(&self, certificate: &Certificate) -> Word {
        word(&self.directory, certificate)
    }

    fn issue(&self, request: &str) -> Result<Vec<u8>, IssuerFailure> {
        self.certify(request).map_err(|error| {
            let is_refusal = matches!(
                &error,
                Error::Authority(
                    authority::Error::Refused(_) | authority::Error::KeyRefused { .. }
                )
            );
            let reason = match error.hint() {
                Some(hint) => format!("{error} ({hint})"),
                None => error.to_string(),
            };
            let issuer = self.name();
            match error.outcome() {
                Outcome::Temporary => IssuerFailure::Unreachable { issuer, reason },
                _ if is_refusal => IssuerFailure::Refused { issuer, reason },
                outcome => IssuerFailure::Failed {
                    issuer,
                    reason,
                    fault: match outcome {
                        Outcome::Usage => Some(Fault::Setup),
                        Outcome::Unusable => Some(Fault::Unusable),
                        _ => None,
                    },
                },
            }
        })
    }
}
