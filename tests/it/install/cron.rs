//! The table, in the hands of a real cron.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{installed, with_profile};
use crate::harness::{Sandbox, capture, client_script, program};
use crate::users;

/// A rotation by cron, with its bare environment; and what goes wrong is mailed, and
/// nothing else.
#[test]
fn cron_renews_and_mails_what_is_wrong() {
    if !users::is_root(cron_renews_and_mails_what_is_wrong) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let root = sandbox.root().display().to_string();
    let bad = format!(
        "\n[profile.bad]\nidentity = '{root}/bad'\ncn = 'bad'\nca_dir = '{root}/nowhere'\n\
         trust_anchor = '{root}/ca/trust-anchor.pem'\npassphrase_file = '{root}/passphrase'\n"
    );
    with_profile(&sandbox, Some(&emulator), &bad);
    // What cron and sh would both read otherwise.
    let odd = "it's 100% \"$HOME\"";
    fs::create_dir(sandbox.path(odd)).unwrap();
    fs::rename(
        sandbox.path("config.toml"),
        sandbox.path(odd).join("config.toml"),
    )
    .unwrap();
    let config = format!("{odd}/config.toml");
    for profile in ["web", "bad"] {
        let arguments = ["cron", "--config", &config, "--profile", profile];
        installed(
            &sandbox,
            &[&arguments[..], &["--schedule", "* * * * *"]].concat(),
        );
    }
    for directory in ["spool/crontabs", "run", "sbin", "mail"] {
        fs::create_dir_all(sandbox.path(directory)).unwrap();
    }
    fs::rename(sandbox.path("root/etc/cron.d"), sandbox.path("cron.d")).unwrap();
    let mailer = format!("#!/bin/sh\nexec cat >'{root}/mail/'$$\n");
    sandbox.write("sbin/sendmail", mailer);
    fs::set_permissions(
        sandbox.path("sbin/sendmail"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let mut cron = Command::new("unshare");
    sandbox.scrub(&mut cron);
    cron.arg("--mount")
        .arg(client_script("cron.sh"))
        .arg(sandbox.root());
    cron.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdout(Stdio::null());
    cron.stderr(fs::File::create(sandbox.path("cron.log")).unwrap());
    let mut cron = cron.spawn().unwrap();
    let mails = || -> Vec<String> {
        let files = fs::read_dir(sandbox.path("mail")).unwrap();
        files
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    };
    let is_whole = |mail: &String| mail.contains("error:");
    // At the next full minute.
    let deadline = Instant::now() + Duration::from_secs(90);
    while !(sandbox.path("web/current/key.pem").exists() && mails().iter().any(is_whole)) {
        let ended = cron.try_wait().unwrap();
        let log = sandbox.read("cron.log");
        assert!(
            ended.is_none() && Instant::now() < deadline,
            "{log} {:?}",
            mails()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    cron.kill().unwrap();
    cron.wait().unwrap();
    let mails = mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert!(mails[0].contains("To: root"), "{mails:#?}");
    assert!(mails[0].contains("nowhere"), "{mails:#?}");
    assert!(emulator.log().contains("POST /sessions 201 [CN=web-1]"));
}

/// The line for a user's own table is one line, and sh runs it.
#[test]
fn a_line_for_a_users_table_is_a_command_of_sh() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let config = with_profile(&sandbox, None, "").display().to_string();
    let run = sandbox.ok(&[
        "install",
        "cron",
        "--user-crontab",
        "--config",
        &config,
        "--program",
        program(),
    ]);
    assert_eq!(run.stdout.lines().count(), 1, "{run:#?}");
    let fields: Vec<&str> = run.stdout.splitn(6, ' ').collect();
    assert!(fields[0].parse::<u8>().unwrap() < 60);
    assert_eq!(fields[1..5], ["*", "*", "*", "*"]);
    let mut sh = Command::new("/bin/sh");
    sh.args(["-c", fields[5].trim_end()])
        .env_clear()
        .current_dir("/");
    let ran = capture(&mut sh);
    assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()));
    assert!(sandbox.path("web/current/key.pem").exists());
}

/// To whom it is mailed may be said here, and by hand: it stays.
#[test]
fn mails_go_to_whom_the_table_names() {
    let sandbox = Sandbox::new();
    let table = "root/etc/cron.d/windlass-rotate";
    let mail = || {
        let text = sandbox.read(table);
        let line = text.lines().find_map(|line| line.strip_prefix("MAILTO="));
        line.unwrap_or_default().to_owned()
    };
    installed(&sandbox, &["cron"]);
    assert_eq!(mail(), "");
    installed(&sandbox, &["cron", "--mailto", "ops@example.com,b"]);
    assert_eq!(mail(), "ops@example.com,b");
    sandbox.write(table, sandbox.read(table).replace("ops@", "own@"));
    installed(
        &sandbox,
        &["cron", "--user", "root", "--schedule", "1 * * * *"],
    );
    assert_eq!(mail(), "own@example.com,b");
    let text = sandbox.read(table);
    let edited = text
        .replace("MAILTO=own@example.com,b\n", "")
        .replace("SHELL", "MAILTO=c\nSHELL");
    sandbox.write(table, edited);
    installed(&sandbox, &["cron", "--host", "a"]);
    assert_eq!(mail(), "c");
}

/// Without a machine id there is nothing from which a minute could follow.
#[test]
fn hosts_that_are_not_told_apart_are_told() {
    let sandbox = Sandbox::new();
    let own = [
        "install",
        "cron",
        "--root",
        "root",
        "--print",
        "--program",
        "/w",
    ];
    let run = sandbox.ok(&own);
    assert!(
        run.stderr.contains("all of them run it at the same minute"),
        "{run:#?}"
    );
    assert!(run.stdout.contains("\n0 * * * * root "), "{run:#?}");
    for more in [["--host", "a"], ["--schedule", "7 * * * *"]] {
        let run = sandbox.ok(&[&own[..], &more].concat());
        assert!(!run.stderr.contains("same minute"), "{run:#?}");
    }
}

/// One file alone can be put into its place as it is printed.
#[test]
fn what_is_printed_is_what_would_be_written() {
    let sandbox = Sandbox::new();
    for (own, place) in [
        (&["cron"][..], "etc/cron.d/windlass-rotate"),
        (&["sysv", "--service", "serve"], "etc/init.d/windlass-serve"),
    ] {
        installed(&sandbox, own);
        let run = [
            &["install"],
            own,
            &["--root", "root", "--print", "--program", program()],
        ];
        let run = sandbox.ok(&run.concat());
        assert_eq!(run.stdout, sandbox.read(&format!("root/{place}")));
        assert!(run.stderr.contains(&format!("for /{place}")), "{run:#?}");
    }
}

#[test]
fn a_table_names_the_user_and_quotes_for_cron() {
    let sandbox = Sandbox::new();
    let arguments = [
        "cron",
        "--user",
        "daemon",
        "--name",
        "x",
        "--profile",
        "5% of 'it'",
    ];
    installed(
        &sandbox,
        &[&arguments[..], &["--schedule", "*/20  * * * *"]].concat(),
    );
    let table = sandbox.read("root/etc/cron.d/x");
    let line = table.lines().last().unwrap();
    let command = format!(
        "*/20 * * * * daemon {} rotate --profile 5\\%\" of 'it'\" >/dev/null",
        program()
    );
    assert_eq!(line, command);
    assert!(table.ends_with('\n'), "crontab(5) wants an end of line");
}
