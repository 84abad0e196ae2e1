//! Which certificate and key a URI leads to, and what is said when it leads to
//! none or to several.

use cryptoki::object::{Attribute, CertificateType, ObjectClass};
use windlass::key::{
    Error, ObjectKind, Pkcs11Error, Signer, TokenOptions, open_token_key, token_certificates,
};
use windlass::secret::Secret;

use super::tokens::{self, PIN, Tokens};
use super::{Asked, MESSAGE, certificates, never, open, scheme, softhsm, token_error, uri};

#[test]
fn the_key_is_found_by_the_certificate() {
    let name = "pkcs11::finding::the_key_is_found_by_the_certificate";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            for pair in ["web", "mail", "alone"] {
                tokens.pair(pair, "p256");
            }
            // The same identifier, other labels.
            tokens.import_key("box", "web", "01", "web key");
            tokens.import_certificate("box", "web", "01", "web certificate");
            // The same label, other identifiers.
            tokens.import_key("box", "mail", "10", "mail");
            tokens.import_certificate("box", "mail", "20", "mail");
            // A key whose certificate is in a file.
            tokens.import_key("box", "alone", "30", "alone");
        },
        |tokens| {
            let web = tokens.public_key("web");
            for text in [
                "pkcs11:object=web%20certificate;type=cert",
                "pkcs11:object=web%20certificate",
                "pkcs11:object=web%20key",
                "pkcs11:id=%01",
                "pkcs11:id=%01;type=cert",
                "pkcs11:id=%01;type=private",
            ] {
                assert_eq!(open(text, None).unwrap().public_key(), &web, "{text}");
                let key = open(text, Some(&web)).unwrap();
                key.sign(scheme(&key), MESSAGE).unwrap();
            }
            let mail = tokens.public_key("mail");
            for text in ["pkcs11:object=mail", "pkcs11:id=%20;type=cert"] {
                assert_eq!(open(text, None).unwrap().public_key(), &mail, "{text}");
            }
            let alone = tokens.public_key("alone");
            let key = open("pkcs11:object=alone", Some(&alone)).unwrap();
            assert_eq!(key.public_key(), &alone);
            // Of all keys of a token only one belongs to the certificate.
            let key = open("pkcs11:token=box", Some(&alone)).unwrap();
            assert_eq!(key.public_key(), &alone);

            let error = token_error(open("pkcs11:id=%01;type=private", Some(&mail)));
            assert!(matches!(error, Pkcs11Error::KeyMismatch { .. }), "{error}");
            // The label is that of the key alone, so a certificate's it is not.
            let error = token_error(open("pkcs11:object=web%20key;type=private;id=%10", None));
            assert!(
                matches!(
                    &error,
                    Pkcs11Error::NotFound {
                        wanted: ObjectKind::Private,
                        ..
                    }
                ),
                "{error}"
            );
        },
    );
}

#[test]
fn nothing_is_chosen_among_several() {
    let name = "pkcs11::finding::nothing_is_chosen_among_several";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            for (pair, id) in [("old", "01"), ("new", "02")] {
                tokens.pair(pair, "p256");
                tokens.import_key("box", pair, id, "web");
                tokens.import_certificate("box", pair, id, "web");
            }
        },
        |tokens| {
            for text in [
                "pkcs11:object=web",
                "pkcs11:type=private",
                "pkcs11:type=cert",
            ] {
                let error = token_error(open(text, None));
                assert!(matches!(error, Pkcs11Error::Ambiguous { .. }), "{error}");
                let shown = error.to_string();
                for id in ["01", "02"] {
                    let each = format!("token=box;id=%{id};object=web;type=private");
                    assert!(shown.contains(&each), "{shown}");
                }
            }
            for pair in ["old", "new"] {
                let public = tokens.public_key(pair);
                let key = open("pkcs11:object=web", Some(&public)).unwrap();
                assert_eq!(key.public_key(), &public);
            }
            let searched = uri("pkcs11:object=web?pin-value=1234");
            let found =
                token_certificates(&searched, &softhsm(), &mut |_| panic!("asked")).unwrap();
            let error = token_error(found.into_single(&searched)).to_string();
            assert!(
                error.starts_with("pkcs11:object=web fits pkcs11:"),
                "{error}"
            );
            assert!(
                error.contains("id=%01") && error.contains("id=%02"),
                "{error}"
            );
            assert!(!error.contains("1234"), "{error}");
        },
    );
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let name = "pkcs11::finding::what_is_not_there_is_said_with_what_is";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            tokens.pair("web", "p256");
            tokens.import_key("box", "web", "01", "web key");
            tokens.import_certificate("box", "web", "01", "web certificate");
        },
        |_| {
            let error = token_error(open("pkcs11:token=chest;object=web", None)).to_string();
            assert!(error.starts_with("no token fits pkcs11:token=chest;object=web;"));
            assert!(error.contains("manufacturer=SoftHSM%20project;"), "{error}");
            assert!(error.ends_with("token=box"), "{error}");
            // The uninitialised token that SoftHSM always shows is no token.
            assert_eq!(error.matches("SoftHSM%20project").count(), 1, "{error}");

            let mail = uri("pkcs11:object=mail");
            let error = token_certificates(&mail, &softhsm(), &mut |_| Ok(None));
            let error = token_error(error).to_string();
            let begin = "no certificate fits pkcs11:object=mail; the token 'box' shows without a login: pkcs11:";
            assert!(error.starts_with(begin), "{error}");
            assert!(error.ends_with("id=%01;object=web%20certificate;type=cert"));
            let error = token_error(open("pkcs11:object=mail", None)).to_string();
            assert!(
                error.contains("no private key fits pkcs11:object=mail;"),
                "{error}"
            );
            assert!(
                error.ends_with("id=%01;object=web%20key;type=private"),
                "{error}"
            );

            // Each attribute of token, slot and library counts.
            let key = open("pkcs11:object=web%20key", None).unwrap();
            let slots = "slot-manufacturer=SoftHSM%20project;library-manufacturer=SoftHSM;\
                         library-description=Implementation%20of%20PKCS11;library-version=2.6";
            drop(open(&format!("{};{slots}", key.origin()), None).unwrap());
            for other in [
                "model=x",
                "manufacturer=x",
                "serial=0",
                "slot-id=1",
                "slot-description=x",
                "slot-manufacturer=x",
                "library-manufacturer=x",
                "library-description=x",
                "library-version=99",
            ] {
                let error = token_error(open(&format!("pkcs11:{other}"), None));
                assert!(
                    matches!(error, Pkcs11Error::NoToken { .. }),
                    "{other}: {error}"
                );
            }

            let error = token_error(certificates("pkcs11:object=web%20key;type=private"));
            assert!(matches!(error, Pkcs11Error::Kind { .. }), "{error}");
            for kind in ["public", "secret-key", "data"] {
                let error = token_error(open(&format!("pkcs11:type={kind}"), None));
                assert!(matches!(error, Pkcs11Error::Kind { .. }), "{error}");
            }
        },
    );
}

#[test]
fn a_pin_is_told_to_one_of_two_tokens_only() {
    let name = "pkcs11::finding::a_pin_is_told_to_one_of_two_tokens_only";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.pair("web", "p256");
            tokens.pair("mail", "p256");
            for token in ["one", "two"] {
                tokens.token(token);
                tokens.import_key(token, "web", "01", "web");
            }
            tokens.import_certificate("two", "mail", "02", "mail");
            tokens.import_key("two", "mail", "02", "mail");
        },
        |tokens| {
            let error = open_token_key(&uri("pkcs11:object=web"), &softhsm(), None, never());
            let error = token_error(error);
            assert!(
                matches!(error, Pkcs11Error::AmbiguousToken { .. }),
                "{error}"
            );
            let shown = error.to_string();
            assert!(
                shown.contains("token=one") && shown.contains("token=two"),
                "{shown}"
            );

            // What is visible without a PIN decides.
            let asked = Asked::default();
            let ask = asked.answering(Some(PIN));
            let key = open_token_key(&uri("pkcs11:object=mail"), &softhsm(), None, ask).unwrap();
            assert_eq!(key.public_key(), &tokens.public_key("mail"));
            assert_eq!(asked.labels(), ["two"]);
            drop(key);
            let error = token_error(certificates("pkcs11:object=nothing")).to_string();
            assert!(
                error.contains("'one'") && error.contains("'two'"),
                "{error}"
            );

            let text = "pkcs11:token=one;object=web";
            assert_eq!(
                open(text, None).unwrap().public_key(),
                &tokens.public_key("web")
            );
        },
    );
}

#[test]
fn a_private_certificate_is_found_after_the_login() {
    let name = "pkcs11::finding::a_private_certificate_is_found_after_the_login";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            tokens.pair("web", "p256");
        },
        |tokens| {
            // OpenSC's tool makes no private certificate.
            let certificate = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Class(ObjectClass::CERTIFICATE),
                Attribute::CertificateType(CertificateType::X_509),
                Attribute::Label(b"web".to_vec()),
                Attribute::Subject(b"web".to_vec()),
                Attribute::Value(tokens.der("web")),
            ];
            tokens::as_user(|session| {
                session.create_object(&certificate).unwrap();
            });
            let searched = uri("pkcs11:object=web");
            let options = softhsm();
            let mut asked = 0;
            let error = token_error(token_certificates(&searched, &options, &mut |_| {
                asked += 1;
                Ok(None)
            }));
            let shown = error.to_string();
            assert!(shown.ends_with("shows without a login: none"), "{shown}");
            let found = token_certificates(&searched, &options, &mut |label| {
                asked += 1;
                assert_eq!(label, "box");
                Ok(Some(Secret::from(PIN.to_owned())))
            });
            assert_eq!(found.unwrap().named[0].der, tokens.der("web"));
            assert_eq!(asked, 2);
        },
    );
}

#[test]
fn a_public_key_that_is_missing_or_wrong() {
    let name = "pkcs11::finding::a_public_key_that_is_missing_or_wrong";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            let drop_public = |id: &str| {
                tokens.pkcs11_tool("box", &["--delete-object", "--type", "pubkey", "--id", id]);
            };
            for (pair, kind, id) in [("ec", "p256", "01"), ("rsa", "rsa", "02")] {
                tokens.pair(pair, kind);
                tokens.import_key("box", pair, id, pair);
                drop_public(id);
            }
            tokens.pair("other", "p256");
            tokens.pair("crossed", "p256");
            tokens.import_key("box", "crossed", "03", "crossed");
            drop_public("03");
            let object = ["--write-object", "other.pub", "--type", "pubkey"];
            let names = ["--id", "03", "--label", "crossed"];
            tokens.pkcs11_tool("box", &[&object[..], &names[..]].concat());
        },
        |tokens| {
            // An RSA key carries its modulus.
            let key = open("pkcs11:object=rsa", None).unwrap();
            assert_eq!(key.public_key(), &tokens.public_key("rsa"));
            let signature = key.sign(scheme(&key), MESSAGE).unwrap();
            assert!(tokens.openssl_verifies("rsa", "sha256", &signature));

            // For an EC key the certificate's stands in.
            let error = token_error(open("pkcs11:object=ec", None));
            assert!(
                matches!(error, Pkcs11Error::PublicKeyUnknown { .. }),
                "{error}"
            );
            let key = open("pkcs11:object=ec", Some(&tokens.public_key("ec"))).unwrap();
            let signature = key.sign(scheme(&key), MESSAGE).unwrap();
            assert!(tokens.openssl_verifies("ec", "sha256", &signature));

            // And a wrong one is noticed when it has signed.
            let wrong = tokens.public_key("other");
            for (text, certificate) in [
                ("pkcs11:object=ec", Some(&wrong)),
                ("pkcs11:object=crossed", None),
                ("pkcs11:object=crossed", Some(&wrong)),
            ] {
                let key = open(text, certificate).unwrap();
                let error = token_error(key.sign(scheme(&key), MESSAGE));
                assert!(matches!(error, Pkcs11Error::BadSignature { .. }), "{error}");
            }
        },
    );
}

#[test]
fn an_rsa_key_that_is_too_short_is_refused() {
    let name = "pkcs11::finding::an_rsa_key_that_is_too_short_is_refused";
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            let pair = ["--keypairgen", "--key-type", "rsa:1024"];
            tokens.pkcs11_tool(
                "box",
                &[&pair[..], &["--id", "01", "--label", "short"]].concat(),
            );
        },
        |_| {
            let options: TokenOptions = softhsm();
            let ask = Asked::default().answering(Some(PIN));
            let opened = open_token_key(&uri("pkcs11:object=short"), &options, None, ask);
            match super::refused(opened) {
                Error::Unsupported { found, .. } => {
                    assert_eq!(found, "RSA with 1024 bits, at least 2048");
                }
                other => panic!("{other}"),
            }
        },
    );
}

#[test]
fn a_full_token_is_searched_within_bounds() {
    let name = "pkcs11::finding::a_full_token_is_searched_within_bounds";
    let most = windlass::limits::MAX_TOKEN_OBJECTS;
    tokens::with(
        name,
        |tokens: &Tokens| {
            tokens.token("box");
            tokens.pair("web", "p256");
            tokens.import_key("box", "web", "01", "web");
            tokens.import_certificate("box", "web", "01", "web");
        },
        |tokens| {
            tokens::as_user(|session| {
                for number in 0..=most {
                    let certificate = [
                        Attribute::Token(false),
                        Attribute::Class(ObjectClass::CERTIFICATE),
                        Attribute::CertificateType(CertificateType::X_509),
                        Attribute::Label(b"many".to_vec()),
                        Attribute::Subject(b"many".to_vec()),
                        Attribute::Value(number.to_be_bytes().to_vec()),
                    ];
                    session.create_object(&certificate).unwrap();
                }
                // The session's own objects are seen by others of the process.
                full_token(tokens, most);
            });
        },
    );
}

fn full_token(tokens: &Tokens, most: usize) {
    let (named, others) = certificates("pkcs11:object=web").unwrap();
    assert_eq!(named[0].der, tokens.der("web"));
    assert_eq!(others.len(), most);
    let error = token_error(certificates("pkcs11:object=many"));
    assert!(
        matches!(error, Pkcs11Error::TooManyObjects { .. }),
        "{error}"
    );
    let error = token_error(certificates("pkcs11:object=none")).to_string();
    assert!(error.ends_with(" and 248 more"), "{error}");
    let key = open_token_key(&uri("pkcs11:object=web"), &softhsm(), None, never()).unwrap();
    key.sign(scheme(&key), MESSAGE).unwrap();
}
