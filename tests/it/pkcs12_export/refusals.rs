//! What is refused: nothing is written, what is there stays, and the message says
//! which option, why, and what to try.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::bad_input::compare;
use crate::harness::{Sandbox, program, testdata};
use crate::tpm::software::SoftwareTpm;

use super::{NEW, export, export_workload, with_ca};

/// Everything that a sandbox's own directory holds.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.root()).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refused(sandbox: &Sandbox, name: &str, options: &[&str]) {
    let before = names(sandbox);
    let run = export(sandbox, options);
    let typed = [&["key", "export-pkcs12", "…"], options].concat();
    compare(sandbox, &format!("export_pkcs12_{name}"), &typed, &run);
    assert_eq!(names(sandbox), before, "{name}");
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let sandbox = Sandbox::new();
    for (name, source) in [
        ("cert.pem", "certs/leaf.pem"),
        ("root.pem", "certs/root.pem"),
        ("expired.pem", "certs/issuing-expired.pem"),
        ("key.pem", "keys/p256.pem"),
        ("other.pem", "keys/p256-other.pem"),
        ("locked.pem", "keys/p256-encrypted.pem"),
    ] {
        sandbox.write(name, fs::read(testdata(source)).unwrap());
    }
    sandbox.write("open.pem", sandbox.read("key.pem"));
    fs::set_permissions(sandbox.path("open.pem"), PermissionsExt::from_mode(0o644)).unwrap();
    sandbox.write("new", format!("{NEW}\n"));
    sandbox.write("empty", "\n");
    sandbox.write("control", "tab\there\n");
    sandbox.write("latin1", b"gr\xfc\xdfe aus der Provinz\n");
    fs::create_dir(sandbox.path("directory")).unwrap();
    let pair = ["--certificate", "cert.pem", "--private-key", "key.pem"];
    let with = |options: &[&'static str]| [&pair[..], options].concat();
    refused(&sandbox, "nothing", &[]);
    refused(
        &sandbox,
        "another_key",
        &["--certificate", "cert.pem", "--private-key", "other.pem"],
    );
    refused(
        &sandbox,
        "certificate_alone",
        &["--certificate", "cert.pem"],
    );
    refused(&sandbox, "key_alone", &["--private-key", "key.pem"]);
    refused(
        &sandbox,
        "no_passphrase",
        &["--certificate", "cert.pem", "--private-key", "locked.pem"],
    );
    refused(
        &sandbox,
        "open_key",
        &["--certificate", "cert.pem", "--private-key", "open.pem"],
    );
    refused(
        &sandbox,
        "empty",
        &with(&["--new-passphrase-file", "empty"]),
    );
    refused(
        &sandbox,
        "control_character",
        &with(&["--new-passphrase-file", "control"]),
    );
    refused(
        &sandbox,
        "not_utf8",
        &with(&["--new-passphrase-file", "latin1"]),
    );
    refused(
        &sandbox,
        "both_from_stdin",
        &with(&["--new-passphrase-from=-", "--passphrase-from=-"]),
    );
    refused(&sandbox, "another_root", &with(&["--root", "expired.pem"]));
    refused(
        &sandbox,
        "root_without_certificate",
        &with(&["--root", "key.pem"]),
    );
    refused(&sandbox, "name_too_wide", &with(&["--name", "web 😀"]));
    refused(
        &sandbox,
        "into_a_directory",
        &with(&["--out", "directory", "--force"]),
    );
    refused(&sandbox, "nowhere", &with(&["--out", "no-such/out.p12"]));
    let token = [
        "--certificate",
        "cert.pem",
        "--private-key",
        "pkcs11:object=web",
    ];
    refused(&sandbox, "token", &token);
    refused(
        &sandbox,
        "token_of_certificate",
        &["--certificate", "pkcs11:object=web"],
    );
    let tpm = [
        "--certificate",
        "cert.pem",
        "--private-key",
        "handle:0x81000001",
    ];
    refused(&sandbox, "tpm", &tpm);
}

/// A TPM key in a file is of use in its TPM alone; the TPM is not asked.
#[test]
fn a_key_file_of_a_tpm_is_refused() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("tpm.key", "-algorithm EC -pkeyopt group:P-256");
    let sandbox = &tpm.sandbox;
    sandbox.write("new", format!("{NEW}\n"));
    sandbox.write("cert.pem", fs::read(testdata("certs/leaf.pem")).unwrap());
    let run = export(
        sandbox,
        &["--certificate", "cert.pem", "--private-key", "tpm.key"],
    );
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(
        run.stderr.starts_with(
            "error: tpm.key cannot be exported: the private key never leaves its TPM\n"
        ),
        "{run:#?}"
    );
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let sandbox = with_ca();
    sandbox.write("out.p12", "mine");
    fs::set_permissions(sandbox.path("out.p12"), PermissionsExt::from_mode(0o644)).unwrap();
    let place = [
        "--certificate",
        "web/fullchain.pem",
        "--private-key",
        "web/key.pem",
    ];
    refused(&sandbox, "in_the_way", &place);
    assert_eq!(sandbox.read("out.p12"), "mine");
    // What fails under force leaves it there too.
    sandbox.write("control", "\t\n");
    let run = export(
        &sandbox,
        &[&place[..], &["--force", "--new-passphrase-file", "control"]].concat(),
    );
    assert_eq!(run.code, 2, "{run:#?}");
    assert_eq!(sandbox.read("out.p12"), "mine");
    export_workload(&sandbox, "web", &["--force"]);
    let file = fs::metadata(sandbox.path("out.p12")).unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o600);
    assert!(file.len() > 1000);
}

#[test]
fn without_an_option_the_passphrase_is_asked_for_on_a_terminal() {
    let sandbox = with_ca();
    let mut command = Command::new("setsid");
    sandbox.scrub(&mut command);
    command.args([
        "--wait",
        program(),
        "key",
        "export-pkcs12",
        "--out",
        "out.p12",
    ]);
    command.args([
        "--certificate",
        "web/fullchain.pem",
        "--private-key",
        "web/key.pem",
    ]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("there is no terminal to ask on"),
        "{run:#?}"
    );
    assert!(!sandbox.path("out.p12").exists());
}

#[test]
fn a_short_passphrase_is_warned_of() {
    let sandbox = with_ca();
    sandbox.write("short", "changei\n");
    sandbox.write("enough", "changeit\n");
    let run = export_workload(&sandbox, "web", &["--new-passphrase-file", "short"]);
    assert!(
        run.stderr.starts_with("warning: the passphrase is short"),
        "{run:#?}"
    );
    let run = export_workload(
        &sandbox,
        "web",
        &["--new-passphrase-file", "enough", "--force"],
    );
    assert_eq!(run.stderr, "");
}
