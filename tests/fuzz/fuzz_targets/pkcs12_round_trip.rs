//! PKCS#12 files that are written: any certificates, passphrase and name come back,
//! and a passphrase is refused for what it is alone.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use windlass::key::{
    Cost, Error, GeneratedKey, KeyType, Material, Pkcs12, Pkcs12Scheme, Signer, generate,
    open_software, write_pkcs12,
};
use windlass::secret::Secret;

static KEY: LazyLock<GeneratedKey> = LazyLock::new(|| generate(KeyType::P256, "F").unwrap());

fuzz_target!(|input: (&[u8], &str, bool, &[u8], Vec<&[u8]>)| {
    let (passphrase, name, is_legacy, certificate, chain) = input;
    let secret = Secret::new(passphrase.to_vec());
    let name = name.parse().ok();
    let contents = Pkcs12 {
        key: &KEY.pkcs8,
        certificate,
        chain: &chain,
        name: name.as_ref(),
    };
    let scheme = match is_legacy {
        true => Pkcs12Scheme::Legacy,
        false => Pkcs12Scheme::Modern,
    };
    let is_fit = std::str::from_utf8(passphrase)
        .is_ok_and(|text| !text.is_empty() && !text.chars().any(char::is_control));
    match write_pkcs12(&contents, &secret, scheme, Cost::Testing, "F") {
        Err(Error::UnfitPassphrase { .. }) => assert!(!is_fit),
        Err(other) => panic!("{other}"),
        Ok(file) => {
            assert!(is_fit);
            let ask = || Ok(Some(secret.copy()));
            let read = Material::read(&file, "F", ask).expect("it was written");
            let expected = [certificate].into_iter().chain(chain);
            assert!(read.certificates().iter().map(Vec::as_slice).eq(expected));
            let key = open_software(&file, "F", ask).expect("it was written");
            assert_eq!(key.public_key(), KEY.key.public_key());
        }
    }
});
