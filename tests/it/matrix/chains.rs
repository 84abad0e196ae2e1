//! Certificates that come in any order, with others among them, over all files.

use std::time::Duration;

use super::bench::{Bench, granted, refused};

#[rustfmt::skip]
#[test]
fn the_chain_header_is_the_leafs_issuers_in_order() {
    const CHAIN: &str = "p256 < issuing < policy";
    const TWO: &str = "--certificate $o --private-key p256.pem";
    const THREE: &str = "--certificate $o.c --private-key $o.k --intermediates $o.i";
    let bench = Bench::new();
    bench.grants([
        granted("nothing but the leaf", "cp p256.crt $o", TWO, "p256"),
        granted("the root besides", "cat p256.crt root.crt >$o", TWO, "p256"),
        granted("one intermediate", "cat p256.crt issuing.crt >$o", TWO, "p256 < issuing"),
        granted("a gap", "cat p256.crt policy.crt root.crt >$o", TWO, "p256"),
        granted("reverse order", "cat root.crt policy.crt issuing.crt p256.crt >$o", TWO, CHAIN),
        granted("duplicates", "cat p256.crt chain p256.crt chain chain root.crt >$o", TWO, CHAIN),
        granted("strays", "cat stray.crt elsewhere.crt p256.crt policy.crt rsa2048.crt issuing.crt >$o", TWO, CHAIN),
        granted("all over three files", "cat stray.crt policy.crt p256.crt policy.crt >$o.c; cat root.crt p256.pem issuing.crt >$o.k; cat elsewhere.crt p256.crt root.crt policy.crt >$o.i", THREE, CHAIN),
        granted("intermediates beside the key", "cp p256.crt $o.c; cat policy.crt p256.pem issuing.crt >$o.k; cp root.crt $o.i", THREE, CHAIN),
        granted("the leaf beside the key", "cp chain $o.c; cat p256.pem p256.crt >$o.k; cp root.crt $o.i", THREE, CHAIN),
        granted("the leaf among the intermediates", "cp policy.crt $o.c; cp p256.pem $o.k; cat issuing.crt p256.crt >$o.i", THREE, CHAIN),
        granted("other blocks", "openssl ecparam -name prime256v1 >$o; openssl req -new -key p256.pem -subj /CN=x >>$o; openssl pkey -in p256.pem -pubout >>$o; cat p256.crt chain >>$o", TWO, CHAIN),
        granted("DER intermediates", "cp p256.crt $o.c; cp p256.pem $o.k; openssl x509 -in issuing.crt -outform DER -out $o.i", THREE, "p256 < issuing"),
        granted("RSA below EC", "cat rsa3072.crt chain >$o", "--certificate $o --private-key rsa3072.pem", "rsa3072 < issuing < policy"),
        granted("RSA below EC, reversed", "cat chain rsa2048.crt >$o", "--certificate $o --private-key rsa2048.pem", "rsa2048 < issuing < policy"),
        granted("renewed with the same key", "cat earlier.crt later.crt p256.crt chain >$o", TWO, "later < issuing < policy"),
        granted("renewed, the other order", "cat later.crt p256.crt earlier.crt chain >$o", TWO, "later < issuing < policy"),
        granted("renewed, in two files", "cat p256.crt chain >$o.c; cp p256.pem $o.k; cp later.crt $o.i", THREE, "later < issuing < policy"),
        granted("the old one in the key's file", "cat later.crt chain >$o.c; cat p256.pem earlier.crt >$o.k; : ; cp root.crt $o.i", THREE, "later < issuing < policy"),
        granted("the root alone as intermediate", "cp p256.crt $o.c; cp p256.pem $o.k; cp root.crt $o.i", THREE, "p256"),
        granted("issued by a root", "cat other.crt elsewhere.crt stray.crt >$o", "--certificate $o --private-key other.pem", "other"),
    ]);
}

/// The serial of 20 octets is checked by the verifier as a number; that it was
/// that long is checked here.
#[test]
fn a_serial_of_twenty_octets_is_sent_whole() {
    let bench = Bench::new();
    let run = bench.run(
        "long serial",
        "openssl x509 -in p256.crt -noout -serial | grep -E '^serial=7F[0-9A-F]{38}$'",
        "--certificate p256.crt --private-key p256.pem",
    );
    assert_eq!(bench.identity_of(&run).unwrap(), "p256");
}

#[rustfmt::skip]
#[test]
fn a_key_that_fits_no_certificate_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    let case = |name: &str, options: &str, complaint: &str| refused(name, "cat p256.crt p384.crt chain >soup", options, 4, complaint);
    bench.refuses(Duration::from_secs(3), [
        case("same curve", "--certificate p256.crt --private-key other.pem", "the private key of other.pem (SHA-256 "),
        case("file and fingerprint", "--certificate p256.crt --private-key other.pem", "p256.crt (O=Example Corp, CN=p256, SHA-256 of its key "),
        case("another curve", "--certificate p256.crt --private-key p384.pem", "belongs to none of the certificates"),
        case("another type", "--certificate p256.crt --private-key rsa2048.pem", "belongs to none of the certificates"),
        case("soup", "--certificate soup --private-key other.pem --intermediates stray.crt", "stray.crt (CN=stray, SHA-256 of its key "),
        case("a CA's certificate", "--certificate issuing.crt --private-key other.pem", "belongs to none of the certificates"),
    ]);
}
