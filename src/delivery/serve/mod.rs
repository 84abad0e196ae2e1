//! Credentials over HTTP on this host: as the EC2 instance metadata service
//! (IMDSv2) gives them, and as the container credentials endpoint of ECS and
//! EKS does.
//!
//! Everything is answered from memory. Each profile has a keeper that asks for
//! its sessions on a thread of its own, and no request ever waits for one.

mod answer;
mod container;
mod documents;
mod guard;
mod imds;
mod metrics;
mod peer;
mod route;
mod server;
mod site;
mod sockets;
mod tokens;
pub(in crate::delivery) mod view;

pub use guard::Guard;
pub use server::{Hooks, LogEntry, run};
pub use site::{Offer, Served};
pub use sockets::{Socket, activated, listen};
pub use view::Notice;

use std::net::SocketAddr;

use super::Failure;

/// Why `serve` could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A socket that systemd handed over cannot be used.
    #[error("a socket of systemd's cannot be used")]
    Activation(#[source] std::io::Error),
    /// The address is taken, or not this machine's.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// No profile got its first session, and none will without help.
    #[error("the profile {profile} gets no session: {failure}")]
    NoSession {
        /// The first of the profiles.
        profile: String,
        /// Why.
        failure: Failure,
    },
    /// The runtime failed.
    #[error("the server could not run")]
    Runtime(#[source] std::io::Error),
}
