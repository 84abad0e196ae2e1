//! Encrypted PKCS#8: the algorithm identifier is the fuzzer's, what is around it
//! is well formed, so that it is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::der;
use windlass::key::open_software;
use windlass::secret::Secret;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (algorithm, data) = input;
    let file = der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::SEQUENCE, algorithm),
            &der::write(der::OCTET_STRING, data),
        ],
    );
    let _ = open_software(&file, "F", || Ok(Some(Secret::from("testdata".to_owned()))));
});
