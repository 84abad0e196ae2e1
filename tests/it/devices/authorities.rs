//! CAs whose keys are in devices: every verb that signs finds them by what the
//! CA's directory says, and what they sign is as good as any.

use std::fs;

use crate::harness::{Run, Sandbox, capture};
use crate::tpm::software::SoftwareTpm;

const PASSWORD_FILE: [&str; 2] = ["--passphrase-file", "password"];

/// What openssl thinks of the leaf below `DIR/trust-anchor.pem`.
#[track_caller]
pub fn assert_leads_to_root(sandbox: &Sandbox, leaf: &str, directory: &str) {
    let mut command = std::process::Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"]);
    command.args(["-CAfile", &format!("{directory}/trust-anchor.pem")]);
    command.args(["-untrusted", &format!("{leaf}/chain.pem")]);
    let run = capture(command.arg(format!("{leaf}/cert.pem")));
    assert_eq!(run.code, 0, "{run:#?}");
}

/// Runs a command of the program; it never prints the password.
fn run(tpm: &SoftwareTpm, arguments: &[&str]) -> Run {
    let mut command = tpm.sandbox.command();
    command.args(arguments);
    let run = tpm.sandbox.finish(command);
    for output in [&run.stdout, &run.stderr] {
        assert!(!output.contains("tpm-4711"), "password in output: {output}");
    }
    run
}

#[track_caller]
fn ok(tpm: &SoftwareTpm, arguments: &[&str]) {
    let run = run(tpm, arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {run:#?}");
}

/// The root's key in a file that only the TPM can use, the issuing key at a
/// handle of the TPM.
#[test]
fn a_ca_signs_with_the_keys_of_a_tpm() {
    let tpm = SoftwareTpm::new();
    tpm.sandbox.write("password", "tpm-4711\n");
    tpm.genpkey(
        "root.key",
        "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:tpm-4711",
    );
    tpm.persistent_parent("-G ecc");
    tpm.run("tpm2_create -C 0x81000001 -u k.pub -r k.priv -c k.ctx -G rsa -p tpm-4711");
    tpm.run("tpm2_evictcontrol -C o -c k.ctx 0x81000011");
    tpm.run("tpm2_flushcontext -t");
    let init = ["ca", "init", "--dir", "ca", "--name", "Example Corp"];
    let keys = [
        "--issuing-key",
        "handle:0x81000011",
        "--root-key",
        "root.key",
    ];
    let device = ["--tpm-device", "tpm.sock"];
    ok(&tpm, &[&init[..], &keys, &device, &PASSWORD_FILE].concat());

    // Which TPM it is, the directory says.
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"];
    ok(&tpm, &[&issue[..], &PASSWORD_FILE].concat());
    assert_leads_to_root(&tpm.sandbox, "web", "ca");
    for issuer in ["issuing", "root"] {
        let list = ["ca", "crl", "--dir", "ca", "--issuer", issuer];
        ok(&tpm, &[&list[..], &PASSWORD_FILE].concat());
    }
    let emulator = tpm
        .sandbox
        .emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let identity = [
        "--certificate",
        "web/fullchain.pem",
        "--private-key",
        "web/key.pem",
    ];
    super::assert_granted(&run(&tpm, &super::process(&emulator, &identity)));
    tpm.assert_empty();

    let here = fs::canonicalize(tpm.sandbox.root()).unwrap();
    let socket = here.join("tpm.sock");
    let file = |name: &str| -> serde_json::Value {
        serde_json::from_str(&tpm.sandbox.read(&format!("ca/{name}/device.json"))).unwrap()
    };
    assert_eq!(
        file("issuing"),
        serde_json::json!({ "version": 1, "key": "handle:0x81000011", "tpmDevice": socket })
    );
    assert_eq!(
        file("root"),
        serde_json::json!({ "version": 1, "tpmDevice": socket })
    );
    assert_eq!(
        tpm.sandbox.read("ca/root/key.pem"),
        tpm.sandbox.read("root.key")
    );
    assert!(!tpm.sandbox.path("ca/issuing/key.pem").exists());
}

/// A key that is not the certificate's, a wrong password, and a file that says
/// nothing: nothing is issued.
#[test]
fn what_is_wrong_with_a_key_in_a_device_is_said() {
    let tpm = SoftwareTpm::new();
    tpm.persistent_parent("-G ecc");
    for handle in ["0x81000010", "0x81000011"] {
        tpm.run("tpm2_create -C 0x81000001 -u k.pub -r k.priv -c k.ctx -G ecc");
        tpm.run(&format!("tpm2_evictcontrol -C o -c k.ctx {handle}"));
        tpm.run("tpm2_flushcontext -t");
    }
    let init = ["ca", "init", "--dir", "ca", "--name", "Example Corp"];
    let device = ["--tpm-device", "tpm.sock"];
    let key = ["--issuing-key", "handle:0x81000010"];
    let secret = ["--passphrase-file", "passphrase"];
    ok(&tpm, &[&init[..], &key, &device, &secret].concat());
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"];
    let place = "ca/issuing/device.json";
    let good = tpm.sandbox.read(place);
    for (content, said) in [
        (
            good.replace("0x81000010", "0x81000011"),
            "device.json is not the key of the certificate beside it",
        ),
        (
            good.replace("\"version\": 1", "\"version\": 2"),
            "device.json: its version is 2, and this program knows 1",
        ),
        (
            good.replace("handle:0x81000010", "web.pem"),
            "device.json: key is neither pkcs11:URI nor handle:0xHHHHHHHH",
        ),
        (
            good.replace("version", "volume"),
            "device.json: unknown field `volume`",
        ),
    ] {
        tpm.sandbox.write(place, content);
        let run = run(&tpm, &issue);
        assert_eq!(run.code, 4, "{run:#?}");
        assert!(run.stderr.contains(said), "{}\nlacks {said}", run.stderr);
        assert!(!tpm.sandbox.path("web").exists());
    }
    tpm.sandbox.write(place, good);
    ok(&tpm, &issue);
    // Key files of other kinds could be copied.
    let other = ["ca", "init", "--dir", "other", "--name", "Example Corp"];
    let run = run(
        &tpm,
        &[&other[..], &["--issuing-key", "web/key.pem"], &secret].concat(),
    );
    assert_eq!(run.code, 4, "{run:#?}");
    let said = "error: web/key.pem cannot be the key of a CA: it is no key of a device";
    assert!(run.stderr.starts_with(said), "{}", run.stderr);
    assert!(!tpm.sandbox.path("other").exists());
}
