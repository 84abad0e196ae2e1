//! Tokens: what is said when a certificate, a key, a PIN or a module is not
//! there, or not the right one.

use crate::bad_input::compare;
use crate::pkcs11::tokens::library;

use super::process;
use super::token::{BOX, PIN_FILE, Token};

/// OpenSC's spy stands between the program and the token and writes down every
/// call.
#[test]
fn a_wrong_pin_is_told_to_the_token_once() {
    let token = Token::full();
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    let library = library();
    let module_directory = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/pkcs11-spy.so"));
    let spy = module_directory
        .iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("OpenSC's spy is missing: run scripts/setup-test first");
    for (identity, file, logins) in [
        (&["--certificate", "pkcs11:object=ec"][..], "wrong", 1),
        (
            &[
                "--certificate",
                "ec.pem",
                "--private-key",
                "pkcs11:object=ec",
            ],
            "wrong",
            1,
        ),
        (&["--certificate", "pkcs11:object=ec"], "pin", 1),
    ] {
        let options = ["--pkcs11-lib", spy, "--passphrase-file", file];
        let identity = [identity, &options].concat();
        let mut command = token.command(&process(&emulator, &identity));
        command
            .env("PKCS11SPY", &library)
            .env("PKCS11SPY_OUTPUT", token.sandbox.path("spied"));
        let run = token.finish(command);
        assert_eq!(run.code, if file == "pin" { 0 } else { 4 }, "{run:#?}");
        let spied = token.sandbox.read("spied");
        assert_eq!(spied.matches(": C_Login").count(), logins, "{spied}");
        std::fs::remove_file(token.sandbox.path("spied")).unwrap();
    }
    assert!(!emulator.log().contains("403"), "{}", emulator.log());
}

#[test]
fn several_certificates_or_keys_are_listed_with_their_uris() {
    let token = Token::full();
    let emulator = token.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    let uri = |id, name, kind| format!("pkcs11:{BOX};id=%{id};object={name};type={kind}");
    for (identity, kind) in [
        (&["--certificate", "pkcs11:token=box"][..], "cert"),
        (
            &[
                "--cert-selector",
                "Key=x509Issuer,Value=CN=two,O=Example Corp",
            ],
            "cert",
        ),
        (&["--private-key", "pkcs11:token=box"], "private"),
    ] {
        let identity = [identity, &PIN_FILE].concat();
        let arguments = if kind == "cert" {
            process(&emulator, &identity)
        } else {
            [&["sign-string"][..], &identity].concat()
        };
        let run = token.run(&arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        for (id, name) in [("01", "ec"), ("02", "rsa")] {
            assert!(run.stderr.contains(&uri(id, name, kind)), "{}", run.stderr);
        }
        for other in ["stranger", "two;", "Root"] {
            assert!(
                !run.stderr.contains(&format!("object={other}")),
                "{}",
                run.stderr
            );
        }
    }
    // The certificate tells which key of the token is meant.
    let alone = [
        "sign-string",
        "--certificate",
        "ec.pem",
        "--private-key",
        "pkcs11:token=box",
    ];
    assert_eq!(token.run(&[&alone[..], &PIN_FILE].concat()).code, 0);

    // A PIN is told to one token only.
    token.and("other");
    let run = token.run(
        &[
            &["sign-string", "--private-key", "pkcs11:object=hidden"][..],
            &PIN_FILE,
        ]
        .concat(),
    );
    assert_eq!(run.code, 2, "{run:#?}");
    for label in ["box", "other"] {
        assert!(
            run.stderr.contains(&format!(";token={label}")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn what_is_wrong_with_a_token_is_said() {
    let token = Token::full();
    token.sandbox.write("text.so", "not a library\n");
    let without_pin = [
        "credential-process",
        "--no-cache",
        "--trust-anchor-arn",
        ANCHOR,
        "--profile-arn",
        PROFILE,
    ];
    let fixed = [
        &without_pin[..],
        &["--role-arn", ROLE, "--endpoint", "http://127.0.0.1:1"],
    ]
    .concat();
    for (name, identity) in [
        ("no_pin", &["--certificate", "pkcs11:object=ec"][..]),
        (
            "wrong_pin",
            &[
                "--certificate",
                "pkcs11:object=ec",
                "--passphrase-file",
                "wrong",
            ],
        ),
        (
            "wrong_pin_in_uri",
            &["--certificate", "pkcs11:object=ec?pin-value=hunter2hunter2"],
        ),
        (
            "uri_with_space",
            &[
                "--certificate",
                "pkcs11:object=ec?pin-value=hunter2 hunter2",
            ],
        ),
        (
            "uri_with_query_in_path",
            &["--certificate", "pkcs11:object=ec;pin-value=hunter2"],
        ),
        (
            "uri_with_mistyped_attribute",
            &["--certificate", "pkcs11:objekt=ec?pin-value=hunter2"],
        ),
        (
            "uri_with_mistyped_scheme",
            &["--certificate", "pcks11:object=ec?pin-value=hunter2"],
        ),
        (
            "uri_with_two_pins",
            &[
                "--certificate",
                "pkcs11:object=ec?pin-value=hunter2&pin-source=/x",
            ],
        ),
        (
            "uri_of_intermediates",
            &[
                "--certificate",
                "ec.pem",
                "--private-key",
                "ec.key",
                "--intermediates",
                "pkcs11:object?pin-value=hunter2",
            ],
        ),
        (
            "no_library",
            &[
                "--certificate",
                "pkcs11:object=ec",
                "--pkcs11-lib",
                "no-such.so",
            ],
        ),
        (
            "text_as_library",
            &[
                "--certificate",
                "pkcs11:object=ec",
                "--pkcs11-lib",
                "text.so",
            ],
        ),
        (
            "no_such_token",
            &["--certificate", "pkcs11:token=bux;object=ec"],
        ),
        (
            "key_as_certificate",
            &["--certificate", "pkcs11:object=ec;type=private"],
        ),
        (
            "key_of_another_certificate",
            &[
                "--certificate",
                "pkcs11:object=ec",
                "--private-key",
                "pkcs11:object=rsa",
                "--passphrase-file",
                "pin",
            ],
        ),
        (
            "key_of_another_type",
            &[
                "--certificate",
                "ec.pem",
                "--private-key",
                "pkcs11:id=%02;type=private",
                "--passphrase-file",
                "pin",
            ],
        ),
    ] {
        let arguments = [&fixed[..], identity].concat();
        let run = token.run(&arguments);
        for output in [&run.stdout, &run.stderr] {
            assert!(!output.contains("hunter2"), "{name}: {output}");
        }
        compare(&token.sandbox, &format!("token_{name}"), &arguments, &run);
    }
}

/// What the option or its variable names goes before a name in the URI, and
/// behind a path there.
#[test]
fn the_module_comes_from_the_uri_or_the_option() {
    let token = Token::full();
    let library = library().display().to_string();
    let with_path = format!("pkcs11:object=ec?module-path={library}");
    for (uri, option, error) in [
        (with_path.as_str(), "no-such.so", ""),
        (
            "pkcs11:object=ec?module-name=no-such-module",
            library.as_str(),
            "",
        ),
        ("pkcs11:object=ec?module-name=softhsm2", "", ""),
        (
            "pkcs11:object=ec?module-name=no-such-module",
            "",
            "error: no PKCS#11 module 'no-such-module' is installed in the usual directories\n",
        ),
        (
            "pkcs11:object=ec",
            "no-such.so",
            "error: no-such.so cannot be loaded as a PKCS#11 module: No such file or directory (os error 2)\n",
        ),
    ] {
        let mut command = token.command(&["read-certificate-data", "--certificate", uri]);
        command.env("WINDLASS_PKCS11_LIB", option);
        let run = token.finish(command);
        assert_eq!(run.code, if error.is_empty() { 0 } else { 2 }, "{run:#?}");
        assert!(run.stderr.starts_with(error), "{run:#?}");
    }
}

#[test]
fn the_digits_of_an_id_are_not_its_octets() {
    let token = Token::full();
    let run = token.run(
        &[
            &["sign-string", "--private-key", "pkcs11:id=01"][..],
            &PIN_FILE,
        ]
        .concat(),
    );
    assert_eq!(run.code, 4, "{run:#?}");
    for part in [
        "no private key fits pkcs11:id=%30%31; ",
        "written %XX, as in id=%01; ",
    ] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

/// What a search shows is in no order of its own.
#[test]
fn a_certificate_without_a_key_in_the_token_is_told_from_the_others() {
    let token = Token::full();
    let fixed = ["sign-string", "--certificate", "pkcs11:object=stranger"];
    let run = token.run(&[&fixed[..], &PIN_FILE].concat());
    assert_eq!(run.code, 4, "{run:#?}");
    let begin = format!(
        "error: no private key fits pkcs11:{BOX};id=%10;object=stranger;type=cert; the token 'box' shows: "
    );
    assert!(run.stderr.starts_with(&begin), "{}", run.stderr);
    for (id, name) in [("01", "ec"), ("02", "rsa")] {
        let uri = format!("pkcs11:{BOX};id=%{id};object={name};type=private");
        assert!(run.stderr.contains(&uri), "{}", run.stderr);
    }
}

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";
