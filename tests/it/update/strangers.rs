//! What others may have put beside the file, or in its place: above all where
//! root writes into a user's directory.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::places::as_nobody;
use super::{good, lines, names, once};
use crate::fault_server::FaultServer;
use crate::harness::{Run, Sandbox, program};
use crate::users::{NOBODY, is_root};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload};

const OLD: &str = "[a]\nx = 1\n";
const JOURNAL: &str = "aws/.credentials.windlass-journal";

/// A journal from which a write over `found` would be completed, with a line
/// behind it.
fn journal(found: &str) -> String {
    let (old, new) = (format!("#{}", &found[1..]), format!("{found}planted = 1\n"));
    let digest = hex::encode(Sha256::digest(format!("{old}{new}")));
    format!(
        "windlass journal 1 {} {} {digest}\n{old}{new}",
        old.len(),
        new.len()
    )
}

/// A directory that everybody may write, with a file of root's in it.
fn sticky() -> Workload {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    fs::create_dir(sandbox.path("aws")).unwrap();
    fs::set_permissions(sandbox.path("aws"), fs::Permissions::from_mode(0o1777)).unwrap();
    sandbox.write("aws/credentials", OLD);
    workload
}

fn mkfifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn update(workload: &Workload, server: &FaultServer, options: &[&str]) -> Run {
    let mut arguments = vec!["--no-cache", "--credentials-file", "aws/credentials"];
    arguments.extend(options);
    once(workload, server, &arguments)
}

#[test]
fn a_journal_that_is_not_this_users_own_is_refused_and_named() {
    type Plant = fn(&Sandbox);
    let plants: [(&str, Plant); 7] = [
        ("another owner", |sandbox| {
            chown(sandbox.path(JOURNAL), Some(NOBODY), None).unwrap();
        }),
        ("others", |sandbox| {
            fs::set_permissions(sandbox.path(JOURNAL), fs::Permissions::from_mode(0o604)).unwrap();
        }),
        ("group", |sandbox| {
            fs::set_permissions(sandbox.path(JOURNAL), fs::Permissions::from_mode(0o620)).unwrap();
        }),
        ("two names", |sandbox| {
            fs::hard_link(sandbox.path(JOURNAL), sandbox.path("other")).unwrap();
        }),
        ("link", |sandbox| {
            fs::rename(sandbox.path(JOURNAL), sandbox.path("other")).unwrap();
            symlink("../other", sandbox.path(JOURNAL)).unwrap();
        }),
        ("dangling link", |sandbox| {
            fs::remove_file(sandbox.path(JOURNAL)).unwrap();
            symlink("nowhere", sandbox.path(JOURNAL)).unwrap();
        }),
        ("fifo", |sandbox| {
            fs::remove_file(sandbox.path(JOURNAL)).unwrap();
            mkfifo(&sandbox.path(JOURNAL));
        }),
    ];
    // Only root can give a journal away.
    let first = usize::from(!is_root(
        a_journal_that_is_not_this_users_own_is_refused_and_named,
    ));
    for (what, plant) in &plants[first..] {
        let (workload, server) = (sticky(), FaultServer::start(Vec::new()));
        workload.sandbox.write(JOURNAL, journal(OLD));
        plant(&workload.sandbox);
        for options in [[].as_slice(), &["--in-place"]] {
            let run = update(&workload, &server, options);
            assert_eq!(run.code, 1, "{what}: {run:#?}");
            assert!(
                run.stderr
                    .starts_with(&format!("error: {JOURNAL} is no journal that this user")),
                "{what}: {run:#?}"
            );
        }
        assert_eq!(workload.sandbox.read("aws/credentials"), OLD, "{what}");
        assert!(
            workload.sandbox.path(JOURNAL).is_symlink() || workload.sandbox.path(JOURNAL).exists()
        );
        assert_eq!(server.seen().len(), 0);
    }
}

/// One's own is completed, as before, and by what writes alone.
#[test]
fn what_only_reads_completes_nothing() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    sandbox.write(".aws/config", OLD);
    let beside = ".aws/.config.windlass-journal";
    sandbox.write(beside, journal(OLD));
    let mut arguments = vec!["configure", "--profile", "b", "--certificate", "c"];
    arguments.extend(["--private-key", "k", "--trust-anchor-arn", TRUST_ANCHOR_ARN]);
    arguments.extend(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN]);
    arguments.push("--no-check");
    let mut print = arguments.clone();
    print.push("--print");
    sandbox.ok(&print);
    assert_eq!(sandbox.read(".aws/config"), OLD);
    assert_eq!(sandbox.read(beside), journal(OLD));
    assert_eq!(fs::read_dir(sandbox.path(".aws")).unwrap().count(), 2);
    sandbox.ok(&arguments);
    let written = sandbox.read(".aws/config");
    assert!(
        written.starts_with(&format!("{OLD}planted = 1\n")),
        "{written}"
    );
    assert!(!sandbox.path(beside).exists());
}

#[test]
fn a_strangers_link_leads_root_to_the_strangers_own_files_only() {
    if !is_root(a_strangers_link_leads_root_to_the_strangers_own_files_only) {
        return;
    }
    let (workload, server) = (Workload::new(), good(2));
    let sandbox = &workload.sandbox;
    for directory in ["aws", "theirs", "roots"] {
        fs::create_dir(sandbox.path(directory)).unwrap();
    }
    sandbox.write("roots/file", OLD);
    sandbox.write("theirs/file", OLD);
    for name in ["aws", "theirs", "theirs/file"] {
        chown(sandbox.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let link = |to: &str, name: &str| {
        let path = sandbox.path(name);
        symlink(to, &path).unwrap();
        lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    };
    link("../roots/file", "aws/file");
    link("../roots/new", "aws/new");
    link("../roots", "aws/directory");
    link("../roots/below", "aws/missing");
    link("../theirs/file", "aws/own");
    link("../theirs", "aws/home");
    for name in [
        "aws/file",
        "aws/new",
        "aws/directory/file",
        "aws/missing/file",
    ] {
        for options in [["--force"], ["--in-place"]] {
            let mut arguments = vec!["--no-cache", "--credentials-file", name];
            arguments.extend(options);
            let run = once(&workload, &server, &arguments);
            assert_eq!(run.code, 2, "{name}: {run:#?}");
            assert!(
                run.stderr.starts_with("error: aws/")
                    && run
                        .stderr
                        .contains("is a link that the user 65534 has made"),
                "{run:#?}"
            );
        }
    }
    assert_eq!(server.seen().len(), 0);
    assert_eq!(sandbox.read("roots/file"), OLD);
    assert_eq!(names(&sandbox.path("roots")), ["file"]);
    for (name, profile) in [("aws/own", "b"), ("aws/home/file", "c")] {
        let arguments = [
            "--no-cache",
            "--profile",
            profile,
            "--credentials-file",
            name,
        ];
        let run = once(&workload, &server, &arguments);
        assert_eq!(run.code, 0, "{run:#?}");
    }
    let expected = format!("{OLD}[b]\n{0}[c]\n{0}", lines());
    assert_eq!(sandbox.read("theirs/file"), expected);
    assert_eq!(
        fs::metadata(sandbox.path("theirs/file")).unwrap().uid(),
        NOBODY
    );
}

/// The user holds the lock while root waits for it, and exchanges what the path
/// leads to.
#[test]
fn what_is_exchanged_while_root_waits_is_not_written() {
    if !is_root(what_is_exchanged_while_root_waits_is_not_written) {
        return;
    }
    for in_directory in [false, true] {
        let (workload, server) = (sticky(), good(1));
        let sandbox = &workload.sandbox;
        fs::create_dir(sandbox.path("roots")).unwrap();
        sandbox.write("roots/credentials", OLD);
        for name in ["aws", "aws/credentials"] {
            chown(sandbox.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let name = sandbox.path("aws/.credentials.windlass-lock");
        let lock = File::create(&name).unwrap();
        lock.lock().unwrap();
        let options = ["--once", "--no-cache", "--in-place"];
        let mut command = super::command(&workload, &server, &options);
        command.args(["--credentials-file", "aws/credentials"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(9);
        let descriptors = format!("/proc/{}/fd", child.id());
        let waits = || {
            let open = fs::read_dir(&descriptors).unwrap().flatten();
            open.filter_map(|entry| fs::read_link(entry.path()).ok())
                .any(|path| path.ends_with(".credentials.windlass-lock"))
        };
        while !waits() {
            assert!(Instant::now() < until, "root does not wait for the lock");
            std::thread::sleep(Duration::from_millis(2));
        }
        let (from, to) = if in_directory {
            fs::rename(sandbox.path("aws"), sandbox.path("moved")).unwrap();
            ("aws", "roots")
        } else {
            fs::remove_file(sandbox.path("aws/credentials")).unwrap();
            ("aws/credentials", "../roots/credentials")
        };
        symlink(to, sandbox.path(from)).unwrap();
        lchown(sandbox.path(from), Some(NOBODY), Some(NOBODY)).unwrap();
        drop(lock);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("is a link that the user 65534"), "{stderr}");
        assert_eq!(sandbox.read("roots/credentials"), OLD);
        assert_eq!(names(&sandbox.path("roots")), ["credentials"]);
    }
}

/// What root leaves in a user's home is the user's, but for the journal.
#[test]
fn what_root_makes_in_a_users_home_is_the_users() {
    if !is_root(what_root_makes_in_a_users_home_is_the_users) {
        return;
    }
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    chown(sandbox.root(), Some(NOBODY), Some(NOBODY)).unwrap();
    let run = once(&workload, &server, &["--no-cache"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let mut arguments = vec!["configure", "--profile", "b", "--certificate", "c"];
    arguments.extend(["--private-key", "k", "--trust-anchor-arn", TRUST_ANCHOR_ARN]);
    arguments.extend(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN]);
    arguments.push("--no-check");
    sandbox.ok(&arguments);
    for (name, mode) in [
        (".aws", 0o700),
        (".aws/credentials", 0o600),
        (".aws/.credentials.windlass-lock", 0o600),
        (".aws/config", 0o600),
        (".config", 0o700),
        (".config/windlass", 0o700),
        (".config/windlass/config.toml", 0o600),
    ] {
        let metadata = fs::metadata(sandbox.path(name)).unwrap();
        let found = (metadata.uid(), metadata.gid(), metadata.mode() & 0o777);
        assert_eq!(found, (NOBODY, NOBODY, mode), "{name}");
    }
}

/// As when root was killed between making it and giving it away.
#[test]
fn a_lock_that_root_has_left_does_not_keep_the_user_out() {
    if !is_root(a_lock_that_root_has_left_does_not_keep_the_user_out) {
        return;
    }
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    fs::create_dir(sandbox.path("aws")).unwrap();
    sandbox.write("aws/credentials", OLD);
    sandbox.write("aws/.credentials.windlass-lock", "");
    for name in ["aws", "aws/credentials"] {
        chown(sandbox.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let run = as_nobody(&workload, &server, |command| {
        command.args(["--credentials-file", "aws/credentials"]);
    });
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let lock = fs::metadata(sandbox.path("aws/.credentials.windlass-lock"));
    assert_eq!(lock.unwrap().uid(), NOBODY);
}

#[test]
fn a_fifo_in_the_locks_place_is_named_and_not_waited_for() {
    let (workload, server) = (sticky(), good(1));
    let name = "aws/.credentials.windlass-lock";
    mkfifo(&workload.sandbox.path(name));
    let run = update(&workload, &server, &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains(&format!("{name} is no regular file")),
        "{run:#?}"
    );
    assert_eq!(workload.sandbox.read("aws/credentials"), OLD);
}

/// Runs `update` below limits that a shell sets.
fn limited(workload: &Workload, server: &FaultServer, limit: &str, options: &[&str]) -> Run {
    let mut command = Command::new("sh");
    workload.sandbox.scrub(&mut command);
    let script = format!("{limit} && exec \"$@\"");
    command.args(["-c", &script, "sh", program()]);
    command.args(super::arguments(server));
    command.args([
        "--once",
        "--no-cache",
        "--credentials-file",
        "aws/credentials",
    ]);
    command.args(options);
    workload.sandbox.finish(command)
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_that_leaves_nothing() {
    for options in [[].as_slice(), &["--in-place"]] {
        let (workload, server) = (sticky(), good(2));
        let long = format!("{OLD}# {}\n", "x".repeat(16 * 1024));
        workload.sandbox.write("aws/credentials", &long);
        // 4 KiB or 8, by the shell.
        let run = limited(&workload, &server, "ulimit -f 8", options);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(
            run.stderr
                .starts_with("error: aws/credentials cannot be written\n")
                && run.stderr.contains("os error 27"),
            "{run:#?}"
        );
        assert_eq!(workload.sandbox.read("aws/credentials"), long);
        assert_eq!(names(&workload.sandbox.path("aws")), ["credentials"]);
    }
}

/// Each key took a copy of its section's name.
#[test]
fn a_long_name_with_many_keys_needs_no_memory_for_each() {
    let (workload, server) = (sticky(), good(1));
    let mut text = format!("[{}]\n", "n".repeat(256 * 1024));
    for number in 0..5000 {
        text.push_str(&format!("k{number} = 1\n"));
    }
    workload.sandbox.write("aws/credentials", &text);
    let run = limited(&workload, &server, "ulimit -v 600000", &[]);
    assert_eq!(run.code, 0, "{run:#?}");
}
