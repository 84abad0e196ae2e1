//! PKCS#12 files.

use std::time::Duration;

use super::bench::{Bench, granted, refused};

const EXPORT: &str =
    "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -out $o";
const LEGACY: &str = "-provider legacy -provider default";
const OPTIONS: &str = "--certificate $o --passphrase-file passphrase";
const CHAIN: &str = "p256 < issuing < policy";

#[rustfmt::skip]
#[test]
fn pkcs12_is_read_with_every_encryption() {
    let bench = Bench::new();
    let schemes = [
        "AES-128-CBC",
        "AES-192-CBC",
        "AES-256-CBC",
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-40",
        "PBE-SHA1-RC2-128",
        "PBE-MD5-DES",
        "NONE",
    ];
    bench.grants(schemes.map(|scheme| {
        let recipe = format!("{EXPORT} {LEGACY} -certfile chain -keypbe {scheme} -certpbe {scheme}");
        granted(scheme, recipe, OPTIONS, CHAIN)
    }));
    bench.grants(schemes.map(|scheme| {
        let recipe = format!("{EXPORT} {LEGACY} -nomac -keypbe {scheme} -certpbe {scheme}");
        granted(format!("{scheme} without MAC"), recipe, OPTIONS, "p256")
    }));
    bench.grants(["sha1", "sha224", "sha256", "sha384", "sha512"].map(|hash| {
        granted(hash, format!("{EXPORT} -macalg {hash}"), OPTIONS, "p256")
    }));
}

#[rustfmt::skip]
#[test]
fn pkcs12_is_read_in_every_form() {
    const OPEN: &str = "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout pass: -out $o";
    const NO_PASSPHRASE: &str = "--certificate $o";
    let bench = Bench::new();
    bench.grants([
        granted("modern", EXPORT, OPTIONS, "p256"),
        granted("legacy", format!("{EXPORT} -legacy"), OPTIONS, "p256"),
        granted("with its chain", format!("{EXPORT} -certfile chain"), OPTIONS, CHAIN),
        granted("with chain and root", format!("cat root.crt chain >c; {EXPORT} -certfile c"), OPTIONS, CHAIN),
        granted("legacy with chain", format!("{EXPORT} -legacy -certfile chain"), OPTIONS, CHAIN),
        granted("with the leaf again", format!("cat p256.crt chain >c; {EXPORT} -certfile c"), OPTIONS, CHAIN),
        granted("named twice", EXPORT, "--certificate $o --private-key $o --passphrase-file passphrase", "p256"),
        granted("chain beside it", EXPORT, format!("{OPTIONS} --intermediates chain"), CHAIN),
        granted("one iteration", format!("{EXPORT} -iter 1"), OPTIONS, "p256"),
        granted("MAC of one iteration", format!("{EXPORT} -nomaciter"), OPTIONS, "p256"),
        granted("100,000 iterations", format!("{EXPORT} -iter 100000"), OPTIONS, "p256"),
        granted("names", format!("{EXPORT} -name 'Schlüssel 密' -caname CA -certfile chain"), OPTIONS, CHAIN),
        granted("attributes", format!("{EXPORT} -keysig -LMK -CSP Provider"), OPTIONS, "p256"),
        granted("empty passphrase", OPEN, NO_PASSPHRASE, "p256"),
        granted("empty passphrase and chain", format!("{OPEN} -certfile chain"), NO_PASSPHRASE, CHAIN),
        granted("empty passphrase, legacy", format!("{OPEN} -legacy"), NO_PASSPHRASE, "p256"),
        granted("empty passphrase, no MAC", format!("{OPEN} -nomac"), NO_PASSPHRASE, "p256"),
        granted("empty passphrase, no MAC, legacy", format!("{OPEN} -nomac -legacy"), NO_PASSPHRASE, "p256"),
        granted("nothing encrypted, no MAC", format!("{OPEN} -nomac -keypbe NONE -certpbe NONE"), NO_PASSPHRASE, "p256"),
        granted("nothing encrypted, empty MAC", format!("{OPEN} -keypbe NONE -certpbe NONE"), NO_PASSPHRASE, "p256"),
        granted("passphrase that is not needed", OPEN, OPTIONS, "p256"),
        granted("beyond ASCII", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:wide -out $o", "--certificate $o --passphrase-file wide", "p256"),
        granted("beyond ASCII, legacy", "openssl pkcs12 -export -legacy -inkey p256.pem -in p256.crt -passout file:wide -out $o", "--certificate $o --passphrase-file wide", "p256"),
        granted("key only", format!("{EXPORT} -nocerts"), "--certificate p256.crt --private-key $o --passphrase-file passphrase", "p256"),
        granted("key only, the chain with the leaf", format!("{EXPORT} -nocerts; cat p256.crt chain >c"), "--certificate c --private-key $o --passphrase-file passphrase", CHAIN),
        granted("chain in the key's file", format!("{EXPORT} -certfile chain"), "--certificate p256.crt --private-key $o --passphrase-file passphrase", CHAIN),
        granted("certificates only", "openssl pkcs12 -export -nokeys -in p256.crt -certfile chain -passout file:passphrase -out $o", format!("{OPTIONS} --private-key p256.pem"), CHAIN),
        granted("intermediates", "openssl pkcs12 -export -nokeys -in chain -passout file:passphrase -out $o", "--certificate p256.crt --private-key p256.pem --intermediates $o --passphrase-file passphrase", CHAIN),
        granted("P-521", "openssl pkcs12 -export -inkey p521.pem -in p521.crt -certfile chain -passout file:passphrase -out $o", OPTIONS, "p521 < issuing < policy"),
        granted("RSA-4096", "openssl pkcs12 -export -inkey rsa4096.pem -in rsa4096.crt -certfile chain -passout file:passphrase -out $o", OPTIONS, "rsa4096 < issuing < policy"),
    ]);
}

#[rustfmt::skip]
#[test]
fn pkcs12_that_lacks_something_is_refused() {
    let bench = Bench::new();
    bench.refuses(Duration::from_secs(3), [
        refused("certificates only", "openssl pkcs12 -export -nokeys -in p256.crt -passout file:passphrase -out $o", OPTIONS, 4, "holds no private key"),
        refused("key only", format!("{EXPORT} -nocerts"), OPTIONS, 4, "holds no certificate"),
        refused("another's key", format!("{EXPORT} -nocerts"), "--certificate other.crt --private-key $o --passphrase-file passphrase", 4, "belongs to none of the certificates"),
        refused("RC4", format!("{EXPORT} {LEGACY} -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128"), OPTIONS, 4, "RC4-128, which windlass does not read"),
        refused("wrong passphrase, legacy", format!("{EXPORT} -legacy"), "--certificate $o --passphrase-file wide", 4, "the passphrase does not open"),
        refused("BER", "printf '\\060\\200\\002\\001\\003' >$o", OPTIONS, 4, "indefinite lengths"),
        refused("Java keystore", "printf '\\376\\355\\376\\355\\0\\0\\0\\002' >$o", OPTIONS, 4, "Java keystore"),
    ]);
}
