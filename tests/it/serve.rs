//! `windlass serve` as its clients see it.

mod container;
mod guards;
mod imds;
mod outages;
mod process;
mod sdks;
mod server;
mod service;
mod sockets;
