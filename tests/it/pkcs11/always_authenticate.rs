//! Keys that want a PIN for every signature (CKA_ALWAYS_AUTHENTICATE).

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use windlass::key::{Hash, PinWarning, Pkcs11Error, Scheme, Signer, TokenOptions, open_token_key};
use windlass::secret::Secret;

use super::tokens::{self, PIN, Tokens};
use super::{Asked, MESSAGE, never, softhsm, token_error, uri};

fn token(tokens: &Tokens) {
    tokens.token("box");
}

fn generate_rsa() {
    let public = [
        Attribute::ModulusBits(2048.into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
    ];
    let private = [
        Attribute::Private(true),
        Attribute::AlwaysAuthenticate(true),
    ];
    tokens::generate(&Mechanism::RsaPkcsKeyPairGen, &public, &private, "each");
}

#[test]
fn the_pin_is_asked_for_each_signature() {
    let name = "pkcs11::always_authenticate::the_pin_is_asked_for_each_signature";
    tokens::with(name, token, |_| {
        generate_rsa();
        for (reuse_pin, times) in [(false, 3), (true, 1)] {
            let asked = Asked::default();
            let options = TokenOptions {
                reuse_pin,
                ..softhsm()
            };
            let ask = asked.answering(Some(PIN));
            let key = open_token_key(&uri("pkcs11:object=each"), &options, None, ask).unwrap();
            for message in [MESSAGE, b"another"] {
                let signature = key.sign(Scheme::RsaPkcs1(Hash::Sha256), message).unwrap();
                let public = key.public_key();
                assert!(public.verify(Scheme::RsaPkcs1(Hash::Sha256), message, &signature));
            }
            assert_eq!(asked.labels().len(), times, "reuse_pin {reuse_pin}");
        }
        let text = format!("pkcs11:object=each?pin-value={PIN}");
        let key = open_token_key(&uri(&text), &softhsm(), None, never()).unwrap();
        key.sign(Scheme::RsaPkcs1(Hash::Sha256), MESSAGE).unwrap();
    });
}

#[test]
fn a_wrong_pin_for_a_signature_is_tried_once() {
    let name = "pkcs11::always_authenticate::a_wrong_pin_for_a_signature_is_tried_once";
    tokens::with(name, token, |_| {
        generate_rsa();
        let mut answers = vec![None, Some("wrong"), Some("wrong"), Some(PIN)].into_iter();
        let ask = Box::new(move |_: &str| {
            let answer = answers.next().unwrap_or(None);
            Ok(answer.map(|pin| Secret::from(pin.to_owned())))
        });
        // The first login is another key's; this one then has no PIN of its own.
        let first = format!("pkcs11:object=each?pin-value={PIN}");
        let first = open_token_key(&uri(&first), &softhsm(), None, never()).unwrap();
        let options = TokenOptions {
            reuse_pin: true,
            ..softhsm()
        };
        let key = open_token_key(&uri("pkcs11:object=each"), &options, None, ask).unwrap();
        let sign = || key.sign(Scheme::RsaPkcs1(Hash::Sha256), MESSAGE);
        let error = token_error(sign());
        assert!(matches!(error, Pkcs11Error::PinMissing { .. }), "{error}");
        let warnings = [PinWarning::CountLow, PinWarning::NotTriedAgain].map(|expected| {
            let error = token_error(sign());
            matches!(error, Pkcs11Error::PinWrong { warning, .. } if warning == expected)
        });
        assert_eq!(warnings, [true, true]);
        drop(first);
    });
}

#[test]
fn an_ec_key_signs_or_says_why_not() {
    let name = "pkcs11::always_authenticate::an_ec_key_signs_or_says_why_not";
    tokens::with(name, token, |_| {
        let p256 = [Attribute::EcParams(vec![
            0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
        ])];
        let private = [
            Attribute::Private(true),
            Attribute::AlwaysAuthenticate(true),
        ];
        tokens::generate(&Mechanism::EccKeyPairGen, &p256, &private, "each");
        let text = format!("pkcs11:object=each?pin-value={PIN}");
        let key = open_token_key(&uri(&text), &softhsm(), None, never()).unwrap();
        // SoftHSM 2.6 has no mechanism that hashes and signs with EC keys.
        match key.sign(Scheme::DeterministicEcdsa(Hash::Sha256), MESSAGE) {
            Ok(signature) => {
                let public = key.public_key();
                assert!(public.verify(Scheme::EcdsaSha256, MESSAGE, &signature));
            }
            error => {
                let error = token_error(error);
                assert!(matches!(error, Pkcs11Error::SignInParts { .. }), "{error}");
            }
        }
    });
}
