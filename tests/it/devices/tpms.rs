//! TPMs: where the device comes from, where the password comes from, and what
//! is said when one of them is not there.

use std::process::Command;

use crate::bad_input::compare;
use crate::harness::Run;
use crate::issuer;
use crate::tpm::software::SoftwareTpm;

use super::{assert_granted, process};

/// Certificates of keys that openssl cannot sign a request with: the public key
/// is put in place of that of another one's request.
fn certify(tpm: &SoftwareTpm, public: &str, name: &str) {
    let sandbox = &tpm.sandbox;
    sandbox.write(&format!("{name}.ext"), issuer::LEAF);
    let subject = format!("/CN={name}");
    let request = ["req", "-new", "-config", "ca.cnf", "-key", "root.key"];
    issuer::openssl(
        sandbox,
        &[&request[..], &["-subj", &subject, "-out", "request"]].concat(),
    );
    let sign = [
        "x509",
        "-req",
        "-in",
        "request",
        "-days",
        "30",
        "-force_pubkey",
        public,
    ];
    let ca = ["-CA", "root.pem", "-CAkey", "root.key", "-extfile"];
    let (extensions, out) = (format!("{name}.ext"), format!("{name}.pem"));
    issuer::openssl(
        sandbox,
        &[&sign[..], &ca, &[&extensions, "-out", &out]].concat(),
    );
}

/// A TPM with four keys in files, with and without a password, and one of each
/// type in the TPM itself; `NAME.pem` is the certificate of each.
fn with_keys() -> SoftwareTpm {
    let tpm = SoftwareTpm::new();
    issuer::root(&tpm.sandbox);
    for (name, options) in [
        ("ec", "-algorithm EC -pkeyopt group:P-256"),
        ("ec384", "-algorithm EC -pkeyopt group:P-384"),
        ("rsa", "-algorithm RSA -pkeyopt bits:2048"),
        (
            "ec-closed",
            "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:tpm-4711",
        ),
        (
            "rsa-closed",
            "-algorithm RSA -pkeyopt bits:2048 -pkeyopt user-auth:tpm-4711",
        ),
    ] {
        tpm.genpkey(&format!("{name}.key"), options);
        tpm.run(&format!(
            "openssl pkey -provider tpm2 -provider default -propquery ?provider=tpm2 -passin pass:tpm-4711 -in {name}.key -pubout -out {name}.pub"
        ));
        certify(&tpm, &format!("{name}.pub"), name);
    }
    tpm.persistent_parent("-G ecc");
    for (handle, name, options) in [
        ("0x81000010", "handle-ec", "-G ecc"),
        ("0x81000011", "handle-rsa", "-G rsa -p tpm-4711"),
    ] {
        tpm.run(&format!(
            "tpm2_create -C 0x81000001 -u k.pub -r k.priv -c k.ctx {options}"
        ));
        tpm.run(&format!("tpm2_evictcontrol -C o -c k.ctx {handle}"));
        tpm.run("tpm2_flushcontext -t");
        tpm.run(&format!("tpm2_readpublic -c {handle} -f pem -o {name}.pub"));
        certify(&tpm, &format!("{name}.pub"), name);
    }
    tpm.sandbox.write("password", "tpm-4711\n");
    tpm.sandbox.write("wrong", "tpm-0815\n");
    tpm
}

/// Runs a command of the program; it never prints the password.
fn finish(tpm: &SoftwareTpm, command: Command) -> Run {
    let run = tpm.sandbox.finish(command);
    for output in [&run.stdout, &run.stderr] {
        assert!(!output.contains("tpm-4711"), "password in output: {output}");
    }
    run
}

#[test]
fn keys_of_a_tpm_become_credentials() {
    let tpm = with_keys();
    let emulator = tpm.sandbox.emulate(&["--trust-anchor", "root.pem"]);
    let password = ["--passphrase-file", "password"];
    for (name, key, options) in [
        ("ec", "ec.key", &[][..]),
        ("ec384", "ec384.key", &[]),
        ("rsa", "rsa.key", &[]),
        ("rsa", "rsa.key", &["--no-tpm-key-password"]),
        ("ec-closed", "ec-closed.key", &password),
        (
            "rsa-closed",
            "rsa-closed.key",
            &["--passphrase-from", "cmd:cat password"],
        ),
        (
            "ec-closed",
            "ec-closed.key",
            &["--tpm-key-password", "tpm-4711"],
        ),
        ("handle-ec", "handle:0x81000010", &[]),
        ("handle-ec", "handle:81000010", &["--no-tpm-key-password"]),
        ("handle-rsa", "handle:0x81000011", &password),
    ] {
        let certificate = format!("{name}.pem");
        let identity = ["--certificate", &certificate, "--private-key", key];
        let identity = [&identity[..], &["--tpm-device", "tpm.sock"], options].concat();
        let mut command = tpm.sandbox.command();
        command.args(process(&emulator, &identity));
        let run = finish(&tpm, command);
        assert_granted(&run);
        let log = emulator.log();
        assert!(
            log.lines()
                .last()
                .unwrap()
                .contains(&format!("[CN={name}] ")),
            "{log}"
        );
        // What the list of processes shows is warned of, nothing else.
        let warned = run
            .stderr
            .starts_with("warning: --tpm-key-password: every user")
            && run.stderr.lines().count() == 1;
        assert_eq!(
            warned,
            options.contains(&"--tpm-key-password"),
            "{}",
            run.stderr
        );
        assert_eq!(run.stderr.is_empty(), !warned, "{}", run.stderr);
    }
    tpm.assert_empty();
}

#[test]
fn the_device_comes_from_the_option_or_from_either_variable() {
    let tpm = with_keys();
    for (variables, options, code) in [
        (&[("TPM_DEVICE", "tpm.sock")][..], &[][..], 0),
        (&[("WINDLASS_TPM_DEVICE", "tpm.sock")], &[], 0),
        (
            &[
                ("TPM_DEVICE", "no-such"),
                ("WINDLASS_TPM_DEVICE", "tpm.sock"),
            ],
            &[],
            0,
        ),
        (
            &[("WINDLASS_TPM_DEVICE", "no-such")],
            &["--tpm-device", "tpm.sock"],
            0,
        ),
        (
            &[("TPM_DEVICE", "tpm.sock"), ("WINDLASS_TPM_DEVICE", "")],
            &[],
            0,
        ),
        (
            &[("TPM_DEVICE", "tpm.sock")],
            &["--tpm-device", "no-such"],
            4,
        ),
    ] {
        let mut command = tpm.sandbox.command();
        command
            .args(["sign-string", "--private-key", "ec.key"])
            .args(options)
            .envs(variables.iter().copied());
        let run = finish(&tpm, command);
        assert_eq!(run.code, code, "{variables:?} {options:?}: {run:#?}");
        assert_eq!(
            run.stderr.contains("the TPM no-such"),
            code == 4,
            "{run:#?}"
        );
    }
}

/// A password that is not the key's is told to the TPM once, and one that is
/// meant for another key not at all.
#[test]
fn wrong_passwords_are_few() {
    let tpm = with_keys();
    tpm.run("tpm2_dictionarylockout -s -n 10 -t 1000 -l 1000");
    let sign = |key: &str, options: &[&str]| {
        let mut command = tpm.sandbox.command();
        command
            .args([
                "sign-string",
                "--tpm-device",
                "tpm.sock",
                "--private-key",
                key,
            ])
            .args(options)
            .env("WINDLASS_PASSPHRASE_FILE", "password");
        finish(&tpm, command)
    };
    for (key, options, code, counted) in [
        ("rsa-closed.key", &["--passphrase-file", "wrong"][..], 4, 1),
        ("rsa-closed.key", &["--tpm-key-password", "tpm-0815"], 4, 2),
        ("ec-closed.key", &["--passphrase-env", "NOT_SET"], 2, 2),
        ("ec-closed.key", &[], 0, 2),
        // The variable is for other keys when this one is said to have none;
        // the empty password is tried, as some files are wrong about it.
        ("ec-closed.key", &["--no-tpm-key-password"], 2, 3),
        ("ec.key", &["--no-tpm-key-password"], 0, 3),
    ] {
        let run = sign(key, options);
        assert_eq!(run.code, code, "{key} {options:?}: {run:#?}");
        assert_eq!(tpm.wrong_passwords(), counted, "{key} {options:?}");
    }
    tpm.assert_empty();
}

#[test]
fn what_is_wrong_with_a_tpm_is_said() {
    let tpm = with_keys();
    let socket = ["--tpm-device", "tpm.sock"];
    for (name, words, options) in [
        (
            "not_there",
            "--private-key ec.key --tpm-device no-such.sock",
            &[][..],
        ),
        (
            "not_a_device",
            "--private-key ec.key --tpm-device password",
            &[],
        ),
        ("no_such_handle", "--private-key handle:0x81000099", &socket),
        (
            "handle_of_another_kind",
            "--private-key handle:0x40000001",
            &socket,
        ),
        ("handle_too_short", "--private-key handle:0x8100", &socket),
        ("handle_missing", "--private-key handle:", &socket),
        (
            "handle_as_certificate",
            "--certificate handle:0x81000010",
            &socket,
        ),
        ("no_password", "--private-key rsa-closed.key", &socket),
        (
            "wrong_password",
            "--private-key rsa-closed.key --passphrase-file wrong",
            &socket,
        ),
        (
            "password_and_none",
            "--private-key ec.key --tpm-key-password x --no-tpm-key-password",
            &socket,
        ),
        (
            "password_twice",
            "--private-key ec.key --tpm-key-password x --passphrase-file wrong",
            &socket,
        ),
        (
            "other_hash",
            "--private-key ec.key --digest SHA384",
            &socket,
        ),
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let arguments = [&["sign-string"][..], &words, options].concat();
        let mut command = tpm.sandbox.command();
        command.args(&arguments);
        let run = finish(&tpm, command);
        compare(&tpm.sandbox, &format!("tpm_{name}"), &arguments, &run);
    }
    let arguments = [
        &[
            "key",
            "show",
            "--certificate",
            "ec.pem",
            "--private-key",
            "rsa.key",
        ][..],
        &socket,
    ];
    let arguments = arguments.concat();
    let run = tpm.sandbox.run(&arguments);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(
        run.stderr.contains("the private key of rsa.key"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("ec.pem (CN=ec, "), "{}", run.stderr);
    tpm.assert_empty();
}
