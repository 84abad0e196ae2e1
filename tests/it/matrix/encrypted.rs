//! Private keys under a passphrase.

use std::time::Duration;

use super::bench::{Bench, Granted, granted, refused};

const LOCKED: &str = "--certificate p256.crt --private-key $o --passphrase-file passphrase";
const LOCKED_RSA: &str = "--certificate rsa2048.crt --private-key $o --passphrase-file passphrase";
const LEGACY: &str = "-provider legacy -provider default";

#[rustfmt::skip]
#[test]
fn pbes2_is_read_with_every_hash_and_cipher() {
    let bench = Bench::new();
    for hash in ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"] {
        bench.grants(["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"].map(|cipher| {
            let recipe = format!(
                "openssl pkcs8 -topk8 -v2 {cipher} -v2prf hmacWith{hash} -in p256.pem -passout file:passphrase -out $o"
            );
            granted(format!("{hash} {cipher}"), recipe, LOCKED, "p256")
        }));
    }
}

#[rustfmt::skip]
#[test]
fn other_pbes2_is_read() {
    const NEW: &str = "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out $o";
    const RSA: &str = "openssl pkcs8 -topk8 -in rsa2048.pem -passout file:passphrase -out $o";
    const WIDE: &str = "--certificate p256.crt --private-key $o --passphrase-file wide";
    let bench = Bench::new();
    bench.grants([
        granted("default", NEW, LOCKED, "p256"),
        granted("scrypt", format!("{NEW} -scrypt"), LOCKED, "p256"),
        granted("scrypt N r p", format!("{NEW} -scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2"), LOCKED, "p256"),
        granted("600,000 iterations", format!("{NEW} -iter 600000"), LOCKED, "p256"),
        granted("DER", format!("{NEW} -outform DER"), LOCKED, "p256"),
        granted("RSA", RSA, LOCKED_RSA, "rsa2048"),
        granted("RSA DER", format!("{RSA} -outform DER"), LOCKED_RSA, "rsa2048"),
        granted("CRLF", format!("{NEW}; sed -i 's/$/\\r/' $o"), LOCKED, "p256"),
        granted("beyond ASCII", "openssl pkcs8 -topk8 -in p256.pem -passout file:wide -out $o", WIDE, "p256"),
        granted("after the certificate", format!("{NEW}; cat p256.crt >>$o"), "--certificate $o --passphrase-file passphrase", "p256"),
        granted("passphrase with CRLF", format!("{NEW}; sed 's/$/\\r/' passphrase >p"), "--certificate p256.crt --private-key $o --passphrase-file p", "p256"),
        granted("passphrase without line ending", format!("{NEW}; head -c -1 passphrase >p"), "--certificate p256.crt --private-key $o --passphrase-file p", "p256"),
    ]);
    bench.grants(["44", "65", "87"].map(|set| {
        let name = format!("mldsa{set}");
        let options = format!("--certificate {name}.crt --private-key {name}-locked.pem --passphrase-file passphrase");
        granted(&name, "", options, &name)
    }));
}

#[rustfmt::skip]
#[test]
fn the_schemes_before_pbes2_are_read() {
    let bench = Bench::new();
    for scheme in [
        "PBE-MD5-DES",
        "PBE-SHA1-DES",
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-40",
        "PBE-SHA1-RC2-128",
    ] {
        let made = |name: &str, key: &str, options: &str, more: &str| {
            let recipe = format!(
                "openssl pkcs8 -topk8 -v1 {scheme} {LEGACY} -in {key}.pem -out $o {more}"
            );
            granted(format!("{scheme} {name}"), recipe, options, key)
        };
        const WIDE: &str = "--certificate p256.crt --private-key $o --passphrase-file wide";
        bench.grants([
            made("EC", "p256", LOCKED, "-passout file:passphrase"),
            made("EC DER", "p256", LOCKED, "-passout file:passphrase -outform DER"),
            made("RSA", "rsa2048", LOCKED_RSA, "-passout file:passphrase"),
            made("beyond ASCII", "p256", WIDE, "-passout file:wide"),
        ]);
    }
}

#[rustfmt::skip]
#[test]
fn traditional_pem_encryption_is_read() {
    let bench = Bench::new();
    let legacy = |cipher: &str| if cipher == "des" { LEGACY } else { "" };
    for cipher in ["aes128", "aes192", "aes256", "des3", "des"] {
        let made = |tool: &str, key: &str| -> Granted {
            let recipe = format!(
                "openssl {tool} -{cipher} {} -in {key}.pem -passout file:passphrase -out $o; grep -q DEK-Info $o",
                legacy(cipher)
            );
            let options = format!(
                "--certificate {key}.crt --private-key $o --passphrase-file passphrase"
            );
            granted(format!("{cipher} {key}"), recipe, options, key)
        };
        bench.grants([
            made("ec", "p256"),
            made("ec", "p384"),
            made("ec", "p521"),
            made("rsa -traditional", "rsa2048"),
            made("rsa -traditional", "rsa3072"),
        ]);
    }
    bench.grants([
        granted("CRLF", "openssl ec -aes256 -in p256.pem -passout file:passphrase | sed 's/$/\\r/' >$o", LOCKED, "p256"),
        granted("after its parameters", "openssl ecparam -name prime256v1 >$o; openssl ec -aes256 -in p256.pem -passout file:passphrase >>$o", LOCKED, "p256"),
        granted("beyond ASCII", "openssl ec -aes256 -in p256.pem -passout file:wide -out $o", "--certificate p256.crt --private-key $o --passphrase-file wide", "p256"),
    ]);
}

#[rustfmt::skip]
#[test]
fn a_wrong_or_missing_passphrase_is_said() {
    const WRONG: &str = "--certificate p256.crt --private-key $o --passphrase-file wide";
    const NONE: &str = "--certificate p256.crt --private-key $o";
    let bench = Bench::new();
    for (name, recipe) in [
        ("PBES2", "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out $o"),
        ("scrypt", "openssl pkcs8 -topk8 -scrypt -in p256.pem -passout file:passphrase -out $o"),
        ("PBES1", "openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in p256.pem -passout file:passphrase -out $o"),
        ("traditional", "openssl ec -aes256 -in p256.pem -passout file:passphrase -out $o"),
        ("PKCS#12", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -out $o"),
        ("PKCS#12 without MAC", "openssl pkcs12 -export -nomac -inkey p256.pem -in p256.crt -passout file:passphrase -out $o"),
    ] {
        bench.refuses(Duration::from_secs(3), [
            refused(format!("{name} wrong"), recipe, WRONG, 4, "the passphrase does not open"),
            refused(format!("{name} none"), recipe, NONE, 4, "is encrypted and no passphrase was given"),
        ]);
    }
    bench.refuses(Duration::from_secs(3), [
        refused("RC4", format!("openssl pkcs8 -topk8 -v1 PBE-SHA1-RC4-128 {LEGACY} -in p256.pem -passout file:passphrase -out $o"), LOCKED, 4, "RC4-128, which windlass does not read"),
        refused("MD5 and RC2", format!("openssl pkcs8 -topk8 -v1 PBE-MD5-RC2-64 {LEGACY} -in p256.pem -passout file:passphrase -out $o"), LOCKED, 4, "MD5 and RC2, which windlass does not read"),
        refused("Camellia", "openssl pkcs8 -topk8 -v2 camellia-128-cbc -in p256.pem -passout file:passphrase -out $o", LOCKED, 4, "which windlass does not read"),
        refused("traditional Camellia", "openssl ec -camellia128 -in p256.pem -passout file:passphrase -out $o", LOCKED, 4, "CAMELLIA-128-CBC, which windlass does not read"),
    ]);
}

/// The option of the official helper works, with a warning, and what it is
/// given is not shown.
#[rustfmt::skip]
#[test]
fn a_passphrase_as_argument_is_taken_with_a_warning() {
    let bench = Bench::new();
    let run = bench.run(
        "argument",
        "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out $o",
        "--certificate p256.crt --private-key $o --pkcs8-password \"$(cat passphrase)\"",
    );
    assert_eq!(bench.identity_of(&run).unwrap(), "p256");
    assert!(run.stderr.starts_with("warning: --pkcs8-password"), "{run:#?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
}
