//! A key that is written elsewhere with its certificates.

use crate::cli::IdentityArgs;
use crate::commands::{Context, Error};
use crate::key::{ExportableKey, KeySource};
use crate::pki::{Certificate, Identity};
use crate::secret::Secret;

use super::{Plan, Said, resolved};

/// What is written elsewhere.
pub(in crate::commands) struct Exportable {
    /// The key with its certificates.
    pub(in crate::commands) identity: Identity,
    /// The key as DER PKCS#8.
    pub(in crate::commands) pkcs8: Secret,
    /// The root of the chain, where its source is named.
    pub(in crate::commands) root: Option<Certificate>,
}

/// Reads key and certificates as the options say, and the root where its source
/// is named. A key that cannot leave its device is refused.
pub(in crate::commands) fn exportable(
    arguments: &IdentityArgs,
    root: Option<&KeySource>,
    context: &Context,
) -> Result<Exportable, Error> {
    let plan = Plan::new(Said::identity(arguments), context)?;
    let root = root.map(|source| resolved(source, context));
    plan.retrying(|attempt, loader| {
        // First, so that no token is asked for certificates in vain.
        let ExportableKey { key, pkcs8 } = loader.open_exportable(attempt.key_source())?;
        let candidates = attempt.leaves(loader)?;
        let identity = attempt.assemble(loader, candidates, Box::new(key))?;
        let root = match &root {
            None => None,
            Some(source) => {
                let last = identity.chain().last().unwrap_or_else(|| identity.leaf());
                let named = attempt.parse(loader, source)?.named;
                let mut certificates = named.into_iter().map(|(sourced, _)| sourced.certificate);
                let found = certificates.find(|root| {
                    root.is_self_issued()
                        && root.subject() == last.issuer()
                        && last.is_signed_by(root.public_key())
                });
                Some(found.ok_or_else(|| Error::NoRoot {
                    origin: source.to_string(),
                    issuer: last.issuer().to_string(),
                    subject: last.subject().to_string(),
                })?)
            }
        };
        Ok(Exportable {
            identity,
            pkcs8,
            root,
        })
    })
}
