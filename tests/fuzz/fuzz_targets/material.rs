//! PEM soup, and every DER structure that a key or certificate file may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::key::{Material, Signer, open_software};
use windlass::pki::Certificate;
use windlass::rolesanywhere::Algorithm;
use windlass::secret::Secret;

fuzz_target!(|bytes: &[u8]| {
    let passphrase = || Ok(Some(Secret::from("testdata".to_owned())));
    if let Ok(material) = Material::read(bytes, "F", passphrase) {
        for certificate in material.certificates() {
            let _ = Certificate::from_der(certificate, "F");
        }
    }
    if let Ok(key) = open_software(bytes, "F", passphrase) {
        // A signature of a key that was read is its own. There may be none: ring
        // notices damaged numbers of an RSA key only then.
        let public = key.public_key();
        if let Some(algorithm) = Algorithm::for_key(public.algorithm())
            && let Ok(signature) = key.sign(algorithm.scheme(), b"message")
        {
            assert!(public.verify(algorithm.scheme(), b"message", &signature));
        }
    }
});
