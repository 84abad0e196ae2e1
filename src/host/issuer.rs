//! Who issues the next certificate.

use std::time::Duration;

use crate::limits;
use crate::pki::Certificate;
use crate::process::{Answer, CommandFailure, CommandLine};

use super::bearing::{Bearing, Fault};

/// Gives a certificate for a request.
pub trait Issuer {
    /// Hands over a PKCS#10 request in PEM, and gives the answer as it came: if
    /// all is well the certificate and its intermediates in PEM. It is judged by
    /// who asked, and trusted by nobody before.
    ///
    /// # Errors
    ///
    /// [`IssuerFailure`], when there is no answer.
    fn issue(&self, request_pem: &str) -> Result<Vec<u8>, IssuerFailure>;

    /// What it is called in messages and in the state file.
    fn name(&self) -> String;

    /// What it says of a certificate that it has issued. Who can only be asked for
    /// certificates says nothing.
    fn word(&self, certificate: &Certificate) -> Word {
        let _ = certificate;
        Word::Nothing
    }
}

/// What an issuer says of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Word {
    /// Nothing, or that it is good.
    #[default]
    Nothing,
    /// It is not to be accepted for now, until somebody has looked into something: a
    /// new one would go round that.
    OnHold,
    /// It is revoked.
    Revoked,
}

impl Word {
    /// The word for it, also in JSON.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::OnHold => Some("onHold"),
            Self::Revoked => Some("revoked"),
        }
    }
}

/// Why an issuer has given nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerFailure {
    /// A command failed.
    #[error("the issuer command {program} failed: {failure}")]
    Command {
        /// The program; its arguments may be sensitive.
        program: String,
        /// What went wrong, with what it said.
        failure: CommandFailure,
    },
    /// A command ended with success and printed nothing.
    #[error(
        "the issuer command {program} printed no certificate{}",
        said(complaint)
    )]
    Nothing {
        /// The program.
        program: String,
        /// The beginning of what it said on stderr.
        complaint: String,
    },
    /// It cannot, for a reason of its own that somebody has to see to.
    #[error("{issuer} cannot issue: {reason}")]
    Failed {
        /// What the issuer is called.
        issuer: String,
        /// Why.
        reason: String,
        /// What is at fault, where that is known.
        fault: Option<Fault>,
    },
    /// It has answered that it issues none.
    #[error("{issuer} refuses: {reason}")]
    Refused {
        /// What the issuer is called.
        issuer: String,
        /// What it says.
        reason: String,
    },
    /// It does not answer, or says that it cannot at present.
    #[error("{issuer} cannot be reached: {reason}")]
    Unreachable {
        /// What the issuer is called.
        issuer: String,
        /// Why.
        reason: String,
    },
}

fn said(complaint: &str) -> String {
    match complaint {
        "" => String::new(),
        complaint => format!(" and said: {complaint}"),
    }
}

impl IssuerFailure {
    /// What it means for what is done next.
    #[must_use]
    pub fn bearing(&self) -> Bearing {
        match self {
            Self::Command { failure, .. } => Bearing::of_command(failure),
            Self::Failed { fault, .. } => Bearing::lasting(*fault),
            Self::Nothing { .. } | Self::Refused { .. } => Bearing::lasting(None),
            Self::Unreachable { .. } => Bearing::PASSING,
        }
    }
}

/// An issuer that is a command: it gets the request on its stdin and prints the
/// certificate with its intermediates, as ssh to the authority's host does, or
/// whatever another authority's client is called.
#[derive(Clone, Debug)]
pub struct CommandIssuer {
    /// The command.
    pub command: CommandLine,
    /// Longest that it may take.
    pub deadline: Duration,
    /// Variables that are for this program alone: a passphrase, a key.
    pub withheld: Vec<String>,
}

impl CommandIssuer {
    /// A command with the usual deadline.
    #[must_use]
    pub const fn new(command: CommandLine) -> Self {
        Self {
            command,
            deadline: limits::ISSUER_DEADLINE,
            withheld: Vec::new(),
        }
    }
}

impl Issuer for CommandIssuer {
    fn issue(&self, request_pem: &str) -> Result<Vec<u8>, IssuerFailure> {
        let program = || self.command.program().to_owned();
        let Answer { output, complaint } = self
            .command
            .ask(
                request_pem.as_bytes(),
                &self.withheld,
                self.deadline,
                limits::MAX_ISSUER_ANSWER,
            )
            .map_err(|failure| IssuerFailure::Command {
                program: program(),
                failure,
            })?;
        if output.trim_ascii().is_empty() {
            return Err(IssuerFailure::Nothing {
                program: program(),
                complaint,
            });
        }
        // It is public, so that it need not be wiped.
        Ok(output.to_vec())
    }

    fn name(&self) -> String {
        format!("the command {}", self.command.program())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Prospect;
    use super::*;

    fn issue(line: &str) -> Result<Vec<u8>, IssuerFailure> {
        let issuer = CommandIssuer {
            command: line.parse().unwrap(),
            deadline: Duration::from_secs(20),
            withheld: Vec::new(),
        };
        issuer.issue("-----BEGIN CERTIFICATE REQUEST-----\n")
    }

    fn failed(line: &str) -> (String, Prospect) {
        let failure = issue(line).unwrap_err();
        (failure.to_string(), failure.bearing().prospect)
    }

    #[test]
    fn the_request_goes_in_and_whatever_comes_out_is_given() {
        let echoed = issue("cat").unwrap();
        assert_eq!(echoed, b"-----BEGIN CERTIFICATE REQUEST-----\n");
        // It is judged by who asked.
        let page = issue("printf '<html>502 Bad Gateway</html>'").unwrap();
        assert_eq!(page, b"<html>502 Bad Gateway</html>");
        // One that does not read the request.
        assert_eq!(issue("sh -c 'exec <&-; echo chain'").unwrap(), b"chain\n");
    }

    #[test]
    fn what_may_pass_is_told_from_what_somebody_has_to_mend() {
        use Prospect::{Lasting, Passing};
        for (line, words, prospect) in [
            ("sh -c 'exit 5'", "exit status: 5", Passing),
            ("sh -c 'exit 75'", "exit status: 75", Passing),
            ("sh -c 'exit 124'", "exit status: 124", Passing),
            (
                "sh -c 'echo ssh: connect to host ca port 22: No route to host >&2; exit 255'",
                "exit status: 255 and said: ssh: connect to host ca port 22: No route to host",
                Passing,
            ),
            ("sh -c 'kill -9 $$'", "signal: 9", Passing),
            ("sh -c 'exit 1'", "exit status: 1", Lasting),
            (
                "sh -c 'echo \"not\tallowed\" >&2; exit 3'",
                "exit status: 3 and said: not\\tallowed",
                Lasting,
            ),
            (
                "/nonexistent/ca issue",
                "command /nonexistent/ca failed: it cannot be started",
                Lasting,
            ),
            ("/etc/passwd", "it cannot be started", Lasting),
            (
                "head -c 262145 /dev/zero",
                "more than 262144 bytes",
                Lasting,
            ),
            ("true", "printed no certificate", Lasting),
            (
                "sh -c 'echo; echo oops >&2'",
                "printed no certificate and said: oops",
                Lasting,
            ),
        ] {
            let (said, found) = failed(line);
            assert!(said.contains(words), "{line}: {said}");
            assert_eq!(found, prospect, "{line}: {said}");
        }
    }

    /// A program that is not there is an option that is wrong.
    #[test]
    fn a_program_that_cannot_be_run_is_at_fault_on_this_host() {
        for (line, fault) in [
            ("/nonexistent/ca issue", Some(Fault::Setup)),
            ("/etc/passwd", Some(Fault::Setup)),
            ("false", None),
            ("true", None),
            ("sh -c 'exit 75'", None),
        ] {
            let failure = issue(line).unwrap_err();
            assert_eq!(failure.bearing().fault, fault, "{line}");
        }
    }

    #[test]
    fn one_that_hangs_is_ended() {
        let issuer = CommandIssuer {
            command: "sh -c 'echo -----BEGIN; sleep 60'".parse().unwrap(),
            deadline: Duration::from_millis(100),
            withheld: Vec::new(),
        };
        let failure = issuer.issue("").unwrap_err();
        assert!(failure.to_string().ends_with("it did not end in time"));
        assert_eq!(failure.bearing().prospect, Prospect::Passing);
    }

    #[test]
    fn arguments_are_not_shown() {
        let issuer = CommandIssuer::new("ca --token SECRET".parse().unwrap());
        let shown = format!("{issuer:?} {}", issuer.name());
        assert!(shown.contains("ca") && !shown.contains("SECRET"), "{shown}");
        let failure = issue("/nonexistent --token SECRET").unwrap_err();
        assert!(!format!("{failure:?} {failure}").contains("SECRET"));
    }
}
