//! Cases about validity and keys.

use super::*;

pub fn validity_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let begin = |time: Vec<u8>| leaf(|one| one.not_before = time);
    let end = |time: Vec<u8>| leaf(|one| one.not_after = time);
    vec![
        (
            "validity_order",
            begin(utc("270101000000Z")),
            begin(utc("261231235959Z")),
        ),
        ("time_no_seconds", begin(utc("2601010000Z")), good()),
        (
            "time_fraction",
            end(generalized("20610101000000.5Z")),
            end(generalized("20610101000000Z")),
        ),
        ("time_not_utc", end(utc("261231235959+0100")), good()),
        (
            "time_not_utc",
            end(generalized("20610101000000")),
            end(generalized("20610101000000Z")),
        ),
        ("time_malformed", end(utc("261331235959Z")), good()),
        ("time_malformed", end(int(&[1])), good()),
        ("time_malformed", end(utc("2x1231235959Z")), good()),
        (
            "time_type",
            end(generalized("20491231235959Z")),
            end(generalized("20500101000000Z")),
        ),
        (
            "life_long",
            end(utc("300101000000Z")),
            end(utc("280101000000Z")),
        ),
        (
            "life_long",
            root(|one| one.not_after = generalized("20610101000000Z")),
            root(|one| one.not_after = utc("490101000000Z")),
        ),
        (
            "life_without_end",
            end(generalized("99991231235959Z")),
            end(generalized("99991231235958Z")),
        ),
        (
            "expired",
            end(utc("260531235959Z")),
            end(utc("260601000000Z")),
        ),
        (
            "not_yet_valid",
            begin(utc("260601000001Z")),
            begin(utc("260601000000Z")),
        ),
    ]
}

pub fn key_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let f4: &[u8] = &[1, 0, 1];
    let p256 = "1.2.840.10045.3.1.7";
    let edwards = || spki(&[oid("1.3.101.112")], &[7; 32]);
    let ml_dsa = |parameters: &[Vec<u8>]| {
        let algorithm = [&[oid("2.16.840.1.101.3.4.3.17")], parameters].concat();
        key(spki(&algorithm, &[7; 1312]))
    };
    let null_rsa = |parameters: &[Vec<u8>]| {
        let numbers = seq(&[int(&modulus(2048)), int(&[1, 0, 1])]);
        key(spki(
            &[&[oid("1.2.840.113549.1.1.1")], parameters].concat(),
            &numbers,
        ))
    };
    let even = |mut modulus: Vec<u8>| {
        *modulus.last_mut().unwrap() &= 0xfe;
        modulus
    };
    vec![
        ("key_not_accepted", key(edwards()), ml_dsa(&[])),
        (
            "key_not_accepted",
            key(spki(&[oid("1.2.840.10040.4.1")], &[7; 32])),
            good(),
        ),
        ("key_parameters", null_rsa(&[]), null_rsa(&[tlv(5, &[])])),
        (
            "key_parameters",
            key(spki(&[oid("1.2.840.10045.2.1")], &point(4, 64))),
            good(),
        ),
        (
            "key_parameters",
            key(spki(&[oid("1.2.840.10045.2.1"), seq(&[])], &point(4, 64))),
            good(),
        ),
        ("key_parameters", ml_dsa(&[tlv(5, &[])]), ml_dsa(&[])),
        (
            "rsa_malformed",
            key(spki(
                &[oid("1.2.840.113549.1.1.1"), tlv(5, &[])],
                &int(&[1]),
            )),
            good(),
        ),
        (
            "rsa_malformed",
            key(rsa_key(&[0x81; 256], f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_malformed",
            key(rsa_key(&even(modulus(2048)), f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_even",
            key(rsa_key(&modulus(2048), &[1, 0, 0])),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_small",
            key(rsa_key(&modulus(2048), &[3])),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_small",
            key(rsa_key(&modulus(2048), &[0, 0xff, 0xff])),
            key(rsa_key(&modulus(2048), &[1, 0, 3])),
        ),
        (
            "rsa_short",
            key(rsa_key(&modulus(2047), f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_odd_size",
            key(rsa_key(&modulus(2049), f4)),
            key(rsa_key(&modulus(2056), f4)),
        ),
        (
            "ec_curve",
            key(ec_key("1.3.132.0.10", &point(4, 64))),
            key(ec_key("1.3.132.0.35", &point(4, 132))),
        ),
        ("ec_point", key(ec_key(p256, &point(2, 32))), good()),
        (
            "ec_point",
            key(ec_key("1.3.132.0.34", &point(4, 64))),
            key(ec_key("1.3.132.0.34", &point(4, 96))),
        ),
    ]
}
