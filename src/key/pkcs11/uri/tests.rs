//! What a PKCS#11 URI says, and what is none.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Pkcs11Uri {
    match text.parse() {
        Ok(uri) => uri,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn refusal(text: &str) -> Pkcs11UriError {
    match text.parse::<Pkcs11Uri>() {
        Ok(uri) => panic!("{text} was read as {uri}"),
        Err(error) => error,
    }
}

/// The examples of RFC 7512 section 3, with the canonical form of each.
#[test]
fn the_examples_of_the_rfc() {
    let cases = [
        ("pkcs11:", "pkcs11:"),
        (
            "pkcs11:object=my-pubkey;type=public",
            "pkcs11:object=my-pubkey;type=public",
        ),
        (
            "pkcs11:object=my-key;type=private?pin-source=file:/etc/token",
            "pkcs11:object=my-key;type=private?pin-source=file:/etc/token",
        ),
        (
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin",
            "pkcs11:model=1.0;manufacturer=Snake%20Oil%2C%20Inc.;serial=;token=The%20Software%20PKCS%2311%20Softtoken;id=%69%95%3E%5C%F4%BD%EC%91;object=my-certificate;type=cert?pin-source=file:/etc/token_pin",
        ),
        (
            "pkcs11:object=my-sign-key;type=private?module-name=mypkcs11",
            "pkcs11:object=my-sign-key;type=private?module-name=mypkcs11",
        ),
        (
            "pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1",
            "pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1",
        ),
        (
            "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin",
            "pkcs11:manufacturer=Snake%20Oil%2C%20Inc.;token=Software%20PKCS%2311%20softtoken",
        ),
        (
            "pkcs11:slot-description=Sun%20Metaslot",
            "pkcs11:slot-description=Sun%20Metaslot",
        ),
        (
            "pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23",
            "pkcs11:library-manufacturer=Snake%20Oil%2C%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23",
        ),
        (
            "pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3;id=%01%02%03%Ba%dd%Ca%fe%04%05%06",
            "pkcs11:library-version=3.0;token=My%20token%25%20created%20by%20Joe;id=%01%02%03%BA%DD%CA%FE%04%05%06",
        ),
        (
            "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert",
            "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert",
        ),
        (
            "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;object=my-certificate;type=cert",
            "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute%3A%20%C3%A1;object=my-certificate;type=cert",
        ),
        (
            "pkcs11:token=my-token;object=my-certificate;type=cert;vendor-aaa=value-a?pin-source=file:/etc/token_pin&vendor-bbb=value-b",
            "pkcs11:token=my-token;object=my-certificate;type=cert?pin-source=file:/etc/token_pin",
        ),
    ];
    for (text, canonical) in cases {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
        assert_eq!(parse(canonical).to_string(), canonical, "{text}");
    }
}

#[test]
fn attributes_are_decoded() {
    let uri = parse(
        "PKCS11:token=a%3Bb;id=%00%ff;slot-id=7;type=secret-key;serial=?pin-value=%00%26x&module-path=/a%20b&x-y=1&x-y=2",
    );
    assert_eq!(uri.token.as_deref(), Some("a;b"));
    assert_eq!(uri.id.as_deref(), Some(&[0, 0xff][..]));
    assert_eq!(uri.slot_id, Some(7));
    assert_eq!(uri.kind(), Some(ObjectKind::SecretKey));
    assert_eq!(uri.serial.as_deref(), Some(""));
    assert_eq!(uri.model, None);
    assert_eq!(uri.module_path.as_deref(), Some(Path::new("/a b")));
    assert_eq!(uri.pin_value.unwrap().expose(), b"\0&x");
}

#[test]
fn the_pin_is_never_shown() {
    let uri = parse("pkcs11:token=a?pin-value=sesame-4711&module-name=m");
    for shown in [uri.to_string(), format!("{uri:?}"), format!("{uri:#?}")] {
        assert!(!shown.contains("4711"), "{shown}");
    }
    for text in [
        "pkcs11:token=a?pin-value=sesame-4711&47114711",
        "pkcs11:token=a?pin-value=12&sesame-4711=4711",
        "pkcs11:token=a?pin-value=12&4711=x",
        "pkcs11:token=a?pin-value=4711 4711",
        "pkcs11:token=a?pin-value=4711;4711",
        "pkcs11:token=a?pin-value=4711%4",
        "pkcs11:token=a?pin-value=4711&pin-value=4711",
        "pkcs11:token=a?pin-value=4711&pin-source=/4711",
        "pkcs11:token=a;pin-value=4711",
        "pkcs11:token=a;4711",
    ] {
        // A vendor's name may hide in the second; then there is no refusal.
        if let Err(error) = text.parse::<Pkcs11Uri>() {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("4711"), "{text}: {shown}");
        }
    }
}

#[test]
fn what_is_no_uri_is_refused() {
    use Pkcs11UriError as E;
    let named = |attribute: &str| attribute.to_owned();
    let malformed = |component, position| E::Malformed {
        component,
        position,
    };
    let value = |attribute, expected| E::Value {
        attribute: named(attribute),
        expected,
    };
    let unknown = |attribute| E::Unknown {
        attribute: named(attribute),
    };
    let cases = [
        ("", E::Scheme),
        ("pkcs11", E::Scheme),
        ("/etc/key.pem", E::Scheme),
        ("pkcs12:token=a", E::Scheme),
        ("pkcs1é:token=a", E::Scheme),
        ("pkcs11:;", malformed("path", 1)),
        ("pkcs11:token=a;", malformed("path", 2)),
        ("pkcs11:token=a;;object=b", malformed("path", 2)),
        ("pkcs11:token", malformed("path", 1)),
        ("pkcs11:=a", malformed("path", 1)),
        ("pkcs11:token=a?pin-source", malformed("query", 1)),
        ("pkcs11:?module-name=a&&x-y=b", malformed("query", 2)),
        (
            "pkcs11:token=a;token=a",
            E::Duplicate {
                attribute: named("token"),
            },
        ),
        (
            "pkcs11:x-a=1;x-a=2",
            E::Duplicate {
                attribute: named("x-a"),
            },
        ),
        (
            "pkcs11:?module-name=a&module-name=b",
            E::Duplicate {
                attribute: named("module-name"),
            },
        ),
        ("pkcs11:objekt=a", unknown("objekt")),
        ("pkcs11:Token=a", unknown("Token")),
        ("pkcs11:slot-nr=1", unknown("slot-nr")),
        ("pkcs11:pin-value=1234", unknown("pin-value")),
        ("pkcs11:x-=1", unknown("x-")),
        ("pkcs11:x-\u{1b}[2J=1", unknown("x-\\u{1b}[2J")),
        ("pkcs11:?token=a", E::UnknownQuery { position: 1 }),
        (
            "pkcs11:token=a b",
            E::Character {
                attribute: named("token"),
            },
        ),
        (
            "pkcs11:token=a/b",
            E::Character {
                attribute: named("token"),
            },
        ),
        (
            "pkcs11:token=á",
            E::Character {
                attribute: named("token"),
            },
        ),
        (
            "pkcs11:id=%0",
            E::Encoding {
                attribute: named("id"),
            },
        ),
        (
            "pkcs11:id=%zz",
            E::Encoding {
                attribute: named("id"),
            },
        ),
        (
            "pkcs11:id=%+1",
            E::Encoding {
                attribute: named("id"),
            },
        ),
        ("pkcs11:token=%ff", value("token", "UTF-8 text")),
        ("pkcs11:object=a%00b", value("object", "UTF-8 text")),
        ("pkcs11:slot-id=", value("slot-id", "a decimal number")),
        ("pkcs11:slot-id=+1", value("slot-id", "a decimal number")),
        ("pkcs11:slot-id=0x1", value("slot-id", "a decimal number")),
        (
            "pkcs11:slot-id=99999999999999999999",
            value("slot-id", "a decimal number"),
        ),
        (
            "pkcs11:library-version=1.2.3",
            value("library-version", "a version such as 2 or 2.6"),
        ),
        (
            "pkcs11:type=key",
            value("type", "one of cert, data, private, public and secret-key"),
        ),
        ("pkcs11:?pin-value=1&pin-source=/pin", E::TwoPins),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected, "{text}");
    }
    let long = format!("pkcs11:token={}", "a".repeat(limits::MAX_PKCS11_URI));
    assert_eq!(refusal(&long), E::TooLong);
}

#[test]
fn files_are_not_taken_for_uris() {
    assert!(Pkcs11Uri::is_meant("pkcs11:objekt=x"));
    assert!(Pkcs11Uri::is_meant("PKCS11:"));
    for file in ["pkcs11", "./pkcs11:", "key.pem", "", "pkcs1\u{e9}:x"] {
        assert!(!Pkcs11Uri::is_meant(file), "{file}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        token in "[^\\x00]{0,24}",
        object in proptest::option::of("[^\\x00]{0,24}"),
        id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        slot_id in proptest::option::of(any::<u64>()),
        source in proptest::option::of("[^\\x00]{0,24}"),
        kind in 0usize..5,
    ) {
        let uri = Pkcs11Uri {
            token: Some(token),
            object,
            id,
            slot_id,
            pin_source: source.clone(),
            module_path: source.map(PathBuf::from),
            kind: ObjectKind::ALL.get(kind).copied(),
            ..Pkcs11Uri::default()
        };
        let read = parse(&uri.to_string());
        prop_assert_eq!(format!("{read:?}"), format!("{uri:?}"));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}", tail in "[a-z%;=&?|0-9-]{0,60}") {
        for text in [text.clone(), format!("pkcs11:{text}"), format!("pkcs11:{tail}")] {
            if let Ok(uri) = text.parse::<Pkcs11Uri>() {
                prop_assert_eq!(parse(&uri.to_string()).to_string(), uri.to_string());
            }
        }
    }
}
