//! `windlass serve` as its clients see it.

mod connections;
mod container;
mod guards;
mod imds;
mod outages;
mod process;
pub(crate) mod sdks;
pub(crate) mod server;
mod service;
mod sockets;
mod stderr;
