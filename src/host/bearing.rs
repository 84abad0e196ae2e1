//! What the failure of a program, a CA or a key means for what is done next, and for
//! who has to do it.

use std::io::ErrorKind;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::process::CommandFailure;

use super::Prospect;

/// What is at fault where something fails that does not pass by itself, as far as
/// that is known.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// What this host is told: an option, a program that is not there, a passphrase
    /// that is given nowhere.
    Setup,
    /// A key or a certificate that cannot be used, or a wrong passphrase.
    Unusable,
}

/// What a failure means for what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearing {
    /// Whether it may pass by itself.
    pub prospect: Prospect,
    /// What is at fault, where that is known.
    pub fault: Option<Fault>,
}

/// Statuses with which programs say that another try is worth it: windlass itself
/// (5), sendmail and what follows sysexits.h (75), timeout(1) (124), and ssh where
/// the connection and not the command has failed (255).
const PASSING: [i32; 4] = [5, 75, 124, 255];

impl Bearing {
    /// One that may pass.
    pub const PASSING: Self = Self {
        prospect: Prospect::Passing,
        fault: None,
    };

    /// One that somebody has to see to.
    #[must_use]
    pub const fn lasting(fault: Option<Fault>) -> Self {
        Self {
            prospect: Prospect::Lasting,
            fault,
        }
    }

    /// That of a program, be it an issuer or a hook: its status is all that it says.
    #[must_use]
    pub fn of_command(failure: &CommandFailure) -> Self {
        match failure {
            CommandFailure::LeftOpen | CommandFailure::Output(_) | CommandFailure::TimedOut => {
                Self::PASSING
            }
            // There is no such program, or it is none; but for memory and processes
            // there is another day.
            CommandFailure::Start(error) => {
                let is_none = matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::PermissionDenied
                ) || error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
                match is_none {
                    true => Self::lasting(Some(Fault::Setup)),
                    false => Self::PASSING,
                }
            }
            // One that was ended by a signal has not refused.
            CommandFailure::Status { status, .. } => match status.code() {
                Some(code) if !PASSING.contains(&code) => Self::lasting(None),
                _ => Self::PASSING,
            },
            CommandFailure::TooMuch { .. } => Self::lasting(None),
        }
    }
}
