//! Where the file is, what it is, and who owns it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;

use super::{good, lines, mode, names, once, without_secrets};
use crate::fault_server::FaultServer;
use crate::harness::{Run, Sandbox, program};
use crate::users::{NOBODY, is_root};
use crate::workload::{Workload, failure};

/// Compares with a snapshot beside those of all other tests.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({snapshot_path => "../snapshots"}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn f10_without_home_the_variable_names_the_file() {
    let (workload, server) = (Workload::new(), good(2));
    let sandbox = &workload.sandbox;
    let mut command = super::command(&workload, &server, &["--once", "--no-cache"]);
    command.env_remove("HOME");
    command.env("AWS_SHARED_CREDENTIALS_FILE", sandbox.path("mine"));
    let run = sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert_eq!(sandbox.read("mine"), format!("[default]\n{}", lines()));
    // The option goes before it, and ~ is resolved.
    let mut command = super::command(&workload, &server, &["--once", "--no-cache"]);
    command.args(["--credentials-file", "~/other"]);
    command.env("AWS_SHARED_CREDENTIALS_FILE", sandbox.path("mine"));
    assert_eq!(sandbox.finish(command).code, 0);
    assert_eq!(sandbox.read("other"), sandbox.read("mine"));
}

/// Runs as another user, in a sandbox that is theirs, which takes root.
pub fn as_nobody(workload: &Workload, server: &FaultServer, prepare: impl Fn(&mut Command)) -> Run {
    let sandbox = &workload.sandbox;
    // The program may be below a directory that is root's alone.
    fs::copy(program(), sandbox.path("windlass")).unwrap();
    for name in ["", "windlass", "fullchain.pem", "key.pem"] {
        chown(sandbox.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = Command::new("setpriv");
    sandbox.scrub(&mut command);
    let user = NOBODY.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    command.arg(sandbox.path("windlass"));
    command
        .args(super::arguments(server))
        .args(["--once", "--no-cache"]);
    prepare(&mut command);
    let run = sandbox.finish(command);
    without_secrets(&run);
    run
}

#[test]
fn f8_an_ordinary_user_gets_a_directory_that_can_be_entered() {
    if !is_root(f8_an_ordinary_user_gets_a_directory_that_can_be_entered) {
        return;
    }
    let (workload, server) = (Workload::new(), good(1));
    let run = as_nobody(&workload, &server, |_| {});
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let directory = workload.sandbox.path(".aws");
    assert_eq!(mode(&directory), 0o700);
    let file = directory.join("credentials");
    assert_eq!(
        (mode(&file), fs::metadata(&file).unwrap().uid()),
        (0o600, NOBODY)
    );
}

/// With neither variable the password database is asked: nobody's home does not
/// exist, and cannot be made.
#[test]
fn f10_without_any_variable_the_password_database_names_the_home() {
    if !is_root(f10_without_any_variable_the_password_database_names_the_home) {
        return;
    }
    let (workload, server) = (Workload::new(), good(1));
    let run = as_nobody(&workload, &server, |command| {
        command.env_clear().env("PATH", "/usr/bin:/bin");
    });
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("/nonexistent/.aws"), "{run:#?}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named_and_nothing_is_lost() {
    if !is_root(a_directory_that_cannot_be_written_is_named_and_nothing_is_lost) {
        return;
    }
    let (workload, server) = (Workload::new(), good(1));
    let directory = workload.sandbox.path("closed");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("credentials"), "[a]\n").unwrap();
    let run = as_nobody(&workload, &server, |command| {
        command.args(["--credentials-file", "closed/credentials"]);
    });
    snapshot("update_directory_read_only", &failure(&run, &[&server]));
    assert_eq!(workload.sandbox.read("closed/credentials"), "[a]\n");
}

/// A user who may write the directory, and does not own the file.
#[test]
fn a_file_of_another_owner_is_not_replaced_but_can_be_written_into() {
    if !is_root(a_file_of_another_owner_is_not_replaced_but_can_be_written_into) {
        return;
    }
    let (workload, server) = (Workload::new(), good(2));
    let sandbox = &workload.sandbox;
    sandbox.write("credentials", "[a]\n");
    fs::set_permissions(
        sandbox.path("credentials"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    let run = as_nobody(&workload, &server, |command| {
        command.args(["--credentials-file", "credentials"]);
    });
    snapshot("update_file_of_another_owner", &failure(&run, &[&server]));
    assert_eq!(sandbox.read("credentials"), "[a]\n");
    let run = as_nobody(&workload, &server, |command| {
        command.args(["--credentials-file", "credentials", "--in-place"]);
    });
    assert_eq!(run.code, 0);
    assert_eq!(
        sandbox.read("credentials"),
        format!("[a]\n[default]\n{}", lines())
    );
    assert_eq!(fs::metadata(sandbox.path("credentials")).unwrap().uid(), 0);
}

#[test]
fn l13_symbolic_links_are_followed_and_stay() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    fs::create_dir_all(sandbox.path("real/deep")).unwrap();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    // A chain of relative links over a linked directory; the last one dangles.
    symlink("../one", sandbox.path(".aws/credentials")).unwrap();
    symlink("linked/deep/two", sandbox.path("one")).unwrap();
    symlink("real", sandbox.path("linked")).unwrap();
    symlink("../three", sandbox.path("real/deep/two")).unwrap();
    for round in 0..2 {
        let run = once(&workload, &server, &["--profile", &format!("p{round}")]);
        assert_eq!(run.code, 0, "{run:#?}");
    }
    for link in [".aws/credentials", "one", "linked", "real/deep/two"] {
        assert!(sandbox.path(link).is_symlink(), "{link}");
    }
    let target = sandbox.path("real/three");
    assert!(!target.is_symlink());
    assert_eq!(mode(&target), 0o600);
    assert_eq!(
        sandbox.read("real/three"),
        format!("[p0]\n{0}[p1]\n{0}", lines())
    );
    assert_eq!(names(&sandbox.path("real")), ["deep", "three"]);
    // A loop ends.
    symlink("loop", sandbox.path("loop")).unwrap();
    let run = once(&workload, &server, &["--credentials-file", "loop"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("loop cannot be"), "{run:#?}");
}

#[test]
fn mode_owner_group_and_attributes_stay() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    sandbox.write("credentials", "[a]\n");
    let path = sandbox.path("credentials");
    let is_root = is_root(mode_owner_group_and_attributes_stay);
    if is_root {
        chown(&path, Some(1234), Some(4321)).unwrap();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    let attribute = rustix::fs::setxattr(&path, "user.test", b"kept", flags);
    let inode = fs::metadata(&path).unwrap().ino();
    let run = once(&workload, &server, &["--credentials-file", "credentials"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let metadata = fs::metadata(&path).unwrap();
    assert_ne!(metadata.ino(), inode, "replaced");
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    if is_root {
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
    }
    if attribute.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&path, "user.test", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    } else {
        eprintln!("no extended attributes here: not tested");
    }
}

#[test]
fn of_hard_links_the_others_keep_the_old_content_and_in_place_keeps_them_one() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    sandbox.write("credentials", "[a]\n");
    fs::hard_link(sandbox.path("credentials"), sandbox.path("other")).unwrap();
    let run = once(&workload, &server, &["--credentials-file", "credentials"]);
    assert_eq!(
        run.stderr,
        "warning: credentials had 2 names (hard links): the others keep the old content; --in-place keeps them together\n"
    );
    assert_eq!(sandbox.read("other"), "[a]\n");
    fs::hard_link(sandbox.path("credentials"), sandbox.path("third")).unwrap();
    let options = [
        "--credentials-file",
        "credentials",
        "--in-place",
        "--profile",
        "b",
    ];
    let run = once(&workload, &server, &options);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(
        sandbox.read("third"),
        format!("[a]\n[default]\n{0}[b]\n{0}", lines())
    );
}

/// The messages, each with the file's name, and that nothing has changed.
#[test]
fn what_is_no_editable_file_is_refused_and_named() {
    let workload = Workload::new();
    let server = FaultServer::start(Vec::new());
    let sandbox = &workload.sandbox;
    fs::create_dir(sandbox.path("directory")).unwrap();
    let fifo = Command::new("mkfifo").arg(sandbox.path("fifo")).status();
    assert!(fifo.unwrap().success());
    sandbox.write("large", vec![b'#'; 4 * 1024 * 1024 + 1]);
    let texts: [(&str, &[u8]); 6] = [
        (
            "akia",
            b"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
        ),
        ("junk", b"wJalrJUNK\n[default]\n"),
        ("bom", b"\xef\xbb\xbf[default]\n"),
        ("twice", b"[a]\n[default]\n[a]\n"),
        ("binary", b"\x7fELF\0\0\0"),
        ("utf16", b"\xff\xfe[\0d\0]\0"),
    ];
    for (name, text) in texts {
        sandbox.write(name, text);
    }
    let mut shown = String::new();
    for name in ["directory", "fifo", "/dev/null", "large", "junk/below"]
        .into_iter()
        .chain(texts.map(|(name, _)| name))
    {
        let run = once(&workload, &server, &["--credentials-file", name]);
        shown.push_str(&format!("{name}: {}", failure(&run, &[&server])));
        assert!(!shown.contains("wJalr"), "a line of the file is shown");
    }
    snapshot("update_refused_files", &shown);
    for (name, text) in texts {
        assert_eq!(fs::read(sandbox.path(name)).unwrap(), text, "{name}");
    }
    // Before anybody was asked for a session.
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn a_long_lived_key_is_replaced_with_force_only() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox: &Sandbox = &workload.sandbox;
    let old = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = old\n";
    sandbox.write("credentials", old);
    let run = once(&workload, &server, &["--credentials-file", "credentials"]);
    assert_eq!(run.code, 2);
    assert_eq!(sandbox.read("credentials"), old);
    let run = once(
        &workload,
        &server,
        &["--credentials-file", "credentials", "--force"],
    );
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(
        sandbox.read("credentials"),
        format!("[default]\n{}", lines())
    );
}

/// A file that is mounted into its place, as containers do it.
#[test]
fn l13_a_bind_mount_is_written_into() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    sandbox.write("outside", "[a]\n");
    sandbox.write("credentials", "");
    let can_mount = Command::new("unshare").args(["-m", "true"]).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("no mounts here: a bind mount is not tested");
        return;
    }
    let mut command = Command::new("unshare");
    sandbox.scrub(&mut command);
    let script = "mount --bind outside credentials && exec \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh", program()]);
    command.args(super::arguments(&server));
    command.args(["--once", "--credentials-file", "credentials"]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr
            .starts_with("warning: nothing can be renamed onto credentials"),
        "{run:#?}"
    );
    assert_eq!(
        sandbox.read("outside"),
        format!("[a]\n[default]\n{}", lines())
    );
    assert_eq!(sandbox.read("credentials"), "");
}

#[test]
fn a_lock_that_is_never_released_is_named() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    sandbox.write("credentials", "[a]\n");
    sandbox.write(".credentials.windlass-lock", "");
    let lock = fs::File::open(sandbox.path(".credentials.windlass-lock")).unwrap();
    lock.lock().unwrap();
    let run = once(&workload, &server, &["--credentials-file", "credentials"]);
    snapshot("update_locked", &failure(&run, &[&server]));
    assert_eq!(sandbox.read("credentials"), "[a]\n");
}

/// Somebody who does not know the lock, as `aws configure`.
#[test]
fn what_is_written_without_the_lock_meanwhile_is_not_lost() {
    use windlass::secret::Secret;
    use windlass::store::{Error, Manner, edit};
    for manner in [Manner::Replace, Manner::InPlace] {
        let sandbox = Sandbox::new();
        let path = sandbox.path("credentials");
        sandbox.write("credentials", "old");
        let mut calls = 0;
        let report = edit(&path, 1024, manner, |text| {
            calls += 1;
            if calls == 1 {
                fs::write(&path, "theirs").unwrap();
            }
            Ok::<_, Error>(Secret::new([text, b"+ours"].concat()))
        });
        assert_eq!(report.unwrap().written, Some(manner));
        assert_eq!((calls, &*sandbox.read("credentials")), (2, "theirs+ours"));
        // One that never stops.
        let ended = edit(&path, 1024, manner, |text| {
            calls += 1;
            fs::write(&path, format!("theirs {calls}")).unwrap();
            Ok::<_, Error>(Secret::new([text, b"+ours"].concat()))
        });
        assert!(matches!(ended, Err(Error::Changing { .. })), "{ended:?}");
        assert_eq!(sandbox.read("credentials"), format!("theirs {calls}"));
    }
}

/// A journal that does not belong to what is there any more is forgotten, and one
/// that is damaged is named.
#[test]
fn a_stale_journal_changes_nothing() {
    use sha2::Digest;
    use windlass::secret::Secret;
    use windlass::store::{Error, Manner, Recovery, edit};
    let sandbox = Sandbox::new();
    let path = sandbox.path("credentials");
    sandbox.write("credentials", "somebody else's");
    let digest = hex::encode(sha2::Sha256::digest(b"oldnewer"));
    let journal = format!("windlass journal 1 3 5 {digest}\noldnewer");
    let same = |text: &[u8]| Ok::<_, Error>(Secret::new(text.to_vec()));
    for (content, recovery, after) in [
        ("somebody else's", Recovery::Superseded, "somebody else's"),
        ("old", Recovery::Whole, "old"),
        ("newer", Recovery::Whole, "newer"),
        ("neld", Recovery::Superseded, "neld"),
        ("ned", Recovery::Completed, "newer"),
    ] {
        sandbox.write("credentials", content);
        sandbox.write(".credentials.windlass-journal", &journal);
        let report = edit(&path, 1024, Manner::Replace, same).unwrap();
        assert_eq!(
            (report.recovery, report.written),
            (Some(recovery), None),
            "{content}"
        );
        assert_eq!(sandbox.read("credentials"), after, "{content}");
        assert!(!sandbox.path(".credentials.windlass-journal").exists());
    }
    sandbox.write(".credentials.windlass-journal", &journal[1..]);
    let ended = edit(&path, 1024, Manner::Replace, same);
    assert!(matches!(ended, Err(Error::Journal { .. })), "{ended:?}");
}
