//! The rule for a log, in the hands of logrotate.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{installed, tool};
use crate::harness::Sandbox;
use crate::users;

#[test]
fn a_log_is_put_away_while_a_service_runs() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    installed(&sandbox, &["cron", "--log-file", "logs/windlass.log"]);
    fs::create_dir(sandbox.path("logs")).unwrap();
    fs::set_permissions(sandbox.path("logs"), fs::Permissions::from_mode(0o755)).unwrap();
    let log = sandbox.path("logs/windlass.log");
    let mut serve = sandbox.command();
    let arguments = emulator.arguments("w");
    serve
        .args([
            "serve",
            "--port",
            "0",
            "--ready-file",
            "ready",
            "--log-file",
            "logs/windlass.log",
        ])
        .args(&arguments[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut serve = serve.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !sandbox.path("ready").exists() || !log.exists() {
        assert!(serve.try_wait().unwrap().is_none() && Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = fs::read_to_string(&log).unwrap();
    let rule = sandbox
        .path("root/etc/logrotate.d/windlass-rotate-cron")
        .display()
        .to_string();
    let state = sandbox.path("state").display().to_string();
    let said = tool("logrotate", &["--force", "--state", &state, &rule]);
    assert_eq!(said, "");
    assert_eq!(
        fs::read_to_string(log.with_extension("log.1")).unwrap(),
        before
    );
    let new = fs::metadata(&log).unwrap();
    assert_eq!((new.len(), new.mode() & 0o777), (0, 0o600));
    // Nothing writes into the old one any more.
    let open = fs::read_dir(format!("/proc/{}/fd", serve.id())).unwrap();
    let mut open = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    assert!(!open.any(|path| path.to_string_lossy().contains("windlass.log")));
    serve.kill().unwrap();
    serve.wait().unwrap();
    let failing = [
        "status",
        "--config",
        "nowhere.toml",
        "--log-file",
        "logs/windlass.log",
    ];
    assert_ne!(sandbox.run(&failing).code, 0);
    assert!(fs::read_to_string(&log).unwrap().contains("error: "));
    assert_eq!(
        fs::read_to_string(log.with_extension("log.1")).unwrap(),
        before
    );
}

/// logrotate does not act as root where somebody else could lead it elsewhere.
#[test]
fn a_log_in_somebodys_directory_is_put_away_as_that_user() {
    if !users::is_root(a_log_in_somebodys_directory_is_put_away_as_that_user) {
        return;
    }
    let sandbox = Sandbox::new();
    // Of the host that the files are for, which has names of its own.
    fs::create_dir_all(sandbox.path("root/etc")).unwrap();
    sandbox.write(
        "root/etc/passwd",
        format!("logger:x:{}:50::/:/bin/sh\n", users::NOBODY),
    );
    sandbox.write("root/etc/group", "logs:x:4711:\nstaff:x:50:\nroot:x:0:\n");
    let log = sandbox.path("logs/windlass.log").display().to_string();
    let here = sandbox.path("logs");
    let below = |path: &Path| sandbox.path("root").join(path.strip_prefix("/").unwrap());
    let there = below(&here);
    fs::create_dir_all(&here).unwrap();
    fs::create_dir_all(&there).unwrap();
    let own = ["cron", "--force", "--log-file", &log];
    let rule = |more: &[&str]| {
        installed(&sandbox, &[&own[..], more].concat());
        let text = sandbox.read("root/etc/logrotate.d/windlass-rotate-cron");
        let su = text.lines().find_map(|line| line.strip_prefix("    su "));
        su.unwrap_or_default().to_owned()
    };
    let user = ["--user", "logger"];
    // Whose it is where the files are made says nothing.
    chown(&here, Some(users::NOBODY), Some(4711)).unwrap();
    assert_eq!((rule(&[]), rule(&user)), (String::new(), String::new()));
    chown(&here, Some(0), Some(0)).unwrap();
    chown(&there, Some(users::NOBODY), Some(4711)).unwrap();
    assert_eq!(rule(&[]), "logger logs");
    // A user and a group without a name.
    chown(&there, Some(4712), Some(4713)).unwrap();
    assert_eq!(rule(&[]), "4712 4713");
    chown(&there, Some(0), Some(4711)).unwrap();
    assert_eq!(rule(&[]), "");
    fs::set_permissions(&there, fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(
        (&rule(&[])[..], &rule(&user)[..]),
        ("root logs", "logger logs")
    );
    // What is above can be exchanged too.
    fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).unwrap();
    chown(there.parent().unwrap(), Some(users::NOBODY), None).unwrap();
    assert_eq!(rule(&[]), "logger root");
    chown(there.parent().unwrap(), Some(0), None).unwrap();
    // Whoever makes it makes it for that user.
    fs::remove_dir(&there).unwrap();
    assert_eq!((&rule(&[])[..], &rule(&user)[..]), ("", "logger staff"));
}

/// Who can put a link there would have root write anywhere.
#[test]
fn a_log_where_somebody_else_decides_is_told_and_leads_nowhere() {
    if !users::is_root(a_log_where_somebody_else_decides_is_told_and_leads_nowhere) {
        return;
    }
    let sandbox = Sandbox::new();
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.root(), open).unwrap();
    fs::create_dir(sandbox.path("logs")).unwrap();
    let log = sandbox.path("logs/log").display().to_string();
    let print = |user: &str| {
        let own = ["install", "cron", "--print", "--program", "/usr/bin/env"];
        sandbox
            .ok(&[&own[..], &["--user", user, "--log-file", &log]].concat())
            .stderr
    };
    let warning = "who can put something in its place decides where";
    assert!(!print("root").contains(warning), "{}", print("root"));
    chown(sandbox.path("logs"), Some(users::NOBODY), None).unwrap();
    assert!(print("root").contains("logs belongs to 'nobody', and who can put"));
    assert!(!print("nobody").contains(warning));
    fs::set_permissions(sandbox.path("logs"), fs::Permissions::from_mode(0o777)).unwrap();
    chown(sandbox.path("logs"), Some(0), None).unwrap();
    assert!(print("nobody").contains("everybody's to write to (mode 0777)"));
    // It is put there after all; what was said until now stands there.
    fs::remove_file(&log).unwrap();
    chown(sandbox.path("logs"), Some(users::NOBODY), None).unwrap();
    sandbox.write("precious", "kept");
    let failing = ["status", "--config", "nowhere.toml", "--log-file", &log];
    symlink(sandbox.path("precious"), &log).unwrap();
    let run = sandbox.run(&failing);
    assert!(
        run.stderr.contains("logs/log cannot be written"),
        "{run:#?}"
    );
    fs::remove_file(&log).unwrap();
    // The link of a directory leads elsewhere as well.
    fs::create_dir(sandbox.path("other")).unwrap();
    symlink(sandbox.path("other"), sandbox.path("logs/below")).unwrap();
    let below = sandbox.path("logs/below/log").display().to_string();
    sandbox.run(&[&failing[..4], &[&below]].concat());
    assert_eq!(fs::read_dir(sandbox.path("other")).unwrap().count(), 0);
    assert_eq!(sandbox.read("precious"), "kept");
    sandbox.run(&failing);
    assert!(sandbox.read("logs/log").contains("error: "));
}

/// What a run that was killed has left there is no rule.
#[test]
fn logrotate_reads_nothing_that_is_unfinished() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &["cron", "--log-file", "/var/log/x"]);
    let directory = sandbox.path("root/etc/logrotate.d").display().to_string();
    sandbox.write("conf", format!("include {directory}\n"));
    let left = sandbox.path("root/etc/logrotate.d/windlass.unfinished-abc~");
    fs::write(&left, "/var/log/nothing {\n}\n").unwrap();
    let conf = sandbox.path("conf").display().to_string();
    let state = sandbox.path("state").display().to_string();
    let said = tool("logrotate", &["--debug", "--state", &state, &conf]);
    assert!(said.contains("/var/log/x"), "{said}");
    assert!(!said.contains("/var/log/nothing"), "{said}");
    installed(&sandbox, &["cron", "--log-file", "/var/log/y"]);
    assert!(!left.exists());
}
