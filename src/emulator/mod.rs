//! Roles Anywhere on loopback: a CreateSession service that verifies what the
//! real one verifies and says why it refuses.
//!
//! It shares the admission rules with the rest of the program, and nothing of
//! the client's canonicalisation or signing: a mistake there must not cancel
//! itself out here. Where the client signs with one library, this verifies with
//! another. STS is there too, for the sessions that were given out, and both can
//! have bad days. It is for development and tests; its credentials open nothing.

mod canonical;
mod create_session;
mod credentials;
mod faults;
mod hmac;
mod request;
mod respond;
mod server;
mod sessions;
mod signature;
mod sts;
mod tls;
mod world;

pub use create_session::Outcome;
pub use faults::{Fault, FaultScript, Faults, Spoilt, SpoiltSession, SpoiltWire};
pub use request::Received;
pub use server::{Event, Listening, ServerError, Service, serve};
pub use sts::Assumable;
pub use tls::{ServerTls, TlsSetupError};
pub use world::{World, WorldError, WorldPlan};
