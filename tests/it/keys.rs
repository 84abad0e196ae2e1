//! Private key files: every form that is read signs, and every other one is
//! refused with a sentence that says what it is.

use std::fs;

use windlass::key::{self, Hash, KeyType, PublicKey, Scheme, Signer, SoftwareKey};
use windlass::pki::read_certificates;
use windlass::secret::Secret;

use crate::harness::testdata;

fn open(name: &str, passphrase: Option<&str>) -> Result<SoftwareKey, key::Error> {
    let material = fs::read(testdata("keys").join(name)).unwrap();
    key::open_software(&material, name, || {
        Ok(passphrase.map(|text| Secret::from(text.to_owned())))
    })
}

fn certified(name: &str) -> PublicKey {
    let material = fs::read(testdata("certs").join(name)).unwrap();
    let certificates = read_certificates(&material, name).unwrap();
    certificates[0].public_key().clone()
}

#[test]
fn every_form_of_a_key_signs_for_the_same_certificate() {
    let ecdsa = Scheme::DeterministicEcdsa(Hash::Sha256);
    for (file, passphrase, certificate, scheme) in [
        ("p256.pem", None, "leaf.pem", ecdsa),
        ("p256.der", None, "leaf.pem", ecdsa),
        ("p256-crlf.pem", None, "leaf.pem", ecdsa),
        ("p256-sec1.pem", None, "leaf.pem", ecdsa),
        ("p256-sec1-parameters.pem", None, "leaf.pem", ecdsa),
        ("p256-encrypted.pem", Some("testdata"), "leaf.pem", ecdsa),
        ("p256-scrypt.pem", Some("testdata"), "leaf.pem", ecdsa),
        (
            "p256-traditional-encrypted.pem",
            Some("testdata"),
            "leaf.pem",
            ecdsa,
        ),
        ("p384.pem", None, "leaf-p384.pem", ecdsa),
        ("p521.pem", None, "leaf-p521.pem", ecdsa),
        ("p384-sec1.pem", None, "leaf-p384.pem", ecdsa),
        (
            "rsa2048.pem",
            None,
            "leaf-rsa.pem",
            Scheme::RsaPkcs1(Hash::Sha256),
        ),
        (
            "rsa2048-pkcs1.pem",
            None,
            "leaf-rsa.pem",
            Scheme::RsaPkcs1(Hash::Sha256),
        ),
    ] {
        let key = open(file, passphrase).unwrap_or_else(|error| panic!("{file}: {error}"));
        let public = certified(certificate);
        assert_eq!(key.public_key(), &public, "{file}");
        let signature = key.sign(scheme, b"message").unwrap();
        assert!(public.verify(scheme, b"message", &signature), "{file}");
        assert!(!public.verify(scheme, b"massage", &signature), "{file}");
    }
}

#[test]
fn every_other_file_is_refused_with_what_it_is() {
    let say = |name: &str, passphrase: Option<&str>| {
        open(name, passphrase).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        say("p256-encrypted.pem", None),
        "p256-encrypted.pem is encrypted and no passphrase was given"
    );
    assert_eq!(
        say("p256-encrypted.pem", Some("wrong")),
        "the passphrase does not open p256-encrypted.pem"
    );
    assert_eq!(
        say("p256-scrypt-too-costly.pem", Some("testdata")),
        "p256-scrypt-too-costly.pem demands too much work to decrypt: scrypt with N=16384 r=8 \
         p=400, at most 136 MiB of memory and N·r·p=16777216"
    );
    assert_eq!(
        say("p256-traditional-encrypted.pem", Some("wrong")),
        "the passphrase does not open p256-traditional-encrypted.pem"
    );
    assert_eq!(
        say("rsa1024.pem", None),
        "rsa1024.pem holds a key that cannot be used: RSA below 2048 bits"
    );
    assert_eq!(
        say("ed25519.pem", None),
        "ed25519.pem holds a key that cannot be used: Ed25519, for which Roles Anywhere has no \
         signing algorithm"
    );
    let of = |material: &[u8]| {
        key::open_software(material, "F", || Ok(None))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let certificate = fs::read(testdata("certs/leaf.pem")).unwrap();
    let key = fs::read(testdata("keys/p256.pem")).unwrap();
    assert_eq!(of(b""), "F holds no private key: the file is empty");
    assert_eq!(
        of(b"\0\x01\x02"),
        "F holds no private key: it is neither PEM nor DER"
    );
    assert_eq!(
        of(&certificate),
        "F holds no private key: it holds a certificate"
    );
    assert_eq!(
        of(&[key.clone(), key.clone()].concat()),
        "F holds 2 private keys, and only one can be meant"
    );
    assert_eq!(
        of(&key[..key.len() - 40]),
        "F holds no private key: it has a BEGIN line but no complete PEM block"
    );
    let text = String::from_utf8(key.clone()).unwrap();
    let damaged = text.replace('M', "A");
    assert_eq!(
        of(damaged.as_bytes()),
        "F holds a damaged PKCS#8 private key"
    );
    // A certificate before and text around do not matter.
    let soup = [
        b"Bag Attributes\n".to_vec(),
        certificate,
        b"text\n".to_vec(),
        key,
    ]
    .concat();
    assert!(key::open_software(&soup, "F", || Ok(None)).is_ok());
}

/// A key file that is cut or changed anywhere gives an error, never a panic.
#[test]
fn damaged_keys_never_panic() {
    for name in [
        "p256.der",
        "p256-sec1.pem",
        "rsa2048.pem",
        "p256-encrypted.pem",
    ] {
        let material = fs::read(testdata("keys").join(name)).unwrap();
        for cut in 0..material.len() {
            let passphrase = || Ok(None);
            let _ = key::open_software(&material[..cut], name, passphrase);
        }
        for index in 0..material.len() {
            let mut changed = material.clone();
            changed[index] ^= 0x41;
            let _ = key::open_software(&changed, name, || Ok(None));
        }
    }
}

#[test]
fn new_keys_of_every_type_read_back_and_encrypted_ones_too() {
    for key_type in KeyType::ALL {
        let made = key::generate(key_type, "new").unwrap();
        let again = key::open_software(made.pkcs8.expose(), "again", || Ok(None)).unwrap();
        assert_eq!(made.key.public_key(), again.public_key(), "{key_type}");
        let passphrase = Secret::from("a passphrase".to_owned());
        let pem = key::encrypt(&made.pkcs8, &passphrase, key::Cost::Testing, "new").unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let opened = key::open_software(pem.as_bytes(), "pem", || {
            Ok(Some(Secret::from("a passphrase".to_owned())))
        })
        .unwrap();
        assert_eq!(opened.public_key(), made.key.public_key(), "{key_type}");
    }
}
