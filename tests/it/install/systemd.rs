//! The units, as systemd itself reads them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{installed, tool, with_profile};
use crate::harness::{Sandbox, capture, program};
use crate::users;

fn unit(sandbox: &Sandbox, name: &str) -> String {
    let path = format!("root/etc/systemd/system/{name}");
    sandbox.path(&path).display().to_string()
}

/// What systemd has to say of the units, which is nothing; and how much the services are
/// open to, in tenths.
fn judged(sandbox: &Sandbox) -> BTreeMap<String, u32> {
    let directory = sandbox.path("root/etc/systemd/system");
    let files = fs::read_dir(directory).unwrap();
    let files: Vec<String> = files
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    let words = ["verify", "--man=no"];
    let names = files.iter().map(String::as_str);
    let verify: Vec<&str> = words.into_iter().chain(names).collect();
    // What is newer than the systemd of the tests it ignores, as it says.
    let said = tool("systemd-analyze", &verify);
    let newer = ["'RestartSteps'", "'RestartMaxDelaySec'"];
    let is_newer = |line: &&str| {
        newer
            .iter()
            .any(|key| line.contains(&format!("Unknown key {key}")))
    };
    let others: Vec<&str> = said.lines().filter(|line| !is_newer(line)).collect();
    assert!(others.is_empty(), "{others:#?}");
    let services = files.iter().filter(|path| path.ends_with(".service"));
    services
        .map(|path| {
            let words = ["security", "--offline=true", "--no-pager", path];
            let report = capture(Command::new("systemd-analyze").args(words)).stdout;
            let level = report.lines().last().unwrap().split(": ").nth(1).unwrap();
            let level = level.split(' ').next().unwrap().replace('.', "");
            (path.clone(), level.parse().unwrap())
        })
        .collect()
}

/// All kinds of units, with everything that a profile can ask for.
#[test]
fn systemd_takes_every_unit_and_finds_little_that_it_is_open_to() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let config = with_profile(
        &sandbox,
        None,
        "after_hook = ['systemctl reload nginx']\n\n[profile.tpm]\ncertificate = '/etc/ssl/c.pem'\n\
         private_key = 'handle:0x81000001'\n\n[profile.token]\ncertificate = 'pkcs11:object=c'\n\
         private_key = 'pkcs11:object=k'\npkcs11_lib = '/usr/lib/softhsm/libsofthsm2.so'\n\n\
         [profile.plain]\ncertificate = '/etc/ssl/c.pem'\nprivate_key = '/etc/ssl/k.pem'\n\n\
         [profile.home]\ncertificate = '/home/a/c.pem'\nprivate_key = 'cmd:keyring get k'\n",
    );
    let config = config.display().to_string();
    let mut counted = 0;
    for (service, profile, more) in [
        ("rotate", None, &[][..]),
        ("rotate", Some("web"), &["--on-failure", "mail@%n.service"]),
        (
            "rotate",
            Some("web"),
            &["--load-credential", "ca:/etc/windlass/pass phrase"],
        ),
        (
            "rotate",
            Some("web"),
            &["--load-credential-encrypted", "ca:/etc/windlass/p"],
        ),
        (
            "rotate",
            Some("web"),
            &["--user", "daemon", "--write-path", "/srv/with blank"],
        ),
        (
            "rotate",
            Some("web"),
            &["--schedule", "*-*-* *:0/20", "--log-file", "/var/log/w/l"],
        ),
        ("serve", Some("plain"), &[]),
        (
            "serve",
            Some("plain"),
            &["--user", "daemon", "--listen", "127.0.0.1:9911"],
        ),
        (
            "serve",
            Some("plain"),
            &["--listen", "/run/windlass/s", "--syslog"],
        ),
        ("serve", Some("tpm"), &[]),
        (
            "serve",
            Some("token"),
            &["--device", "/dev/bus/usb/001/001"],
        ),
        ("serve", Some("home"), &[]),
        ("update", Some("plain"), &[]),
        ("update", Some("home"), &["--user", "daemon"]),
    ] {
        let _ = fs::remove_dir_all(sandbox.path("root"));
        let mut arguments = vec!["systemd", "--service", service, "--config", &config];
        arguments.extend(profile.map(|name| ["--profile", name]).iter().flatten());
        arguments.extend(more);
        if service == "rotate" {
            // As on a host where nothing is there yet, and as on this one.
            let run = sandbox.ok(&[&["install"], &arguments[..], &["--print"]].concat());
            assert!(run.stdout.contains("ReadWritePaths=-"), "{run:#?}");
        }
        printed(&sandbox, &arguments);
        for (path, level) in judged(&sandbox) {
            assert!(
                level < 20,
                "{path} {arguments:?}: {level}\n{}",
                fs::read_to_string(&path).unwrap()
            );
            counted += 1;
        }
    }
    assert_eq!(counted, 14);
}

/// Puts what is printed at its places below `root`: the profiles are this host's.
fn printed(sandbox: &Sandbox, arguments: &[&str]) -> BTreeMap<String, String> {
    let own = ["--print", "--program", program()];
    let run = sandbox.ok(&[&["install"], arguments, &own[..]].concat());
    let mut files = BTreeMap::new();
    // One alone is printed as it stands.
    let headed = match run
        .stderr
        .lines()
        .find_map(|line| line.split_once(" for /"))
    {
        Some((_, place)) => format!("# /{place}\n{}", run.stdout),
        None => run.stdout,
    };
    for part in format!("\n{headed}").split("\n# /").skip(1) {
        let (path, text) = part.split_once('\n').unwrap();
        let place = sandbox.path("root").join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let text = format!("{}\n", text.trim_end());
        fs::write(&place, &text).unwrap();
        files.insert(
            place.file_name().unwrap().to_str().unwrap().to_owned(),
            text,
        );
    }
    files
}

/// What systemd understands of a unit: a command line and directories.
fn understood(path: &str) -> (Vec<String>, Vec<String>) {
    let mut command = Command::new("systemd-analyze");
    command
        .args(["verify", "--man=no", path])
        .env("SYSTEMD_LOG_LEVEL", "debug");
    let run = capture(&mut command);
    let all = run.stdout + &run.stderr;
    let value = |key: &str| {
        let mut lines = all.lines().filter_map(|line| line.trim().strip_prefix(key));
        lines
            .next_back()
            .unwrap_or_else(|| panic!("{key}: {all}"))
            .to_owned()
    };
    let line = value("Command Line: ");
    // It quotes as a shell does (but for a # at the beginning of a word, which such a dump
    // leaves as it is); $$ becomes $ when the line is run.
    let words = shlex::split(&line).unwrap_or_else(|| panic!("{line}"));
    let words = words.into_iter().map(|word| word.replace("$$", "$"));
    (words.collect(), vec![value("ReadWritePaths: ")])
}

#[test]
fn hostile_words_come_back_as_they_were() {
    let sandbox = Sandbox::new();
    let check = |name: &str, path: &str| {
        let directory = format!("/srv/{path}");
        let arguments = [
            "systemd",
            "--name",
            "x",
            "--profile",
            name,
            "--write-path",
            &directory,
        ];
        let _ = fs::remove_dir_all(sandbox.path("root"));
        installed(&sandbox, &arguments);
        let (words, paths) = understood(&unit(&sandbox, "x.service"));
        assert_eq!(words, [program(), "rotate", "--profile", name], "{name:?}");
        assert_eq!(paths, [format!("-{directory} -/var/lib/windlass")]);
    };
    for word in [
        "100%n",
        "$HOME ${HOME}",
        "a;b ;",
        "\"'`\\n\\x41 \\",
        "%%",
        "@-:+!x",
        "a#x",
        "ä€😀",
    ] {
        check(word, &word.replace('/', ""));
    }
    // Each case starts two programs.
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let word = "[^\\p{C}\\p{Z}/]([^\\p{C}\\u{2028}\\u{2029}/]{0,12}[^\\p{C}\\p{Z}/])?";
    runner
        .run(&(word, word), |(name, path)| {
            prop_assume!(path != "." && path != ".." && !name.starts_with(['-', '#']));
            check(&name, &path);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_service_reaches_what_its_profiles_name() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let root = sandbox.root().display().to_string();
    let config = with_profile(
        &sandbox,
        None,
        &format!(
            "key_file = '{root}/fixed/key.pem'\nfullchain_file = '{root}/fixed/cert.pem'\n\
             before_hook = ['true']\nafter_hook = ['true', 'true']\nhook_timeout = '10m'\n\n\
             [profile.tpm]\ncertificate = '~/c.pem'\nprivate_key = 'handle:0x81000001'\n"
        ),
    );
    fs::create_dir(sandbox.path("fixed")).unwrap();
    let config = config.display().to_string();
    let arguments = [
        "systemd",
        "--config",
        &config,
        "--log-file",
        "/var/log/windlass/rotate.log",
    ];
    let files = printed(&sandbox, &arguments);
    let service = &files["windlass-rotate.service"];
    for path in ["web", "ca", "fixed"] {
        assert!(
            service.contains(&format!("\nReadWritePaths=-{root}/{path}\n")),
            "{service}"
        );
    }
    assert!(
        service.contains("\nReadWritePaths=-/var/log/windlass\n"),
        "{service}"
    );
    // Three hooks of ten minutes, an issuer of one, and five besides; and the profile
    // that has nothing to do with rotation.
    assert!(service.contains("\nTimeoutStartSec="), "{service}");
    let seconds = service.split("TimeoutStartSec=").nth(1).unwrap();
    let seconds: u32 = seconds.lines().next().unwrap().parse().unwrap();
    assert_eq!(seconds, 36 * 60);
    // Hooks make code as they run; those who have none do not.
    assert!(!service.contains("MemoryDenyWriteExecute"), "{service}");
    assert!(files["windlass-rotate-systemd"].contains("\"/var/log/windlass/rotate.log\" {"));
    let files = printed(
        &sandbox,
        &[
            "systemd",
            "--service",
            "serve",
            "--config",
            &config,
            "--profile",
            "tpm",
        ],
    );
    let service = &files["windlass-serve-tpm.service"];
    assert!(
        service.contains("\nDeviceAllow=/dev/tpmrm0 rw\n"),
        "{service}"
    );
    assert!(!service.contains("PrivateDevices"), "{service}");
    assert!(service.contains("\nProtectHome=read-only\n"), "{service}");
    assert!(
        service.contains("\nMemoryDenyWriteExecute=yes\n"),
        "{service}"
    );
    assert!(service.contains("\nWatchdogSec="), "{service}");
}

/// What the sandbox allows follows from what options are, not from how they are spelt.
#[test]
fn a_path_that_only_looks_like_something_opens_nothing() {
    let sandbox = Sandbox::new();
    let profile = |lines: &str| {
        let usual = "certificate = '/etc/c.pem'\nprivate_key = '/etc/k.pem'\n";
        let usual = if lines.contains("certificate") {
            ""
        } else {
            usual
        };
        sandbox.write("config.toml", format!("[profile.p]\n{usual}{lines}\n"));
        let config = sandbox.path("config.toml").display().to_string();
        let arguments = ["systemd", "--service", "serve", "--profile", "p"];
        let arguments = [&arguments[..], &["--config", &config]].concat();
        let service = printed(&sandbox, &arguments)["windlass-serve-p.service"].clone();
        [
            service.contains("\nProtectHome=read-only\n"),
            !service.contains("\nMemoryDenyWriteExecute=yes\n"),
        ]
    };
    for (lines, homes, programs) in [
        ("", false, false),
        ("ca_bundle = '/srv/home/x'", false, false),
        ("ca_bundle = '/home/x'", true, false),
        ("ca_bundle = '../../../../../../../../home/x'", true, false),
        ("ca_bundle = '~/x'", true, false),
        ("passphrase_file = '/srv/xcmd:y'", false, false),
        ("passphrase_from = 'cmd:ask'", false, true),
        ("passphrase_from = 'cmd:cat /home/x'", true, true),
        (
            "role_session_name = 'cmd'\nregion = 'cmd:/home/'",
            false,
            false,
        ),
        ("certificate = '/etc/c'\nprivate_key = 'cmd:k'", false, true),
        // Of another verb.
        ("ca_dir = '/home/ca'\nafter_hook = ['true']", false, false),
    ] {
        assert_eq!(profile(lines), [homes, programs], "{lines}");
    }
}

/// The config file is the one of the host that the files are for, however it is named.
#[test]
fn a_config_file_is_looked_for_below_the_root() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("root/etc/app")).unwrap();
    sandbox.write(
        "root/etc/app/w.toml",
        "[profile.p]\nidentity = '/srv/p'\ncn = 'p'\nca_dir = '/srv/ca'\n",
    );
    let at = "/etc/app/w.toml";
    let inline = format!("--config={at}");
    for (front, behind) in [
        (&["--config", at][..], &[][..]),
        (&[][..], &["--config", at]),
        (&[], &[&inline]),
    ] {
        let own = [
            "install",
            "systemd",
            "--root",
            "root",
            "--print",
            "--program",
            "/w",
        ];
        let all = [&own[..], front, &["--"], behind].concat();
        let run = sandbox.ok(&all);
        let line = run
            .stdout
            .lines()
            .find(|line| line.starts_with("ExecStart="));
        let line = line.unwrap();
        let start = "ExecStart=/w rotate --all --config /etc/app/w.toml";
        assert!(line.starts_with(start), "{all:?}: {line}");
        assert_eq!(line.matches(at).count(), 1, "{all:?}: {line}");
        let written = run.stdout.contains("\nReadWritePaths=-/srv/p\n");
        assert!(written, "{all:?}: {run:#?}");
    }
    let named = [
        "install",
        "systemd",
        "--root",
        "root",
        "--print",
        "--program",
        "/w",
        "--name",
        "x",
        "--config",
        at,
        "--profile=--config",
    ];
    let run = sandbox.ok(&named);
    let line = "\nExecStart=/w rotate --profile=--config --config /etc/app/w.toml\n";
    assert!(run.stdout.contains(line), "{run:#?}");
    let twice = [
        "install", "systemd", "--print", "--config", at, "--", &inline,
    ];
    let run = sandbox.run(&twice);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("cannot be used multiple times"),
        "{run:#?}"
    );
}

/// Files of other users need rights that files of root do not.
#[test]
fn a_service_has_the_rights_that_its_files_need() {
    if !users::is_root(a_service_has_the_rights_that_its_files_need) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let root = sandbox.root().display().to_string();
    let config = with_profile(
        &sandbox,
        None,
        &format!("key_file = '{root}/fixed/key.pem'\n"),
    );
    fs::create_dir(sandbox.path("fixed")).unwrap();
    let config = config.display().to_string();
    let arguments = ["systemd", "--config", &config];
    let service = || printed(&sandbox, &arguments)["windlass-rotate.service"].clone();
    assert!(service().contains("\nCapabilityBoundingSet=\n"));
    assert!(service().contains(" @privileged\n"));
    // What a group opens besides nobody knows: the profile names it, or the service is
    // not in it.
    fs::write(sandbox.path("fixed/key.pem"), "").unwrap();
    chown(sandbox.path("fixed/key.pem"), None, Some(users::NOBODY)).unwrap();
    chown(sandbox.path("fixed"), None, Some(users::NOBODY)).unwrap();
    assert!(!service().contains("SupplementaryGroups"), "{}", service());
    let all = [&["install"], &arguments[..], &["--print"]].concat();
    let said = sandbox.ok(&all).stderr;
    assert!(said.contains("say file_group = 'nogroup'"), "{said}");
    fs::remove_file(sandbox.path("fixed/key.pem")).unwrap();
    assert_eq!(sandbox.ok(&all).stderr, said);
    fs::write(sandbox.path("fixed/key.pem"), "").unwrap();
    let more = "key_file = 'ROOT/fixed/key.pem'\nfile_group = 'nogroup'\n".replace("ROOT", &root);
    with_profile(&sandbox, None, &more);
    assert!(!sandbox.ok(&all).stderr.contains("nogroup"));
    // No capability gives a file to one's own group.
    let of_group = service();
    assert!(
        of_group.contains("\nCapabilityBoundingSet=\n"),
        "{of_group}"
    );
    assert!(
        of_group.contains("\nSupplementaryGroups=nogroup\n"),
        "{of_group}"
    );
    assert!(!of_group.contains(" @privileged\n"), "{of_group}");
    chown(sandbox.path("fixed/key.pem"), Some(users::NOBODY), None).unwrap();
    let of_other = service();
    assert!(of_other.contains("\nCapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n"));
    // It is the one kind that is open to more.
    let levels: Vec<u32> = judged(&sandbox).into_values().collect();
    assert!(levels.iter().all(|level| *level <= 22), "{levels:?}");
}

/// Members of a group get at the socket, and nobody else does.
#[test]
fn a_socket_is_for_its_group() {
    let sandbox = Sandbox::new();
    let own = ["systemd", "--service", "serve", "--listen", "/run/w/s"];
    installed(&sandbox, &own);
    let socket = || sandbox.read("root/etc/systemd/system/windlass-serve.socket");
    assert!(socket().contains("\nSocketMode=0600\n"), "{}", socket());
    installed(
        &sandbox,
        &[&own[..], &["--socket-group", "www-data"]].concat(),
    );
    assert!(
        socket().contains("\nSocketMode=0660\nSocketGroup=www-data\n"),
        "{}",
        socket()
    );
    judged(&sandbox);
}

/// Before the first run nothing is there whose owner could say it.
#[test]
fn rights_follow_the_profile_where_nothing_is_there_yet() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("root/etc/windlass")).unwrap();
    sandbox.write(
        "root/etc/passwd",
        "root:x:0:0::/root:/bin/sh\ndb:x:7:7::/:/bin/sh\n",
    );
    sandbox.write("root/etc/group", "root:x:0:\ndomain users:x:4712:\n");
    let of = |lines: &str| {
        let usual =
            "[profile.p]\nidentity = '/var/lib/windlass/p'\ncn = 'p'\nkey_file = '/srv/k'\n";
        let issuer = match lines.contains("issuer_command") {
            true => "",
            false => "ca_dir = '/srv/ca'\n",
        };
        let config = format!("{usual}{issuer}{lines}\n");
        sandbox.write("root/etc/windlass/config.toml", config);
        let arguments = ["install", "systemd", "--root", "root", "--print"];
        sandbox.run(&[&arguments[..], &["--program", "/w"]].concat())
    };
    let capabilities = "\nCapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n";
    let state = "\nStateDirectory=windlass/p\nStateDirectoryMode=0700\n";
    let homes = "\nProtectHome=read-only\n";
    for (lines, expected, others) in [
        ("", &[state][..], &[capabilities, homes][..]),
        ("file_owner = 'db'", &[capabilities, state], &[homes]),
        ("file_owner = '8'", &[capabilities], &[]),
        ("file_owner = 'root'", &[state], &[capabilities]),
        // systemd would take it away again.
        (
            "group = 'root'",
            &["\nSupplementaryGroups=root\n"],
            &["StateDirectory"],
        ),
        // ssh has its key there.
        ("issuer_command = 'ssh ca sign'", &[homes], &[]),
        // The list would have two groups.
        (
            "file_group = 'domain users'",
            &["\nSupplementaryGroups=4712\n"],
            &[],
        ),
    ] {
        let run = of(lines);
        assert_eq!(run.code, 0, "{lines}: {run:#?}");
        let has = |part: &&str| run.stdout.contains(*part);
        assert!(expected.iter().all(has), "{lines}: {}", run.stdout);
        assert!(!others.iter().any(has), "{lines}: {}", run.stdout);
    }
    let run = of("group = 'domain admins'");
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr
            .contains("group = 'domain admins' cannot be written into a unit"),
        "{run:#?}"
    );
    // What others read keeps its mode.
    fs::create_dir_all(sandbox.path("root/var/lib/windlass/p")).unwrap();
    assert!(!of("").stdout.contains("StateDirectory"));
}

#[test]
fn a_timer_is_one_of_systemd() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &["systemd"]);
    let timer = sandbox.read("root/etc/systemd/system/windlass-rotate.timer");
    // For any host: a package's file is the same wherever it is made.
    assert!(timer.contains("\nOnCalendar=*-*-* *:00:00\n"), "{timer}");
    assert!(
        timer.contains("\nRandomizedDelaySec=50min\nFixedRandomDelay=yes\n"),
        "{timer}"
    );
    fs::create_dir_all(sandbox.path("root/etc")).unwrap();
    sandbox.write("root/etc/machine-id", "b08dfa6083e7567a1921a715000001fb\n");
    installed(&sandbox, &["systemd"]);
    let own = sandbox.read("root/etc/systemd/system/windlass-rotate.timer");
    let event = own
        .split("OnCalendar=")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_ne!(event, "*-*-* *:00:00");
    // The name of one that is elsewhere; and a time that is said, spread all the same.
    let run = [
        "install", "systemd", "--root", "root", "--print", "--host", "a",
    ];
    assert!(!sandbox.ok(&run).stdout.contains(event));
    let spread = ["--schedule", "hourly", "--random-delay", "10m"];
    let timer = sandbox.ok(&[&run[..], &spread].concat()).stdout;
    let expected = "\nOnCalendar=hourly\nRandomizedDelaySec=10min\nFixedRandomDelay=yes\n";
    assert!(timer.contains(expected), "{timer}");
    for (event, is_one) in [
        ("daily", true),
        ("Mon..Fri *-*-* 03:00 Europe/Berlin", true),
        ("sat,sun 4:00", true),
        ("weekly UTC", true),
        ("every day", false),
        ("day", false),
        ("tomorrow 3:00", false),
    ] {
        let code = sandbox
            .run(&[&run[..], &["--schedule", event]].concat())
            .code;
        assert_eq!(code == 0, is_one, "{event}");
        if is_one {
            tool("systemd-analyze", &["calendar", event]);
        }
    }
    assert!(tool("systemd-analyze", &["calendar", event]).contains("Next elapse"));
}
