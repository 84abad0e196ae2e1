//! What goes wrong with `windlass serve` before it serves, and what to try.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::commands::Outcome;
use crate::delivery::serve;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What others could reach has to be asked for.
    #[error("{address} can be reached from other hosts, and whoever asks there gets credentials")]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The kernel does not tell the group of the other end of a TCP connection.
    #[error("--allow-gid says nothing about who may ask over TCP")]
    GroupsOverTcp,
    /// The profile of IMDS is not served.
    #[error("--imds-profile {name} is none of the profiles that are served")]
    ImdsProfile {
        /// What was given.
        name: String,
        /// Those that are served.
        served: Vec<String>,
    },
    /// Several profiles, of which none is named for IMDS.
    #[error("IMDS serves one profile, and none of several is named for it")]
    ImdsUnclear,
    /// Neither IMDS nor the container endpoint.
    #[error("nothing would be served: --no-imds is given, and no token for the container endpoint")]
    Nothing,
    /// Anybody could put another socket in the place of this one.
    #[error("everybody can replace what is in {directory} (mode {mode:04o})")]
    OpenDirectory {
        /// The directory of the socket.
        directory: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// Listening or the first session failed.
    #[error(transparent)]
    Server(#[from] serve::Error),
    /// More profiles than one process keeps.
    #[error("{count} profiles are more than the {max} that one windlass serve keeps")]
    TooManyProfiles {
        /// How many they are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// The token of the container endpoint is too short, or no header's value.
    #[error("{origin} does not hold a token of at least {min} printable characters")]
    WeakToken {
        /// Where it comes from.
        origin: String,
        /// How many characters it needs.
        min: usize,
    },
}

pub(super) fn of_serve(error: &ServeError) -> Outcome {
    match error {
        ServeError::Exposed { .. }
        | ServeError::GroupsOverTcp
        | ServeError::ImdsProfile { .. }
        | ServeError::ImdsUnclear
        | ServeError::Nothing
        | ServeError::OpenDirectory { .. }
        | ServeError::TooManyProfiles { .. }
        | ServeError::WeakToken { .. } => Outcome::Usage,
        ServeError::Server(serve::Error::NoSession { failure, .. }) => failure.cause.into(),
        ServeError::NoRandomness
        | ServeError::Server(
            serve::Error::Activation(_) | serve::Error::Bind { .. } | serve::Error::Runtime(_),
        ) => Outcome::Failed,
    }
}

pub(super) fn hint_serve(error: &ServeError) -> Option<String> {
    let text = match error {
        ServeError::Exposed { .. } => {
            "leave out --bind, or give --no-imds and --token-file; --allow-remote does it anyway"
        }
        ServeError::GroupsOverTcp => {
            "use --unix-socket without --bind and --port, or give --allow-uid too"
        }
        ServeError::ImdsProfile { served, .. } => {
            return Some(format!("served are: {}", served.join(", ")));
        }
        ServeError::ImdsUnclear => "name it with --imds-profile, or give --no-imds",
        ServeError::Nothing => "give --token-file, or leave out --no-imds",
        ServeError::TooManyProfiles { .. } => "name those that this host needs with --profile",
        ServeError::WeakToken { .. } => {
            "make one, for example: (umask 077; openssl rand -hex 32 > FILE)"
        }
        ServeError::Server(error) => match error {
            serve::Error::Activation(_) => {
                "ListenStream= of the socket unit may be a port, an address or a path"
            }
            serve::Error::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "is windlass serve or aws_signing_helper running already? Give --port another port, or 0 for any free one"
            }
            serve::Error::Bind { .. } => "give --bind an address of this host, or leave it out",
            serve::Error::NoSession { failure, .. } => return failure.hint.clone(),
            serve::Error::Runtime(_) => return None,
        },
        ServeError::OpenDirectory { directory, .. } => {
            return Some(format!(
                "give --unix-socket a path in a directory like /run/windlass, or close this one: chmod o-w {}",
                directory.display()
            ));
        }
        ServeError::NoRandomness => return None,
    };
    Some(text.to_owned())
}
