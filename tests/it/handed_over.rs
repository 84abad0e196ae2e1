//! Credentials as environment variables: printed, written, and given to a
//! command.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fault_server::FaultServer;
use crate::harness::{Run, client_script, tool};
use crate::workload::{
    PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload, granting,
};

/// A workload with a server that gives one session.
struct Host {
    workload: Workload,
    server: FaultServer,
}

impl Host {
    fn new() -> Self {
        Self {
            workload: Workload::new(),
            server: granting(1),
        }
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.workload.sandbox.command();
        command.arg(verb);
        for (name, value) in [
            ("--certificate", "fullchain.pem"),
            ("--private-key", "key.pem"),
            ("--trust-anchor-arn", TRUST_ANCHOR_ARN),
            ("--profile-arn", PROFILE_ARN),
            ("--role-arn", ROLE_ARN),
            ("--endpoint", &self.server.url()),
        ] {
            command.args([name, value]);
        }
        command
    }

    fn run(&self, verb: &str, options: &[&str]) -> Run {
        let mut command = self.command(verb);
        command.args(options);
        self.workload.sandbox.finish(command)
    }

    /// What a shell, or any program, has after reading a file of variables.
    fn read_by(&self, program: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new(program);
        self.workload.sandbox.scrub(&mut command);
        command.args(arguments);
        self.workload.sandbox.finish(command)
    }
}

#[test]
fn a_shell_takes_the_variables_over() {
    let host = Host::new();
    let printed = host.run("env", &[]);
    assert_eq!(
        (printed.code, printed.stderr.as_str()),
        (0, ""),
        "{printed:#?}"
    );
    host.workload.sandbox.write("vars", &printed.stdout);
    let show = ". ./vars; printf '%s %s' \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_SESSION_TOKEN\"";
    let run = host.read_by("sh", &["-c", show]);
    assert_eq!(run.stdout, format!("{SECRET_KEY} {TOKEN}"));
}

#[test]
fn files_of_variables_have_names_and_bare_values() {
    let host = Host::new();
    for form in ["dotenv", "systemd"] {
        let run = host.run("env", &["--format", form, "--out", "app.env"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
        let path = host.workload.sandbox.path("app.env");
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
        let written = host.workload.sandbox.read("app.env");
        let expected = format!(
            "AWS_ACCESS_KEY_ID=ASIAEXAMPLEEXAMPLE12\nAWS_SECRET_ACCESS_KEY={SECRET_KEY}\nAWS_SESSION_TOKEN={TOKEN}\nAWS_CREDENTIAL_EXPIRATION="
        );
        assert!(written.starts_with(&expected), "{form}: {written}");
    }
    let run = host.run("env", &["--format", "json"]);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["AWS_SESSION_TOKEN"], TOKEN);
    assert_eq!(host.server.seen().len(), 1, "one session for all");
}

#[test]
fn a_file_that_cannot_be_written_keeps_its_content() {
    let host = Host::new();
    fs::create_dir(host.workload.sandbox.path("directory")).unwrap();
    host.workload.sandbox.write("precious", "a key, perhaps");
    let target = host.workload.sandbox.path("precious");
    std::os::unix::fs::symlink(target, host.workload.sandbox.path("link")).unwrap();
    for path in ["directory", "no/such/file", "key.pem", "precious", "link"] {
        let run = host.run("env", &["--out", path]);
        assert_ne!(run.code, 0, "{run:#?}");
        assert!(run.stderr.contains(path), "{run:#?}");
        assert_eq!(run.stdout, "");
    }
    assert_eq!(host.workload.sandbox.read("precious"), "a key, perhaps");
    assert!(
        host.workload
            .sandbox
            .read("key.pem")
            .contains("PRIVATE KEY")
    );
    assert_eq!(
        fs::read_dir(host.workload.sandbox.path("directory"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_command_has_the_credentials_and_no_profile() {
    let host = Host::new();
    let mut command = host.command("exec");
    command
        .env("AWS_PROFILE", "other")
        .env("AWS_DEFAULT_PROFILE", "other")
        .env("AWS_SECURITY_TOKEN", "stale")
        .args(["--", "/usr/bin/env"]);
    let run = host.workload.sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    for line in [
        "AWS_ACCESS_KEY_ID=ASIAEXAMPLEEXAMPLE12".to_owned(),
        format!("AWS_SECRET_ACCESS_KEY={SECRET_KEY}"),
        format!("AWS_SESSION_TOKEN={TOKEN}"),
    ] {
        assert!(run.stdout.lines().any(|known| known == line), "{run:#?}");
    }
    for name in [
        "AWS_PROFILE=",
        "AWS_DEFAULT_PROFILE=",
        "AWS_SECURITY_TOKEN=",
    ] {
        assert!(!run.stdout.contains(name), "{run:#?}");
    }
}

/// botocore reads one of the names, other SDKs the other.
#[test]
fn sdks_find_a_region_and_one_that_is_set_stays() {
    let host = Host::new();
    let python = tool("python");
    let script = "import boto3, os; print(boto3.Session().region_name, os.environ['AWS_REGION'], os.environ['AWS_DEFAULT_REGION'])";
    for (variables, options, shown) in [
        (&[][..], &[][..], "us-east-1 us-east-1 us-east-1\n"),
        (&[], &["--serve"], "us-east-1 us-east-1 us-east-1\n"),
        (
            &[("AWS_REGION", "eu-west-1")],
            &[],
            "eu-west-1 eu-west-1 eu-west-1\n",
        ),
        (
            &[
                ("AWS_REGION", "eu-west-1"),
                ("AWS_DEFAULT_REGION", "eu-west-2"),
            ],
            &[],
            "eu-west-2 eu-west-1 eu-west-2\n",
        ),
        // Nothing that an SDK would take.
        (
            &[("AWS_REGION", "")],
            &[],
            "us-east-1 us-east-1 us-east-1\n",
        ),
    ] {
        let mut command = host.command("exec");
        command
            .args(options)
            .arg("--")
            .arg(&python)
            .args(["-c", script])
            .envs(variables.iter().copied());
        let run = host.workload.sandbox.finish(command);
        assert_eq!((run.code, run.stdout.as_str()), (0, shown), "{run:#?}");
        let mut command = host.command("env");
        command
            .args(["--format", "json"])
            .envs(variables.iter().copied());
        let run = host.workload.sandbox.finish(command);
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        let names = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| object[name].as_str().unwrap());
        assert!(
            shown.ends_with(&format!("{} {}\n", names[0], names[1])),
            "{names:?}"
        );
    }
}

/// What was said to windlass alone is not for whoever it runs.
#[test]
fn a_command_does_not_get_the_secrets_of_windlass() {
    let host = Host::new();
    let key = host.workload.sandbox.read("key.pem");
    for serve in [&[][..], &["--serve"]] {
        let mut command = host.workload.sandbox.command();
        command
            .args(["exec", "--certificate", "fullchain.pem"])
            .args([
                "--private-key",
                "env:THE_KEY",
                "--passphrase-env",
                "THE_PASSPHRASE",
            ])
            .args(["--trust-anchor-arn", TRUST_ANCHOR_ARN])
            .args(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN])
            .args(["--endpoint", &host.server.url()])
            .args(serve)
            .args(["--", "/usr/bin/env"])
            .env("THE_KEY", &key)
            .env("THE_PASSPHRASE", "none is needed")
            .env("WINDLASS_PROXY", "http://user:hunter2@127.0.0.1:1")
            .env("WINDLASS_SYSLOG", "/no/such/socket")
            .env("OTHER", "stays");
        let run = host.workload.sandbox.finish(command);
        assert_eq!(run.code, 0, "{run:#?}");
        for name in ["THE_KEY", "THE_PASSPHRASE", "WINDLASS_PROXY"] {
            assert!(!run.stdout.contains(name), "{name}: {run:#?}");
        }
        for name in ["OTHER=stays", "WINDLASS_SYSLOG="] {
            assert!(run.stdout.contains(name), "{name}: {run:#?}");
        }
    }
}

#[test]
fn signals_and_exit_status_are_the_commands_own() {
    let host = Host::new();
    assert_eq!(host.run("exec", &["--", "sh", "-c", "exit 42"]).code, 42);
    let mut command = host.command("exec");
    command
        .args(["--", "sh", "-c", "echo ready; exec sleep 60"])
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "ready\n");
    // The process is the command: killing it needs nobody to pass it on.
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn a_command_that_cannot_be_run_is_told() {
    let host = Host::new();
    let run = host.run("exec", &["--", "no-such-command", "x"]);
    assert_eq!(run.code, 127, "{run:#?}");
    assert!(
        run.stderr
            .starts_with("error: no-such-command cannot be run\n"),
        "{run:#?}"
    );
    let run = host.run("exec", &["--", "./key.pem"]);
    assert_eq!(run.code, 126, "{run:#?}");
    let run = host.run("exec", &["true"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert_eq!(host.run("exec", &[]).code, 2);
}

#[test]
fn without_credentials_the_command_does_not_run() {
    let host = Host::new();
    let mut command = host.command("exec");
    command.args(["--profile", "x", "--", "touch", "ran"]);
    let run = host.workload.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(!host.workload.sandbox.path("ran").exists());
}

/// Asks the endpoint of `exec --serve` as an SDK does.
const ASK: &str = "curl -sS -H \"Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN\" \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"";

#[test]
fn a_command_with_an_endpoint_gets_credentials_that_nobody_else_gets() {
    let host = Host::new();
    let script = format!(
        "{ASK}; echo; curl -sS -o /dev/null -w '%{{http_code}}\\n' \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"; env"
    );
    let mut command = host.command("exec");
    command
        .env("AWS_ACCESS_KEY_ID", "AKIASTATIC")
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/no/such")
        .env("AWS_PROFILE", "other")
        .args(["--serve", "--", "sh", "-c", &script]);
    let run = host.workload.sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let mut lines = run.stdout.lines();
    let document: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(document["AccessKeyId"], "ASIAEXAMPLEEXAMPLE12");
    assert_eq!(document["Token"], TOKEN);
    assert_eq!(lines.next(), Some("401"), "without the token");
    let rest: Vec<&str> = lines.collect();
    let has = |name: &str| rest.iter().any(|line| line.starts_with(name));
    assert!(has("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:"));
    for name in [
        "AWS_ACCESS_KEY_ID=",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=",
        "AWS_PROFILE=",
        "AWS_SESSION_TOKEN=",
    ] {
        assert!(!has(name), "{name}: {run:#?}");
    }
    assert_eq!(host.server.seen().len(), 1, "one session for all of it");
}

#[test]
fn a_command_with_an_endpoint_outlives_its_first_session() {
    let workload = Workload::new();
    let emulator =
        workload
            .sandbox
            .emulate(&["--trust-anchor", "root.pem", "--session-seconds", "4"]);
    // Until the key id has changed, for a minute at most.
    let script = format!(
        "id() {{ {ASK} | sed 's/.*\"AccessKeyId\":\"//; s/\".*//'; }}; first=$(id); \
         for i in $(seq 600); do next=$(id); [ \"$next\" = \"$first\" ] || break; sleep 0.1; done; echo $first $next"
    );
    let mut command = workload.sandbox.command();
    command
        .args(["exec", "--serve", "--certificate", "fullchain.pem"])
        .args(["--private-key", "key.pem", "--endpoint", &emulator.url])
        .args(["--trust-anchor-arn", &emulator.trust_anchor_arn])
        .args(["--profile-arn", &emulator.profile_arn])
        .args(["--role-arn", &emulator.role_arn])
        .args(["--", "sh", "-c", &script]);
    let run = workload.sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    let (first, next) = run.stdout.trim().split_once(' ').unwrap();
    assert!(first.starts_with("ASIA0EMULATED0"), "{run:#?}");
    assert!(next.starts_with("ASIA0EMULATED0"), "{run:#?}");
    assert_ne!(first, next);
}

#[test]
fn signals_reach_a_command_with_an_endpoint_and_its_status_comes_back() {
    let host = Host::new();
    let status = |script: &str| {
        host.run("exec", &["--serve", "--", "sh", "-c", script])
            .code
    };
    assert_eq!(status("exit 42"), 42);
    assert_eq!(status("kill -9 $$"), 128 + 9);
    let run = host.run("exec", &["--serve", "--", "no-such-command"]);
    assert_eq!(run.code, 127, "{run:#?}");
    assert!(
        run.stderr
            .starts_with("error: no-such-command cannot be run\n"),
        "{run:#?}"
    );

    for (signal, expected) in [("TERM", 7), ("INT", 8), ("HUP", 9)] {
        let script = "trap 'exit 7' TERM; trap 'exit 8' INT; trap 'exit 9' HUP; echo ready; \
                      while :; do sleep 0.05; done";
        let mut command = host.command("exec");
        command
            .args(["--serve", "--", "sh", "-c", script])
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, "ready\n");
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{signal}");
    }
}

#[test]
fn boto3_in_a_command_with_an_endpoint_finds_it() {
    let host = Host::new();
    let python = tool("python").display().to_string();
    let script = client_script("environment.py").display().to_string();
    let run = host.run("exec", &["--serve", "--", &python, &script]);
    assert_eq!(run.code, 0, "{run:#?}");
    let seen: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(seen["method"], "container-role");
    assert_eq!(seen["key_id"], "ASIAEXAMPLEEXAMPLE12");
}

#[test]
fn boto3_in_the_command_signs_with_them() {
    let host = Host::new();
    let python = tool("python").display().to_string();
    let script = client_script("environment.py").display().to_string();
    let run = host.run("exec", &["--", &python, &script]);
    assert_eq!(run.code, 0, "{run:#?}");
    let seen: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(seen["method"], "env");
    assert_eq!(seen["key_id"], "ASIAEXAMPLEEXAMPLE12");
    assert_eq!(seen["token"], TOKEN);
}
