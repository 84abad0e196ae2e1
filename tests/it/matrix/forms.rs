//! Keys of every type and certificates, in every form without encryption.

use std::time::Duration;

use super::bench::{Bench, Granted, granted, refused};

const EC: [&str; 3] = ["p256", "p384", "p521"];
const RSA: [&str; 3] = ["rsa2048", "rsa3072", "rsa4096"];
const ML_DSA: [&str; 3] = ["mldsa44", "mldsa65", "mldsa87"];

/// Changes to a PEM file that leave its meaning alone.
const WRAPPINGS: [(&str, &str); 6] = [
    ("CRLF", "sed 's/$/\\r/' $i >$o"),
    ("BOM", "{ printf '\\357\\273\\277'; cat $i; } >$o"),
    (
        "bag attributes",
        "{ printf 'Bag Attributes\\n    localKeyID: 01 02\\nKey Attributes: <No Attributes>\\n'; cat $i; } >$o",
    ),
    (
        "trailing spaces and no last line ending",
        "sed 's/$/  /' $i | head -c -1 >$o",
    ),
    (
        "Latin-1 text around it",
        "{ printf 'Schl\\374ssel\\n'; cat $i; printf 'Ende \\344\\n'; } >$o",
    ),
    ("empty lines", "{ echo; echo; cat $i; echo; } >$o"),
];

fn wrapped<'a>(
    what: &'a str,
    input: &'a str,
    options: &'a str,
    identity: &'a str,
) -> impl Iterator<Item = Granted> + 'a {
    WRAPPINGS.iter().map(move |(name, recipe)| {
        let recipe = format!("i={input}; {recipe}");
        granted(format!("{what} {name}"), recipe, options, identity)
    })
}

#[rustfmt::skip]
#[test]
fn an_ec_key_signs_in_every_form() {
    let bench = Bench::new();
    for name in EC {
        let options = format!("--certificate {name}.crt --private-key $o");
        let form = |form: &str, recipe: &str| {
            let recipe = recipe.replace("KEY", &format!("{name}.pem"));
            granted(format!("{name} {form}"), recipe, &options, name)
        };
        bench.grants([
            form("PKCS#8", "cp KEY $o"),
            form("PKCS#8 DER", "openssl pkcs8 -topk8 -nocrypt -in KEY -outform DER -out $o"),
            form("SEC 1", "openssl ec -in KEY -out $o"),
            form("SEC 1 DER", "openssl ec -in KEY -outform DER -out $o"),
            form(
                "SEC 1 after its parameters",
                "openssl ecparam -name $(openssl ec -in KEY -noout -text | sed -n 's/ASN1 OID: //p') >$o; openssl ec -in KEY >>$o",
            ),
            form("SEC 1 without the point", "openssl ec -in KEY -no_public -out $o"),
            form("SEC 1 with a compressed point", "openssl ec -in KEY -conv_form compressed -out $o"),
            form("PKCS#8 with a compressed point", "openssl pkey -in KEY -ec_conv_form compressed -out $o"),
        ]);
        bench.grants(wrapped(name, &format!("{name}.pem"), &options, name));
    }
}

#[rustfmt::skip]
#[test]
fn an_rsa_key_signs_in_every_form() {
    let bench = Bench::new();
    for name in RSA {
        let options = format!("--certificate {name}.crt --private-key $o");
        let form = |form: &str, recipe: &str| {
            let recipe = recipe.replace("KEY", &format!("{name}.pem"));
            granted(format!("{name} {form}"), recipe, &options, name)
        };
        bench.grants([
            form("PKCS#8", "cp KEY $o"),
            form("PKCS#8 DER", "openssl pkcs8 -topk8 -nocrypt -in KEY -outform DER -out $o"),
            form("PKCS#1", "openssl rsa -traditional -in KEY -out $o"),
            form("PKCS#1 DER", "openssl rsa -traditional -in KEY -outform DER -out $o"),
        ]);
    }
    let options = "--certificate rsa2048.crt --private-key $o";
    bench.grants(wrapped("rsa2048", "rsa2048.pem", options, "rsa2048"));
}

#[rustfmt::skip]
#[test]
fn an_ml_dsa_key_signs_in_every_form() {
    let bench = Bench::new();
    for name in ML_DSA {
        let options = format!("--certificate {name}.crt --private-key $o --intermediates chain");
        let identity = format!("{name} < issuing < policy");
        for form in ["seed", "expanded", "both"] {
            bench.grants(["pem", "der"].map(|coding| {
                let file = format!("{name}-{form}.{coding}");
                granted(&file, format!("cp {file} $o"), &options, &identity)
            }));
        }
        bench.grants(wrapped(name, &format!("{name}-both.pem"), &options, &identity));
    }
}

#[rustfmt::skip]
#[test]
fn a_certificate_is_read_in_every_form() {
    const OPTIONS: &str = "--certificate $o --private-key p256.pem";
    const WHOLE: &str = "--certificate $o";
    const CHAIN: &str = "p256 < issuing < policy";
    let bench = Bench::new();
    bench.grants(wrapped("certificate", "p256.crt", OPTIONS, "p256"));
    bench.grants([
        granted("DER", "openssl x509 -in p256.crt -outform DER -out $o", OPTIONS, "p256"),
        granted("with its text", "openssl x509 -in p256.crt -text -out $o", OPTIONS, "p256"),
        granted("trusted certificate", "openssl x509 -in p256.crt -trustout -addtrust clientAuth -out $o", OPTIONS, "p256"),
        granted("X509 CERTIFICATE", "sed 's/ CERT/ X509 CERT/' p256.crt >$o", OPTIONS, "p256"),
        granted("full chain", "cat p256.crt chain root.crt >$o", OPTIONS, CHAIN),
        granted("key, certificate, chain", "cat p256.pem p256.crt chain >$o", WHOLE, CHAIN),
        granted("certificate, chain, key", "cat p256.crt chain p256.pem >$o", WHOLE, CHAIN),
        granted("chain, key, certificate", "cat chain p256.pem p256.crt >$o", WHOLE, CHAIN),
        granted(
            "SEC 1 with parameters and all",
            "openssl ecparam -name prime256v1 >$o; openssl ec -in p256.pem >>$o; cat p256.crt chain >>$o",
            WHOLE,
            CHAIN,
        ),
        granted("PKCS#1 and all", "openssl rsa -traditional -in rsa2048.pem >$o; cat rsa2048.crt chain >>$o", WHOLE, "rsa2048 < issuing < policy"),
        granted("ML-DSA and all", "cat mldsa65-seed.pem mldsa65.crt chain >$o", WHOLE, "mldsa65 < issuing < policy"),
        granted("the same file named twice", "cat p256.pem p256.crt >$o", "--certificate $o --private-key $o", "p256"),
        granted("text of all certificates", "for c in p256 issuing policy root; do openssl x509 -in $c.crt -text >>$o; done", OPTIONS, CHAIN),
        granted("unpacked PKCS#12", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -certfile chain -passout pass: -out p; openssl pkcs12 -in p -nodes -passin pass: -out $o", WHOLE, CHAIN),
        granted("an unpacked PKCS#12 with names", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -name 'Schlüssel 密' -passout pass: -out p; openssl pkcs12 -in p -nodes -passin pass: -out $o", WHOLE, "p256"),
    ]);
}

#[rustfmt::skip]
#[test]
fn what_is_no_usable_key_or_certificate_is_named() {
    const KEY: &str = "--certificate p256.crt --private-key $o";
    const CERTIFICATE: &str = "--certificate $o --private-key p256.pem";
    let bench = Bench::new();
    bench.refuses(Duration::from_secs(3), [
        refused("no key", "cp p256.crt $o", KEY, 4, "holds no private key: it holds a certificate"),
        refused("no certificate", "cp p256.pem $o", CERTIFICATE, 4, "holds no certificate: it holds a private key"),
        refused("certificate alone", "cp p256.crt $o", "--certificate $o", 4, "holds no private key"),
        refused("two keys", "cat p256.pem other.pem >$o", KEY, 4, "holds 2 private keys"),
        refused("empty key", ": >$o", KEY, 4, "the file is empty"),
        refused("empty certificate", ": >$o", CERTIFICATE, 4, "the file is empty"),
        refused("missing", "", KEY, 2, "cannot be read"),
        refused("directory", "mkdir $o", KEY, 2, "cannot be read"),
        refused("text", "echo nothing >$o", KEY, 4, "neither PEM nor DER"),
        refused("UTF-16", "printf '\\377\\376-\\0-\\0' >$o", KEY, 4, "UTF-16"),
        refused("UTF-16 certificate", "printf '\\377\\376-\\0-\\0' >$o", CERTIFICATE, 4, "UTF-16"),
        refused("public key", "openssl pkey -in p256.pem -pubout -out $o", KEY, 4, "it holds a public key"),
        refused("request", "openssl req -new -key p256.pem -subj /CN=x -out $o", CERTIFICATE, 4, "certificate request"),
        refused("PKCS#7", "openssl crl2pkcs7 -nocrl -certfile p256.crt -out $o", CERTIFICATE, 4, "PKCS#7"),
        refused("parameters only", "openssl ecparam -name prime256v1 -out $o", KEY, 4, "EC PARAMETERS"),
        refused("half a key", "head -2 p256.pem >$o", KEY, 4, "no complete PEM block"),
        refused("half a certificate", "head -5 p256.crt >$o", CERTIFICATE, 4, "no complete PEM block"),
        refused("broken base64", "sed '2s/./!/' p256.pem >$o", KEY, 4, "is damaged: its PEM does not decode"),
        refused("broken base64 in a certificate", "sed '2s/./!/' p256.crt >$o", CERTIFICATE, 4, "is damaged: its PEM does not decode"),
        refused("half a chain", "head -5 issuing.crt | cat p256.crt - >$o", CERTIFICATE, 4, "is damaged: its PEM does not decode"),
        refused("a chain with a gap", "head -5 issuing.crt | cat p256.crt - policy.crt >$o", CERTIFICATE, 4, "is damaged: its PEM does not decode"),
        refused("another point", "openssl ec -in p256.pem -outform DER | head -c -1 >$o; printf x >>$o", KEY, 4, "damaged SEC 1"),
        refused("Ed25519", "openssl genpkey -algorithm ed25519 -out $o", KEY, 4, "Ed25519"),
        refused("RSA-PSS", "openssl genpkey -algorithm rsa-pss -out $o", KEY, 4, "PSS"),
        refused("RSA-1024", "openssl genrsa -out $o 1024", KEY, 4, "RSA below 2048 bits"),
        refused("secp256k1", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out $o", KEY, 4, "secp256k1"),
        refused("written-out curve", "openssl ec -in p256.pem -param_enc explicit -out $o", KEY, 4, "written out"),
        refused("written-out curve in PKCS#8", "openssl pkey -in p256.pem -ec_param_enc explicit -out $o", KEY, 4, "written out"),
        refused("OpenSSH", "printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n' >$o", KEY, 4, "OpenSSH's own format"),
    ]);
}
