//! Where programs find an identity's files.

use std::path::{Path, PathBuf};

use crate::pki::{Certificate, SerialNumber};
use crate::store::{CURRENT, VersionNumber};

use super::hooks::HookFacts;
use super::shelf::Part;

/// Where programs find an identity's files, whichever version is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    identity: PathBuf,
}

impl Places {
    /// Below the link to the version in force.
    #[must_use]
    pub fn of(identity: &Path) -> Self {
        Self {
            identity: identity.to_owned(),
        }
    }

    /// The directory of the identity.
    pub(super) fn identity(&self) -> &Path {
        &self.identity
    }

    /// What hooks are told of a version.
    pub(super) fn facts(
        &self,
        version: VersionNumber,
        certificate: &Certificate,
        old_serial: Option<SerialNumber>,
    ) -> HookFacts {
        let file = |part: Part| Some(self.identity.join(CURRENT).join(part.file()));
        HookFacts {
            identity: self.identity.clone(),
            version: version.to_string(),
            certificate: file(Part::Certificate),
            private_key: file(Part::Key),
            chain: file(Part::Chain),
            fullchain: file(Part::Fullchain),
            serial: *certificate.serial(),
            old_serial,
            not_after: certificate.not_after(),
        }
    }
}
