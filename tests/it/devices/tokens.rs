//! Tokens: where certificate and key are found, and where the PIN comes from.

use std::fs::File;

use serde_json::Value;

use crate::inspect::assert_verifies;
use crate::issuer;
use crate::pkcs11::tokens::PIN;

use super::token::{BOX, PIN_FILE, Token};
use super::{assert_granted, process};

#[test]
fn a_tokens_certificate_leads_to_its_key_and_to_the_chain() {
    let token = Token::full();
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    for (uri, name) in [
        ("pkcs11:object=ec", "ec"),
        ("pkcs11:token=box;id=%01", "ec"),
        ("pkcs11:token=box;object=rsa;type=cert", "rsa"),
        ("pkcs11:id=%02", "rsa"),
    ] {
        let identity = [&["--verbose", "--certificate", uri][..], &PIN_FILE].concat();
        let run = token.run(&process(&emulator, &identity));
        assert_granted(&run);
        let log = emulator.log();
        let subject = format!("POST /sessions 201 [O=Example Corp, CN={name}]");
        assert!(log.lines().last().unwrap().contains(&subject), "{log}");
        // The root is the anchor's own affair, the others are nobody's.
        let mut dropped: Vec<&str> = run
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("note: O=Example Corp, CN="))
            .map(|line| line.split(" of pkcs11:").next().unwrap())
            .collect();
        dropped.sort_unstable();
        let other = if name == "ec" { "rsa" } else { "ec" };
        let mut expected = ["Test Root", "stranger", other];
        expected.sort_unstable();
        assert_eq!(dropped, expected, "{uri}: {}", run.stderr);

        let show = [
            &["key", "show", "--json", "--certificate", uri][..],
            &PIN_FILE,
        ]
        .concat();
        let shown: Value = serde_json::from_str(&token.run(&show).stdout).unwrap();
        let issuers = ["O=Example Corp, CN=two", "O=Example Corp, CN=one"];
        assert_eq!(shown["certificate"]["chain"], serde_json::json!(issuers));
        let id = if name == "ec" { "%01" } else { "%02" };
        let full = |kind| format!("pkcs11:{BOX};id={id};object={name};type={kind}");
        assert_eq!(shown["key"]["origin"], full("private"));
        assert_eq!(shown["certificate"]["origin"], full("cert"));
    }
}

#[test]
fn certificate_key_and_issuers_may_be_in_different_places() {
    let token = Token::full();
    let join = |names: &[&str]| -> String {
        let files = names.iter().map(|name| format!("{name}.pem"));
        files.map(|file| token.sandbox.read(&file)).collect()
    };
    token
        .sandbox
        .write("ec-full.pem", join(&["ec", "two", "one"]));
    token
        .sandbox
        .write("rsa-full.pem", join(&["rsa", "two", "one"]));
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    for identity in [
        // The certificate in a file says which of the token's keys is meant.
        &[
            "--certificate",
            "ec-full.pem",
            "--private-key",
            "pkcs11:token=box",
        ][..],
        &[
            "--certificate",
            "rsa-full.pem",
            "--private-key",
            "pkcs11:token=box",
        ],
        &[
            "--certificate",
            "rsa-full.pem",
            "--private-key",
            "pkcs11:object=rsa;type=private",
        ],
        &[
            "--certificate",
            "pkcs11:object=ec;type=cert",
            "--private-key",
            "pkcs11:id=%01",
        ],
        &[
            "--certificate",
            "pkcs11:object=ec",
            "--private-key",
            "ec.key",
        ],
        // The issuers alone come from the token.
        &[
            "--certificate",
            "ec.pem",
            "--private-key",
            "ec.key",
            "--intermediates",
            "pkcs11:token=box",
        ],
        &[
            "--certificate",
            "rsa.pem",
            "--private-key",
            "pkcs11:id=%02",
            "--intermediates",
            "pkcs11:token=box;type=cert",
        ],
        // What is told apart by a selector, with and without a place.
        &[
            "--certificate",
            "pkcs11:token=box",
            "--cert-selector",
            "Key=x509Serial,Value=3004",
        ],
        &[
            "--cert-selector",
            "Key=x509Subject,Value=CN=ec,O=Example Corp",
        ],
        &[
            "--cert-selector",
            "Key=x509Issuer,Value=CN=two,O=Example Corp",
            "--use-latest-expiring-certificate",
        ],
    ] {
        let identity = [identity, &PIN_FILE].concat();
        let run = token.run(&process(&emulator, &identity));
        assert_granted(&run);
        assert_eq!(run.stderr, "", "{identity:?}");
    }
}

#[test]
fn a_pin_comes_from_every_place_that_the_options_name() {
    let token = Token::full();
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    let file = token.sandbox.path("pin");
    let file = file.to_str().unwrap();
    let with_value = format!("pkcs11:object=ec?pin-value={PIN}");
    let with_source = format!("pkcs11:object=rsa?pin-source=file:{file}");
    for (uri, options) in [
        (with_value.as_str(), &[][..]),
        (&with_source, &[]),
        ("pkcs11:object=ec", &["--passphrase-file", "pin"]),
        ("pkcs11:object=ec", &["--passphrase-from", "env:TOKEN_PIN"]),
        ("pkcs11:object=ec", &["--passphrase-env", "TOKEN_PIN"]),
        ("pkcs11:object=ec", &["--passphrase-from", "fd:0"]),
        ("pkcs11:object=ec", &["--passphrase-from", "-"]),
        ("pkcs11:object=ec", &["--passphrase-from", "cmd:cat pin"]),
        ("pkcs11:object=ec", &["--pkcs8-password", PIN]),
        ("pkcs11:object=ec", &[]),
        // The URI's own goes before the options'.
        (&with_source, &["--passphrase-file", "wrong"]),
    ] {
        let identity = [&["--certificate", uri][..], options].concat();
        let mut command = token.command(&process(&emulator, &identity));
        command
            .env("TOKEN_PIN", PIN)
            .env("WINDLASS_PASSPHRASE_FILE", "pin")
            .stdin(File::open(file).unwrap());
        let run = token.finish(command);
        assert_granted(&run);
        assert_eq!(
            run.stderr.contains("warning: --pkcs8-password: every user"),
            options.contains(&"--pkcs8-password"),
            "{}",
            run.stderr
        );
    }
}

/// Some tokens show certificates to their user only.
#[test]
fn certificates_may_be_behind_the_pin() {
    let token = Token::new();
    token.make_certificates();
    token.put_key("ec", "01");
    for (name, id) in [("ec", "01"), ("two", "02"), ("one", "03")] {
        token.put_private_certificate(name, id);
    }
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    for (file, code) in [("pin", 0), ("wrong", 4)] {
        for identity in [
            &["--certificate", "pkcs11:object=ec"][..],
            &["--certificate", "pkcs11:token=box"],
            &["--cert-selector", "Key=x509Serial,Value=3003"],
        ] {
            let identity = [identity, &["--passphrase-file", file]].concat();
            let run = token.run(&process(&emulator, &identity));
            assert_eq!(run.code, code, "{identity:?}: {run:#?}");
            let wrong = "error: the PIN of the token 'box' is wrong";
            assert_eq!(run.stderr.starts_with(wrong), code != 0, "{run:#?}");
        }
    }
}

#[test]
fn a_token_lists_what_a_selector_can_choose() {
    let token = Token::full();
    let list = |more: &[&str]| {
        let run = token.run(&[&["read-certificate-data"][..], more].concat());
        assert_eq!(run.code, 0, "{run:#?}");
        run.stdout
    };
    let all = list(&["--certificate", "pkcs11:token=box"]);
    assert!(all.starts_with("Matching identities\n1) "), "{all}");
    assert_eq!(all.lines().count(), 1 + 2 * 6, "{all}");
    for (id, name) in [
        ("01", "ec"),
        ("02", "rsa"),
        ("10", "stranger"),
        ("13", "one"),
    ] {
        let digest = issuer::openssl(
            &token.sandbox,
            &["dgst", "-sha1", "-r", &format!("{name}.der")],
        );
        let digest = digest.split_whitespace().next().unwrap();
        let entry = format!(
            ") {digest} \"CN={name},O=Example Corp\"\n\tURI: pkcs11:{BOX};id=%{id};object={name};type=cert\n"
        );
        assert!(all.contains(&entry), "{all}\nlacks {entry}");
        let selector = format!("Key=x509Subject,Value=CN={name},O=Example Corp");
        let one = list(&["--cert-selector", &selector]);
        assert_eq!(one, format!("Matching identities\n1{entry}"));
    }
    let none = list(&["--cert-selector", "Key=x509Subject,Value=CN=nobody"]);
    assert_eq!(none, "No matching identities\n");
}

/// Keys in a token sign as those in files do.
#[test]
fn a_tokens_signatures_are_those_of_its_keys() {
    let token = Token::full();
    for (name, hash) in [
        ("ec", "SHA256"),
        ("ec", "SHA384"),
        ("rsa", "SHA256"),
        ("rsa", "SHA384"),
        ("rsa", "SHA512"),
    ] {
        let uri = format!("pkcs11:object={name};type=private");
        let fixed = [
            "sign-string",
            "--format",
            "text",
            "--digest",
            hash,
            "--private-key",
            &uri,
        ];
        let run = token.run(&[&fixed[..], &PIN_FILE].concat());
        assert_eq!(run.code, 0, "{name} {hash}: {run:#?}");
        let signature = hex::decode(run.stdout).unwrap();
        assert_verifies(&token.sandbox, &format!("{name}.key"), hash, &signature);
    }
}
