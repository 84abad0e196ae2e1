//! How the program ends: the one table of exit codes.

use crate::delivery::Cause;

/// The outcome of a run. The table of these codes stands in the manual page
/// windlass(1), and a test compares the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command did what was asked.
    Done,
    /// It failed in a way that no other code names.
    Failed,
    /// The options or the configuration are wrong.
    Usage,
    /// AWS refused, or the policy of the CA.
    Refused,
    /// A certificate or key cannot be used: expired, damaged, mismatched.
    Unusable,
    /// A failure of the network or the service that may pass.
    Temporary,
    /// There was nothing to judge.
    Undecided,
    /// A certificate has ended, and could not be renewed.
    Expired,
    /// Something was changed or renewed, where `--exit-code` asks for it.
    Changed,
    /// `windlass exec` speaks for the command that it was to run, with the exit
    /// status of that.
    Command(u8),
}

impl Outcome {
    /// Every outcome with its meaning, for the manual page.
    pub const TABLE: [(Self, &'static str); 9] = [
        (Self::Done, "Done"),
        (Self::Failed, "Failed"),
        (Self::Usage, "Usage or configuration"),
        (Self::Refused, "Refused, by AWS or by the CA's policy"),
        (
            Self::Unusable,
            "Certificate or key unusable: expired, not yet valid, damaged, mismatched",
        ),
        (
            Self::Temporary,
            "Temporary and worth retrying: network, time-out, throttled, service unavailable",
        ),
        (Self::Undecided, "Nothing to judge"),
        (Self::Expired, "Expired, and not renewed"),
        (
            Self::Changed,
            "Changed or renewed, where --exit-code asks for it",
        ),
    ];

    /// The outcome as a word, for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unusable => "unusable",
            Self::Temporary => "temporary",
            Self::Undecided => "undecided",
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::Command(_) => "command",
        }
    }

    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unusable => 4,
            Self::Temporary => 5,
            Self::Undecided => 6,
            Self::Expired => 7,
            Self::Changed => 10,
            Self::Command(status) => status,
        }
    }
}

impl From<Cause> for Outcome {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Failed => Self::Failed,
            Cause::Usage => Self::Usage,
            Cause::Refused => Self::Refused,
            Cause::Unusable => Self::Unusable,
            Cause::Temporary => Self::Temporary,
        }
    }
}
