//! Exit codes by the table of the manual: a path that cannot be used is a usage
//! error, whichever verb it was given to.

use std::fs;

use crate::harness::{Run, Sandbox};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload};

/// A home with a directory, a file that nobody has written for windlass, and
/// places that cannot be.
fn home() -> Workload {
    let workload = Workload::new();
    fs::create_dir(workload.sandbox.path("directory")).unwrap();
    workload.sandbox.write("junk", "junk\n");
    workload
}

/// A verb that needs a session, with what names it.
fn ask(sandbox: &Sandbox, verb: &str, options: &[&str]) -> Run {
    let mut command = sandbox.command();
    command
        .arg(verb)
        .args(["--certificate", "fullchain.pem", "--private-key", "key.pem"])
        .args(["--trust-anchor-arn", TRUST_ANCHOR_ARN])
        .args(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN])
        // Nobody listens there, and nobody is to be asked.
        .args(["--endpoint", "http://127.0.0.1:1", "--no-cache"])
        .args(options);
    sandbox.finish(command)
}

#[test]
fn paths_that_cannot_be_used_are_usage_errors_of_every_verb() {
    let workload = home();
    let sandbox = &workload.sandbox;
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("env", &["--out"], &["directory", "junk", "no/x", "junk/x"]),
        (
            "update",
            &["--once", "--credentials-file"],
            &["directory", "junk", "junk/x"],
        ),
        (
            "configure",
            &["--config"],
            &["directory", "junk", "junk/x", "/proc/x"],
        ),
        (
            "serve",
            &["--port=0", "--token-file"],
            &["directory", "junk", "no/x", "junk/x", "/proc/x"],
        ),
        (
            "serve",
            &["--port=0", "--ready-file"],
            &["directory", "junk", "no/x", "junk/x"],
        ),
        (
            "serve",
            &["--unix-socket"],
            &["directory", "junk", "no/x", "junk/x", "/proc/x"],
        ),
        (
            "serve",
            &["--port=0", "--authorization-token-from"],
            &["directory", "junk", "no/x", "junk/x"],
        ),
        ("env", &["--ca-bundle"], &["directory", "no/x", "junk/x"]),
        (
            "env",
            &["--assume-role", ROLE_ARN, "--session-policy"],
            &["directory", "junk", "no/x", "junk/x"],
        ),
        (
            "env",
            &["--cert-selector"],
            &["file://directory", "file://junk", "file://no/x"],
        ),
        (
            "env",
            &["--profile=x", "--config"],
            &["directory", "junk", "no/x"],
        ),
    ];
    for (verb, options, paths) in cases {
        for path in *paths {
            let run = ask(sandbox, verb, &[options, &[*path][..]].concat());
            let context = format!("{verb} {options:?} {path}: {run:#?}");
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{context}");
            let name = path.trim_start_matches("file://");
            assert!(run.stderr.contains(name), "{context}");
            assert!(run.stderr.contains("\nhint: "), "{context}");
        }
    }
}

#[test]
fn so_they_are_of_verbs_without_a_session() {
    let workload = home();
    for arguments in [
        &["cache", "list", "--cache-dir", "junk"][..],
        &["cache", "list", "--cache-dir", "junk/x"],
        // It is everybody's.
        &["cache", "list", "--cache-dir", "/"],
        &["cache", "clear", "--cache-dir", "junk"],
        &["cache", "clear", "--cache-dir", "/"],
        &["config", "show", "--profile", "x", "--config", "directory"],
        &["config", "show", "--profile", "x", "--config", "no"],
        &["status", "--config", "junk"],
        &["status", "--config", "junk/x"],
        &["generate", "man", "junk"],
        &["generate", "man", "junk/x"],
        &["generate", "man", "/proc/x"],
    ] {
        let run = workload.sandbox.run(arguments);
        let context = format!("{arguments:?}: {run:#?}");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{context}");
        assert!(run.stderr.contains("\nhint: "), "{context}");
    }
}
