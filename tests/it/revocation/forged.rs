//! Lists that say that they are the CA's, and are not.

use chrono::{TimeDelta, Utc};
use windlass::key::{self, KeyType, Signer};
use windlass::pki::{CrlTemplate, IssuerRef, encode_pem, read_certificates};

use super::{crl, number, read_list};
use crate::harness::Sandbox;

/// A list in the name of the issuing CA and with its key's identifier, signed by
/// another key, or by none of the two.
fn forge(sandbox: &Sandbox, number: u64, file: &str) {
    let pem = sandbox.read("ca/issuing/cert.pem");
    let issuing = read_certificates(pem.as_bytes(), "issuing")
        .unwrap()
        .swap_remove(0);
    assert_eq!(encode_pem([&issuing]), pem);
    let other = key::generate(KeyType::P256, "another key").unwrap();
    let identifier = issuing.public_key().key_identifier();
    let signer: &dyn Signer = &other.key;
    let issuer = IssuerRef {
        name: issuing.subject(),
        signer,
        key_identifier: &identifier,
    };
    let now = chrono::DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap();
    let template = CrlTemplate {
        number,
        this_update: now,
        next_update: now + TimeDelta::days(10),
        entries: Vec::new(),
    };
    let signed = template.build(&issuer).unwrap().sign().unwrap();
    sandbox.write(file, signed.to_pem());
}

/// Whoever can write where the list is published must not decide its number.
#[test]
fn the_number_of_a_forged_list_does_not_count() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    for forged in [u64::MAX / 2, u64::MAX / 2 - 1, 9_000_000_000] {
        forge(&sandbox, forged, "copy.pem");
        let refused = crl(&sandbox, &["--out", "copy.pem"]);
        assert_eq!(refused.code, 4, "{refused:#?}");
        assert!(
            refused.stderr.contains("is a list of O=Example Corp"),
            "{refused:#?}"
        );
        let made = crl(&sandbox, &["--out", "copy.pem", "--force"]);
        assert_eq!(made.code, 0, "{made:#?}");
        let given = number(&read_list(&sandbox, "copy.pem"));
        let now = u64::try_from(Utc::now().timestamp()).unwrap();
        assert!(given < now + 1000, "{given}");
    }
    // One that is behind says nothing, and is simply replaced.
    forge(&sandbox, 5, "copy.pem");
    assert_eq!(crl(&sandbox, &["--out", "copy.pem"]).code, 0);
}

/// Where it has happened, there is an error that says what is so.
#[test]
fn numbers_that_cannot_rise_are_told() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let to = |number: i64| {
        database
            .execute("UPDATE crl SET number = ?1", [number])
            .unwrap();
    };
    to(i64::MAX - 1);
    std::fs::remove_file(sandbox.path("ca/crl/issuing.pem")).unwrap();
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let last = crl(&sandbox, &[]);
    assert_eq!(last.code, 4, "{last:#?}");
    assert!(last.stderr.contains("and none can follow it"), "{last:#?}");
}
