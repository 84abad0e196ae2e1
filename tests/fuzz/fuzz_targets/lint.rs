//! The linter, as a certificate, as a revocation list and as a file.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use windlass::pki::lint::{lint_certificate, lint_crl, lint_file};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    // What is said is bounded, whatever the input says.
    let most = 2000;
    match first % 3 {
        0 => assert!(lint_certificate(rest, at).len() < most),
        1 => assert!(lint_crl(rest, at).len() < most),
        _ => {
            let _ = lint_file(rest, "F", first & 4 != 0, at);
        }
    }
});
