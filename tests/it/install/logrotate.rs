//! The rule for a log, in the hands of logrotate.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
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
        .path("root/etc/logrotate.d/windlass-rotate")
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
        format!("logger:x:{}:1::/:/bin/sh\n", users::NOBODY),
    );
    sandbox.write("root/etc/group", "logs:x:4711:\n");
    let log = sandbox.path("logs/windlass.log").display().to_string();
    let here = sandbox.path("logs");
    let there = sandbox.path("root").join(here.strip_prefix("/").unwrap());
    for directory in [&here, &there] {
        fs::create_dir_all(directory).unwrap();
    }
    let rule = || {
        installed(&sandbox, &["cron", "--log-file", &log]);
        sandbox.read("root/etc/logrotate.d/windlass-rotate")
    };
    // Whose it is where the files are made says nothing.
    chown(&here, Some(users::NOBODY), Some(4711)).unwrap();
    assert!(!rule().contains(" su "), "{}", rule());
    chown(&here, Some(0), Some(0)).unwrap();
    chown(&there, Some(users::NOBODY), Some(4711)).unwrap();
    assert!(rule().contains("\n    su logger logs\n"), "{}", rule());
}
