//! PKCS#11 URIs: what is read is written so that it reads back, without its PIN.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::key::Pkcs11Uri;

fuzz_target!(|text: &str| {
    if let Ok(uri) = text.parse::<Pkcs11Uri>() {
        let written = uri.to_string();
        let again: Pkcs11Uri = written.parse().expect("reads back");
        assert_eq!(again.to_string(), written);
        assert!(!again.has_pin_value());
    }
});
