//! The init script, in the hands of dash.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use super::{installed, tool, with_profile};
use crate::harness::{Sandbox, capture, client_script};
use crate::users;

#[test]
fn a_script_is_for_any_posix_shell() {
    let sandbox = Sandbox::new();
    let odd = "it's 100% \"$HOME\" \\n";
    installed(
        &sandbox,
        &[
            "sysv",
            "--service",
            "serve",
            "--name",
            "x",
            "--profile",
            odd,
            "--log-file",
            "log",
        ],
    );
    let path = sandbox.path("root/etc/init.d/x");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let path = path.display().to_string();
    tool("checkbashisms", &["--force", "--extra", &path]);
    // It sets PATH on purpose, and the profile's name has a $ that is to stay.
    tool("shellcheck", &["--exclude", "SC2123,SC2016", &path]);
    for shell in ["dash", "bash"] {
        tool(shell, &["-n", &path]);
    }
    let script = fs::read_to_string(&path).unwrap();
    let words = script
        .lines()
        .find_map(|line| line.strip_prefix("set -- \"$1\" "))
        .unwrap();
    let log = sandbox.path("log").display().to_string();
    let expected = ["serve", "--profile", odd, "--log-file", &log].map(str::to_owned);
    assert_eq!(shlex::split(words).unwrap(), expected);
}

/// A path may have what the template calls its own places.
#[test]
fn nothing_is_put_into_what_was_typed() {
    let sandbox = Sandbox::new();
    let typed = "/opt/@WORDS@/@NAME@/@PROGRAM@";
    let run = sandbox.ok(&[
        "install",
        "sysv",
        "--service",
        "serve",
        "--program",
        typed,
        "--profile",
        "@USER@",
        "--name",
        "x",
        "--print",
    ]);
    let lines = |start: &str| -> Vec<&str> {
        let lines = run.stdout.lines();
        lines.filter_map(|line| line.strip_prefix(start)).collect()
    };
    assert_eq!(lines("program="), [typed]);
    assert_eq!(lines("set -- \"$1\" "), ["serve --profile @USER@ --syslog"]);
}

/// With start-stop-daemon as root, and without it as somebody else.
#[test]
fn a_service_is_started_looked_at_and_stopped() {
    if !users::is_root(a_service_is_started_looked_at_and_stopped) {
        return;
    }
    for (user, without) in [
        ("root", None),
        ("root", Some("without")),
        ("nobody", Some("without")),
        ("nobody", None),
    ] {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.issue("cert", &[]);
        let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
        let root = sandbox.root().display().to_string();
        let sources = format!(
            "\n[profile.served]\ncertificate = '{root}/cert/fullchain.pem'\nprivate_key = '{root}/cert/key.pem'\n\
             trust_anchor_arn = '{}'\nprofile_arn = '{}'\nrole_arn = '{}'\nendpoint = '{}'\nno_cache = true\n",
            emulator.trust_anchor_arn, emulator.profile_arn, emulator.role_arn, emulator.url
        );
        let config = with_profile(&sandbox, None, &sources).display().to_string();
        fs::create_dir(sandbox.path("ready")).unwrap();
        let open = fs::Permissions::from_mode(0o755);
        for path in [
            sandbox.root().to_owned(),
            sandbox.path("cert"),
            config.clone().into(),
        ] {
            fs::set_permissions(path, open.clone()).unwrap();
        }
        let owned = ["cert/key.pem", "cert/fullchain.pem", "ready"];
        let owner = if user == "root" { 0 } else { users::NOBODY };
        for path in owned {
            chown(sandbox.path(path), Some(owner), None).unwrap();
        }
        let ready = format!("{root}/ready/file");
        installed(
            &sandbox,
            &[
                "sysv",
                "--service",
                "serve",
                "--user",
                user,
                "--config",
                &config,
                "--profile",
                "served",
                "--name",
                "windlass-test",
                "--",
                "--port",
                "0",
                "--ready-file",
                &ready,
            ],
        );
        let script = sandbox.path("root/etc/init.d/windlass-test");
        let mut life = Command::new("unshare");
        life.arg("--mount")
            .arg(client_script("sysv.sh"))
            .arg(&script);
        let other = emulator.id().to_string();
        life.args(["windlass-test", &other, &ready]).args(without);
        let run = capture(&mut life);
        let home = if user == "root" {
            "/root"
        } else {
            "/nonexistent"
        };
        let expected = format!(
            "status: 3 windlass-test is not running\n\
             start: 0 windlass-test is started (process N)\nhealthy\n\
             start: 0 windlass-test is running (process N)\n\
             status: 0 windlass-test is running (process N)\n\
             restart: 0 windlass-test is stopped\nwindlass-test is started (process N)\n\
             another process\nhealthy\n{user}\n\
             HOME={home} LOGNAME={user} USER={user} \n\
             whether windlass-test is running only root or {user} can tell\nof another user: 4\n\
             of another user: 4\nhealthy\n\
             reload: 3 windlass-test has nothing to read again; restart it for other options\n\
             stop: 0 windlass-test is stopped\nstop: 0 windlass-test is not running\nit has ended\n\
             status: 1 windlass-test is not running, but /var/run/windlass-test.pid is there\n\
             stop: 0 windlass-test is not running\nthe other lives\n\
             status: 1 windlass-test is not running, but /var/run/windlass-test.pid is there\n\
             status: 1 windlass-test is not running, but /var/run/windlass-test.pid is there\n\
             nonsense: 2 usage: {} {{start|stop|restart|try-restart|force-reload|status}}\n",
            script.display()
        );
        assert_eq!(run.stdout, expected, "{user} {without:?}: {}", run.stderr);
    }
}
