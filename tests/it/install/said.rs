//! What is said besides: what to type next, and what is amiss.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::with_profile;
use crate::harness::{Run, Sandbox, program};
use crate::users;

/// Runs it as on a host whose /etc is the sandbox's own: nothing is written elsewhere.
fn on_a_host(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let etc = sandbox.path("etc");
    for directory in ["cron.d", "init.d", "logrotate.d", "systemd/system"] {
        fs::create_dir_all(etc.join(directory)).unwrap();
    }
    fs::write(etc.join("passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    let mut command = Command::new("unshare");
    sandbox.scrub(&mut command);
    let script = "mount --bind etc /etc && exec \"$@\"";
    command
        .args(["--mount", "sh", "-c", script, "sh", program(), "install"])
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    sandbox.finish(command)
}

#[test]
fn what_to_type_next_is_said_when_something_changed() {
    if !users::is_root(what_to_type_next_is_said_when_something_changed) {
        return;
    }
    for (arguments, installed, removed) in [
        (&["cron"][..], &[][..], &[][..]),
        (
            &["systemd"],
            &[
                "install -d -m 0700 -o root /var/lib/windlass",
                "systemctl daemon-reload",
                "systemctl enable --now windlass-rotate.timer",
            ],
            &[
                "systemctl disable --now windlass-rotate.timer",
                "systemctl daemon-reload",
            ],
        ),
        (
            &["systemd", "--service", "serve", "--listen", "127.0.0.1:1"],
            &[
                "systemctl daemon-reload",
                "systemctl enable --now windlass-serve.socket windlass-serve.service",
            ],
            &[
                "systemctl disable --now windlass-serve.socket windlass-serve.service",
                "systemctl daemon-reload",
            ],
        ),
        (
            &["sysv", "--service", "update"],
            &[
                "update-rc.d windlass-update defaults, or chkconfig --add windlass-update",
                "service windlass-update start",
            ],
            &["update-rc.d windlass-update remove, or chkconfig --del windlass-update"],
        ),
    ] {
        let sandbox = Sandbox::new();
        let of = |more: &[&str]| on_a_host(&sandbox, &[arguments, more].concat());
        let next = |more: &[&str]| -> Vec<String> {
            let run = of(more);
            assert_eq!(run.code, 0, "{arguments:?} {more:?}: {run:#?}");
            let lines = run.stderr.lines();
            let lines = lines.filter_map(|line| line.split_once("next: "));
            lines.map(|(_, line)| line.to_owned()).collect()
        };
        let shown = |more: &[&str]| -> Value {
            let run = of(&[more, &["--json"]].concat());
            serde_json::from_str(&run.stdout).unwrap()
        };
        let none: [&str; 0] = [];
        assert_eq!(next(&["--check"]), none, "{arguments:?}");
        let look = shown(&["--check"]);
        assert_eq!((&look["changed"], look.get("next")), (&true.into(), None));
        // Which of them are missing is the host's.
        let is_there = |line: &&str| {
            let place = line.strip_prefix("install -d -m 0700 -o root ");
            place.is_some_and(|place| Path::new(place).exists())
        };
        let installed: Vec<&str> = installed.iter().copied().filter(|l| !is_there(l)).collect();
        assert_eq!(next(&[]), installed, "{arguments:?}");
        // Nothing changed, and so there is nothing to do.
        assert_eq!(next(&[]), none, "{arguments:?}");
        assert_eq!(shown(&[])["next"], Value::Array(Vec::new()));
        assert_eq!(next(&["--remove"]), removed, "{arguments:?}");
        assert_eq!(shown(&[])["next"], Value::from(installed));
        // Of a package its scripts do it.
        assert_eq!(next(&["--root", "root"]), none, "{arguments:?}");
    }
}

#[test]
fn what_is_amiss_is_said() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let config = with_profile(&sandbox, None, "").display().to_string();
    let nowhere = sandbox.path("nowhere.toml").display().to_string();
    sandbox.write("w", "");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(sandbox.path("w"), open).unwrap();
    // Below /tmp.
    let mine = sandbox.path("w").display().to_string();
    let home = "is in a home directory, which a service may not see";
    let fleeting = "is in a directory that does not last";
    let anybodys = "whoever can change the program, root would run it for";
    let unknown = "it fails until there is one";
    let again = "then install it again, since the unit follows";
    let all = [home, fleeting, anybodys, unknown, again];
    for (arguments, expected) in [
        (&["systemd", "--program", "/usr/bin/env"][..], &[][..]),
        (&["systemd", "--program", "/home/x/windlass"], &[home]),
        (&["cron", "--program", "/home/y/windlass"], &[home]),
        (&["systemd", "--program", "/var/tmp/windlass"], &[fleeting]),
        (&["systemd", "--program", "/run/windlass"], &[fleeting]),
        (&["systemd", "--program", &mine], &[fleeting, anybodys]),
        (&["cron", "--program", &mine], &[fleeting, anybodys]),
        (
            &["cron", "--user", "daemon", "--program", &mine],
            &[fleeting],
        ),
        (
            &["cron", "--user-crontab", "--program", "/tmp/w"],
            &[fleeting],
        ),
    ] {
        let own = ["--config", &config];
        let print = if arguments.contains(&"--user-crontab") {
            &[][..]
        } else {
            &["--print"]
        };
        let run = sandbox.ok(&[&["install"], arguments, &own, print].concat());
        for warning in all {
            let is_said = run.stderr.contains(warning);
            assert_eq!(
                is_said,
                expected.contains(&warning),
                "{arguments:?}: {run:#?}"
            );
        }
        // Nothing is known here of the host for which a package is, but what the place of
        // the program is by its name.
        let own = ["--root", "root", "--host", "a"];
        let below = [&["install"], arguments, &own[..], print].concat();
        if !print.is_empty() {
            let run = sandbox.ok(&below);
            for warning in all {
                let is_said = run.stderr.contains(warning);
                let is_of_place = [home, fleeting].contains(&warning);
                assert_eq!(
                    is_said,
                    is_of_place && expected.contains(&warning),
                    "{run:#?}"
                );
            }
        }
    }
    // What cannot work at all.
    let run = sandbox.ok(&[
        "install",
        "cron",
        "--print",
        "--user",
        "nosuch",
        "--program",
        "/usr/bin/nosuch",
    ]);
    for part in [
        "--user nosuch: /etc/passwd has no such user",
        "/usr/bin/nosuch is not there",
    ] {
        assert!(run.stderr.contains(part), "{run:#?}");
    }
    // Where the program was made it is not to be on the hosts.
    let run = sandbox.ok(&["install", "systemd", "--print", "--root", "root"]);
    assert!(
        run.stderr
            .contains("is where the program is on this machine"),
        "{run:#?}"
    );
    let run = sandbox.ok(&[
        "install",
        "cron",
        "--print",
        "--profile",
        "x",
        "--config",
        &nowhere,
    ]);
    assert!(run.stderr.contains("nowhere.toml"), "{run:#?}");
    let run = sandbox.ok(&[
        "install",
        "cron",
        "--print",
        "--profile",
        "x",
        "--config",
        &config,
    ]);
    assert!(
        run.stderr.contains(&format!("no profile 'x' in {config}")),
        "{run:#?}"
    );
    for (kind, config, profile, expected) in [
        ("systemd", &nowhere, "web", &[unknown, again][..]),
        ("cron", &nowhere, "web", &[unknown]),
        ("cron", &config, "other", &[unknown]),
        ("cron", &config, "web", &[]),
    ] {
        let run = sandbox.ok(&[
            "install",
            kind,
            "--print",
            "--program",
            "/usr/bin/env",
            "--config",
            config,
            "--profile",
            profile,
        ]);
        for warning in all {
            let is_said = run.stderr.contains(warning);
            assert_eq!(is_said, expected.contains(&warning), "{kind}: {run:#?}");
        }
    }
}

/// How this run speaks, what is run later does; an init script's stderr nobody reads.
#[test]
fn how_it_speaks_is_handed_on() {
    let sandbox = Sandbox::new();
    let log = sandbox.path("log").display().to_string();
    let syslog = sandbox.path("socket").display().to_string();
    let own_syslog = format!("--syslog={syslog}");
    for (options, everywhere, script) in [
        (&[][..], "", " --syslog"),
        (&["--syslog"], " --syslog", " --syslog"),
        (
            &["--error-format", "json"],
            " --error-format json",
            " --syslog --error-format json",
        ),
        (&["--log-file", &log], " --log-file LOG", " --log-file LOG"),
        (&[&own_syslog], " --syslog=SOCKET", " --syslog=SOCKET"),
    ] {
        for (kind, verb) in [
            (&["systemd"][..], "serve"),
            (&["cron"], "rotate"),
            (&["sysv"], "serve"),
        ] {
            let service = ["--service", verb];
            let service = if verb == "serve" { &service[..] } else { &[] };
            let own = ["--root", "root", "--program", "/w", "--print"];
            let all = [&["install"], kind, service, &own, options].concat();
            let run = sandbox.ok(&all);
            let said = if kind == ["sysv"] { script } else { everywhere };
            let said = said.replace("LOG", &log).replace("SOCKET", &syslog);
            let line = format!("{verb} --all{said}");
            let end = if kind == ["cron"] { " >/dev/null" } else { "" };
            let is_it = |found: &str| found.replace('\'', "").ends_with(&format!(" {line}{end}"));
            assert!(run.stdout.lines().any(is_it), "{all:?}: {line}: {run:#?}");
        }
    }
}
