//! Input that somebody made to hurt: each gets a bounded, clear refusal.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{
    EncryptionScheme as Cipher, Kdf, Parameters, Pbkdf2Params, ScryptParams,
};
use windlass::der;
use windlass::key::{self, KeyType, Signer};
use windlass::pki::{
    AttributeType, Certificate, DistinguishedName, IssuerRef, Kind, PathFlaw, PathQuery, Policy,
    Revocation, SerialNumber, Template, validate_path,
};
use windlass::secret::Secret;

/// An encrypted key whose parameters are these; what is encrypted is noise.
fn encrypted(kdf: Kdf) -> Vec<u8> {
    let parameters = Parameters {
        kdf,
        encryption: Cipher::Aes256Cbc { iv: [0; 16] },
    };
    let document = pkcs8::EncryptedPrivateKeyInfoOwned {
        encryption_algorithm: EncryptionScheme::from(parameters),
        encrypted_data: pkcs8::der::asn1::OctetString::new(vec![7; 32]).unwrap(),
    };
    pkcs8::SecretDocument::try_from(&document)
        .unwrap()
        .as_bytes()
        .to_vec()
}

fn refusal(material: &[u8]) -> String {
    let start = Instant::now();
    let error = key::open_software(material, "F", || Ok(Some(Secret::from("x".to_owned()))));
    assert!(start.elapsed() < Duration::from_secs(1), "it was worked on");
    error.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn key_files_cannot_demand_unbounded_work_or_memory() {
    let scrypt = |cost_parameter, block_size, parallelization| {
        encrypted(Kdf::Scrypt(ScryptParams {
            salt: [0; 16].as_slice().try_into().unwrap(),
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        }))
    };
    for (n, r, p) in [
        (1 << 30, 8, 1),
        (1 << 14, 8, 400),
        (1 << 14, 65_535, 1),
        // N is small, and the other table large.
        (2, 128, 65_535),
        (2, 1024, 8191),
    ] {
        let said = refusal(&scrypt(n, r, p));
        assert!(
            said.contains("demands too much work"),
            "{n} {r} {p}: {said}"
        );
    }
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (16, 0, 1), (16, 8, 0)] {
        let said = refusal(&scrypt(n, r, p));
        assert_eq!(
            said, "F holds a damaged encrypted PKCS#8 private key",
            "{n} {r} {p}"
        );
    }
    let pbkdf2 = |iterations| {
        let salt: &[u8] = &[0; 16];
        encrypted(Kdf::Pbkdf2(
            Pbkdf2Params::hmac_sha256(iterations, salt).unwrap(),
        ))
    };
    let said = refusal(&pbkdf2(50_000_000));
    assert!(
        said.contains("50000000 iterations, at most 3000000"),
        "{said}"
    );
    assert_eq!(refusal(&pbkdf2(1)), "the passphrase does not open F");
}

/// A self-signed CA of the given name with a key of its own.
fn authority(name: &DistinguishedName, number: u8) -> Certificate {
    let key = key::generate(KeyType::P256, "key").unwrap().key;
    let now = Utc::now();
    Template {
        subject: name,
        public_key: key.public_key(),
        serial: &SerialNumber::from_magnitude(&[1, number]).unwrap(),
        not_before: now - TimeDelta::days(1),
        not_after: now + TimeDelta::days(1),
        kind: Kind::Root,
    }
    .sign(&IssuerRef {
        name,
        signer: &key,
        key_identifier: &key.public_key().key_identifier(),
    })
    .unwrap()
}

/// Two hundred CAs of one name, none of which issued the leaf.
#[test]
fn path_building_stops_when_its_budget_is_spent() {
    let name = DistinguishedName::build(&[(AttributeType::CommonName, "Many")]);
    let same: Vec<Certificate> = (0..200).map(|number| authority(&name, number)).collect();
    let key = key::generate(KeyType::P256, "key").unwrap().key;
    let subject = DistinguishedName::build(&[(AttributeType::CommonName, "leaf")]);
    let issuer_key = key::generate(KeyType::P256, "issuer").unwrap().key;
    let leaf = Template {
        subject: &subject,
        public_key: key.public_key(),
        serial: &SerialNumber::from_magnitude(&[9]).unwrap(),
        not_before: Utc::now() - TimeDelta::hours(1),
        not_after: Utc::now() + TimeDelta::hours(1),
        kind: Kind::Leaf { names: Vec::new() },
    }
    .sign(&IssuerRef {
        name: &name,
        signer: &issuer_key,
        key_identifier: &issuer_key.public_key().key_identifier(),
    })
    .unwrap();
    let query = |intermediates| PathQuery {
        leaf: &leaf,
        intermediates,
        anchors: &[],
        revocation: Revocation::Unchecked,
        at: Utc::now(),
        policy: Policy::RolesAnywhere,
    };
    let flaw = |count: usize| {
        let error = validate_path(&query(&same[..count])).unwrap_err();
        error.flaw().clone()
    };
    assert_eq!(flaw(200), PathFlaw::Budget);
    assert!(matches!(flaw(50), PathFlaw::BadSignature { .. }));
}

/// One certificate has one encoding: a longer form of a length is refused.
#[test]
fn a_certificate_in_another_encoding_is_refused() {
    let name = DistinguishedName::build(&[(AttributeType::CommonName, "One")]);
    let certificate = authority(&name, 1);
    let (outer, _) = der::read(certificate.der()).unwrap();
    let length = u16::try_from(outer.content.len()).unwrap().to_be_bytes();
    let longer = [&[0x30, 0x83, 0], &length[..], outer.content].concat();
    assert!(Certificate::from_der(certificate.der(), "F").is_ok());
    let error = Certificate::from_der(&longer, "F").unwrap_err();
    assert_eq!(
        error.to_string(),
        "F holds a damaged certificate: it is not DER"
    );
    let behind = [certificate.der(), &[0]].concat();
    assert!(Certificate::from_der(&behind, "F").is_err());
}

/// Thousands of extensions cost no more than counting them.
#[test]
fn a_certificate_with_too_many_extensions_is_refused_at_once() {
    let name = DistinguishedName::build(&[(AttributeType::CommonName, "Wide")]);
    let certificate = authority(&name, 1);
    let parts = der::sequence(certificate.der()).unwrap();
    let fields = der::children(parts[0].content).unwrap();
    let extensions: Vec<u8> = (0..30_000u32)
        .flat_map(|number| {
            let oid = [
                &[0x2b, 0x81 + u8::try_from(number >> 14).unwrap()][..],
                &[0x80 | u8::try_from(number >> 7 & 0x7f).unwrap()],
                &[u8::try_from(number & 0x7f).unwrap()],
            ]
            .concat();
            let value = der::write(der::OCTET_STRING, &[5, 0]);
            let oid = der::write(der::OBJECT_IDENTIFIER, &oid);
            der::write_all(der::SEQUENCE, &[&oid, &value])
        })
        .collect();
    let mut encoded: Vec<Vec<u8>> = fields.iter().map(|field| field.encoded.to_vec()).collect();
    *encoded.last_mut().unwrap() = der::write(0xa3, &der::write(der::SEQUENCE, &extensions));
    let wide = der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::SEQUENCE, &encoded.concat()),
            parts[1].encoded,
            parts[2].encoded,
        ],
    );
    let start = Instant::now();
    let error = Certificate::from_der(&wide, "F").unwrap_err().to_string();
    assert!(error.contains("it has 30000 extensions"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}
