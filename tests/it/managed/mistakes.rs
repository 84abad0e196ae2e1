//! What is named as a managed identity and is none.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Host, LEAF, OTHER};

#[test]
fn what_is_no_identity_is_told_with_the_next_step() {
    let host = Host::new(&[LEAF, OTHER]);
    let path = |name: &str| host.sandbox.path(name);
    fs::create_dir(path("empty")).unwrap();
    fs::create_dir_all(path("locked/.lock")).unwrap();
    fs::create_dir(path("begun")).unwrap();
    fs::write(path("begun/state.json"), "{}").unwrap();
    fs::create_dir(path("certbot")).unwrap();
    for name in ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"] {
        fs::write(path("certbot").join(name), "").unwrap();
    }
    fs::create_dir(path("documents")).unwrap();
    fs::write(path("documents/letter"), "").unwrap();
    fs::create_dir(path("all")).unwrap();
    symlink("../web", path("all/web")).unwrap();
    fs::create_dir_all(path("unlinked/v0001")).unwrap();
    fs::create_dir_all(path("unlinked/v0002")).unwrap();
    for (name, target) in [("elsewhere", "/etc"), ("dangling", "v0007")] {
        fs::create_dir_all(path(name)).unwrap();
        symlink(target, path(name).join("current")).unwrap();
    }
    fs::create_dir_all(path("directory/current")).unwrap();
    let mut told = Vec::new();
    for (name, code) in [
        ("nowhere", 2),
        ("root.pem", 2),
        ("root.pem/web", 2),
        ("web/v0002", 2),
        ("web/current", 2),
        ("certbot", 2),
        ("documents", 2),
        ("all", 2),
        ("empty", 4),
        ("locked", 4),
        ("begun", 4),
        ("unlinked", 4),
        ("elsewhere", 2),
        ("dangling", 2),
        ("directory", 2),
    ] {
        let run = host.sandbox.run(&["key", "show", "--identity", name]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (code, ""),
            "{name}: {run:#?}"
        );
        told.push(format!("{name}\n{}", host.shown(&run.stderr)));
    }
    insta::assert_snapshot!("managed_mistakes", told.join("\n"));
}

#[test]
fn options_that_name_the_same_do_not_go_with_it() {
    let host = Host::new(&[LEAF]);
    let mut told = Vec::new();
    for option in [
        "--certificate",
        "--cert-selector",
        "--private-key",
        "--intermediates",
        "--signer-command",
    ] {
        let value = match option {
            "--cert-selector" => "Key=x509Subject,Value=CN=web",
            _ => "root.pem",
        };
        let verbs: &[&str] = match option {
            "--intermediates" => &["key show", "credential-process", "key export-pkcs12"],
            "--signer-command" => &["key show", "credential-process", "sign-string"],
            "--private-key" => &["key show", "credential-process", "sign-string"],
            _ => &["key show", "read-certificate-data", "sign-string"],
        };
        for verb in verbs {
            let mut arguments: Vec<&str> = verb.split(' ').collect();
            arguments.extend(["--identity", "web", option, value]);
            if *verb == "key export-pkcs12" {
                arguments.extend(["--out", "p12"]);
            }
            let run = host.sandbox.run(&arguments);
            assert_eq!(run.code, 2, "{verb} {option}: {run:#?}");
            let first = run.stderr.lines().next().unwrap();
            assert!(
                first.contains("cannot be used with"),
                "{verb} {option}: {run:#?}"
            );
            if verb.starts_with("key") {
                told.push(first.to_owned());
            }
        }
    }
    insta::assert_snapshot!("managed_conflicts", told.join("\n"));
    // A variable says as much as an option.
    let mut command = host.sandbox.command();
    command.args(["key", "show", "--certificate", "root.pem"]);
    command.env("WINDLASS_IDENTITY", "web");
    let run = host.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
    insta::assert_snapshot!("managed_conflict_of_a_variable", run.stderr);
}
