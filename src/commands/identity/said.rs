//! The options of a verb that say where its certificate and key are. Not every
//! verb has all of them.

use std::path::Path;

use crate::cli::{
    CertificateArgs, IdentityArgs, KeyArgs, ReadCertificateData, SignString, UnlockArgs,
};
use crate::key::{KeySource, SignerInput};
use crate::process::CommandLine;

/// What was said, as far as the verb can be told.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Said<'a> {
    /// The directory of a managed identity, instead of all other places.
    pub(super) identity: Option<&'a Path>,
    /// Where the certificate is.
    pub(super) certificate: &'a CertificateArgs,
    /// Where the key is; `None` of a verb that uses none.
    pub(super) key: Option<&'a KeyArgs>,
    /// Where intermediate certificates are.
    pub(super) intermediates: Option<&'a KeySource>,
    /// What opens them.
    pub(super) unlock: &'a UnlockArgs,
}

impl<'a> Said<'a> {
    /// Of a verb that puts an identity together.
    pub(in crate::commands) fn identity(arguments: &'a IdentityArgs) -> Self {
        Self {
            identity: arguments.identity.as_deref(),
            certificate: &arguments.certificate,
            key: Some(&arguments.key),
            intermediates: arguments.intermediates.as_ref(),
            unlock: &arguments.unlock,
        }
    }

    /// Of the verb that signs and sends no certificate.
    pub(in crate::commands) fn signer(arguments: &'a SignString) -> Self {
        Self {
            identity: arguments.identity.as_deref(),
            certificate: &arguments.certificate,
            key: Some(&arguments.key),
            intermediates: None,
            unlock: &arguments.unlock,
        }
    }

    /// Of the verb that reads certificates alone.
    pub(in crate::commands) fn certificates(arguments: &'a ReadCertificateData) -> Self {
        Self {
            identity: arguments.identity.as_deref(),
            certificate: &arguments.certificate,
            key: None,
            intermediates: None,
            unlock: &arguments.unlock,
        }
    }

    /// Where the key is, when that is said.
    pub(super) fn private_key(&self) -> Option<&'a KeySource> {
        self.key?.private_key.as_ref()
    }

    /// The program that signs, with what it is given.
    pub(super) fn signer_command(&self) -> Option<(&'a CommandLine, SignerInput)> {
        let key = self.key?;
        Some((key.signer_command.as_ref()?, key.signer_input))
    }
}
