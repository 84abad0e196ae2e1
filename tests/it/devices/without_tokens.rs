//! A build that cannot load a token's library says so, and says nothing else of
//! a URI that it can read.

use std::fs;

use crate::bad_input::compare;
use crate::harness::{Sandbox, testdata};

#[test]
fn a_build_without_tokens_says_so() {
    let sandbox = Sandbox::new();
    for (name, source) in [("cert.pem", "certs/leaf.pem"), ("key.pem", "keys/p256.pem")] {
        sandbox.write(name, fs::read(testdata(source)).unwrap());
    }
    for (name, words) in [
        (
            "certificate",
            "read-certificate-data --certificate pkcs11:object=web?pin-value=hunter2",
        ),
        (
            "key",
            "sign-string --private-key pkcs11:object=web?pin-value=hunter2",
        ),
        (
            "selector",
            "read-certificate-data --cert-selector Key=x509Serial,Value=1",
        ),
        (
            "intermediates",
            "key show --certificate cert.pem --private-key key.pem --intermediates pkcs11:object=ca",
        ),
        (
            "malformed",
            "sign-string --private-key pkcs11:objekt=web?pin-value=hunter2",
        ),
    ] {
        let arguments: Vec<&str> = words.split(' ').collect();
        let run = sandbox.run(&arguments);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(!run.stderr.contains("hunter2"), "{run:#?}");
        compare(
            &sandbox,
            &format!("without_tokens_{name}"),
            &arguments,
            &run,
        );
    }
}
