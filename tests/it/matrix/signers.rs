//! Programs that sign.

use std::time::Duration;

use super::bench::{Bench, granted, refused};

#[rustfmt::skip]
#[test]
fn a_program_signs_for_every_type_of_key() {
    let bench = Bench::new();
    let openssl = |name: &str, command: &str, more: &str, identity: &str| {
        granted(name, "", format!("--certificate {identity}.crt --signer-command '{command}' {more}"), identity)
    };
    bench.grants([
        openssl("P-256 digest", "openssl pkeyutl -sign -inkey p256.pem", "", "p256"),
        openssl("P-384 digest", "openssl pkeyutl -sign -inkey p384.pem", "--signer-input digest", "p384"),
        openssl("P-521 digest", "openssl pkeyutl -sign -inkey p521.pem", "", "p521"),
        openssl("RSA digest", "openssl pkeyutl -sign -inkey rsa2048.pem -pkeyopt digest:sha256", "", "rsa2048"),
        openssl("RSA-4096 digest", "openssl pkeyutl -sign -inkey rsa4096.pem -pkeyopt digest:sha256", "", "rsa4096"),
        openssl("P-256 message", "openssl dgst -sha256 -sign p256.pem", "--signer-input message", "p256"),
        openssl("P-521 message", "openssl dgst -sha256 -sign p521.pem", "--signer-input message", "p521"),
        openssl("RSA message", "openssl dgst -sha256 -sign rsa3072.pem", "--signer-input message", "rsa3072"),
        openssl("base64", "sh -c \"openssl pkeyutl -sign -inkey p256.pem | base64\"", "", "p256"),
        openssl("base64 in one line", "sh -c \"openssl pkeyutl -sign -inkey rsa2048.pem -pkeyopt digest:sha256 | base64 -w0\"", "", "rsa2048"),
        openssl("something on stderr too", "sh -c \"echo signing >&2; openssl pkeyutl -sign -inkey p256.pem\"", "", "p256"),
    ]);
    let script = crate::harness::client_script("signer.py").display().to_string();
    for (key, leaf, forms) in [
        ("p256.pem", "p256", &["der", "raw", "base64"][..]),
        ("p384.pem", "p384", &["der", "raw", "base64"]),
        ("p521.pem", "p521", &["der", "raw", "base64"]),
        ("rsa2048.pem", "rsa2048", &["der", "base64"]),
        ("mldsa44-seed.pem", "mldsa44", &["der", "base64"]),
        ("mldsa65-seed.pem", "mldsa65", &["der", "base64"]),
        ("mldsa87-seed.pem", "mldsa87", &["der", "base64"]),
    ] {
        for input in ["digest", "message"] {
            bench.grants(forms.iter().map(|form| {
                let options = format!("--certificate {leaf}.crt --intermediates chain --signer-command \"$PYTHON '{script}' {key} {form}\" --signer-input {input}");
                granted(format!("{leaf} {form} {input}"), "", options, format!("{leaf} < issuing < policy"))
            }));
        }
    }
    let chained = "--certificate $o --signer-command 'openssl pkeyutl -sign -inkey p256.pem'";
    bench.grants([
        granted("chain before the leaf", "cat policy.crt issuing.crt p256.crt root.crt >$o", chained, "p256 < issuing < policy"),
        granted("certificate from a program", "", "--certificate 'cmd:cat p256.crt' --signer-command 'openssl pkeyutl -sign -inkey p256.pem'", "p256"),
        granted("the option in the environment", "export WINDLASS_SIGNER_COMMAND='openssl pkeyutl -sign -inkey p256.pem'", "--certificate p256.crt", "p256"),
    ]);
}

#[rustfmt::skip]
#[test]
fn what_is_no_signature_is_not_sent() {
    let bench = Bench::new();
    let signer = |name: &str, command: &str, code: i32, complaint: &str| {
        refused(name, "", format!("--certificate p256.crt --signer-command '{command}'"), code, complaint)
    };
    const NONE: &str = "is not a signature by the certificate's EC P-256 key";
    bench.refuses(Duration::from_secs(5), [
        signer("another key", "openssl pkeyutl -sign -inkey other.pem", 1, NONE),
        signer("another type", "openssl pkeyutl -sign -inkey rsa2048.pem -pkeyopt digest:sha256", 1, NONE),
        signer("the digest's digest", "openssl dgst -sha256 -sign p256.pem", 1, NONE),
        signer("its input", "cat", 1, NONE),
        signer("zeros", "head -c 64 /dev/zero", 1, NONE),
        signer("text", "echo signed", 1, "the signer command echo failed"),
        signer("nothing", "true", 1, "it printed nothing"),
        signer("too much", "head -c 100000 /dev/zero", 1, "printed more than 8192 bytes"),
        signer("without end", "cat /dev/zero", 1, "printed more than 8192 bytes"),
        signer("a failure with words", "sh -c \"echo no card >&2; exit 3\"", 1, "and said: no card"),
        signer("a failure without words", "false", 1, "exit status: 1"),
        signer("a signature and a failure", "sh -c \"openssl pkeyutl -sign -inkey p256.pem; exit 1\"", 1, "exit status: 1"),
        signer("killed", "sh -c \"kill -9 \\$\\$\"", 1, "signal: 9"),
        signer("missing", "/nonexistent/signer", 2, "cannot be started"),
        refused("two keys", "", "--certificate p256.crt --private-key p256.pem --signer-command true", 2, "--signer-command"),
        refused("unclosed quote", "", "--certificate p256.crt --signer-command \"sh -c 'true\"", 2, "quote"),
        refused("unknown input", "", "--certificate p256.crt --signer-command true --signer-input hash", 2, "known are digest and message"),
    ]);
}
