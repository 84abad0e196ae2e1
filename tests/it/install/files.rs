//! What becomes of files that are there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use serde_json::Value;

use crate::harness::{Run, Sandbox};
use crate::users;

const SERVICE: &str = "root/etc/systemd/system/windlass-rotate.service";
const TIMER: &str = "root/etc/systemd/system/windlass-rotate.timer";

fn install(sandbox: &Sandbox, more: &[&str]) -> Run {
    let own = ["install", "systemd", "--root", "root", "--exit-code"];
    sandbox.run(&[&own[..], more].concat())
}

fn mode(sandbox: &Sandbox, name: &str) -> u32 {
    let metadata = fs::metadata(sandbox.path(name)).unwrap();
    metadata.permissions().mode() & 0o777
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let sandbox = Sandbox::new();
    let look = install(&sandbox, &["--check"]);
    assert_eq!(look.code, 10, "{look:#?}");
    assert!(!sandbox.path("root").exists());
    assert_eq!(install(&sandbox, &[]).code, 10);
    assert_eq!(
        (mode(&sandbox, SERVICE), mode(&sandbox, TIMER)),
        (0o644, 0o644)
    );
    let inode = |name| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(sandbox.path(name)).unwrap().ino()
    };
    let before = (inode(SERVICE), inode(TIMER));
    for more in [&[][..], &["--check"]] {
        let again = install(&sandbox, more);
        assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{again:#?}");
    }
    assert_eq!((inode(SERVICE), inode(TIMER)), before);
    // Another option changes its own file alone.
    let changed = install(&sandbox, &["--schedule", "*:0/20", "--json"]);
    assert_eq!(changed.code, 10, "{changed:#?}");
    let shown: Value = serde_json::from_str(&changed.stdout).unwrap();
    assert_eq!(shown["changed"], true);
    assert_eq!(shown["files"][0]["change"], "unchanged");
    assert_eq!(shown["files"][1]["change"], "replaced");
    assert_eq!(inode(SERVICE), before.0);
    // A mode that lets others write is put right.
    fs::set_permissions(sandbox.path(SERVICE), fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(install(&sandbox, &["--schedule", "*:0/20"]).code, 10);
    assert_eq!(mode(&sandbox, SERVICE), 0o644);
    assert_eq!(
        fs::read_dir(sandbox.path("root/etc/systemd/system"))
            .unwrap()
            .count(),
        2,
        "nothing unfinished is left"
    );
}

/// Whatever the umask of whoever makes a package is.
#[test]
fn directories_of_a_package_are_everybodys_to_read() {
    let sandbox = Sandbox::new();
    let mut sh = std::process::Command::new("sh");
    sandbox.scrub(&mut sh);
    sh.args(["-c", "umask 077; exec \"$0\" install systemd --root root"]);
    let run = sandbox.finish({
        sh.arg(crate::harness::program());
        sh
    });
    assert_eq!(run.code, 0, "{run:#?}");
    for name in ["root", "root/etc", "root/etc/systemd/system"] {
        assert_eq!(mode(&sandbox, name), 0o755, "{name}");
    }
    assert_eq!(mode(&sandbox, SERVICE), 0o644);
}

#[test]
fn what_somebody_has_changed_or_written_stays() {
    let sandbox = Sandbox::new();
    install(&sandbox, &[]);
    let edited = format!("{}Nice=5\n", sandbox.read(TIMER));
    sandbox.write(TIMER, &edited);
    let service = sandbox.read(SERVICE);
    for more in [
        &["--on-failure", "x.service"][..],
        &["--check"],
        &["--remove"],
    ] {
        let run = install(&sandbox, more);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(run.stderr.contains("was changed by somebody"), "{run:#?}");
        assert!(run.stderr.contains("hint: nothing was changed"), "{run:#?}");
    }
    assert_eq!(
        (sandbox.read(TIMER), sandbox.read(SERVICE)),
        (edited, service)
    );
    assert_eq!(install(&sandbox, &["--force"]).code, 10);
    assert!(!sandbox.read(TIMER).contains("Nice"));
    // Of somebody else.
    sandbox.write(TIMER, "[Timer]\n");
    let run = install(&sandbox, &[]);
    assert!(
        run.stderr
            .contains("is not a file that windlass has written"),
        "{run:#?}"
    );
    // A unit that is masked.
    fs::remove_file(sandbox.path(TIMER)).unwrap();
    symlink("/dev/null", sandbox.path(TIMER)).unwrap();
    for more in [&[][..], &["--force"], &["--remove", "--force"]] {
        let run = install(&sandbox, more);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(run.stderr.contains("systemctl unmask"), "{run:#?}");
    }
    assert!(sandbox.path(SERVICE).exists());
}

/// What to do is another thing for each kind of file: a drop-in is for units alone.
#[test]
fn a_file_in_the_way_comes_with_what_to_do() {
    let sandbox = Sandbox::new();
    let log = ["--log-file", "log"];
    let kinds = [
        (&["systemd"][..], "systemd/system/windlass-rotate.timer"),
        (&["cron"], "cron.d/windlass-rotate"),
        (&["cron"], "logrotate.d/windlass-rotate-cron"),
        (&["sysv", "--service", "serve"], "init.d/windlass-serve"),
    ];
    for (kind, name) in kinds {
        let all = [&["install"], kind, &["--root", "root"], &log].concat();
        sandbox.ok(&all);
        let place = format!("root/etc/{name}");
        let is_unit = name.starts_with("systemd");
        let hint = |not_unit: &str, unit: &str| {
            let run = sandbox.run(&all);
            assert_eq!(run.code, 1, "{run:#?}");
            assert!(run.stderr.contains(not_unit) != is_unit, "{run:#?}");
            assert!(run.stderr.contains(unit) == is_unit, "{run:#?}");
        };
        sandbox.write(&place, format!("{}# own\n", sandbox.read(&place)));
        hint("Move it aside, or give --force", "('systemctl edit'), or");
        fs::remove_file(sandbox.path(&place)).unwrap();
        symlink("/dev/null", sandbox.path(&place)).unwrap();
        hint("; move it aside, or choose", "('systemctl unmask'");
        fs::remove_file(sandbox.path(&place)).unwrap();
    }
    for (option, hint) in [
        (
            ["--listen", "127.0.0.1:1"],
            "leave --listen away, or give --service serve",
        ),
        (["--load-credential", "a:/b\\"], "name a path without it"),
        (["--load-credential", "a:/b\nc"], "name a path without it"),
        (["--log-file", "a*b"], "name a path without it"),
    ] {
        let run = install(&sandbox, &option);
        assert!(run.stderr.contains(&format!("hint: {hint}\n")), "{run:#?}");
    }
}

#[test]
fn what_was_written_is_taken_away() {
    let sandbox = Sandbox::new();
    let of = |more: &[&str]| {
        let own = ["--service", "serve", "--listen", "127.0.0.1:9911"];
        install(&sandbox, &[&own[..], more].concat())
    };
    assert_eq!(of(&["--log-file", "log"]).code, 10);
    let socket = sandbox.path("root/etc/systemd/system/windlass-serve.socket");
    let rule = sandbox.path("root/etc/logrotate.d/windlass-serve-systemd");
    assert!(socket.exists() && rule.exists());
    // What is not asked for any more goes too.
    let run = install(&sandbox, &["--service", "serve"]);
    assert_eq!(run.code, 10);
    assert!(!socket.exists() && !rule.exists(), "{run:#?}");
    assert!(
        run.stdout.contains("windlass-serve.socket: removed"),
        "{run:#?}"
    );
    let look = install(&sandbox, &["--service", "serve", "--remove", "--check"]);
    assert!(look.stdout.contains("would be removed"), "{look:#?}");
    assert_eq!(
        install(&sandbox, &["--service", "serve", "--remove"]).code,
        10
    );
    assert_eq!(
        install(&sandbox, &["--service", "serve", "--remove"]).code,
        0
    );
    assert_eq!(fs::read_dir(socket.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn where_one_file_cannot_be_written_none_is() {
    let sandbox = Sandbox::new();
    // The directory of the rule for the log is none.
    fs::create_dir_all(sandbox.path("root/etc")).unwrap();
    sandbox.write("root/etc/logrotate.d", "");
    let run = install(&sandbox, &["--log-file", "log"]);
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr.contains("logrotate.d/windlass-rotate"),
        "{run:#?}"
    );
    assert!(!sandbox.path(SERVICE).exists());
    assert!(!sandbox.path(TIMER).exists());
}

#[test]
fn what_cannot_be_said_is_refused() {
    let sandbox = Sandbox::new();
    for (arguments, code, message) in [
        (&["systemd", "--user", "a b"][..], 2, "a user's name has"),
        (&["cron", "--user", "root\nroot"], 2, "a user's name has"),
        (&["cron", "--user", "0"], 2, "begins with a letter"),
        (
            &["cron", "--profile", "a/../b"],
            2,
            "gives no name for files",
        ),
        (&["cron", "--profile", "a b"], 2, "gives no name for files"),
        (
            &["cron", "--schedule", "* * * * *\n* * * * * root id"],
            2,
            "cron's five fields",
        ),
        (
            &["systemd", "--schedule", "hourly\nUser=x"],
            2,
            "a calendar event is expected",
        ),
        (
            &["systemd", "--on-failure", "x\n.service"],
            2,
            "a unit is named",
        ),
        (
            &["systemd", "--load-credential", "a:b"],
            2,
            "a name and the absolute path",
        ),
        (
            &["systemd", "--load-credential", "a:/b\nUser=x"],
            2,
            "has a control character",
        ),
        (
            &["systemd", "--load-credential", "a:/b\\"],
            2,
            "has a backslash",
        ),
        (
            &["systemd", "--listen", "127.0.0.1:1"],
            2,
            "--listen is for 'serve'",
        ),
        (
            &["cron", "--name", "x", "--profile", "a\nb"],
            2,
            "has a control character",
        ),
        (
            &["cron", "--name", "x", "--profile", "a\\b"],
            2,
            "has a backslash",
        ),
        (&["cron", "--config", "x\ny"], 2, "has a control character"),
        (
            &["sysv", "--service", "rotate"],
            2,
            "[possible values: serve, update]",
        ),
        (
            &["systemd", "--", "--nonsense"],
            2,
            "unexpected argument '--nonsense'",
        ),
        (
            &["cron", "--", "--force"],
            2,
            "--force behind -- would be given to",
        ),
        (&["systemd", "--", "--check"], 2, "--check behind --"),
        (&["systemd", "--write-path", "/"], 2, "/ is for the system"),
        (
            &["systemd", "--write-path", "/etc/"],
            2,
            "/etc/ is for the system",
        ),
        (
            &["systemd", "--write-path", "/srv/../usr"],
            2,
            "is for the system",
        ),
        (
            &["systemd", "--log-file", "/run/w.log"],
            2,
            "/run is for the system",
        ),
        (&["cron", "--mailto", "a b"], 2, "an address is expected"),
        (&["cron", "--mailto=-x"], 2, "an address is expected"),
        (
            &["cron", "--schedule", "jan * * * *"],
            2,
            "cron's five fields",
        ),
        (&["cron", "--schedule", "0 0 30 2 *"], 2, "never comes"),
        (
            &["systemd", "--", "--pkcs8-password=x"],
            2,
            "holds a secret",
        ),
        (
            &["cron", "--log-file", "a*b"],
            2,
            "logrotate takes for a pattern",
        ),
    ] {
        let own = ["--root", "root"];
        let at = arguments.iter().position(|word| *word == "--");
        let (front, behind) = arguments.split_at(at.unwrap_or(arguments.len()));
        let run = sandbox.run(&[&["install"], front, &own[..], behind].concat());
        assert_eq!(run.code, code, "{arguments:?}: {run:#?}");
        assert!(run.stderr.contains(message), "{arguments:?}: {run:#?}");
        assert!(!sandbox.path("root").exists(), "{arguments:?}");
    }
    let long = "x".repeat(1000);
    let run = sandbox.run(&[
        "install",
        "cron",
        "--print",
        "--",
        "--cn",
        &long[..60],
        "--identity",
        &long,
    ]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("and cron takes 998"), "{run:#?}");
}

/// A link of a package means the root of the host for which it is.
#[test]
fn nothing_is_written_outside_of_the_root() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("root/etc")).unwrap();
    fs::create_dir_all(sandbox.path("outside")).unwrap();
    let link = sandbox.path("root/etc/cron.d");
    for target in [
        sandbox.path("outside"),
        "/nowhere/x".into(),
        "../../outside".into(),
    ] {
        symlink(&target, &link).unwrap();
        for more in [&[][..], &["--force"], &["--check"], &["--remove"]] {
            let run = sandbox.run(&[&["install", "cron", "--root", "root"], more].concat());
            assert_eq!(run.code, 1, "{run:#?}");
            assert!(run.stderr.contains("a link leads out of it"), "{run:#?}");
        }
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_dir(sandbox.path("outside")).unwrap().count(), 0);
    fs::create_dir(sandbox.path("root/etc/tables")).unwrap();
    symlink("tables", &link).unwrap();
    sandbox.ok(&["install", "cron", "--root", "root"]);
    assert!(sandbox.path("root/etc/tables/windlass-rotate").exists());
}

/// A name alone does not make it the same job.
#[test]
fn a_file_of_another_job_stays() {
    let sandbox = Sandbox::new();
    let own = ["--name", "x", "--profile", "a"];
    assert_eq!(install(&sandbox, &own).code, 10);
    let name = |name: &str| format!("root/etc/systemd/system/x.{name}");
    let before = sandbox.read(&name("service"));
    for other in [
        &["--profile", "b"][..],
        &[],
        &["--profile", "a", "--user", "daemon"],
        &["--profile", "a", "--service", "serve"],
    ] {
        for more in [&[][..], &["--check"], &["--remove"]] {
            let run = install(&sandbox, &[&["--name", "x"], other, more].concat());
            assert_eq!(run.code, 1, "{other:?} {more:?}: {run:#?}");
            let said = "is of another job: 'rotate as root for the profile 'a''";
            assert!(run.stderr.contains(said), "{run:#?}");
        }
    }
    assert_eq!(sandbox.read(&name("service")), before);
    assert_eq!(
        install(&sandbox, &[&own[..], &["--schedule", "daily"]].concat()).code,
        10
    );
    assert_eq!(install(&sandbox, &["--name", "x", "--force"]).code, 10);
    // Of cron and of systemd each has its own rule.
    let log = ["--log-file", "log"];
    for kind in ["cron", "systemd"] {
        sandbox.ok(&[
            &["install", kind, "--root", "root", "--name", "y"],
            &log[..],
        ]
        .concat());
    }
    sandbox.ok(&[
        "install", "cron", "--root", "root", "--name", "y", "--remove",
    ]);
    let rules = fs::read_dir(sandbox.path("root/etc/logrotate.d")).unwrap();
    let rules: Vec<_> = rules.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(rules, ["y-systemd"]);
}

/// A config file that is broken by now says nothing of what was written.
#[test]
fn a_broken_config_file_is_no_reason_to_stay() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        "[profile.a]\nidentity = '/srv/a'\ncn = 'a'\nca_dir = '/srv/ca'\n",
    );
    let own = ["install", "cron", "--root", "root", "--config", "/c.toml"];
    fs::create_dir(sandbox.path("root")).unwrap();
    fs::copy(sandbox.path("c.toml"), sandbox.path("root/c.toml")).unwrap();
    sandbox.ok(&own);
    sandbox.write("root/c.toml", "[profile.a\n");
    assert_eq!(sandbox.run(&own).code, 2);
    sandbox.ok(&[&own[..], &["--remove"]].concat());
    assert!(!sandbox.path("root/etc/cron.d/windlass-rotate").exists());
}

/// root writes the units of a user whose config file is that user's.
#[test]
fn a_users_own_config_file_is_read() {
    if !users::is_root(a_users_own_config_file_is_read) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        "[profile.a]\nidentity = '/srv/a'\ncn = 'a'\nca_dir = '/srv/ca'\n",
    );
    chown(sandbox.path("c.toml"), Some(users::NOBODY), None).unwrap();
    let config = sandbox.path("c.toml").display().to_string();
    let own = ["install", "systemd", "--print", "--config", &config];
    let run = sandbox.run(&own);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = sandbox.ok(&[&own[..], &["--user", "nobody"]].concat());
    assert!(
        run.stdout.contains("\nReadWritePaths=-/srv/a\n"),
        "{run:#?}"
    );
}

/// What everybody can read has no secrets, and neither has what is said of it.
#[test]
fn secrets_are_neither_written_nor_repeated() {
    let sandbox = Sandbox::new();
    for options in [
        &["--proxy", "http://u:hush@h:1"][..],
        &["--proxy=http://u:hush@h:1"],
        &["--proxy", "u:hush@h:1"],
        &["--endpoint", "https://u:hush@h"],
        &["--private-key", "pkcs11:object=k?pin-value=hush"],
        &["--pkcs8-password", "hush"],
        &["--tpm-key-password=hush"],
        // One that is wrong does not bring the others to light.
        &["--nonsense", "--certificate", "hush"],
    ] {
        for kind in ["systemd", "cron"] {
            let all = [&["install", kind, "--root", "root", "--"], options].concat();
            let run = sandbox.run(&all);
            assert_eq!(run.code, 2, "{options:?}: {run:#?}");
            assert!(!run.stderr.contains("hush"), "{options:?}: {run:#?}");
            assert!(!sandbox.path("root").exists());
        }
    }
    sandbox.ok(&[
        "install",
        "cron",
        "--print",
        "--",
        "--proxy",
        "http://h:1",
        "--organization",
        "a@b",
    ]);
}

/// A variable of the shell is no word of this command line.
#[test]
fn variables_that_are_written_down_are_told() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    command
        .args(["install", "cron", "--print", "--program", "/w"])
        .env("WINDLASS_LOG_FILE", sandbox.path("log"));
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("$WINDLASS_LOG_FILE is set"), "{run:#?}");
    assert!(
        !sandbox
            .ok(&["install", "cron", "--print"])
            .stderr
            .contains("is set")
    );
}

/// Variables of the shell in which it is called mean nothing to what is run later.
#[test]
fn what_is_run_later_has_none_of_todays_variables() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    command
        .args(["install", "systemd", "--print"])
        .env("WINDLASS_PROFILE", "backup")
        .env("WINDLASS_IDENTITY", "web")
        .env("WINDLASS_ROLE_ARN", "nonsense");
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains(" rotate --all\n"), "{run:#?}");
}
