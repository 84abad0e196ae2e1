//! `key export-pkcs12`: whatever a key was read from, other programs find the same
//! key and its certificates in the file, and nobody else finds anything.

mod judges;
mod property;
mod refusals;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use windlass::environment::Environment;
use windlass::key::{
    Access, KeySource, Loader, Passphrase, PassphraseSource, Permissions, Source, TokenOptions,
    TpmDevice,
};
use windlass::secret::Secret;

use crate::harness::{PASSPHRASE, Run, Sandbox, capture, client_script, testdata, tool};
use crate::matrix::material::Material;

/// The passphrase of every file that is made; the file `new` holds it.
pub const NEW: &str = "an entirely different phrase";

/// A sandbox with a CA, which has issued `web`, and `new`.
pub fn with_ca() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &["--organization", "Example Corp"]);
    sandbox.write("new", format!("{NEW}\n"));
    sandbox
}

/// Exports with the given options, into `out.p12` unless they say otherwise.
pub fn export(sandbox: &Sandbox, options: &[&str]) -> Run {
    let mut arguments = vec!["key", "export-pkcs12"];
    if !options.contains(&"--out") {
        arguments.extend(["--out", "out.p12"]);
    }
    if !options.iter().any(|it| it.starts_with("--new-passphrase")) {
        arguments.extend(["--new-passphrase-file", "new"]);
    }
    arguments.extend(options);
    sandbox.run(&arguments)
}

/// Exports the key of a workload with its full chain, and expects success.
pub fn export_workload(sandbox: &Sandbox, name: &str, options: &[&str]) -> Run {
    let (key, chain) = (format!("{name}/key.pem"), format!("{name}/fullchain.pem"));
    let place = ["--certificate", &chain, "--private-key", &key];
    let run = export(sandbox, &[&place[..], options].concat());
    assert_eq!(run.code, 0, "{run:#?}");
    run
}

/// What Python's cryptography reads in files, each with its passphrase.
pub fn read_by_python(sandbox: &Sandbox, files: &[(&str, &str)]) -> Vec<Value> {
    let row = |(file, passphrase): &(&str, &str)| json!({ "file": file, "passphrase": passphrase });
    let rows: Vec<Value> = files.iter().map(row).collect();
    sandbox.write("list.json", Value::Array(rows).to_string());
    let mut python = Command::new(tool("python"));
    sandbox.scrub(&mut python);
    python
        .arg(client_script("pkcs12_reader.py"))
        .arg("list.json");
    let run = capture(&mut python);
    assert_eq!(run.code, 0, "{run:#?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// The DER of every PEM block in a file, in hex.
pub fn blocks(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let blocks = pem::parse_many(sandbox.read(name)).unwrap();
    blocks
        .iter()
        .map(|block| hex::encode(block.contents()))
        .collect()
}

#[test]
fn the_file_holds_the_key_its_certificate_and_the_chain() {
    let sandbox = with_ca();
    let run = export_workload(&sandbox, "web", &[]);
    let serial = {
        let shown = sandbox
            .ok(&["ca", "show", "--dir", "ca", "web", "--json"])
            .stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        (
            shown["serialNumber"].as_str().unwrap().to_owned(),
            shown["notAfter"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        run.stdout,
        format!(
            "wrote out.p12\n\
             certificate    O=Example Corp, CN=web\n\
             serial number  {}\n\
             valid until    {}\n\
             chain          O=Example Corp, CN=Example Corp Issuing CA\n\
             name           web\n\
             encrypted      with AES-256 and HMAC-SHA-256\n",
            serial.0, serial.1
        )
    );
    assert_eq!(run.stderr, "");
    let mode = fs::metadata(sandbox.path("out.p12")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o7777, 0o600);
    let found = read_by_python(&sandbox, &[("out.p12", NEW), ("out.p12", PASSPHRASE)]);
    // The root is not in it.
    let expected = json!({
        "name": "web",
        "key": blocks(&sandbox, "web/key.pem")[0],
        "certificates": blocks(&sandbox, "web/fullchain.pem"),
    });
    assert_eq!(found, [expected, Value::Null]);
}

#[test]
fn name_root_and_form_are_as_they_are_asked_for() {
    let sandbox = with_ca();
    let options = ["--name", "Schlüssel 密", "--root", "ca/trust-anchor.pem"];
    let run = export_workload(
        &sandbox,
        "web",
        &[&options[..], &["--legacy", "--json"]].concat(),
    );
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(shown["friendlyName"], "Schlüssel 密");
    assert_eq!(shown["file"], "out.p12");
    assert_eq!(shown["legacy"], true);
    assert_eq!(shown["hasRoot"], true);
    let chain = [
        "O=Example Corp, CN=Example Corp Issuing CA",
        "O=Example Corp, CN=Example Corp Root CA",
    ];
    assert_eq!(shown["chain"], json!(chain));
    let [found] = &read_by_python(&sandbox, &[("out.p12", NEW)])[..] else {
        panic!("one file, one answer");
    };
    assert_eq!(found["name"], "Schlüssel 密");
    let root = blocks(&sandbox, "ca/trust-anchor.pem");
    let chain = [blocks(&sandbox, "web/fullchain.pem"), root].concat();
    assert_eq!(found["certificates"], json!(chain));
}

/// What is given besides is not in the file: another CA, and the root.
#[test]
fn what_does_not_belong_to_the_chain_is_left_out() {
    let sandbox = with_ca();
    let others = [
        sandbox.read("ca/trust-anchor.pem"),
        fs::read_to_string(testdata("certs/issuing.pem")).unwrap(),
        sandbox.read("web/chain.pem"),
    ];
    sandbox.write("others.pem", others.concat());
    let options = [
        "--certificate",
        "web/cert.pem",
        "--private-key",
        "web/key.pem",
    ];
    let options = [&options[..], &["--intermediates", "others.pem"]].concat();
    let run = export(&sandbox, &[&options[..], &["--verbose"]].concat());
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(
        run.stderr
            .matches("is not part of the chain and is left out")
            .count(),
        2
    );
    let found = &read_by_python(&sandbox, &[("out.p12", NEW)])[0];
    assert_eq!(
        found["certificates"],
        json!(blocks(&sandbox, "web/fullchain.pem"))
    );
}

/// Whatever a key was read from, it is the same key, as PKCS#8 that says no more
/// and no less.
#[test]
fn a_key_of_every_form_is_the_same_key() {
    let sandbox = Sandbox::new();
    sandbox.write("new", format!("{NEW}\n"));
    sandbox.write("testdata", "testdata\n");
    let openssl = |key: &str| -> String {
        let mut openssl = Command::new("openssl");
        sandbox.scrub(&mut openssl);
        openssl.args([
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-outform",
            "DER",
            "-out",
            "expected.der",
        ]);
        let run = capture(openssl.args(["-in", key]));
        assert_eq!(run.code, 0, "{run:#?}");
        hex::encode(fs::read(sandbox.path("expected.der")).unwrap())
    };
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    for (key, clear, certificate) in [
        ("p256.pem", "p256.pem", "leaf.pem"),
        ("p256.der", "p256.pem", "leaf.pem"),
        ("p256-sec1.pem", "p256-sec1.pem", "leaf.pem"),
        ("p256-sec1-parameters.pem", "p256.pem", "leaf.pem"),
        ("p256-encrypted.pem", "p256.pem", "leaf.pem"),
        ("p256-traditional-encrypted.pem", "p256.pem", "leaf.pem"),
        ("p384-sec1.pem", "p384.pem", "leaf-p384.pem"),
        ("p521.pem", "p521.pem", "leaf-p521.pem"),
        ("rsa2048.pem", "rsa2048.pem", "leaf-rsa.pem"),
        ("rsa2048-pkcs1.pem", "rsa2048.pem", "leaf-rsa.pem"),
    ] {
        for name in [key, clear] {
            sandbox.write(name, fs::read(testdata("keys").join(name)).unwrap());
        }
        sandbox.write(
            certificate,
            fs::read(testdata("certs").join(certificate)).unwrap(),
        );
        let out = format!("{key}.p12");
        let options = [
            "--certificate",
            certificate,
            "--private-key",
            key,
            "--out",
            &out,
        ];
        let options = [&options[..], &["--passphrase-file", "testdata"]].concat();
        let run = export(&sandbox, &options);
        assert_eq!(run.code, 0, "{key}: {run:#?}");
        asked.push(out);
        expected.push(openssl(clear));
    }
    // From one PKCS#12 file into another.
    sandbox.write("old", format!("{NEW}\n"));
    let again = ["--certificate", "p521.pem.p12", "--passphrase-file", "old"];
    let run = export(&sandbox, &again);
    assert_eq!(run.code, 0, "{run:#?}");
    asked.push("out.p12".to_owned());
    expected.push(openssl("p521.pem"));
    let asked: Vec<(&str, &str)> = asked.iter().map(|file| (file.as_str(), NEW)).collect();
    let found = read_by_python(&sandbox, &asked);
    for ((file, _), (found, expected)) in asked.iter().zip(found.iter().zip(expected)) {
        assert_eq!(found["key"], json!(expected), "{file}");
        // Python has written it anew; this is how it stands there.
        assert_eq!(key_in(&sandbox, file), expected, "{file}");
    }
}

/// Of an ML-DSA key seed and expanded key are what they were; programs that know
/// such keys do not agree on one form of them.
#[test]
fn an_ml_dsa_key_stays_in_its_form() {
    let sandbox = Sandbox::new();
    Material::get().unpack(&sandbox);
    sandbox.write("new", format!("{NEW}\n"));
    for set in ["44", "65", "87"] {
        for form in ["seed", "expanded", "both"] {
            let (key, certificate) = (format!("mldsa{set}-{form}.pem"), format!("mldsa{set}.crt"));
            let place = ["--certificate", &certificate, "--private-key", &key];
            let run = export(
                &sandbox,
                &[&place[..], &["--intermediates", "chain", "--force"]].concat(),
            );
            assert_eq!(run.code, 0, "{key}: {run:#?}");
            assert_eq!(run.stdout.matches("\nchain ").count(), 2, "{run:#?}");
            assert_eq!(
                key_in(&sandbox, "out.p12"),
                blocks(&sandbox, &key)[0],
                "{key}"
            );
        }
    }
}

/// The PKCS#8 of a key in a PKCS#12 file, in hex.
fn key_in(sandbox: &Sandbox, file: &str) -> String {
    let environment = Environment::default();
    let secret = PassphraseSource::Given(Arc::new(Secret::from(NEW.to_owned())));
    let mut loader = Loader::new(Access {
        passphrase: Passphrase::new(Some(secret), &environment),
        environment: &environment,
        permissions: Permissions::Private,
        tokens: TokenOptions::default(),
        tpm: TpmDevice::new(None),
    });
    let source = KeySource::Material(Source::File(sandbox.path(file)));
    let key = loader.open_exportable(&source).unwrap();
    hex::encode(key.pkcs8.expose())
}

/// No two files have a salt in common, and none has one twice.
#[test]
fn every_salt_is_new() {
    let sandbox = with_ca();
    let mut salts = Vec::new();
    for scheme in [&[][..], &["--legacy"]] {
        for _ in 0..2 {
            export_workload(&sandbox, "web", &[&["--force"], scheme].concat());
            let file = fs::read(sandbox.path("out.p12")).unwrap();
            // An OCTET STRING of 16 octets before the iterations, an INTEGER.
            let found: Vec<Vec<u8>> = file
                .windows(23)
                .filter(|window| {
                    window.starts_with(&[4, 16]) && window[18..] == [2, 3, 4, 0x93, 0xe0]
                })
                .map(|window| window[2..18].to_vec())
                .collect();
            // The key's is in clear; that of the certificates too, and the MAC's.
            assert_eq!(found.len(), 3, "{scheme:?}");
            salts.extend(found);
        }
    }
    let count = salts.len();
    salts.sort();
    salts.dedup();
    assert_eq!(salts.len(), count);
}
