//! windlass: a private certificate authority and an AWS IAM Roles Anywhere
//! credential helper in one program.
//!
//! # The map
//!
//! Rooms import **downwards only**; `tests/it/layers.rs` holds the table and
//! fails on an edge that it does not allow.
//!
//! | room | what it is for | may import |
//! |---|---|---|
//! | [`commands`] | one file a verb: typed flags, one plan, one service, the printer | everything below |
//! | [`cli`] | what can be typed; help, man pages and completions come from it | value types, also of [`delivery`] (names of profiles), [`host`] and [`installation`] |
//! | [`delivery`] | the forms in which credentials leave | `rolesanywhere`, `store`, leaves |
//! | [`emulator`] | Roles Anywhere and STS on loopback, verifying everything, with bad days | `admission`, `pki`, `key` (public keys), `rolesanywhere` (types), `store`, leaves |
//! | [`host`] | a workload host's identity: when it is renewed, by whom, and who is told | `admission`, `pki`, `key`, `store`, leaves |
//! | [`authority`] | the CA as an institution: bootstrap, policy, issue, batches | `pki`, `key`, `store`, leaves |
//! | [`installation`] | how the host runs this program: the texts of units, crontabs and init scripts, and their places | `store`, leaves |
//! | [`admission`] | why Roles Anywhere would grant or refuse a session | `pki`, `key`, `rolesanywhere` (types), leaves |
//! | [`rolesanywhere`] | the protocols: ARNs, endpoints, signatures, exchange, retries, role chains | `key`, `pki`, leaves |
//! | [`pki`] | certificates, names, chains, path validation: values without disk or clock | `key`, leaves |
//! | [`key`] | where a signature comes from | leaves |
//! | [`store`] | the only writer of files and locks, and the inventory database | leaves |
//! | leaves | [`clock`], [`der`], [`environment`], [`finding`], [`limits`], [`process`], [`random`], [`secret`], [`serving`], [`text`] | std and crates |
//!
//! Only `main` and the option parser that it runs read the environment (and two
//! crates that speak systemd's protocols, its variables for them), and only
//! `main` sets the exit code; only [`commands`]
//! prints, through one printer; only [`store`] writes files; only
//! `rolesanywhere::transport` opens connections and only [`emulator`] and
//! `delivery::serve` listen; only [`key`] speaks to devices, and only [`process`] and
//! `delivery::exec` run programs.
#![forbid(unsafe_code)]
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]
#![warn(unreachable_pub)]

pub mod admission;
pub mod authority;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod delivery;
pub mod der;
pub mod emulator;
pub mod environment;
pub mod finding;
pub mod host;
pub mod installation;
pub mod key;
pub mod limits;
pub mod pki;
pub mod process;
pub mod random;
pub mod rolesanywhere;
pub mod secret;
pub mod serving;
pub mod store;
pub mod text;
