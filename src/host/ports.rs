//! What a renewal asks of others: a certificate, a trial, and the hooks.

use crate::store::VersionNumber;

use super::backoff::Prospect;
use super::shelf::Pair;

/// Who certifies.
pub trait Issuer {
    /// Its name, for messages.
    fn name(&self) -> String;

    /// Sends a request (PKCS#10, PEM) and gives what was answered, which nobody has
    /// looked at: certificates in PEM, if all is well.
    ///
    /// # Errors
    ///
    /// [`IssuerFailure`] when there is no answer.
    fn issue(&self, request: &str) -> Result<Vec<u8>, IssuerFailure>;
}

/// Why an issuer gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IssuerFailure {
    /// What happened, in words; what the issuer said is made printable.
    pub message: String,
    /// Whether it may pass by itself.
    pub prospect: Prospect,
}

/// Who tries a new pair before it is put in force: with Roles Anywhere, by a
/// session that is asked for and not used.
pub trait Probe {
    /// Tries a pair.
    fn probe(&self, pair: &Pair) -> Verdict;
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good.
    Granted,
    /// It was refused, and why.
    Refused(String),
    /// Nobody said anything about it, and why.
    Unreachable(String),
}

/// What is run before and after a change.
pub trait Hooks {
    /// The hooks of one kind, as they are configured, in order.
    fn configured(&self, when: When) -> Vec<String>;

    /// Runs one of them.
    ///
    /// # Errors
    ///
    /// What happened, with the end of what it printed, printable.
    fn run(&self, when: When, hook: &str, facts: &HookFacts) -> Result<(), String>;
}

/// When a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After the new pair is in force. One that fails is run again by the next run.
    After,
    /// Before it is; one that fails stops the change.
    Before,
}

impl When {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
        }
    }
}

/// What a hook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFacts {
    /// The version that is or will be in force.
    pub version: VersionNumber,
    /// The serial number of its certificate, in hexadecimal.
    pub serial: Option<String>,
    /// The serial number of the certificate that it replaces, in hexadecimal.
    pub old_serial: Option<String>,
    /// When it ends, RFC 3339.
    pub not_after: Option<String>,
}

impl HookFacts {
    pub(super) fn of(pair: &Pair, old_serial: Option<String>) -> Self {
        let certificate = pair.certificate();
        let certificate = certificate.as_ref();
        Self {
            version: pair.number,
            serial: certificate.map(|found| found.serial().hex()),
            old_serial,
            not_after: certificate.map(|found| crate::clock::rfc3339(found.not_after())),
        }
    }
}
