//! Any passphrase that is text and any name: Python's cryptography and windlass
//! read from the file what was written.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use windlass::key::{Cost, Error, FriendlyName, Material, Pkcs12, Pkcs12Scheme, write_pkcs12};
use windlass::secret::Secret;

use crate::harness::{Sandbox, testdata};

use super::read_by_python;

/// So many files for one run of Python.
const FILES: usize = 100;

fn der(name: &str) -> Vec<u8> {
    let text = std::fs::read(testdata(name)).unwrap();
    pem::parse(text).unwrap().into_contents()
}

/// Text of any script, without control characters.
fn text(most: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        2 => any::<char>(),
        1 => proptest::char::range('\u{80}', '\u{ffff}'),
        1 => proptest::char::range('\u{1f300}', '\u{1faff}'),
    ];
    let character = character.prop_filter("control characters", |c| !c.is_control());
    proptest::collection::vec(character, 1..most).prop_map(String::from_iter)
}

#[test]
fn any_passphrase_and_any_name_come_back() {
    let sandbox = Sandbox::new();
    let key = Secret::new(der("keys/p256.pem"));
    let certificate = der("certs/leaf.pem");
    let (mut files, mut expected) = (Vec::new(), Vec::new());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for number in 0..FILES {
        let wish = (text(60), text(300), any::<bool>(), any::<bool>());
        let (passphrase, name, is_named, is_legacy) = wish.new_tree(&mut runner).unwrap().current();
        let name = name.parse::<FriendlyName>().ok().filter(|_| is_named);
        let secret = Secret::from(passphrase.clone());
        let scheme = match is_legacy {
            true => Pkcs12Scheme::Legacy,
            false => Pkcs12Scheme::Modern,
        };
        let contents = Pkcs12 {
            key: &key,
            certificate: &certificate,
            chain: &[],
            name: name.as_ref(),
        };
        let file = write_pkcs12(&contents, &secret, scheme, Cost::Testing, "F").unwrap();
        let read = Material::read(&file, "F", || Ok(Some(secret.copy()))).unwrap();
        assert_eq!(read.certificates(), std::slice::from_ref(&certificate));
        let other = Secret::from(format!("{passphrase}x"));
        let refused = Material::read(&file, "F", || Ok(Some(other)));
        assert!(
            matches!(refused, Err(Error::BadPassphrase { .. })),
            "{passphrase}"
        );
        sandbox.write(&format!("{number}.p12"), file);
        files.push((format!("{number}.p12"), passphrase));
        expected.push(json!({
            "name": name.as_ref().map(FriendlyName::as_str),
            "key": hex::encode(key.expose()),
            "certificates": [hex::encode(&certificate)],
        }));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(file, secret)| (&**file, &**secret))
        .collect();
    for ((found, expected), asked) in read_by_python(&sandbox, &files)
        .iter()
        .zip(&expected)
        .zip(&files)
    {
        assert_eq!(found, expected, "{asked:?}");
    }
}

#[test]
fn a_name_is_taken_as_long_as_a_bmp_string_holds_it() {
    let fits = |text: &str| text.parse::<FriendlyName>().is_ok();
    for good in ["a", "web 1", "\u{ffff}", "密", &"é".repeat(255)] {
        assert!(fits(good), "{good}");
    }
    for bad in ["", "😀", "\u{10000}", "a\n", "\0", &"a".repeat(256)] {
        assert!(!fits(bad), "{bad:?}");
    }
}
