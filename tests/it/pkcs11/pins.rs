//! Where a PIN comes from, and what becomes of a wrong one.

use std::fs;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use windlass::key::{PinWarning, Pkcs11Error, Signer, open_token_key};

use super::tokens::{self, PIN, Tokens};
use super::{Asked, MESSAGE, never, scheme, softhsm, token_error, uri};

fn one_key(tokens: &Tokens) {
    tokens.token("box");
    tokens.pair("web", "p256");
    tokens.import_key("box", "web", "01", "web");
}

#[test]
fn the_uri_comes_before_the_question() {
    let name = "pkcs11::pins::the_uri_comes_before_the_question";
    tokens::with(name, one_key, |tokens| {
        let file = tokens.path("pin");
        let file = file.to_str().unwrap();
        fs::write(file, format!("{PIN}\n")).unwrap();
        for query in [
            format!("pin-value={PIN}"),
            format!("pin-source={file}"),
            format!("pin-source=file:{file}"),
            format!("pin-source=file://{file}"),
        ] {
            let key = uri(&format!("pkcs11:object=web?{query}"));
            let key = open_token_key(&key, &softhsm(), None, never()).unwrap();
            assert!(!key.origin().contains(PIN), "{}", key.origin());
            key.sign(scheme(&key), MESSAGE).unwrap();
        }
        for (source, reason) in [
            (
                "pin",
                "it must be the absolute path of a file, or a file: URI",
            ),
            ("|/bin/cat%20pin", "commands are not run; give a file"),
            ("/does/not/exist", "No such file or directory (os error 2)"),
            ("/dev/null", "it is empty"),
        ] {
            let key = uri(&format!("pkcs11:object=web?pin-source={source}"));
            match token_error(open_token_key(&key, &softhsm(), None, never())) {
                Pkcs11Error::PinSource { reason: found, .. } => assert_eq!(found, reason),
                other => panic!("{other}"),
            }
        }
    });
}

#[test]
fn a_missing_pin_is_no_attempt() {
    let name = "pkcs11::pins::a_missing_pin_is_no_attempt";
    tokens::with(name, one_key, |_| {
        for nothing in [None, Some("")] {
            let asked = Asked::default();
            let ask = asked.answering(nothing);
            let error = token_error(open_token_key(
                &uri("pkcs11:object=web"),
                &softhsm(),
                None,
                ask,
            ));
            assert!(matches!(error, Pkcs11Error::PinMissing { .. }), "{error}");
            assert_eq!(
                error.to_string(),
                "the token 'box' needs a PIN and none was given"
            );
            assert_eq!(asked.labels(), ["box"]);
        }
    });
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let name = "pkcs11::pins::a_wrong_pin_is_tried_once";
    tokens::with(name, one_key, |_| {
        let attempt = |pin: &'static str| {
            let ask = Asked::default().answering(Some(pin));
            open_token_key(&uri("pkcs11:object=web"), &softhsm(), None, ask)
        };
        let warning = |pin: &'static str| match token_error(attempt(pin)) {
            Pkcs11Error::PinWrong { warning, token } => {
                assert_eq!(token, "box");
                warning
            }
            other => panic!("{other}"),
        };
        // SoftHSM warns after the first wrong one.
        assert_eq!(warning("wrong-1"), PinWarning::CountLow);
        assert_eq!(warning("wrong-1"), PinWarning::NotTriedAgain);
        assert_eq!(warning("wrong-2"), PinWarning::CountLow);
        let error = token_error(attempt("wrong-2")).to_string();
        assert!(!error.contains("wrong-2"), "{error}");
        let error = token_error(attempt("x"));
        assert!(
            matches!(
                &error,
                Pkcs11Error::PinWrong { .. } | Pkcs11Error::PinUnusable { .. }
            ),
            "{error}"
        );
        attempt(PIN).unwrap();
    });
}

#[test]
fn a_key_that_needs_no_login_asks_for_none() {
    let name = "pkcs11::pins::a_key_that_needs_no_login_asks_for_none";
    let token = |tokens: &Tokens| tokens.token("box");
    tokens::with(name, token, |_| {
        let p256 = Attribute::EcParams(vec![0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        for (label, private) in [("open", false), ("closed", true)] {
            tokens::generate(
                &Mechanism::EccKeyPairGen,
                std::slice::from_ref(&p256),
                &[Attribute::Private(private)],
                label,
            );
        }
        let key = uri("pkcs11:object=open");
        let key = open_token_key(&key, &softhsm(), None, never()).unwrap();
        key.sign(scheme(&key), MESSAGE).unwrap();
        drop(key);
        let asked = Asked::default();
        let key = uri("pkcs11:object=closed");
        open_token_key(&key, &softhsm(), None, asked.answering(Some(PIN))).unwrap();
        assert_eq!(asked.labels(), ["box"]);
    });
}
