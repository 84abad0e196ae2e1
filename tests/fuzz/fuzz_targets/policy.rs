//! Policy files: every error is on a line of the file, and what is read judges any
//! request without a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use windlass::authority::{Error, IssueRequest, Policy, RequestedKey};
use windlass::key::{KeyAlgorithm, KeyType};

fuzz_target!(|input: (&[u8], &str, &str)| {
    let (file, common_name, names) = input;
    let lines = 1 + file.iter().filter(|octet| **octet == b'\n').count();
    let policy = match Policy::parse(file, Path::new("F")) {
        Ok(policy) => policy,
        Err(Error::Policy { line, reason, .. }) => {
            assert!((1..=lines).contains(&line), "{line}: {reason}");
            return;
        }
        Err(other) => panic!("{other}"),
    };
    let _ = policy.to_json();
    let Ok(common_name) = common_name.parse() else {
        return;
    };
    let request = IssueRequest {
        common_name,
        organization: None,
        organizational_units: Vec::new(),
        names: names.split(' ').filter_map(|name| name.parse().ok()).collect(),
        key: RequestedKey::New(KeyType::P256),
        days: None,
        profile: None,
        request_id: None,
    };
    for name in policy.names() {
        let profile = policy.profile(Some(&name)).expect("it is named");
        if let Err(refusal) = profile.judge(&request, KeyAlgorithm::EcP256) {
            assert!(!refusal.to_string().is_empty());
        }
    }
});
