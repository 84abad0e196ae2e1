//! PKCS#12: the authenticated safe is the fuzzer's, in a file without a MAC,
//! which would keep it from being looked at.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::der;
use windlass::key::open_software;

fuzz_target!(|safe: &[u8]| {
    // pkcs7-data
    let data = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let content = der::write(0xa0, &der::write(der::OCTET_STRING, safe));
    let info = der::write_all(
        der::SEQUENCE,
        &[&der::write(der::OBJECT_IDENTIFIER, &data), &content],
    );
    let file = der::write_all(der::SEQUENCE, &[&der::write(der::INTEGER, &[3]), &info]);
    let _ = open_software(&file, "F", || Ok(None));
    // And as a whole file.
    let _ = open_software(safe, "F", || Ok(None));
});
