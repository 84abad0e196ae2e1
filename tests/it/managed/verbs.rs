//! Every verb that reads an identity, and profiles.

use std::fs;

use super::{EXPIRED, Host, LEAF, OTHER, is_of};
use crate::harness::{Emulator, Run};

/// The subject that `key show` has.
fn subject(run: &Run) -> String {
    assert_eq!(run.code, 0, "{run:#?}");
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    shown["certificate"]["subject"].as_str().unwrap().to_owned()
}

#[test]
fn every_verb_takes_the_version_in_force() {
    let host = Host::new(&[OTHER, LEAF]);
    let sandbox = &host.sandbox;
    let named = ["--certificate", "web/v0002/fullchain.pem"];
    let key = ["--private-key", "web/v0002/key.pem"];
    let managed = ["--identity", "web"];
    // The same as with the files of that version.
    for (verb, names) in [
        (&["read-certificate-data"][..], &[named][..]),
        (&["sign-string"], &[key]),
        (&["key", "show", "--json"], &[named, key]),
    ] {
        let of_files = sandbox.ok(&[verb, &names.concat()].concat());
        let of_identity = sandbox.ok(&[verb, &managed].concat());
        let of_identity_in_home = sandbox.ok(&[verb, &["--identity", "~/web"]].concat());
        assert_eq!(of_identity.stderr, "", "{verb:?}");
        let absolute = sandbox.path("web/").display().to_string();
        let stdout = of_identity_in_home.stdout.replace(&absolute, "web/");
        assert_eq!(of_identity.stdout, of_files.stdout, "{verb:?}");
        assert_eq!(stdout, of_files.stdout, "{verb:?}");
    }
    let mut export = vec!["key", "export-pkcs12", "--out", "web.p12", "--json"];
    export.extend(["--new-passphrase-file", "passphrase"]);
    let exported = sandbox.ok(&[&export[..], &managed].concat());
    assert!(exported.stdout.contains("CN=leaf\""), "{exported:#?}");

    let aws = host.emulate(&[]);
    for (verb, options) in [
        ("credential-process", &[][..]),
        ("env", &[]),
        ("exec", &["--", "/bin/true"]),
        ("update", &["--once", "--profile", "backup"]),
    ] {
        let before = aws.log().matches(" 201 ").count();
        let mut command = host.command(&aws, verb);
        command.arg("--no-cache").args(options);
        let run = sandbox.finish(command);
        assert_eq!(run.code, 0, "{verb}: {run:#?}");
        assert_eq!(aws.log().matches(" 201 ").count(), before + 1, "{verb}");
        assert!(is_of(&aws, LEAF), "{verb}");
    }
}

/// What reads a certificate alone needs no key; what shows one shows what is used.
#[test]
fn the_version_before_is_shown_where_it_is_used() {
    let host = Host::new(&[LEAF, EXPIRED]);
    let show = ["key", "show", "--json", "--identity", "web"];
    let run = host.sandbox.run(&show);
    assert!(subject(&run).ends_with("CN=leaf"), "{run:#?}");
    assert!(
        run.stderr.starts_with("warning: version v0002 of web"),
        "{run:#?}"
    );
    // One that has expired is still one, where there is no other.
    let host = Host::new(&[EXPIRED]);
    let run = host.sandbox.run(&show);
    assert!(subject(&run).ends_with("CN=expired"), "{run:#?}");
    fs::remove_file(host.versions.current().unwrap().unwrap().1.join("key.pem")).unwrap();
    host.sandbox
        .ok(&["read-certificate-data", "--identity", "web"]);
}

/// A config file with these lines below the session's.
fn write_profile(host: &Host, aws: &Emulator, lines: &str) {
    fs::create_dir_all(host.sandbox.path(".config/windlass")).unwrap();
    let content = format!(
        "[profile.backup]\ntrust_anchor_arn = '{}'\nprofile_arn = '{}'\nrole_arn = '{}'\n\
         endpoint = '{}'\nno_cache = true\n{lines}",
        aws.trust_anchor_arn, aws.profile_arn, aws.role_arn, aws.url
    );
    host.sandbox.write(".config/windlass/config.toml", content);
}

#[test]
fn a_profile_may_name_an_identity() {
    let host = Host::new(&[OTHER]);
    for (key, certificate) in [LEAF] {
        for (name, file) in [
            ("plain.key", format!("keys/{key}.pem")),
            ("plain.pem", format!("certs/{certificate}.pem")),
        ] {
            let content = fs::read(crate::harness::testdata(&file)).unwrap();
            host.sandbox.write(name, content);
        }
    }
    let aws = host.emulate(&[]);
    let ask = |options: &[&str]| {
        let mut command = host.sandbox.command();
        command.args(["credential-process", "--profile", "backup"]);
        host.sandbox.finish({
            command.args(options);
            command
        })
    };
    let plain = "certificate = '~/plain.pem'\nprivate_key = '~/plain.key'\n";
    let typed = ["--certificate", "plain.pem", "--private-key", "plain.key"];
    for (lines, options, expected) in [
        // Relative to the file, as all paths are.
        ("identity = '../../web'\n", &[][..], OTHER),
        ("identity = '~/web'\n", &typed, LEAF),
        (plain, &["--identity", "web"], OTHER),
        // The profile's own goes before the defaults of its file.
        (
            &format!("{plain}[defaults]\nidentity = '~/web'\n"),
            &[],
            LEAF,
        ),
        (
            &format!("identity = '~/web'\n[defaults]\n{plain}"),
            &[],
            OTHER,
        ),
        ("[defaults]\nidentity = '~/web'\n", &[], OTHER),
    ] {
        write_profile(&host, &aws, lines);
        let run = ask(options);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (0, ""),
            "{lines}: {run:#?}"
        );
        assert!(is_of(&aws, expected), "{lines}: {options:?}");
    }
    // A key that is typed alone leaves no certificate of the profile.
    write_profile(&host, &aws, "identity = '~/web'\n");
    let run = ask(&["--private-key", "plain.key"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("no certificate is given"), "{run:#?}");
    write_profile(&host, &aws, &format!("identity = '~/web'\n{plain}"));
    let run = ask(&[]);
    assert_eq!(run.code, 2, "{run:#?}");
    insta::assert_snapshot!("managed_beside_a_certificate", host.shown(&run.stderr));
    // Typed, it holds.
    assert_eq!(ask(&["--identity", "web"]).code, 0);
}

#[test]
fn status_knows_the_session_of_an_identity() {
    let host = Host::new(&[OTHER]);
    let aws = host.emulate(&[]);
    write_profile(&host, &aws, "identity = '~/web'\n");
    let config = host.sandbox.read(".config/windlass/config.toml");
    host.sandbox.write(
        ".config/windlass/config.toml",
        config.replace("no_cache = true\n", ""),
    );
    let state = || {
        let run = host.sandbox.ok(&["status", "--json"]);
        let known: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        known[0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "none");
    host.sandbox
        .ok(&["credential-process", "--profile", "backup"]);
    assert_eq!(state(), "valid");
    host.rotate(LEAF);
    assert_eq!(state(), "none");
    host.sandbox
        .ok(&["credential-process", "--profile", "backup"]);
    assert_eq!(state(), "valid");
}

#[test]
fn configure_writes_an_identity_that_is_there() {
    let host = Host::new(&[LEAF]);
    let aws = host.emulate(&[]);
    let configure = |options: &[&str]| {
        let mut command = host.sandbox.command();
        command.args(["configure", "--profile", "backup"]);
        command.args(["--trust-anchor-arn", &aws.trust_anchor_arn]);
        command.args([
            "--profile-arn",
            &aws.profile_arn,
            "--role-arn",
            &aws.role_arn,
        ]);
        command.args(["--endpoint", &aws.url]).args(options);
        host.sandbox.finish(command)
    };
    let run = configure(&["--identity", "none"]);
    assert_eq!(run.code, 2, "{run:#?}");
    insta::assert_snapshot!("managed_configure", host.shown(&run.stderr));
    assert!(!host.sandbox.path(".config/windlass/config.toml").exists());
    // For one that is made later.
    assert_eq!(configure(&["--identity", "none", "--no-check"]).code, 0);

    let plain = [
        "--certificate",
        "web/v0001/cert.pem",
        "--private-key",
        "web/v0001/key.pem",
    ];
    assert_eq!(configure(&plain).code, 0);
    assert!(
        !host
            .sandbox
            .read(".config/windlass/config.toml")
            .contains("identity")
    );
    let run = configure(&["--identity", "web"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let config = host.sandbox.read(".config/windlass/config.toml");
    let line = format!("identity = \"{}\"\n", host.sandbox.path("web").display());
    assert!(config.contains(&line), "{config}");
    assert!(
        !config.contains("certificate") && !config.contains("private_key"),
        "{config}"
    );
    let run = host
        .sandbox
        .ok(&["credential-process", "--no-cache", "--profile", "backup"]);
    assert_eq!(run.stderr, "");
    assert!(is_of(&aws, LEAF));
}
