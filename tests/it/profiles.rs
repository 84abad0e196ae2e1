//! Profiles of the config file: what goes before what, and how mistakes are
//! told.

mod blame;
mod choice;
mod kept;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use windlass::commands::Error;

use crate::fault_server::FaultServer;
use crate::harness::{Run, Sandbox};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload, granting};

const FILE: &str = ".config/windlass/config.toml";

/// A workload with a config file of these lines below its profile `backup`.
struct Host {
    workload: Workload,
    server: FaultServer,
}

impl Host {
    fn new(lines: &str) -> Self {
        let host = Self {
            workload: Workload::new(),
            server: granting(4),
        };
        host.write(&format!("{}{lines}", host.profile("backup")));
        host
    }

    fn sandbox(&self) -> &Sandbox {
        &self.workload.sandbox
    }

    /// A whole profile of this name.
    fn profile(&self, name: &str) -> String {
        format!(
            "[profile.{name}]\ncertificate = '~/fullchain.pem'\nprivate_key = '~/key.pem'\n\
             trust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nprofile_arn = '{PROFILE_ARN}'\n\
             role_arn = '{ROLE_ARN}'\nendpoint = '{}'\n",
            self.server.url()
        )
    }

    fn write(&self, content: &str) {
        let path = self.sandbox().path(FILE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        self.sandbox().write(FILE, content);
    }

    fn ask(&self, options: &[&str]) -> Run {
        self.ask_in(&[], options)
    }

    fn ask_in(&self, environment: &[(&str, &str)], options: &[&str]) -> Run {
        let mut command = self.sandbox().command();
        command
            .args(["credential-process", "--no-cache"])
            .args(options)
            .envs(environment.iter().copied());
        self.sandbox().finish(command)
    }

    /// The parameters of the last request.
    fn asked(&self) -> (String, Value) {
        let request = self.server.seen().pop().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let line = head.lines().next().unwrap().to_owned();
        (line, serde_json::from_str(body).unwrap())
    }

    /// How a run fails with this config file.
    fn failure(&self, options: &[&str]) -> String {
        let run = self.ask(options);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        let home = self.sandbox().root().display().to_string();
        run.stderr.replace(&home, "~")
    }
}

#[track_caller]
fn granted(run: &Run) {
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert!(run.stdout.contains("ASIAEXAMPLEEXAMPLE12"), "{run:#?}");
}

#[test]
fn a_profile_has_everything_that_a_session_needs() {
    let host = Host::new("session_duration = 1800\nrole_session_name = 'nightly'\n");
    granted(&host.ask(&["--profile", "backup"]));
    let (line, body) = host.asked();
    assert!(line.contains("role%2Fbackup"), "{line}");
    assert_eq!(body["durationSeconds"], 1800);
    assert_eq!(body["roleSessionName"], "nightly");
    granted(&host.ask_in(&[("WINDLASS_PROFILE", "backup")], &[]));
}

#[test]
fn options_go_before_variables_and_those_before_the_profile_and_its_defaults() {
    let host = Host::new("session_duration = 1801\n[defaults]\nsession_duration = 1800\n");
    let variable = ("WINDLASS_SESSION_DURATION", "1802");
    let named = ["--profile", "backup"];
    let seconds = |environment: &[(&str, &str)], options: &[&str]| {
        let options: Vec<&str> = named.iter().chain(options).copied().collect();
        granted(&host.ask_in(environment, &options));
        host.asked().1["durationSeconds"].clone()
    };
    assert_eq!(seconds(&[], &[]), 1801);
    assert_eq!(seconds(&[variable], &[]), 1802);
    assert_eq!(seconds(&[variable], &["--session-duration", "1803"]), 1803);
    let without = host
        .sandbox()
        .read(FILE)
        .replace("session_duration = 1801\n", "");
    host.write(&without);
    assert_eq!(seconds(&[], &[]), 1800);
}

#[test]
fn the_profile_called_default_is_used_where_no_arn_is_given() {
    let host = Host::new("");
    host.write(&host.profile("default"));
    granted(&host.ask(&[]));
    // What names a session itself has nothing to do with it.
    let run = host.ask(&["--role-arn", ROLE_ARN]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.starts_with("error: no trust anchor is given\n"),
        "{run:#?}"
    );
    // Unless it is named.
    granted(&host.ask(&["--role-arn", ROLE_ARN, "--profile", "default"]));
}

#[test]
fn relative_paths_are_meant_from_where_the_file_is() {
    let host = Host::new("");
    fs::create_dir(host.sandbox().path("etc")).unwrap();
    let content = host.profile("backup").replace("~/", "../");
    host.sandbox().write("etc/windlass.toml", content);
    let mut command = host.sandbox().command();
    command
        .args(["credential-process", "--no-cache", "--profile", "backup"])
        .args([
            "--config",
            &host
                .sandbox()
                .path("etc/windlass.toml")
                .display()
                .to_string(),
        ])
        .current_dir("/");
    granted(&host.sandbox().finish(command));
}

#[test]
fn of_options_that_exclude_each_other_the_typed_one_holds() {
    let host = Host::new("signer_input = 'message'\n");
    // The profile has a private key; a program signs instead, and fails.
    let run = host.ask(&["--profile", "backup", "--signer-command", "/bin/false"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        run.stderr.contains("the command /bin/false failed"),
        "{run:#?}"
    );
    assert_eq!(host.server.seen().len(), 0);
}

#[test]
fn switches_are_true_or_false() {
    let host = Host::new("fips = false\nno_cache = true\n");
    granted(&host.ask(&["--profile", "backup"]));
    let content = host.profile("backup").replace("endpoint", "# ");
    host.write(&format!("{content}fips = true\nregion = 'eu-west-1'\n"));
    let run = host.ask(&["--profile", "backup"]);
    assert!(run.stderr.contains("config.toml is eu-west-1"), "{run:#?}");
}

#[test]
fn xdg_config_home_and_windlass_config_name_the_file() {
    let host = Host::new("");
    let content = host.profile("elsewhere");
    fs::create_dir_all(host.sandbox().path("xdg/windlass")).unwrap();
    host.sandbox().write("xdg/windlass/config.toml", content);
    let at = |name: &str| host.sandbox().path(name).display().to_string();
    let options = ["--profile", "elsewhere"];
    granted(&host.ask_in(&[("XDG_CONFIG_HOME", &at("xdg"))], &options));
    let file = at("xdg/windlass/config.toml");
    granted(&host.ask_in(&[("WINDLASS_CONFIG", &file)], &options));
    granted(&host.ask(&["--config", &file, "--profile", "elsewhere"]));
}

#[test]
fn mistakes_in_the_file_are_told_with_their_line() {
    let cases = [
        ("unknown_key", "rolearn = 'x'\n"),
        ("option_of_every_command", "log_file = 'log'\n"),
        ("dashes_in_a_key", "session-duration = 900\n"),
        ("secret_in_the_file", "pkcs8_password = 'x'\n"),
        ("value_of_the_wrong_form", "session_duration = 'soon'\n"),
        ("value_out_of_range", "session_duration = 60\n"),
        ("switch_that_is_text", "fips = 'yes'\n"),
        ("text_that_is_a_switch", "region = true\n"),
        ("number_with_a_fraction", "session_duration = 900.5\n"),
        (
            "two_values_for_one",
            "region = ['us-east-1', 'us-west-1']\n",
        ),
        (
            "key_given_twice",
            "region = 'us-east-1'\nregion = 'us-east-1'\n",
        ),
        ("table_of_something_else", "[profiles.backup]\n"),
        ("line_without_value", "region\n"),
    ];
    let host = Host::new("");
    for (name, lines) in cases {
        host.write(&format!("{}{lines}", host.profile("backup")));
        let told = host.failure(&["--profile", "backup"]);
        insta::assert_snapshot!(format!("profile_{name}"), told);
    }
    assert_eq!(host.server.seen().len(), 0);
}

/// A key that stands in the file itself is no name of a place.
#[test]
fn a_secret_in_the_file_is_not_repeated() {
    let host = Host::new("");
    for line in [
        "private_key = \"-----BEGIN PRIVATE KEY-----\\nhunter2\"",
        "session_duration = 'pin-value=hunter2'",
        "endpoint = 'http://user:hunter2@proxy'",
    ] {
        let key = line.split(' ').next().unwrap();
        let content = host.profile("backup");
        let kept = content.lines().filter(|known| !known.starts_with(key));
        host.write(&format!(
            "{}\n{line}\n",
            kept.collect::<Vec<_>>().join("\n")
        ));
        let told = host.failure(&["--profile", "backup"]);
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn pipes_are_not_waited_for() {
    let host = Host::new("");
    let fifo = host.sandbox().path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let told = host.failure(&["--config", "fifo", "--profile", "backup"]);
    assert!(told.starts_with("error: fifo "), "{told}");
    let run = host.ask(&[
        "--profile",
        "backup",
        "--log-file",
        "fifo",
        "--session-duration=900",
    ]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr
            .contains("warning: no log: fifo cannot be written"),
        "{run:#?}"
    );
}

#[test]
fn a_mistake_in_another_profiles_value_stops_nobody_else() {
    let host = Host::new("[profile.other]\nsession_duration = 60\n");
    granted(&host.ask(&["--profile", "backup"]));
}

#[test]
fn profiles_and_files_that_are_missing_are_told() {
    let host = Host::new("[profile.other]\n");
    let told = host.failure(&["--profile", "nightly"]);
    insta::assert_snapshot!("profile_that_does_not_exist", told);
    let told = host.failure(&["--profile", "other"]);
    insta::assert_snapshot!("profile_without_a_trust_anchor", told);
    let told = host.failure(&["--config", "no-such.toml", "--profile", "backup"]);
    insta::assert_snapshot!("config_that_does_not_exist", told);
    fs::remove_file(host.sandbox().path(FILE)).unwrap();
    let told = host.failure(&["--profile", "backup"]);
    insta::assert_snapshot!("profile_without_any_file", told);
    let told = host.failure(&[]);
    insta::assert_snapshot!("nothing_is_given", told);
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let host = Host::new("");
    for mode in [0o620, 0o602] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(host.sandbox().path(FILE), permissions).unwrap();
        let told = host.failure(&["--profile", "backup"]);
        assert!(told.contains("could be written by others"), "{told}");
        assert!(
            told.contains("chmod go-w ~/.config/windlass/config.toml"),
            "{told}"
        );
    }
    // Reading it is no harm: it holds no secrets.
    let permissions = fs::Permissions::from_mode(0o644);
    fs::set_permissions(host.sandbox().path(FILE), permissions).unwrap();
    granted(&host.ask(&["--profile", "backup"]));
}

#[test]
fn a_file_of_somebody_else_is_to_be_given_away_and_not_closed() {
    let exposed = |mode| Error::ConfigExposed {
        path: "config.toml".into(),
        mode,
        owner: 1000,
    };
    let hint = exposed(0o600).hint().unwrap();
    assert!(hint.ends_with("chown root config.toml"), "{hint}");
    let hint = exposed(0o620).hint().unwrap();
    assert!(hint.ends_with("chmod go-w config.toml"), "{hint}");
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let host = Host::new("");
    let mut content = host.profile("backup").into_bytes();
    content.extend(b"region = '\xff'\n");
    host.sandbox().write(FILE, content);
    let told = host.failure(&["--profile", "backup"]);
    assert!(told.contains("line 8: it is not UTF-8"), "{told}");
}

#[test]
fn config_show_says_where_each_value_comes_from() {
    let host = Host::new("session_duration = 1800\n[defaults]\nregion = 'us-east-1'\n");
    let mut command = host.sandbox().command();
    command
        .args(["config", "show", "--json", "--profile", "backup"])
        .args(["--role-session-name", "nightly"])
        .env("WINDLASS_CA_BUNDLE", "ca.pem")
        .env("TPM_DEVICE", "/dev/tpm7");
    let run = host.sandbox().finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    let file = host.sandbox().path(FILE).display().to_string();
    assert_eq!(shown["profile"], "backup");
    assert_eq!(shown["file"], file);
    for (key, value, origin) in [
        (
            "role_session_name",
            "nightly",
            "--role-session-name".to_owned(),
        ),
        ("ca_bundle", "ca.pem", "$WINDLASS_CA_BUNDLE".to_owned()),
        ("session_duration", "1800", format!("{file}, line 8")),
        ("region", "us-east-1", format!("{file}, line 10")),
        ("tpm_device", "/dev/tpm7", "$TPM_DEVICE".to_owned()),
        ("signer_input", "digest", "default".to_owned()),
    ] {
        let setting = &shown["settings"][key];
        assert_eq!(setting["value"], value, "{key}");
        assert_eq!(setting["origin"], origin, "{key}");
    }
    for key in ["fips", "no_cache", "intermediates"] {
        assert_eq!(shown["settings"][key], Value::Null, "{key}");
    }
    let table = host
        .sandbox()
        .ok(&["config", "show", "--profile", "backup"]);
    assert!(table.stdout.contains("session_duration"), "{table:#?}");
    assert_eq!(host.server.seen().len(), 0, "AWS is not asked");
}

#[test]
fn config_show_hides_a_pin() {
    let host = Host::new("");
    let content = host
        .profile("backup")
        .replace("'~/key.pem'", "'pkcs11:object=a?pin-value=hunter2'");
    host.write(&content);
    let run = host
        .sandbox()
        .ok(&["config", "show", "--profile", "backup"]);
    assert!(run.stdout.contains("pin-value=***"), "{run:#?}");
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"));
}

#[test]
fn status_knows_each_profile_from_the_cache() {
    let host = Host::new("");
    let broken = host
        .profile("broken")
        .replace("fullchain.pem", "missing.pem");
    host.write(&format!(
        "{}{}session_duration = 1800\n{broken}[profile.wrong]\nsession_duration = 60\n",
        host.profile("backup"),
        host.profile("other")
    ));
    let ask = |name: &str| {
        let mut command = host.sandbox().command();
        command.args(["credential-process", "--profile", name]);
        host.sandbox().finish(command)
    };
    let status = |options: &[&str]| -> Value {
        let mut arguments = vec!["status", "--json"];
        arguments.extend(options);
        serde_json::from_str(&host.sandbox().ok(&arguments).stdout).unwrap()
    };
    let states = |status: &Value| -> Vec<(String, String)> {
        let entries = status.as_array().unwrap().iter();
        entries
            .map(|entry| {
                let text = |key: &str| entry[key].as_str().unwrap().to_owned();
                (text("profile"), text("state"))
            })
            .collect()
    };
    let pairs = |expected: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = expected.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let before = status(&[]);
    let none = [
        ("backup", "none"),
        ("broken", "unusable"),
        ("other", "none"),
        ("wrong", "unusable"),
    ];
    assert_eq!(states(&before), pairs(&none));
    assert!(before[1]["error"].as_str().unwrap().contains("missing.pem"));
    assert!(before[3]["error"].as_str().unwrap().contains("'60'"));

    granted(&ask("backup"));
    let after = status(&["--profile", "backup"]);
    assert_eq!(states(&after), pairs(&[("backup", "valid")]));
    assert_eq!(after[0]["accessKeyId"], "ASIAEXAMPLEEXAMPLE12");
    assert!(after[0]["nextRefresh"].is_string());
    assert_eq!(host.server.seen().len(), 1, "AWS is not asked");

    // The script of the server is over.
    for _ in 0..3 {
        let mut command = host.sandbox().command();
        command.args(["credential-process", "--no-cache", "--profile", "backup"]);
        host.sandbox().finish(command);
    }
    let run = ask("other");
    assert_eq!(run.code, 5, "{run:#?}");
    let failed = status(&["--profile", "other", "--profile", "backup"]);
    let expected = [("other", "failed"), ("backup", "valid")];
    assert_eq!(states(&failed), pairs(&expected));
    assert_eq!(failed[0]["lastFailure"]["code"], 5);
    let table = host.sandbox().ok(&["status"]).stdout;
    for word in ["valid", "failed", "unusable", "missing.pem", "in 29 min"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let run = host.sandbox().run(&["status", "--profile", "nope"]);
    assert_eq!(run.code, 2, "{run:#?}");
}
