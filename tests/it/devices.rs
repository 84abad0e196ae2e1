//! Keys in tokens and TPMs through the whole program: `credential-process`
//! against the emulator, with keys and certificates that other tools have put
//! into real devices of software.

mod authorities;
mod tpms;

#[cfg(feature = "pkcs11")]
mod token;
#[cfg(feature = "pkcs11")]
mod token_authorities;
#[cfg(feature = "pkcs11")]
mod token_faults;
#[cfg(feature = "pkcs11")]
mod tokens;

#[cfg(not(feature = "pkcs11"))]
mod without_tokens;

use serde_json::Value;

use crate::harness::{Emulator, Run};

/// The arguments of `credential-process` besides those that name the key.
fn process<'a>(emulator: &'a Emulator, identity: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "credential-process",
        "--no-cache",
        "--trust-anchor-arn",
        &emulator.trust_anchor_arn,
        "--profile-arn",
        &emulator.profile_arn,
        "--role-arn",
        &emulator.role_arn,
        "--endpoint",
        &emulator.url,
    ];
    [&fixed[..], identity].concat()
}

/// The run has printed credentials.
#[track_caller]
fn assert_granted(run: &Run) {
    assert_eq!(run.code, 0, "{run:#?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let key_id = document["AccessKeyId"].as_str().unwrap();
    assert!(key_id.starts_with("ASIA0EMULATED0"), "{document}");
}
