//! CAs whose keys are in tokens.

use crate::harness::Run;
use crate::issuer;
use crate::pkcs11::tokens::PIN;

use super::authorities::assert_leads_to_root;
use super::token::{PIN_FILE, Token};

/// Runs the program, told which tokens there are and not which module has them.
fn run(token: &Token, arguments: &[&str]) -> Run {
    let mut command = token.sandbox.command();
    command
        .env("SOFTHSM2_CONF", token.sandbox.path("softhsm2.conf"))
        .args(arguments);
    token.finish(command)
}

fn with_keys() -> Token {
    let token = Token::new();
    for (name, id, options) in [
        ("ec", "01", "EC -pkeyopt ec_paramgen_curve:P-384"),
        ("rsa", "02", "RSA -pkeyopt rsa_keygen_bits:2048"),
        ("small", "03", "EC -pkeyopt ec_paramgen_curve:P-521"),
    ] {
        let out = format!("{name}.key");
        let mut arguments = vec!["genpkey", "-out", &out, "-algorithm"];
        arguments.extend(options.split(' '));
        issuer::openssl(&token.sandbox, &arguments);
        token.put_key(name, id);
    }
    token
}

/// Either key of either type, both, and one beside a new one whose passphrase
/// is not the PIN.
#[test]
fn a_ca_signs_with_keys_in_a_token() {
    let token = with_keys();
    let source = token.sandbox.path("pin");
    let own_pin = format!("pkcs11:object=ec?pin-source=file:{}", source.display());
    for (directory, keys, secret) in [
        (
            "both",
            &[
                "--issuing-key",
                "pkcs11:object=ec",
                "--root-key",
                "pkcs11:object=rsa",
            ][..],
            PIN_FILE,
        ),
        (
            "crossed",
            &[
                "--issuing-key",
                "pkcs11:object=rsa",
                "--root-key",
                "pkcs11:object=ec",
            ],
            PIN_FILE,
        ),
        (
            "mixed",
            &["--issuing-key", &own_pin],
            ["--passphrase-file", "passphrase"],
        ),
    ] {
        let init = ["ca", "init", "--dir", directory, "--name", "Example Corp"];
        let made = token.run(&[&init[..], keys, &secret].concat());
        assert_eq!(made.code, 0, "{directory}: {made:#?}");
        // The directory says which module has the token.
        let (leaf, list) = (
            format!("{directory}-web"),
            ["ca", "crl", "--dir", directory],
        );
        let issue = [
            "ca", "issue", "--dir", directory, "--cn", "web", "--out", &leaf,
        ];
        for verb in [
            &issue[..],
            &list,
            &[&list[..], &["--issuer", "root"]].concat(),
        ] {
            let done = run(&token, &[verb, &secret].concat());
            assert_eq!(done.code, 0, "{directory} {verb:?}: {done:#?}");
        }
        assert_leads_to_root(&token.sandbox, &leaf, directory);
        for file in ["issuing/device.json", "root/device.json"] {
            let path = token.sandbox.path(directory).join(file);
            let content = std::fs::read_to_string(path).unwrap_or_default();
            assert!(!content.contains(PIN), "{content}");
        }
    }
}

#[test]
fn a_wrong_pin_and_an_unfit_key_issue_nothing() {
    let token = with_keys();
    let init = ["ca", "init", "--dir", "ca", "--name", "Example Corp"];
    let keys = ["--root-key", "pkcs11:object=rsa", "--issuing-key"];
    let refused = |key: &str, said: &str| {
        let made = token.run(&[&init[..], &keys, &[key], &PIN_FILE].concat());
        assert_eq!(made.code, 4, "{made:#?}");
        assert!(made.stderr.contains(said), "{}", made.stderr);
        assert!(!token.sandbox.path("ca").exists());
    };
    refused("pkcs11:object=small", "a CA's key is EC P-256 or P-384");
    refused(
        &format!("pkcs11:object=ec?pin-value={PIN}"),
        "its URI has the PIN in it, which would be kept",
    );
    let made = token.run(&[&init[..], &keys, &["pkcs11:object=ec"], &PIN_FILE].concat());
    assert_eq!(made.code, 0, "{made:#?}");
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"];
    let wrong = run(
        &token,
        &[&issue[..], &["--passphrase-file", "wrong"]].concat(),
    );
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    assert!(wrong.stderr.contains("PIN"), "{}", wrong.stderr);
    assert!(!token.sandbox.path("web").exists());
}

/// Root and issuing CA apart, each with its key in a token: the request is signed
/// there, and what is installed is that key's.
#[test]
fn a_root_kept_apart_and_its_issuing_ca_have_keys_in_tokens() {
    let token = with_keys();
    let ca = |verb: &[&str]| -> Run {
        let done = token.run(&[&["ca"][..], verb, &PIN_FILE].concat());
        assert_eq!(done.code, 0, "{verb:?}: {done:#?}");
        done
    };
    let value = |run: &Run, path: &str| -> String {
        let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        value.pointer(path).unwrap().as_str().unwrap().to_owned()
    };
    let name = ["--name", "Example Corp", "--json"];
    let root_key = ["--root-key", "pkcs11:object=rsa"];
    let root = ["init", "--root-only", "--dir", "vault"];
    let root = ca(&[&root[..], &name, &root_key].concat());
    let issuing_key = ["--issuing-key", "pkcs11:object=ec"];
    let site = ["init", "--offline-root", "--dir", "site"];
    let site = ca(&[&site[..], &name, &issuing_key].concat());
    let key = value(&site, "/keyFingerprintSha256");
    let files = ["--csr", "site/issuing/request.pem", "--out", "issuing.pem"];
    let sign = ["sign-ca", "--dir", "vault", "--key-fingerprint", &key];
    ca(&[&sign[..], &files].concat());
    let fingerprint = value(&root, "/root/fingerprintSha256");
    let install = ["install", "--dir", "site", "--cert", "issuing.pem"];
    let compared = ["--root-fingerprint", fingerprint.as_str()];
    // Without its PIN the key cannot be shown to be there.
    let wrong = ["--passphrase-file", "wrong"];
    let refused = run(&token, &[&["ca"][..], &install, &compared, &wrong].concat());
    assert_eq!(refused.code, 4, "{refused:#?}");
    ca(&[&install[..], &compared].concat());
    ca(&["issue", "--dir", "site", "--cn", "web", "--out", "web"]);
    ca(&["crl", "--dir", "vault", "--issuer", "root"]);
    assert_leads_to_root(&token.sandbox, "web", "site");
    for (dir, file) in [("site", "issuing/key.pem"), ("vault", "root/key.pem")] {
        assert!(!token.sandbox.path(dir).join(file).exists());
    }
}

/// The next issuing CA has its key in the token, the one after it in a file again;
/// a key that the CA has already is none for it.
#[test]
fn a_ca_rolls_over_to_a_key_in_a_token() {
    let token = with_keys();
    let source = token.sandbox.path("pin");
    let key = |name: &str| format!("pkcs11:object={name}?pin-source=file:{}", source.display());
    let (ec, rsa) = (key("ec"), key("rsa"));
    let secret = ["--passphrase-file", "passphrase"];
    let ok = |arguments: &[&str]| {
        let done = run(&token, &[arguments, &secret].concat());
        assert_eq!(done.code, 0, "{arguments:?}: {done:#?}");
    };
    let init = ["ca", "init", "--dir", "ca", "--name", "Example Corp"];
    let made = token.run(&[&init[..], &["--issuing-key", &ec], &secret].concat());
    assert_eq!(made.code, 0, "{made:#?}");
    let prepare = ["ca", "rollover", "prepare", "--dir", "ca"];
    let again = [&prepare[..], &["--issuing-key", &ec], &secret].concat();
    let refused = token.run(&again);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(
        refused.stderr.contains("a key of this CA already"),
        "{refused:#?}"
    );
    let prepared = token.run(&[&prepare[..], &["--issuing-key", &rsa], &secret].concat());
    assert_eq!(prepared.code, 0, "{prepared:#?}");
    assert!(!token.sandbox.path("ca/issuing-2/key.pem").exists());
    ok(&["ca", "rollover", "activate", "--dir", "ca"]);
    ok(&["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"]);
    assert_leads_to_root(&token.sandbox, "web", "ca");
    ok(&["ca", "crl", "--dir", "ca"]);
    let retired = run(&token, &["ca", "rollover", "retire", "--dir", "ca"]);
    assert_eq!(retired.code, 0, "{retired:#?}");
    ok(&[&prepare[..], &["--of", "root"]].concat());
    ok(&[
        "ca",
        "rollover",
        "activate",
        "--dir",
        "ca",
        "--bundle-installed",
    ]);
    ok(&[
        "ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web-2",
    ]);
    for leaf in ["web", "web-2"] {
        assert_leads_to_root(&token.sandbox, leaf, "ca");
    }
}
