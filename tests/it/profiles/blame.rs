//! Errors about a value of a profile name the file, the line, the key and the
//! value: whoever reads them has typed no option.

use super::Host;

/// The lines of a profile, and what is told of them. The profile has an endpoint
/// already.
const CASES: [(&str, &str); 9] = [
    ("region_malformed", "region = 'US'\n"),
    ("region_of_another_anchor", "region = 'eu-west-1'\n"),
    ("endpoint_and_fips", "fips = true\n"),
    ("external_id_without_role", "external_id = 'abc'\n"),
    (
        "chained_too_long",
        "session_duration = 7200\nassume_role = 'arn:aws:iam::123456789012:role/x'\n",
    ),
    (
        "sts_endpoint_in_clear_text",
        "sts_endpoint = 'http://sts.example.com'\nassume_role = 'arn:aws:iam::123456789012:role/x'\n",
    ),
    (
        "proxy_of_another_kind",
        "proxy = 'socks5://u:hunter2@proxy'\n",
    ),
    (
        "no_proxy_malformed",
        "no_proxy = 'example.com,10.0.0.0/99'\n",
    ),
    ("assume_role_malformed", "assume_role = 'backup'\n"),
];

#[test]
fn values_of_a_profile_are_blamed_on_its_file() {
    let host = Host::new("");
    for (name, lines) in CASES {
        host.write(&format!("{}{lines}", host.profile("backup")));
        let told = host.failure(&["--profile", "backup"]);
        assert!(
            told.contains("~/.config/windlass/config.toml") && !told.contains("hunter2"),
            "{told}"
        );
        insta::assert_snapshot!(name, told);
    }
    let mut lines = host.profile("backup");
    let endpoint = format!("endpoint = '{}'", host.server.url());
    lines = lines.replace(&endpoint, "endpoint = 'somewhere'");
    host.write(&lines);
    insta::assert_snapshot!("endpoint_malformed", host.failure(&["--profile", "backup"]));
    assert_eq!(host.server.seen().len(), 0);
}

/// What cannot work is told before anything is connected to, also to whoever
/// only looks.
#[test]
fn a_proxy_that_is_none_is_found_when_the_profile_is_read() {
    let host = Host::new("");
    for line in ["proxy = 'ftp://proxy'", "no_proxy = '/'"] {
        host.write(&format!("{}{line}\n", host.profile("backup")));
        let run = host
            .sandbox()
            .run(&["config", "show", "--profile", "backup"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        assert!(run.stderr.contains("line 8"), "{run:#?}");
    }
}

#[test]
fn what_was_typed_is_blamed_on_the_option() {
    let host = Host::new("region = 'us-east-1'\n");
    let told = host.failure(&["--profile", "backup", "--region", "US"]);
    assert!(
        told.starts_with("error: invalid value 'US' for '--region': not a region name"),
        "{told}"
    );
    let told = host.failure(&["--profile", "backup", "--no-proxy", "10.0.0.0/99"]);
    assert!(
        told.starts_with(
            "error: invalid value '10.0.0.0/99' for '--no-proxy <LIST>': '10.0.0.0/99' is no name"
        ),
        "{told}"
    );
}

#[test]
fn what_a_variable_says_is_blamed_on_the_variable() {
    let host = Host::new("");
    let variable = [("WINDLASS_SESSION_DURATION", "5")];
    let run = host.ask_in(&variable, &["--profile", "backup"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    assert!(
        run.stderr
            .ends_with("hint: the value is that of $WINDLASS_SESSION_DURATION\n"),
        "{run:#?}"
    );
    let typed = ["--profile", "backup", "--session-duration", "-5"];
    let run = host.ask_in(&variable, &typed);
    assert!(
        run.stderr
            .starts_with("error: invalid value '-5' for '--session-duration <SECONDS>'")
            && !run.stderr.contains('$'),
        "{run:#?}"
    );
}

#[test]
fn a_header_as_awss_files_have_it_is_known() {
    let host = Host::new("");
    for (header, name) in [
        ("[profile backup]", "[profile.backup]"),
        ("[profile \"back up\"]", "[profile.\"back up\"]"),
    ] {
        host.write(&format!("[defaults]\n{header}\n"));
        let told = host.failure(&["--profile", "backup"]);
        assert!(
            told.contains("line 2: [profile back") && told.contains(&format!("write it as {name}")),
            "{told}"
        );
    }
}
