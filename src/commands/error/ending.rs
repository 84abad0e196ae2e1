//! How a command ends that has failed: its exit code, and what is told besides.

use crate::commands::Outcome;
use crate::emulator::{ServerError, StateError, WorldFileError};
use crate::rolesanywhere;

use super::Error;
use super::authority::of_authority;
use super::exchange_error::of_exchange;
use super::identity::of_identity;
use super::key_error::of_key;
use super::pki_error::of_pki;
use super::serve::of_serve;
use super::shared_file::{of_credentials_file, of_refusal};
use super::store_error::of_store;

impl Error {
    /// The exit code's meaning.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Authority(error) => of_authority(error),
            Self::Batch(failed) => failed.outcome(),
            Self::Elsewhere(failure) => failure.cause.into(),
            Self::Ended { status } => Outcome::Command(*status),
            Self::NotStarted(error) => Outcome::Command(error.status()),
            Self::Unread(_) => Outcome::Usage,
            Self::Unwritable(_) => Outcome::Failed,
            Self::AnchorAlias { .. }
            | Self::Config { .. }
            | Self::ConfigExposed { .. }
            | Self::NoProfile { .. }
            | Self::NoProfiles { .. }
            | Self::Configure(_)
            | Self::Chain(_)
            | Self::ChainedTooLong { .. }
            | Self::NoChain { .. }
            | Self::Doctor(_)
            | Self::Endpoint(_)
            | Self::InTheWay { .. }
            | Self::ProxyUrl { .. }
            | Self::OptionNotText { .. }
            | Self::Pipe { .. }
            | Self::RegionMismatch { .. }
            | Self::Missing { .. }
            | Self::NoCache
            | Self::NoHome { .. }
            | Self::NoIdentity
            | Self::NoNewPassphrase
            | Self::NoRoot { .. }
            | Self::NothingSelected { .. }
            | Self::Conflict { .. }
            | Self::NoCommandLine { .. }
            | Self::SecretInConfig { .. }
            | Self::Section { .. }
            | Self::Selector { .. }
            | Self::SessionPolicy { .. }
            | Self::SeveralSelected { .. }
            | Self::ReadTwice { .. }
            | Self::Target(_)
            | Self::Unconfirmed { .. }
            | Self::Value { .. }
            | Self::World(_) => Outcome::Usage,
            Self::CredentialsFile { reason, .. } => of_credentials_file(reason),
            Self::SharedFile { reason, .. } => of_refusal(reason),
            Self::Daemon(_) => Outcome::Failed,
            Self::EmulatorState(error) => match error {
                StateError::Store(error) => of_store(error),
                StateError::Elsewhere { .. } => Outcome::Usage,
                StateError::Damaged { .. }
                | StateError::InUse { .. }
                | StateError::Version { .. } => Outcome::Failed,
            },
            Self::EmulatorWorld(error) => match error {
                WorldFileError::Store(error) => of_store(error),
                WorldFileError::Entry { .. } | WorldFileError::Syntax { .. } => Outcome::Usage,
            },
            Self::Exchange(error) => of_exchange(error),
            Self::Identity(error) => of_identity(error),
            Self::Key(error) => of_key(error),
            Self::Installation(error) => error.outcome(),
            Self::Rotate(error) => error.outcome(),
            Self::Serve(error) => of_serve(error),
            Self::NotInInventory { .. } | Self::NotText | Self::Stdout(_) | Self::TlsSetup(_) => {
                Outcome::Failed
            }
            Self::Lint { .. } => Outcome::Unusable,
            Self::Pki(error) => of_pki(error),
            Self::Server(error) => match error {
                ServerError::NotLoopback { .. } => Outcome::Usage,
                ServerError::Bind { .. } | ServerError::Runtime(_) => Outcome::Failed,
            },
            Self::Store(error) => of_store(error),
            Self::OfProfile { source, .. } | Self::Variable { source, .. } => source.outcome(),
            Self::Verdict(outcome) => *outcome,
            Self::WeakPassphrase { .. } => Outcome::Usage,
        }
    }

    /// What it comes from, the nearest cause first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        std::iter::successors(std::error::Error::source(self), |cause| cause.source())
            .map(ToString::to_string)
            .collect()
    }

    /// AWS's name for the request that it did not grant, for a support case.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        use rolesanywhere::Error as E;
        let Self::Exchange(error) = self else {
            return None;
        };
        // It may be the last attempt's, or that of a role of a chain.
        match error.root() {
            E::Denied { request_id, .. }
            | E::Throttled { request_id, .. }
            | E::Unavailable { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }
}
