//! Every form and every place that a key or a certificate may come in. Each is
//! made by OpenSSL or Python and used by the real program, and the request that
//! comes of it is judged by a verifier that shares no code with it.
//!
//! A case is a line of a table, so the functions with tables are not formatted.

mod bench;
mod chains;
mod encrypted;
mod forms;
mod hostile;
pub mod material;
mod permissions;
mod pkcs12;
mod rotation;
mod secrets;
mod signers;
mod sources;
mod verifier;
