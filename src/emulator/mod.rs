//! Roles Anywhere on loopback: a CreateSession service that verifies what the
//! real one verifies and says why it refuses.
//!
//! It shares the admission rules with the rest of the program, and nothing of
//! the client's canonicalisation or signing: a mistake there must not cancel
//! itself out here. Where the client signs with one library, this verifies with
//! another. STS is there too, for the sessions that were given out, and both can
//! have bad days. It is for development and tests; its credentials open nothing.

mod adverse;
mod caller;
mod canonical;
mod control;
mod create_session;
mod credentials;
mod draft;
mod faults;
mod hmac;
mod iam;
mod json;
mod query;
mod rates;
mod request;
mod respond;
mod router;
mod server;
mod sessions;
mod signature;
mod state;
mod sts;
mod tls;
mod world;

pub use adverse::Adversity;
pub use create_session::Outcome;
pub use faults::{Fault, FaultScript, Faults, Spoilt, SpoiltSession, SpoiltWire};
pub use request::Received;
pub use server::{Answered, Event, Listening, ServerError, Service, serve};
pub use sessions::AdministratorKeys;
pub use state::{PolicyText, StateError, StateFile};
pub use sts::Assumable;
pub use tls::{ServerTls, TlsSetupError};
pub use world::{World, WorldError, WorldFile, WorldFileError, WorldPlan};
