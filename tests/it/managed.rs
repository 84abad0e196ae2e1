//! Readers of a managed identity: every verb takes key and certificate of one
//! version, whenever that changes, and of the one before it where the one in force
//! is of no use.

mod mistakes;
mod verbs;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use windlass::store::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, VersionNumber, Versions};

use crate::harness::{Emulator, Run, Sandbox, testdata};

/// A key of testdata/keys with a certificate of testdata/certs.
type Pair = (&'static str, &'static str);

const LEAF: Pair = ("p256", "leaf");
const OTHER: Pair = ("p256-other", "leaf-other");
const EXPIRED: Pair = ("p256", "expired");
/// The key is another's.
const MISMATCHED: Pair = ("p256", "leaf-other");

/// The identity `web` in a sandbox.
struct Host {
    sandbox: Sandbox,
    versions: Versions,
}

impl Host {
    /// With these versions, of which the last one is in force.
    fn new(pairs: &[Pair]) -> Self {
        let sandbox = Sandbox::new();
        let root = fs::read(testdata("certs/root.pem")).unwrap();
        sandbox.write("root.pem", root);
        let versions = Versions::create(&sandbox.path("web"), None).unwrap();
        let host = Self { sandbox, versions };
        for pair in pairs {
            host.rotate(*pair);
        }
        host
    }

    /// Puts a new version in force, and tells where it is.
    fn rotate(&self, (key, certificate): Pair) -> PathBuf {
        let read = |name: String| fs::read(testdata(&name)).unwrap();
        let key = read(format!("keys/{key}.pem"));
        let certificate = read(format!("certs/{certificate}.pem"));
        let current = self.versions.current().unwrap();
        let number = current.map_or(VersionNumber::FIRST, |(number, _)| number.next());
        let building = self.versions.begin(number).unwrap();
        building.write(KEY, &key).unwrap();
        for name in [CERTIFICATE, FULLCHAIN] {
            building.write(name, &certificate).unwrap();
        }
        building.write(CHAIN, b"").unwrap();
        building.publish().unwrap();
        self.versions.switch(number).unwrap();
        self.versions.version(number)
    }

    fn emulate(&self, options: &[&str]) -> Emulator {
        let mut all = vec!["--trust-anchor", "root.pem"];
        all.extend(options);
        self.sandbox.emulate(&all)
    }

    /// The program with a verb and the options of a session.
    fn command(&self, aws: &Emulator, verb: &str) -> Command {
        let mut command = self.sandbox.command();
        command.args([verb, "--identity", "web"]);
        command.args(["--trust-anchor-arn", &aws.trust_anchor_arn]);
        command.args([
            "--profile-arn",
            &aws.profile_arn,
            "--role-arn",
            &aws.role_arn,
        ]);
        command.args(["--endpoint", &aws.url]);
        command
    }

    /// Asks for a session without the cache.
    fn ask(&self, aws: &Emulator) -> Run {
        let mut command = self.command(aws, "credential-process");
        command.arg("--no-cache");
        self.sandbox.finish(command)
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.sandbox.root().display().to_string(), "~")
    }
}

/// Whose certificate the last session was asked for with.
fn last_subject(aws: &Emulator) -> String {
    let log = aws.log();
    let last = log.lines().rfind(|line| line.contains(" 201 ")).unwrap();
    let subject = last.split(['[', ']']).nth(1).unwrap();
    subject.to_owned()
}

fn is_of(aws: &Emulator, (_, certificate): Pair) -> bool {
    last_subject(aws).ends_with(&format!("CN={certificate}"))
}

#[test]
fn readers_find_a_whole_pair_while_versions_are_switched() {
    const SWITCHES: usize = 500;
    let host = Host::new(&[LEAF]);
    let aws = host.emulate(&[]);
    let is_over = AtomicBool::new(false);
    let runs = std::thread::scope(|scope| {
        let read = || {
            let mut runs = 0;
            while !is_over.load(Ordering::SeqCst) {
                let run = host.ask(&aws);
                assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
                runs += 1;
            }
            runs
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        let mut switches = 0;
        // At least as many, and until the readers have seen some of them.
        while switches < SWITCHES || aws.log().matches(" 201 ").count() < 20 {
            host.rotate(if switches % 2 == 0 { OTHER } else { LEAF });
            host.versions.retire(2).unwrap();
            switches += 1;
            if readers
                .iter()
                .any(std::thread::ScopedJoinHandle::is_finished)
            {
                break;
            }
        }
        is_over.store(true, Ordering::SeqCst);
        readers.map(|reader| reader.join().unwrap())
    });
    assert!(runs.iter().sum::<usize>() >= 20, "{runs:?}");
    let log = aws.log();
    assert!(!log.contains(" 403 "), "{log}");
    for subject in ["leaf-other", "leaf"] {
        let is_there = log.contains(&format!("CN={subject}]"));
        assert!(is_there, "nobody has read {subject}: {log}");
    }
}

#[test]
fn a_version_of_no_use_gives_way_to_the_one_before_it() {
    let host = Host::new(&[LEAF]);
    let aws = host.emulate(&[]);
    let mut told = Vec::new();
    let mut check = |name: &str, pair: Pair, spoil: &dyn Fn(&PathBuf)| {
        let version = host.rotate(pair);
        spoil(&version);
        let run = host.ask(&aws);
        assert_eq!(run.code, 0, "{name}: {run:#?}");
        assert!(is_of(&aws, LEAF), "{name}: {}", last_subject(&aws));
        assert_eq!(run.stderr.lines().count(), 1, "{name}: {run:#?}");
        let number = version.file_name().unwrap().to_str().unwrap().to_owned();
        let warning = host.shown(&run.stderr).replace(&number, "[NEW]");
        told.push(format!("{name}\n{warning}"));
        // As if it had never been.
        host.versions
            .switch(host.versions.previous().unwrap().unwrap().0)
            .unwrap();
        host.versions.withdraw(number.parse().unwrap()).unwrap();
    };
    let cut = |version: &PathBuf, name: &str| {
        let content = fs::read(version.join(name)).unwrap();
        fs::write(version.join(name), &content[..content.len() / 2]).unwrap();
    };
    check("mismatched", MISMATCHED, &|_| ());
    check("expired", EXPIRED, &|_| ());
    check("not valid yet", ("p256", "not-yet-valid"), &|_| ());
    check("half a certificate", OTHER, &|version| {
        cut(version, FULLCHAIN)
    });
    check("half a key", OTHER, &|version| cut(version, KEY));
    check("no key", OTHER, &|version| {
        fs::remove_file(version.join(KEY)).unwrap();
    });
    check("no certificate", OTHER, &|version| {
        fs::remove_file(version.join(FULLCHAIN)).unwrap();
    });
    check("a key for everybody", OTHER, &|version| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(version.join(KEY), mode).unwrap();
    });
    check("an encrypted key", ("p256-encrypted", "leaf"), &|_| ());
    insta::assert_snapshot!("managed_gives_way", told.join("\n"));
}

/// What is wrong with the version in force is told where the one before it is no
/// better.
#[test]
fn the_error_is_that_of_the_version_in_force() {
    let mut told = Vec::new();
    for (name, pairs) in [
        ("no other", &[MISMATCHED][..]),
        ("neither is valid", &[EXPIRED, EXPIRED]),
        ("the one before is mismatched", &[MISMATCHED, EXPIRED]),
        ("the one before has expired", &[EXPIRED, MISMATCHED]),
        // Only the one before it is asked.
        ("two bad ones", &[LEAF, EXPIRED, MISMATCHED]),
        ("encrypted", &[("p256-encrypted", "leaf")]),
    ] {
        let host = Host::new(pairs);
        let aws = host.emulate(&[]);
        let run = host.ask(&aws);
        assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{name}: {run:#?}");
        let stderr = host.shown(&run.stderr);
        let lines = stderr
            .lines()
            .map(|line| match line.split_once(" by this host") {
                Some((_, rest)) => format!("hint: [AGE] by this host{rest}"),
                None => line.to_owned(),
            });
        told.push(format!(
            "{name}\n{}\n",
            lines.collect::<Vec<_>>().join("\n")
        ));
    }
    insta::assert_snapshot!("managed_of_no_use", told.join("\n"));
}

/// A key that the group may read is root's alone, and `--allow-insecure-key-permissions`
/// holds here too.
#[test]
fn key_files_are_as_closed_as_others() {
    let host = Host::new(&[LEAF]);
    let aws = host.emulate(&[]);
    let key = host.versions.current().unwrap().unwrap().1.join(KEY);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(key, mode).unwrap();
    let run = host.ask(&aws);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(
        run.stderr.contains("v0001/key.pem can be read by others"),
        "{run:#?}"
    );
    let mut command = host.command(&aws, "credential-process");
    command.args(["--no-cache", "--allow-insecure-key-permissions"]);
    let run = host.sandbox.finish(command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
}

/// A new version is another certificate; while AWS cannot be reached, the session
/// of the one before it helps out.
#[test]
fn sessions_are_kept_for_each_version() {
    let host = Host::new(&[LEAF]);
    let mut aws = host.emulate(&[]);
    let key_id = |aws: &Emulator| {
        let run = host.sandbox.finish(host.command(aws, "credential-process"));
        assert_eq!(run.code, 0, "{run:#?}");
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        (document["AccessKeyId"].to_string(), run.stderr)
    };
    let (first, said) = key_id(&aws);
    assert_eq!(said, "");
    assert_eq!(key_id(&aws), (first.clone(), String::new()));
    assert_eq!(aws.log().matches(" 201 ").count(), 1);
    host.rotate(OTHER);
    let (second, _) = key_id(&aws);
    assert_ne!(second, first);
    assert!(is_of(&aws, OTHER));
    host.rotate(("p256", "leaf-issued"));
    end(&mut aws);
    let (third, said) = key_id(&aws);
    assert!([first, second].contains(&third), "{third}");
    assert!(said.contains("still valid until"), "{said}");
}

/// Ends an emulator, whose port nobody else gets so soon.
fn end(aws: &mut Emulator) {
    let id = i32::try_from(aws.id()).unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(aws.wait().is_some());
}

/// A process that the test ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn daemons_pick_up_a_new_version() {
    for (verb, options) in [
        ("serve", &["--port", "0"][..]),
        ("update", &["--profile", "backup"]),
    ] {
        let host = Host::new(&[LEAF]);
        // Due again after each second.
        let aws = host.emulate(&["--session-seconds", "2"]);
        let mut command = host.command(&aws, verb);
        command.args(options).stdout(Stdio::null());
        command.stderr(fs::File::create(host.sandbox.path("log")).unwrap());
        let mut daemon = Daemon(command.spawn().unwrap());
        let mut until = |what: &str, is_so: &dyn Fn() -> bool| {
            let deadline = Instant::now() + Duration::from_secs(40);
            while !is_so() {
                let log = host.sandbox.read("log");
                assert!(daemon.0.try_wait().unwrap().is_none(), "{verb}: {log}");
                assert!(Instant::now() < deadline, "{verb}: {what}: {log}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let is_of = |pair| aws.log().contains(" 201 ") && is_of(&aws, pair);
        until("the first version", &|| is_of(LEAF));
        host.rotate(OTHER);
        until("the second version", &|| is_of(OTHER));
        // One of no use: it says so, and goes on with the second one.
        host.rotate(EXPIRED);
        let warned = || {
            host.sandbox
                .read("log")
                .matches("version v0003 of web")
                .count()
        };
        until("a warning", &|| warned() > 0);
        let granted = || aws.log().matches(" 201 ").count();
        let before = granted();
        until("two more sessions", &|| granted() > before + 1);
        assert!(is_of(OTHER));
        assert_eq!(warned(), 1, "{}", host.sandbox.read("log"));
        host.rotate(LEAF);
        host.versions.retire(2).unwrap();
        until("the last version", &|| is_of(LEAF));
        assert!(!aws.log().contains(" 403 "), "{}", aws.log());
    }
}
