//! AWS's own two files: what goes before windlass there, and lines that lead
//! nowhere.

use std::fs;

use super::{Host, Told};
use crate::harness::program;

/// What it says of a profile when the config file has this text.
fn told_of(host: &Host, profile: &str, config: &str, credentials: &str) -> Told {
    fs::create_dir_all(host.sandbox.path(".aws")).unwrap();
    host.sandbox.write(".aws/config", config);
    host.sandbox.write(".aws/credentials", credentials);
    let mut command = host.sandbox.command();
    command.args(["doctor", "--json", "--aws-profile", profile]);
    Told::new(host.sandbox.finish(command))
}

/// The line of the host's session, with absolute paths.
fn line(host: &Host) -> String {
    let path = |name: &str| host.sandbox.path(name).display().to_string();
    let options = host.options(&[
        ("--certificate", &path("web-1/fullchain.pem")),
        ("--private-key", &path("web-1/key.pem")),
    ]);
    format!("{} credential-process {}", program(), options.join(" "))
}

#[test]
fn a_line_is_followed_to_the_session() {
    let host = Host::new(&[]);
    let line = line(&host);
    let config = format!("[profile backup]\ncredential_process = {line}\n");
    let told = told_of(&host, "backup", &config, "");
    assert_eq!(told.code, 0, "{told:#?}");
    assert!(told.message("aws-files").contains("leads here"));
    // What a password stands in is not shown, even where all is well.
    let config = format!(
        "{} --proxy http://user:never-shown@127.0.0.1:9\n",
        config.trim_end()
    );
    let told = told_of(&host, "backup", &config, "");
    assert!(!told.json.to_string().contains("never-shown"), "{told:#?}");
    // Found by itself from the other side.
    let told = host.doctor(&[], &[]);
    assert!(told.message("aws-files").contains("'backup'"), "{told:#?}");
}

#[test]
fn what_goes_before_a_line_is_told() {
    let host = Host::new(&[]);
    let line = line(&host);
    let config = format!("[profile backup]\ncredential_process = {line}\n");
    let keys = "[backup]\naws_access_key_id = AKIA\naws_secret_access_key = never-shown\n";
    let told = told_of(&host, "backup", &config, keys);
    told.blames("shadow", "certain", "static keys");
    assert!(!told.json.to_string().contains("never-shown"));
    let config = format!("{config}sso_session = corp\n");
    told_of(&host, "backup", &config, "").blames("shadow", "certain", "Identity Center");
    // The line of the other file is the one that counts.
    let config = format!("[profile backup]\ncredential_process = {line}\n");
    let other = format!("[backup]\ncredential_process = {line} --no-such-option\n");
    told_of(&host, "backup", &config, &other).blames(
        "credential-process",
        "certain",
        "no-such-option",
    );
}

#[test]
fn lines_that_lead_nowhere_are_told() {
    let host = Host::new(&[]);
    let good = line(&host);
    let cases: [(&str, String, &str, &str); 9] = [
        (
            "x",
            good.clone(),
            "aws-files",
            "neither of AWS's files has the profile",
        ),
        ("backup", String::new(), "credential-process", "is empty"),
        (
            "backup",
            "/no/such/windlass credential-process".to_owned(),
            "credential-process",
            "does not exist",
        ),
        (
            "backup",
            "windlass-that-is-nowhere credential-process".to_owned(),
            "credential-process",
            "no directory of $PATH",
        ),
        (
            "backup",
            format!("{good} | jq ."),
            "credential-process",
            "holds '|'",
        ),
        (
            "backup",
            format!("{good} \\\n    --fips"),
            "credential-process",
            "next line",
        ),
        (
            "backup",
            format!("{good} 'open"),
            "credential-process",
            "a quote",
        ),
        (
            "backup",
            format!("~/bin/windlass {good}"),
            "credential-process",
            "holds '~/bin/windlass'",
        ),
        (
            "backup",
            format!("{good} --no-such-option"),
            "credential-process",
            "--no-such-option",
        ),
    ];
    for (profile, line, id, words) in cases {
        let config = format!("[profile backup]\ncredential_process = {line}\n");
        let told = told_of(&host, profile, &config, "");
        told.blames(id, "certain", words);
    }
    let told = told_of(
        &host,
        "backup",
        "[profile backup]\nregion = us-east-1\n",
        "",
    );
    told.blames("credential-process", "certain", "has no credential_process");
    let told = told_of(&host, "backup", "[profile backup]\na = 1\na = 2\n", "");
    told.blames("aws-files", "certain", "refuse the whole file");
}

#[test]
fn lines_that_lead_back_are_told() {
    let host = Host::new(&[]);
    let config = "[default]\ncredential_process = sh -c 'aws sts get-session-token'\n";
    told_of(&host, "default", config, "").blames("recursion", "certain", "runs it again");
    host.sandbox
        .write("wrapper", "#!/bin/sh\naws configure get x\n");
    let wrapper = host.sandbox.path("wrapper");
    let config = format!("[default]\ncredential_process = sh {}\n", wrapper.display());
    told_of(&host, "default", &config, "").blames("recursion", "likely", "the script");
    let config = "[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nsource_profile = a\n";
    let told = told_of(&host, "a", config, "");
    assert!(
        told.message("recursion").contains("a -> b -> a"),
        "{told:#?}"
    );
}

#[test]
fn a_profile_of_the_environment_that_is_nowhere_is_told() {
    let host = Host::new(&[]);
    let config = format!("[profile backup]\ncredential_process = {}\n", line(&host));
    fs::create_dir_all(host.sandbox.path(".aws")).unwrap();
    host.sandbox.write(".aws/config", &config);
    let told = host.doctor_in(&[], &[], &[("AWS_PROFILE", "bakcup")]);
    told.blames(
        "aws-files",
        "certain",
        "$AWS_PROFILE names the profile 'bakcup'",
    );
    let steps = told.json["findings"][0]["next"].to_string();
    assert!(steps.contains("export AWS_PROFILE=backup"), "{steps}");
}
