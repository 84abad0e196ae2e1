//! What a user sees when something is wrong: exit code, stdout and stderr as
//! one snapshot a case, in tests/it/snapshots. Files are those of testdata/,
//! under the names that the case gives them.

use std::fs;

use crate::harness::{Run, Sandbox, testdata};

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";

/// Runs one case and compares the whole of what came out.
fn check(sandbox: &Sandbox, name: &str, arguments: &[&str]) {
    compare(sandbox, name, arguments, &sandbox.run(arguments));
}

/// Compares the whole of what came out of a command that must fail with the
/// snapshot of this name.
pub fn compare(sandbox: &Sandbox, name: &str, arguments: &[&str], run: &Run) {
    let root = sandbox.root().display().to_string();
    let shown = format!(
        "$ windlass {}\nexit code {}\n--- stdout\n{}--- stderr\n{}",
        arguments.join(" "),
        run.code,
        run.stdout,
        run.stderr
    );
    // Ages grow with the calendar; everything else stands still.
    let shown = shown
        .replace(&root, "[SANDBOX]")
        .lines()
        .map(|line| match line.split_once(" by this host's clock") {
            Some((_, rest)) => format!("hint: [AGE] by this host's clock{rest}"),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
    assert_ne!(run.code, 0, "{name} must fail");
    assert_eq!(run.stdout, "", "{name}: stdout is data or empty");
}

/// A sandbox with testdata under short names.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, source) in [
        ("cert.pem", "certs/leaf.pem"),
        ("key.pem", "keys/p256.pem"),
        ("expired.pem", "certs/expired.pem"),
        ("future.pem", "certs/not-yet-valid.pem"),
        ("other-key.pem", "keys/p256-other.pem"),
        ("encrypted.pem", "keys/p256-encrypted.pem"),
        ("traditional.pem", "keys/p256-traditional-encrypted.pem"),
        ("ed25519.pem", "keys/ed25519.pem"),
        ("rsa1024.pem", "keys/rsa1024.pem"),
        ("root.pem", "certs/root.pem"),
    ] {
        sandbox.write(name, fs::read(testdata(source)).unwrap());
    }
    fs::create_dir(sandbox.path("directory")).unwrap();
    sandbox.write("empty.pem", "");
    sandbox.write("garbage.pem", "not a key\n");
    sandbox
}

/// The options of `credential-process` with one or more of them replaced.
fn process<'a>(changes: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut options = vec![
        ("--certificate", "cert.pem"),
        ("--private-key", "key.pem"),
        ("--trust-anchor-arn", ANCHOR),
        ("--profile-arn", PROFILE),
        ("--role-arn", ROLE),
        // Nothing listens there; no case gets that far.
        ("--endpoint", "http://127.0.0.1:1"),
    ];
    for (name, value) in changes {
        options.retain(|(other, _)| other != name);
        options.push((name, value));
    }
    let flags = options.into_iter().flat_map(|(name, value)| [name, value]);
    ["credential-process", "--no-cache"]
        .into_iter()
        .chain(flags)
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn credential_process_with_bad_files() {
    let sandbox = sandbox();
    for (name, changes) in [
        (
            "missing_certificate",
            &[("--certificate", "no-such.pem")][..],
        ),
        ("missing_key", &[("--private-key", "no-such.pem")]),
        (
            "missing_intermediates",
            &[("--intermediates", "no-such.pem")],
        ),
        (
            "directory_as_certificate",
            &[("--certificate", "directory")],
        ),
        ("directory_as_key", &[("--private-key", "directory")]),
        ("empty_certificate", &[("--certificate", "empty.pem")]),
        ("garbage_as_key", &[("--private-key", "garbage.pem")]),
        (
            "garbage_as_certificate",
            &[("--certificate", "garbage.pem")],
        ),
        ("key_as_certificate", &[("--certificate", "key.pem")]),
        ("certificate_as_key", &[("--private-key", "cert.pem")]),
        (
            "key_of_another_certificate",
            &[("--private-key", "other-key.pem")],
        ),
        (
            "encrypted_key_without_passphrase",
            &[("--private-key", "encrypted.pem")],
        ),
        (
            "encrypted_key_with_wrong_passphrase",
            &[
                ("--private-key", "encrypted.pem"),
                ("--passphrase-file", "passphrase"),
            ],
        ),
        (
            "encrypted_key_with_missing_passphrase_file",
            &[
                ("--private-key", "encrypted.pem"),
                ("--passphrase-file", "no-such"),
            ],
        ),
        (
            "traditional_encrypted_key",
            &[("--private-key", "traditional.pem")],
        ),
        ("ed25519_key", &[("--private-key", "ed25519.pem")]),
        ("rsa1024_key", &[("--private-key", "rsa1024.pem")]),
        ("expired_certificate", &[("--certificate", "expired.pem")]),
        (
            "certificate_not_yet_valid",
            &[("--certificate", "future.pem")],
        ),
        ("missing_ca_bundle", &[("--ca-bundle", "no-such.pem")]),
        (
            "ca_bundle_without_certificates",
            &[("--ca-bundle", "garbage.pem")],
        ),
    ] {
        check(&sandbox, &format!("process_{name}"), &process(changes));
    }
}

#[test]
fn credential_process_with_bad_options() {
    let sandbox = sandbox();
    let elsewhere = PROFILE.replace("us-east-1", "us-west-2");
    let foreign = PROFILE.replace("123456789012", "999999999999");
    let foreign_role = ROLE.replace("123456789012", "999999999999");
    let chinese = ANCHOR.replace("us-east-1", "cn-north-1");
    let chinese_role = ROLE.replace("arn:aws:", "arn:aws-cn:");
    for (name, changes) in [
        (
            "malformed_trust_anchor",
            &[("--trust-anchor-arn", "anchor")][..],
        ),
        (
            "profile_as_trust_anchor",
            &[("--trust-anchor-arn", PROFILE)],
        ),
        (
            "malformed_profile",
            &[(
                "--profile-arn",
                "arn:aws:rolesanywhere:us-east-1:12:profile/x",
            )],
        ),
        (
            "malformed_role",
            &[("--role-arn", "arn:aws:iam::123456789012:user/x")],
        ),
        (
            "region_of_another_partition",
            &[("--trust-anchor-arn", chinese.as_str())],
        ),
        (
            "profile_of_another_region",
            &[("--profile-arn", elsewhere.as_str())],
        ),
        (
            "profile_of_another_account",
            &[("--profile-arn", foreign.as_str())],
        ),
        (
            "role_of_another_account",
            &[("--role-arn", foreign_role.as_str())],
        ),
        (
            "role_of_another_partition",
            &[("--role-arn", chinese_role.as_str())],
        ),
        ("duration_too_short", &[("--session-duration", "899")]),
        ("duration_too_long", &[("--session-duration", "43201")]),
        ("duration_not_a_number", &[("--session-duration", "1h")]),
        ("session_name_malformed", &[("--role-session-name", "a b")]),
        (
            "region_other_than_the_anchors",
            &[("--region", "us-west-2")],
        ),
        ("region_malformed", &[("--region", "virginia")]),
        (
            "endpoint_in_clear_text",
            &[("--endpoint", "http://rolesanywhere.example.com")],
        ),
        (
            "endpoint_not_a_url",
            &[("--endpoint", "rolesanywhere.example.com")],
        ),
        (
            "endpoint_with_password",
            &[("--endpoint", "https://user:hunter2@example.com")],
        ),
        ("endpoint_and_fips", &[("--fips", "")]),
        ("stray_argument", &[("stray", "")]),
        ("backslash_with_space_after_it", &[("\\ ", "")]),
        ("unknown_option", &[("--certificat", "x")]),
        (
            "two_passphrase_sources",
            &[("--passphrase-file", "a"), ("--passphrase-fd", "3")],
        ),
        ("role_missing", &[("--role-arn", "")]),
    ] {
        let arguments: Vec<&str> = process(changes)
            .into_iter()
            .filter(|word| name != "role_missing" || *word != "--role-arn")
            .collect();
        check(&sandbox, &format!("process_{name}"), &arguments);
    }
}

#[test]
fn ca_commands_with_bad_input() {
    let sandbox = sandbox();
    sandbox.ca(&[]);
    sandbox.write("short", "1234567\n");
    sandbox.write("wrong", "wrong passphrase\n");
    let before = fingerprint_of(&sandbox, "ca");
    let init = |changes: &[&'static str]| {
        let fixed = [
            "ca",
            "init",
            "--name",
            "Example Corp",
            "--passphrase-file",
            "passphrase",
        ];
        [&fixed, changes].concat()
    };
    let issue = |changes: &[&'static str]| {
        let fixed = [
            "ca",
            "issue",
            "--dir",
            "ca",
            "--passphrase-file",
            "passphrase",
        ];
        [&fixed, changes].concat()
    };
    check(
        &sandbox,
        "ca_init_existing_directory",
        &init(&["--dir", "ca"]),
    );
    check(
        &sandbox,
        "ca_init_file_in_the_way",
        &init(&["--dir", "passphrase"]),
    );
    check(
        &sandbox,
        "ca_init_below_a_file",
        &init(&["--dir", "passphrase/ca"]),
    );
    check(
        &sandbox,
        "ca_init_name_too_long",
        &[
            "ca",
            "init",
            "--dir",
            "n",
            "--name",
            "A name of an organisation that has no end at all, really",
        ],
    );
    check(
        &sandbox,
        "ca_init_short_passphrase",
        &[
            "ca",
            "init",
            "--dir",
            "n",
            "--name",
            "X",
            "--passphrase-file",
            "short",
        ],
    );
    check(
        &sandbox,
        "ca_init_key_type",
        &init(&["--dir", "n", "--key-type", "rsa2048"]),
    );
    check(
        &sandbox,
        "ca_init_unknown_key_type",
        &init(&["--dir", "n", "--key-type", "ed25519"]),
    );
    check(
        &sandbox,
        "ca_init_life",
        &init(&["--dir", "n", "--root-years", "0"]),
    );
    check(
        &sandbox,
        "ca_issue_no_ca",
        &[
            "ca",
            "issue",
            "--dir",
            "directory",
            "--cn",
            "x",
            "--out",
            "x",
            "--passphrase-file",
            "passphrase",
        ],
    );
    check(
        &sandbox,
        "ca_issue_wrong_passphrase",
        &[
            "ca",
            "issue",
            "--dir",
            "ca",
            "--cn",
            "x",
            "--out",
            "x",
            "--passphrase-file",
            "wrong",
        ],
    );
    check(
        &sandbox,
        "ca_issue_name_aws_drops",
        &issue(&["--cn", "web (1)", "--out", "x"]),
    );
    check(
        &sandbox,
        "ca_issue_bad_san",
        &issue(&["--cn", "x", "--out", "x", "--san", "DNS:a..b"]),
    );
    check(
        &sandbox,
        "ca_issue_no_days",
        &issue(&["--cn", "x", "--out", "x", "--days", "0"]),
    );
    check(
        &sandbox,
        "ca_issue_out_exists",
        &issue(&["--cn", "x", "--out", "ca"]),
    );
    check(
        &sandbox,
        "ca_issue_out_below_a_file",
        &issue(&["--cn", "x", "--out", "passphrase/x"]),
    );
    check(
        &sandbox,
        "ca_issue_out_cannot_be_written",
        &issue(&["--cn", "x", "--out", "/proc/x"]),
    );
    check(
        &sandbox,
        "ca_list_no_ca",
        &["ca", "list", "--dir", "directory"],
    );
    check(
        &sandbox,
        "ca_show_unknown",
        &["ca", "show", "--dir", "ca", "nobody"],
    );
    assert_eq!(fingerprint_of(&sandbox, "ca"), before, "the CA was touched");
    for left in ["n", "x"] {
        assert!(!sandbox.path(left).exists(), "{left} was made");
    }
}

/// A CA directory whose parts were lost or swapped issues nothing.
#[test]
fn a_damaged_ca_is_refused_with_the_way_back() {
    let sandbox = sandbox();
    sandbox.ca(&[]);
    let other = Sandbox::new();
    other.ca(&[]);
    let copy = |from: &Sandbox, name: &str, to: &str| {
        fs::copy(from.path(name), sandbox.path(to)).unwrap();
    };
    let issue = |name: &str| {
        check(
            &sandbox,
            name,
            &[
                "ca",
                "issue",
                "--dir",
                "ca",
                "--cn",
                "x",
                "--out",
                "x",
                "--passphrase-file",
                "passphrase",
            ],
        );
    };
    let saved = sandbox.path("saved");
    let restore = || {
        fs::remove_dir_all(sandbox.path("ca")).unwrap();
        let mut cp = std::process::Command::new("cp");
        cp.arg("-a").arg(&saved).arg(sandbox.path("ca"));
        assert_eq!(crate::harness::capture(&mut cp).code, 0);
    };
    let mut cp = std::process::Command::new("cp");
    cp.arg("-a").arg(sandbox.path("ca")).arg(&saved);
    assert_eq!(crate::harness::capture(&mut cp).code, 0);
    fs::remove_file(sandbox.path("ca/inventory.db")).unwrap();
    issue("ca_damaged_inventory_missing");
    fs::write(sandbox.path("ca/inventory.db"), "").unwrap();
    issue("ca_damaged_inventory_empty");
    copy(&other, "ca/inventory.db", "ca/inventory.db");
    issue("ca_damaged_inventory_of_another_ca");
    restore();
    copy(&other, "ca/issuing/cert.pem", "ca/issuing/cert.pem");
    issue("ca_damaged_issuing_of_another_ca");
    restore();
    copy(&other, "ca/issuing/key.pem", "ca/issuing/key.pem");
    issue("ca_damaged_key_of_another_ca");
    restore();
    copy(&other, "ca/trust-anchor.pem", "ca/trust-anchor.pem");
    issue("ca_damaged_trust_anchor_of_another_ca");
    restore();
    copy(&sandbox, "key.pem", "ca/issuing/key.pem");
    issue("ca_damaged_key_not_encrypted");
    restore();
    sandbox.issue("fine", &[]);
}

/// A typing mistake must not cost a file.
#[test]
fn the_emulator_replaces_no_file_of_others() {
    let sandbox = sandbox();
    let before = fs::read(sandbox.path("key.pem")).unwrap();
    let base = [
        "emulate",
        "--listen",
        "127.0.0.1:0",
        "--trust-anchor",
        "root.pem",
    ];
    for (name, more) in [
        ("ready_file_in_the_way", &["--ready-file", "key.pem"][..]),
        ("ready_file_is_a_directory", &["--ready-file", "directory"]),
        ("ready_file_is_a_device", &["--ready-file", "/dev/null"]),
        ("ready_file_nowhere", &["--ready-file", "no-such/ready"]),
        (
            "tls_root_in_the_way",
            &["--tls", "--tls-root-file", "root.pem"],
        ),
    ] {
        check(
            &sandbox,
            &format!("emulate_{name}"),
            &[&base[..], more].concat(),
        );
    }
    assert_eq!(fs::read(sandbox.path("key.pem")).unwrap(), before);
}

#[test]
fn emulate_with_bad_input() {
    let sandbox = sandbox();
    let anchor = |file: &str| vec!["emulate".to_owned(), "--trust-anchor".into(), file.into()];
    let with = |file: &str, more: &[&str]| {
        let mut arguments = anchor(file);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        arguments
    };
    let elsewhere = PROFILE.replace("us-east-1", "us-west-2");
    sandbox.write(
        "policy.json",
        "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
    );
    sandbox.write(
        "twice.json",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Effect\":\"Allow\"}}",
    );
    let policy = |file: &str| with("root.pem", &["--role-policy", file]);
    for (name, arguments) in [
        ("policy_missing", policy("no-such.json")),
        ("policy_is_a_certificate", policy("root.pem")),
        ("policy_with_a_member_twice", policy("twice.json")),
        (
            "policy_of_another_role",
            policy("arn:aws:iam::123456789012:role/other=policy.json"),
        ),
        (
            "policies_of_one_role",
            with(
                "root.pem",
                &[
                    "--role-policy",
                    "policy.json",
                    "--role-policy",
                    "policy.json",
                ],
            ),
        ),
        ("no_anchor", vec!["emulate".to_owned()]),
        ("missing_anchor", anchor("no-such.pem")),
        ("leaf_as_anchor", anchor("cert.pem")),
        (
            "anchor_arn_malformed",
            anchor("arn:aws:iam::1:role/x=root.pem"),
        ),
        ("not_loopback", with("root.pem", &["--listen", "0.0.0.0:0"])),
        (
            "crl_is_a_certificate",
            with("root.pem", &["--crl", "cert.pem"]),
        ),
        (
            "region_mismatch",
            with(
                "root.pem",
                &["--region", "us-east-1", "--profile-arn", &elsewhere],
            ),
        ),
        (
            "anchor_twice",
            with("root.pem", &["--trust-anchor", "root.pem"]),
        ),
        ("disable_unknown", with("root.pem", &["--disable", PROFILE])),
        ("time_malformed", with("root.pem", &["--at", "yesterday"])),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        check(&sandbox, &format!("emulate_{name}"), &arguments);
    }
}

/// Names and contents of every file below a directory.
fn fingerprint_of(sandbox: &Sandbox, name: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![sandbox.path(name)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
