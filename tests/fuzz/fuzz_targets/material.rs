//! PEM soup, and every DER structure that a key or certificate file may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::key::{Material, open_software};
use windlass::pki::Certificate;
use windlass::secret::Secret;

fuzz_target!(|bytes: &[u8]| {
    let passphrase = || Ok(Some(Secret::from("testdata".to_owned())));
    if let Ok(material) = Material::read(bytes, "F", passphrase) {
        for certificate in material.certificates() {
            let _ = Certificate::from_der(certificate, "F");
        }
    }
    if let Ok(key) = open_software(bytes, "F", passphrase) {
        use windlass::key::Signer;
        // A key that was read must sign, and its signature must be its own.
        let public = key.public_key();
        if let Some(algorithm) =
            windlass::rolesanywhere::Algorithm::for_key(public.algorithm())
        {
            let signature = key.sign(algorithm.scheme(), b"message").expect("signs");
            assert!(public.verify(algorithm.scheme(), b"message", &signature));
        }
    }
});
