//! Keys and certificates in real tokens of SoftHSM, made by its own tools,
//! OpenSC and openssl.
//!
//! SoftHSM reads its configuration from the environment, which the tests of one
//! process share. So every test makes its tokens and then runs itself again, in
//! a process whose SOFTHSM2_CONF is its own.

mod always_authenticate;
mod finding;
mod modules;
mod pins;
pub mod tokens;

use std::sync::{Arc, Mutex};

use windlass::key::{
    AskPin, Error, Hash, Pkcs11Error, Pkcs11Uri, PublicKey, Scheme, Signer, TokenCertificate,
    TokenKey, TokenOptions, open_token_key, token_certificates,
};
use windlass::secret::Secret;

use tokens::{PIN, Tokens};

const MESSAGE: &[u8] = b"what is to be signed";

fn uri(text: &str) -> Pkcs11Uri {
    match text.parse() {
        Ok(uri) => uri,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// The options that name SoftHSM.
fn softhsm() -> TokenOptions {
    TokenOptions {
        library: Some(tokens::library()),
        reuse_pin: false,
    }
}

/// Answers every question with this PIN, and keeps the labels it was asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn answering(&self, pin: Option<&'static str>) -> AskPin {
        let labels = Arc::clone(&self.0);
        Box::new(move |label| {
            labels.lock().unwrap().push(label.to_owned());
            Ok(pin.map(|pin| Secret::from(pin.to_owned())))
        })
    }

    fn labels(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn never() -> AskPin {
    Box::new(|label| panic!("asked for the PIN of {label}"))
}

fn open(text: &str, certificate: Option<&PublicKey>) -> Result<TokenKey, Error> {
    let ask = Asked::default().answering(Some(PIN));
    open_token_key(&uri(text), &softhsm(), certificate, ask)
}

fn certificates(text: &str) -> Result<(Vec<TokenCertificate>, Vec<TokenCertificate>), Error> {
    let found = token_certificates(&uri(text), &softhsm(), &mut |label| {
        panic!("asked for the PIN of {label}")
    })?;
    Ok((found.named, found.others))
}

/// The error, which must not hold the PIN in any form that could be printed.
fn refused<T>(result: Result<T, Error>) -> Error {
    let Err(error) = result else {
        panic!("it was not refused");
    };
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(PIN), "{shown}");
    error
}

fn token_error<T>(result: Result<T, Error>) -> Pkcs11Error {
    match refused(result) {
        Error::Pkcs11(error) => error,
        other => panic!("{other}"),
    }
}

/// What CreateSession demands of such a key.
fn scheme(key: &TokenKey) -> Scheme {
    match key.public_key().certificate_scheme() {
        Some(Scheme::RsaPkcs1(Hash::Sha256)) => Scheme::RsaPkcs1(Hash::Sha256),
        _ => Scheme::DeterministicEcdsa(Hash::Sha256),
    }
}

#[test]
fn keys_of_every_type_sign() {
    let name = "pkcs11::keys_of_every_type_sign";
    let kinds = [
        ("rsa", "01"),
        ("p256", "02"),
        ("p384", "03"),
        ("p521", "04"),
    ];
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            for (kind, id) in kinds {
                tokens.pair(kind, kind);
                tokens.import_key("box", kind, id, kind);
                tokens.import_certificate("box", kind, id, kind);
            }
        },
        |tokens| {
            for (kind, id) in kinds {
                let text = format!("pkcs11:token=box;object={kind}");
                let (named, others) = certificates(&text).unwrap();
                assert_eq!((named.len(), others.len()), (1, 3));
                let certificate = &named[0];
                assert_eq!(certificate.der, tokens.der(kind));
                assert!(
                    others.iter().all(|other| other.der != certificate.der),
                    "{others:?}"
                );
                let shown = certificate.uri.to_string();
                assert!(
                    shown.ends_with(&format!("token=box;id=%{id};object={kind};type=cert")),
                    "{shown}"
                );
                assert_eq!(certificates(&shown).unwrap().0[0].der, certificate.der);

                // The certificate's URI serves for the key, and so does its own.
                let public = tokens.public_key(kind);
                let key = open(&shown, Some(&public)).unwrap();
                assert_eq!(key.public_key(), &public);
                assert!(key.origin().ends_with("type=private"), "{}", key.origin());
                let again = open(key.origin(), None).unwrap();
                assert_eq!(again.public_key(), &public);

                for key in [key, again] {
                    let scheme = scheme(&key);
                    let signature = key.sign(scheme, MESSAGE).unwrap();
                    assert!(tokens.openssl_verifies(kind, "sha256", &signature));
                    assert!(
                        matches!(
                            key.sign(
                                if kind == "rsa" {
                                    Scheme::EcdsaSha256
                                } else {
                                    Scheme::RsaPkcs1(Hash::Sha256)
                                },
                                MESSAGE
                            ),
                            Err(Error::SchemeMismatch { .. })
                        ),
                        "{kind}"
                    );
                }
            }
            // As a certificate authority would sign.
            let key = open("pkcs11:object=p384;type=private", None).unwrap();
            let signature = key.sign(Scheme::EcdsaSha384, MESSAGE).unwrap();
            assert!(tokens.openssl_verifies("p384", "sha384", &signature));
        },
    );
}

/// Two keys, in a token that offers no more than these mechanisms.
fn with_mechanisms(tokens: &Tokens, offered: &str) {
    tokens.token("box");
    for (kind, id) in [("rsa", "01"), ("p256", "02")] {
        tokens.pair(kind, kind);
        tokens.import_key("box", kind, id, kind);
    }
    tokens.configure(&format!("slots.mechanisms = {offered}"));
}

#[test]
fn tokens_that_do_not_hash_sign_too() {
    let name = "pkcs11::tokens_that_do_not_hash_sign_too";
    tokens::with(
        name,
        |tokens: &Tokens| with_mechanisms(tokens, "CKM_RSA_PKCS,CKM_ECDSA"),
        |tokens| {
            for kind in ["rsa", "p256"] {
                let key = open(&format!("pkcs11:object={kind};type=private"), None).unwrap();
                let signature = key.sign(scheme(&key), MESSAGE).unwrap();
                assert!(
                    tokens.openssl_verifies(kind, "sha256", &signature),
                    "{kind}"
                );
            }
        },
    );
}

#[test]
fn a_token_without_the_mechanism_says_so() {
    let name = "pkcs11::a_token_without_the_mechanism_says_so";
    tokens::with(
        name,
        |tokens: &Tokens| with_mechanisms(tokens, "CKM_SHA256,CKM_SHA512"),
        |_| {
            for (kind, wanted) in [
                ("rsa", "CKM_SHA256_RSA_PKCS and CKM_RSA_PKCS"),
                ("p256", "CKM_ECDSA and CKM_ECDSA_SHA256"),
            ] {
                let key = open(&format!("pkcs11:object={kind};type=private"), None).unwrap();
                assert_eq!(
                    token_error(key.sign(scheme(&key), MESSAGE)).to_string(),
                    format!("the token 'box' has none of the mechanisms {wanted}")
                );
            }
        },
    );
}

#[test]
fn several_keys_are_open_at_once() {
    let name = "pkcs11::several_keys_are_open_at_once";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            for (kind, id) in [("rsa", "01"), ("p256", "02")] {
                tokens.pair(kind, kind);
                tokens.import_key("box", kind, id, kind);
                tokens.import_certificate("box", kind, id, kind);
            }
        },
        |_| {
            let first = open("pkcs11:object=rsa;type=private", None).unwrap();
            // The user is logged in for the whole process: no second PIN.
            let second = uri("pkcs11:object=p256;type=private");
            let second = open_token_key(&second, &softhsm(), None, never()).unwrap();
            // A search that begins and ends meanwhile takes nothing away.
            assert_eq!(certificates("pkcs11:token=box").unwrap().0.len(), 2);
            std::thread::scope(|scope| {
                for key in [&first, &second, &first, &second] {
                    scope.spawn(move || {
                        for _ in 0..5 {
                            key.sign(scheme(key), MESSAGE).unwrap();
                        }
                    });
                }
            });
            drop(first);
            second.sign(scheme(&second), MESSAGE).unwrap();
            drop(second);
            // The last one has logged out and finalised.
            let asked = Asked::default();
            let third = uri("pkcs11:object=p256;type=private");
            let third = open_token_key(&third, &softhsm(), None, asked.answering(Some(PIN)));
            third.unwrap();
            assert_eq!(asked.labels(), ["box"]);
            // Another may initialise it now.
            tokens::as_user(|_| {});
        },
    );
}
