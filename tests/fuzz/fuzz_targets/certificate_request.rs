//! Requests for certificates: as a file, and with a subject and attributes of the
//! fuzzer's that are signed as they have to be, so that they are looked at.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use windlass::der;
use windlass::key::{GeneratedKey, KeyType, Scheme, Signer, generate};
use windlass::pki::CertificateRequest;

static KEY: LazyLock<GeneratedKey> = LazyLock::new(|| generate(KeyType::P256, "F").unwrap());

/// A request for this subject with these attributes, `[0]` included.
fn signed(subject: &[u8], attributes: &[u8]) -> Vec<u8> {
    let public = KEY.key.public_key();
    let version = der::write(der::INTEGER, &[0]);
    let subject = der::write(der::SEQUENCE, subject);
    let info = der::write_all(der::SEQUENCE, &[&version, &subject, public.spki(), attributes]);
    let signature = KEY.key.sign(Scheme::EcdsaSha256, &info).unwrap();
    // ecdsa-with-SHA256
    let name = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let algorithm = der::write(der::SEQUENCE, &der::write(der::OBJECT_IDENTIFIER, &name));
    let signature = der::write_all(der::BIT_STRING, &[&[0], &signature]);
    der::write_all(der::SEQUENCE, &[&info, &algorithm, &signature])
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (subject, attributes) = input;
    let _ = CertificateRequest::read(subject, "F");
    let framed = der::write(0xa0, attributes);
    for attributes in [attributes, &framed] {
        if let Ok(request) = CertificateRequest::read(&signed(subject, attributes), "F") {
            assert_eq!(request.public_key(), KEY.key.public_key());
            // What is told of it goes to a terminal.
            for text in request.names().iter().chain(request.ignored()) {
                assert!(!text.chars().any(char::is_control), "{text:?}");
            }
        }
    }
});
