//! What an identity is to be, said by options, variables and a profile.

use crate::harness::{Run, Sandbox};

use super::{json, with_ca};

/// A run with these variables.
fn run(sandbox: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = sandbox.command();
    command.arg("rotate").args(arguments);
    command.envs(variables.iter().copied());
    sandbox.finish(command)
}

fn profile(sandbox: &Sandbox, lines: &str) {
    sandbox.write(
        "config.toml",
        format!("[profile.web]\nidentity = \"web\"\npassphrase_file = \"passphrase\"\n{lines}"),
    );
}

/// Variables, arguments, and what is said of them.
type Case<'a> = (&'a [(&'a str, &'a str)], Vec<&'a str>, &'a str);

const PROFILE: [&str; 4] = ["--config", "config.toml", "--profile", "web"];

#[test]
fn variables_alone_are_enough() {
    let sandbox = with_ca();
    let variables = [
        ("WINDLASS_IDENTITY", "web"),
        ("WINDLASS_CN", "web-1"),
        ("WINDLASS_SAN", "web.example.com"),
        ("WINDLASS_OU", "Ops"),
        ("WINDLASS_ORGANIZATION", "Example"),
        ("WINDLASS_CA_DIR", "ca"),
        ("WINDLASS_DAYS", "12"),
        ("WINDLASS_KEY_TYPE", "p384"),
        ("WINDLASS_CERT_FILE", "cert.pem"),
        ("WINDLASS_AFTER_HOOK", "touch told"),
        ("WINDLASS_REUSE_KEY", "true"),
        ("WINDLASS_PASSPHRASE_FILE", "passphrase"),
    ];
    let shown = json(&run(&sandbox, &variables, &["--json"]));
    assert_eq!(shown["subject"], "O=Example, OU=Ops, CN=web-1");
    assert_eq!(shown["subjectAlternativeNames"][0], "DNS:web.example.com");
    assert!(sandbox.path("told").exists());
    let fixed = sandbox.read("cert.pem");
    assert_eq!(fixed, sandbox.read("web/current/cert.pem"));
    let key = sandbox.read("web/current/key.pem");
    run(&sandbox, &variables, &["--force"]);
    assert_eq!(sandbox.read("web/current/key.pem"), key);
    assert!(sandbox.path("web/v0002").exists());
}

#[test]
fn options_go_before_variables_and_those_before_the_profile() {
    let sandbox = with_ca();
    profile(
        &sandbox,
        "cn = \"of-profile\"\nca_dir = \"ca\"\nsan = [\"a.example.com\", \"b.example.com\"]\n",
    );
    let subject = |variables: &[(&str, &str)], more: &[&str]| {
        let run = run(
            &sandbox,
            variables,
            &[&PROFILE[..], &["--json", "--force"], more].concat(),
        );
        let shown = json(&run);
        let names = shown["subjectAlternativeNames"].as_array().unwrap().len();
        (shown["subject"].as_str().unwrap().to_owned(), names)
    };
    assert_eq!(subject(&[], &[]), ("CN=of-profile".to_owned(), 2));
    let variables = [
        ("WINDLASS_CN", "of-variable"),
        ("WINDLASS_SAN", "c.example.com"),
    ];
    assert_eq!(subject(&variables, &[]), ("CN=of-variable".to_owned(), 1));
    let typed = ["--cn", "typed"];
    assert_eq!(subject(&variables, &typed), ("CN=typed".to_owned(), 1));
    // One that is set to nothing says nothing.
    assert_eq!(
        subject(&[("WINDLASS_CN", "")], &[]),
        ("CN=of-profile".to_owned(), 2)
    );
    let mut command = sandbox.command();
    command.args(["config", "show"]).args(PROFILE);
    command.env("WINDLASS_CN", "of-variable");
    let shown = sandbox.finish(command).stdout;
    assert!(
        shown.contains("$WINDLASS_CN") && !shown.contains("of-profile"),
        "{shown}"
    );
}

#[test]
fn what_is_typed_takes_the_place_of_another_issuer_in_the_profile() {
    let sandbox = with_ca();
    let sign = format!(
        "{} ca sign --dir ca --csr - --out - --passphrase-file passphrase",
        crate::harness::program()
    );
    // What the profile says of its CA is of no use then, and no mistake.
    profile(&sandbox, "cn = \"web-1\"\nca_dir = \"nowhere\"\ndays = 7\n");
    let anchor = ["--trust-anchor", "ca/trust-anchor.pem"];
    let typed = [&PROFILE[..], &anchor, &["--issuer-command", &sign]].concat();
    let run_1 = run(&sandbox, &[], &typed);
    assert_eq!(run_1.code, 0, "{run_1:#?}");
    // Half of it may be typed.
    profile(
        &sandbox,
        "cn = \"web-1\"\ntrust_anchor = \"ca/trust-anchor.pem\"\nca_dir = \"ca\"\n",
    );
    let more = ["--force", "--days", "7"];
    let run_2 = run(&sandbox, &[], &[&PROFILE[..], &more].concat());
    assert_eq!(run_2.code, 0, "{run_2:#?}");
    let more = ["--force", "--issuer-command", &sign];
    let run_3 = run(&sandbox, &[], &[&PROFILE[..], &more].concat());
    assert_eq!(run_3.code, 0, "{run_3:#?}");
    assert!(sandbox.path("web/v0003").exists());
}

#[test]
fn what_does_not_go_together_is_told_with_where_it_stands() {
    let sandbox = with_ca();
    let base = ["--identity", "web", "--cn", "web-1"];
    let anchor = ["--trust-anchor", "ca/trust-anchor.pem"];
    let command = ["--issuer-command", "true"];
    let local = ["--ca-dir", "ca", "--passphrase-file", "passphrase"];
    let of_ca: &[(&str, &str)] = &[("WINDLASS_CA_DIR", "ca")];
    let cases: &[Case<'_>] = &[
        (
            of_ca,
            [&base[..], &anchor, &command].concat(),
            "$WINDLASS_CA_DIR says it: unset it",
        ),
        (
            &[],
            [&base[..], &anchor, &command, &["--days", "7"]].concat(),
            "'7' for '--days': it is for a CA on this machine, and no --ca-dir names one",
        ),
        (
            &[],
            [&base[..], &local, &["--max-key-age", "7d"]].concat(),
            "--reuse-key",
        ),
        (
            &[("WINDLASS_KEEP", "1")],
            [&base[..], &local].concat(),
            "the value is that of $WINDLASS_KEEP",
        ),
        (&[], [&base[..2], &local].concat(), "set $WINDLASS_CN"),
        (
            &[("WINDLASS_CN", "x")],
            vec!["--all"],
            "$WINDLASS_CN says it: unset it",
        ),
    ];
    for (variables, arguments, says) in cases {
        let run = run(&sandbox, variables, arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:#?}");
        assert!(run.stderr.contains(says), "{says}: {run:#?}");
        assert!(!sandbox.path("web").exists());
    }
    profile(
        &sandbox,
        "cn = \"web-1\"\nca_dir = \"ca\"\nissuer_command = \"true\"\n",
    );
    let both = run(&sandbox, &[], &PROFILE);
    assert_eq!(both.code, 2, "{both:#?}");
    assert!(
        both.stderr
            .contains("ca_dir and issuer_command do not go together"),
        "{both:#?}"
    );
    profile(
        &sandbox,
        "cn = \"web-1\"\nca_dir = \"ca\"\nmax_key_age = \"7d\"\n",
    );
    let idle = run(&sandbox, &[], &PROFILE);
    assert_eq!(idle.code, 2, "{idle:#?}");
    assert!(idle.stderr.contains("config.toml, line 6: "), "{idle:#?}");
}
