//! Certificate selectors in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::pki::CertificateSelector;

fuzz_target!(|bytes: &[u8]| {
    let _ = CertificateSelector::from_json(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<CertificateSelector>();
    }
});
