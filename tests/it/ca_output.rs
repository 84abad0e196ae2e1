//! What the CA's commands print when they succeed: JSON is an interface, and
//! the text is what people read.

use crate::harness::{Run, Sandbox};

/// Replaces what differs between runs: serial numbers, digests and times.
fn stable(run: &Run, actor: &str) -> String {
    assert_eq!(run.stderr, "");
    let output = match actor {
        "" => run.stdout.clone(),
        actor => run.stdout.replace(actor, "[ACTOR]"),
    };
    let mut words = String::new();
    let mut word = String::new();
    for character in output.chars().chain(['\n']) {
        if character.is_alphanumeric() || character == '-' || character == ':' {
            word.push(character);
            continue;
        }
        let hex = word.len() >= 16 && word.chars().all(|c| c.is_ascii_hexdigit());
        let date = word.starts_with("20") && word.matches('-').count() == 2;
        let seconds = word.len() == 7 && word.chars().all(|c| c.is_ascii_digit());
        words.push_str(match (hex, date, word.len()) {
            (_, _, 7) if seconds => "[SECONDS]",
            (true, _, 32) => "[SERIAL]",
            (true, _, 40) => "[KEY-ID]",
            (true, _, 64) => "[SHA-256]",
            (_, true, 20) => "[TIME]",
            (_, true, 10) => "[DATE]",
            _ => &word,
        });
        word.clear();
        words.push(character);
    }
    words
        .replace("29 days", "[DAYS]")
        .replace("30 days", "[DAYS]")
}

#[test]
fn every_command_prints_what_it_did_as_text_and_as_json() {
    let sandbox = Sandbox::new();
    let shot_of = |name: &str, run: &Run, actor: &str| {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, stable(run, actor));
        });
    };
    let shot = |name: &str, run: &Run| shot_of(name, run, "");
    let secret = ["--passphrase-file", "passphrase"];
    let name = ["--name", "Example Corp"];
    let init = |dir: &'static str| [&["ca", "init", "--dir", dir][..], &name, &secret].concat();
    shot("ca_output_init", &sandbox.ok(&init("ca")));
    shot(
        "ca_output_init_json",
        &sandbox.ok(&[&init("other")[..], &["--json"]].concat()),
    );
    let issue = |name: &'static str| {
        let fixed = ["ca", "issue", "--dir", "ca", "--cn", name, "--out", name];
        [
            &fixed[..],
            &secret,
            &["--ou", "A", "--san", "web.example.com"],
        ]
        .concat()
    };
    shot("ca_output_issue", &sandbox.ok(&issue("web")));
    shot(
        "ca_output_issue_json",
        &sandbox.ok(&[&issue("db")[..], &["--json"]].concat()),
    );
    shot(
        "ca_output_list",
        &sandbox.ok(&["ca", "list", "--dir", "ca"]),
    );
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let actor = rows[0]["requester"].as_str().unwrap();
    shot_of("ca_output_list_json", &listed, actor);
    shot_of(
        "ca_output_show",
        &sandbox.ok(&["ca", "show", "--dir", "ca", "web"]),
        actor,
    );
    let shown = sandbox.ok(&["ca", "show", "--dir", "ca", "web", "--json"]);
    let mut shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["certificatePem"], sandbox.read("web/cert.pem"));
    shown["certificatePem"] = "[PEM]".into();
    let shown = Run {
        code: 0,
        stdout: format!("{shown:#}\n"),
        stderr: String::new(),
    };
    shot_of("ca_output_show_json", &shown, actor);
    let pem = sandbox.ok(&["ca", "show", "--dir", "ca", "web", "--pem"]);
    assert_eq!(pem.stdout, sandbox.read("web/cert.pem"));
}

#[test]
fn the_verbs_of_a_root_that_is_kept_apart_print_what_they_did() {
    let sandbox = Sandbox::new();
    let shot = |name: &str, run: &Run| {
        let text = stable(run, "");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    };
    let secret = ["--passphrase-file", "passphrase"];
    let init = |form: &'static str, dir: &'static str, options: &[&str]| {
        let fixed = ["ca", "init", form, "--dir", dir, "--name", "Example Corp"];
        sandbox.ok(&[&fixed[..], &secret, options].concat())
    };
    shot("ca_apart_root", &init("--root-only", "other-vault", &[]));
    shot(
        "ca_apart_request",
        &init("--offline-root", "other-site", &[]),
    );
    let root = init("--root-only", "vault", &["--json"]);
    let request = init("--offline-root", "site", &["--json"]);
    shot("ca_apart_root_json", &root);
    shot("ca_apart_request_json", &request);
    let value = |run: &Run, path: &str| -> String {
        let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        value.pointer(path).unwrap().as_str().unwrap().to_owned()
    };
    let key = value(&request, "/keyFingerprintSha256");
    let sign = |out: &'static str, options: &[&str]| {
        let fixed = [
            "ca",
            "sign-ca",
            "--dir",
            "vault",
            "--csr",
            "site/issuing/request.pem",
        ];
        let compared = ["--key-fingerprint", &key, "--out", out];
        sandbox.ok(&[&fixed[..], &compared, &secret, options].concat())
    };
    shot("ca_apart_signed", &sign("issuing.pem", &[]));
    shot("ca_apart_signed_json", &sign("again.pem", &["--json"]));
    let fingerprint = value(&root, "/root/fingerprintSha256");
    let install = |options: &[&str]| {
        let fixed = ["ca", "install", "--dir", "site", "--cert", "issuing.pem"];
        let compared = ["--root-fingerprint", &fingerprint];
        sandbox.ok(&[&fixed[..], &compared, &secret, options].concat())
    };
    shot("ca_apart_installed", &install(&[]));
    shot("ca_apart_installed_again_json", &install(&["--json"]));
}

#[test]
fn a_certificate_is_found_by_its_serial_number_in_any_form() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let issued = sandbox.issue("web", &["--json"]);
    let issued: serde_json::Value = serde_json::from_str(&issued.stdout).unwrap();
    let serial = issued["serialNumber"].as_str().unwrap();
    let colons: Vec<String> = serial
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
        .collect();
    for form in [serial.to_owned(), serial.to_uppercase(), colons.join(":")] {
        let shown = sandbox.ok(&["ca", "show", "--dir", "ca", &form]);
        assert!(shown.stdout.contains("CN=web"), "{form}");
    }
}

/// A pipe whose reader has gone is no failure; a disk that is full is one.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let mut command = std::process::Command::new("bash");
    sandbox.scrub(&mut command);
    let program = crate::harness::program();
    command.args([
        "-c",
        &format!("set -o pipefail; {program} ca list --dir ca | true"),
    ]);
    let run = sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let mut command = std::process::Command::new("bash");
    sandbox.scrub(&mut command);
    command.args(["-c", &format!("{program} ca list --dir ca > /dev/full")]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.starts_with("error: stdout cannot be written"),
        "{}",
        run.stderr
    );
}
