//! The same signature in another encoding, and signatures of other schemes: none
//! of them may pass for the one that the protocol wants.

use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};
use windlass::emulator::Received;

use super::Vector;

/// The order of P-256's group (SEC 2, section 2.4.2).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The recorded request with another signature.
fn with_signature(vector: &Vector, text: &str) -> Received {
    let mut request = vector.received();
    for (name, value) in &mut request.headers {
        if name == "authorization" {
            let old = String::from_utf8(value.clone()).unwrap();
            let (head, _) = old.split_once("Signature=").unwrap();
            *value = format!("{head}Signature={text}").into_bytes();
        }
    }
    request
}

fn assert_refused(vector: &Vector, what: &str, text: &str) {
    let outcome = vector
        .world()
        .answer(&with_signature(vector, text), vector.at());
    assert_eq!(outcome.status, 403, "{what}: {outcome:?}");
    assert_eq!(outcome.body["message"], "Invalid signature", "{what}");
    assert!(outcome.reason.is_some(), "{what}");
}

/// The sum of two numbers, big-endian, as long as it must be.
fn sum(left: &[u8], right: &[u8]) -> Vec<u8> {
    let length = left.len().max(right.len()) + 1;
    let octet = |number: &[u8], index: usize| {
        number
            .len()
            .checked_sub(index + 1)
            .map_or(0, |place| u16::from(number[place]))
    };
    let mut carry = 0;
    let mut total: Vec<u8> = (0..length)
        .map(|index| {
            let added = octet(left, index) + octet(right, index) + carry;
            carry = added >> 8;
            u8::try_from(added & 0xff).unwrap()
        })
        .collect();
    total.reverse();
    if total[0] == 0 {
        total.remove(0);
    }
    total
}

/// `value`, of at most 127 octets, under a tag.
fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut encoded = vec![tag, u8::try_from(value.len()).unwrap()];
    encoded.extend_from_slice(value);
    encoded
}

/// A non-negative INTEGER in its shortest form.
fn integer(number: &[u8]) -> Vec<u8> {
    let mut value = number.to_vec();
    if value.first().is_none_or(|first| *first >= 0x80) {
        value.insert(0, 0);
    }
    element(2, &value)
}

/// r and s of a DER signature, without the zeros that keep them positive.
fn halves(der: &[u8]) -> [Vec<u8>; 2] {
    let length = usize::from(der[3]);
    let positive = |value: &[u8]| match value {
        [0, rest @ ..] => rest.to_vec(),
        whole => whole.to_vec(),
    };
    [positive(&der[4..4 + length]), positive(&der[6 + length..])]
}

fn padded(number: &[u8]) -> Vec<u8> {
    let mut whole = vec![0; 32 - number.len()];
    whole.extend_from_slice(number);
    whole
}

#[test]
fn an_ecdsa_signature_has_one_encoding() {
    let vector = &Vector::all()[1];
    let der = hex::decode(vector.text("signature.txt")).unwrap();
    let [r, s] = halves(&der);
    let order = hex::decode(ORDER).unwrap();
    let both = |first: Vec<u8>, second: Vec<u8>| element(0x30, &[first, second].concat());
    assert_eq!(both(integer(&r), integer(&s)), der);

    let body = der[2..].to_vec();
    let length = u8::try_from(body.len()).unwrap();
    let long_integer = |number: &[u8]| {
        let short = integer(number);
        [&[2, 0x81], &short[1..]].concat()
    };
    let zero_in_front = |number: &[u8]| {
        let mut value = integer(number)[2..].to_vec();
        value.insert(0, 0);
        element(2, &value)
    };
    // One of the two has its highest bit set in this vector.
    let negative = |number: &[u8]| element(2, number);
    assert!(r[0] >= 0x80 && s[0] < 0x80, "the vector is another one");
    let forms: Vec<(&str, Vec<u8>)> = vec![
        (
            "a long length of the SEQUENCE",
            [&[0x30, 0x81, length], &body[..]].concat(),
        ),
        (
            "a longer length of the SEQUENCE",
            [&[0x30, 0x82, 0, length], &body[..]].concat(),
        ),
        (
            "an indefinite length",
            [&[0x30, 0x80], &body[..], &[0, 0]].concat(),
        ),
        ("a long length of r", both(long_integer(&r), integer(&s))),
        ("a long length of s", both(integer(&r), long_integer(&s))),
        ("a zero before r", both(zero_in_front(&r), integer(&s))),
        ("a zero before s", both(integer(&r), zero_in_front(&s))),
        ("a negative r", both(negative(&r), integer(&s))),
        ("r and s in turn", both(integer(&s), integer(&r))),
        ("r alone", element(0x30, &integer(&r))),
        (
            "three numbers",
            element(0x30, &[integer(&r), integer(&s), integer(&s)].concat()),
        ),
        ("the form of IEEE P1363", [padded(&r), padded(&s)].concat()),
        ("an octet behind", [&der[..], &[0]].concat()),
        (
            "an octet behind s",
            element(0x30, &[&body[..], &[0]].concat()),
        ),
        ("one octet less", der[..der.len() - 1].to_vec()),
        ("a SET", [&[0x31], &der[1..]].concat()),
        ("an OCTET STRING around it", element(4, &der)),
        (
            "a BIT STRING around it",
            element(3, &[&[0], &der[..]].concat()),
        ),
        ("r = 0", both(integer(&[0]), integer(&s))),
        ("s = 0", both(integer(&r), integer(&[0]))),
        ("both 0", both(integer(&[0]), integer(&[0]))),
        ("an empty r", both(element(2, &[]), integer(&s))),
        ("r = n", both(integer(&order), integer(&s))),
        ("s = n", both(integer(&r), integer(&order))),
        ("r + n", both(integer(&sum(&r, &order)), integer(&s))),
        ("s + n", both(integer(&r), integer(&sum(&s, &order)))),
        ("nothing", Vec::new()),
    ];
    for (what, form) in forms {
        assert_ne!(form, der, "{what}");
        assert_refused(vector, what, &hex::encode(form));
    }
}

/// What is around the signature in its header has one form too.
#[test]
fn a_signature_is_written_in_one_way() {
    for vector in &Vector::all()[1..] {
        let text = vector.text("signature.txt");
        for (what, form) in [
            ("upper case", text.to_uppercase()),
            ("0x", format!("0x{text}")),
            ("half an octet less", text[..text.len() - 1].to_owned()),
            ("a blank inside", format!("{} {}", &text[..10], &text[10..])),
            ("quotes", format!("\"{text}\"")),
            ("a field behind", format!("{text}, Extra=1")),
            ("the same field again", format!("{text}, Signature={text}")),
            ("a comma behind", format!("{text},")),
        ] {
            assert_refused(vector, what, &form);
        }
        let outcome = vector
            .world()
            .answer(&with_signature(vector, &text), vector.at());
        assert_eq!(outcome.status, 201, "{outcome:?}");
    }
}

#[test]
fn an_rsa_signature_has_one_padding_and_one_length() {
    let vector = &Vector::all()[2];
    let key = RsaPrivateKey::from_pkcs8_pem(&vector.text("key.pem")).unwrap();
    let message = vector.text("string-to-sign.txt").into_bytes();
    let right = hex::decode(vector.text("signature.txt")).unwrap();
    let modulus = key.n().to_be_bytes_trimmed_vartime().to_vec();
    let digest = Sha256::digest(&message);
    let mut random = rand::rng();
    let pss = rsa::pss::SigningKey::<Sha256>::new(key.clone());
    // DigestInfo of SHA-256 whose parameters are left out (RFC 8017, appendix A.2.4,
    // wants NULL).
    let without_null = b"\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20";
    let missing_null = Pkcs1v15Sign {
        hash_len: Some(32),
        prefix: without_null.to_vec().into(),
    };
    let sha1 = sha1::Sha1::digest(&message);
    let sha512 = sha2::Sha512::digest(&message);
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("PSS", pss.sign_with_rng(&mut random, &message).to_vec()),
        ("no NULL", key.sign(missing_null, &digest).unwrap()),
        (
            "no DigestInfo",
            key.sign(Pkcs1v15Sign::new_unprefixed(), &digest).unwrap(),
        ),
        (
            "SHA-1",
            key.sign(Pkcs1v15Sign::new::<sha1::Sha1>(), &sha1).unwrap(),
        ),
        (
            "SHA-512",
            key.sign(Pkcs1v15Sign::new::<sha2::Sha512>(), &sha512)
                .unwrap(),
        ),
        ("a zero in front", [&[0], &right[..]].concat()),
        ("a zero behind", [&right[..], &[0]].concat()),
        ("one octet less", right[1..].to_vec()),
        ("the signature and the modulus", sum(&right, &modulus)),
        ("the modulus", modulus.clone()),
        ("0", vec![0; 256]),
        ("1", [vec![0; 255], vec![1]].concat()),
        ("nothing", Vec::new()),
    ];
    // The same way of signing, with what the protocol wants, gives the vector's.
    let proof = key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
    assert_eq!(proof, right);
    for (what, form) in forms {
        assert_refused(vector, what, &hex::encode(form));
    }
}
