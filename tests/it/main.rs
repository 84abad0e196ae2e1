//! The integration tests, in one binary: one module an area.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests read the environment, write files, speak and may panic"
)]

mod harness;
mod secrets;
mod users;

mod admission;
mod adverse;
mod bad_input;
mod batch;
mod ca_json;
mod ca_output;
mod ca_safety;
mod ca_state;
mod certificate_requests;
mod chaining;
mod check;
mod clients;
mod concurrency;
mod configure;
mod control_plane;
mod crash;
mod credentials_file;
mod deadlines;
mod devices;
mod doctor;
mod drop_in;
mod emulated;
mod exit_codes;
mod fault_server;
mod faults;
mod handed_over;
mod help;
mod hostile;
mod iam;
mod inspect;
mod install;
mod inventory;
mod issued;
mod issuer;
mod issuer_command;
mod keys;
mod layers;
mod lint;
mod managed;
mod matrix;
mod offline_root;
mod options;
mod passphrase_change;
mod passphrases;
mod paths;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod pkcs12_export;
mod policy;
mod profiles;
mod proxies;
mod reach;
mod reading;
mod release;
mod report;
mod reporting;
mod retries;
mod revocation;
mod role_policy;
mod rollover;
mod rotate;
mod rules;
mod selectors;
mod serve;
mod session_cache;
mod skew;
mod start;
mod suites;
mod tpm;
mod trust_policies;
mod unkind;
mod update;
mod values;
mod variables;
mod vectors;
mod verify;
mod wire;
mod workload;
