//! `windlass update`: the credentials file as other programs see it, and a daemon
//! that outlives its failures.

mod crash;
mod daemon;
mod places;
mod strangers;
mod telling;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::fault_server::FaultServer;
use crate::harness::{Run, capture, tool};
use crate::workload::{PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload};

/// The id of the key that all sessions have.
const KEY_ID: &str = "ASIAEXAMPLEEXAMPLE12";

/// A server that has a good session for each of that many requests.
pub use crate::workload::granting as good;

/// What stands in a section that was written.
pub fn lines() -> String {
    format!(
        "aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET_KEY}\naws_session_token = {TOKEN}\n"
    )
}

/// The arguments for a session from this server.
pub fn arguments(server: &FaultServer) -> Vec<String> {
    let mut arguments = vec!["update".to_owned()];
    for (option, value) in [
        ("certificate", "fullchain.pem"),
        ("private-key", "key.pem"),
        ("trust-anchor-arn", TRUST_ANCHOR_ARN),
        ("profile-arn", PROFILE_ARN),
        ("role-arn", ROLE_ARN),
        ("endpoint", &server.url()),
    ] {
        arguments.extend([format!("--{option}"), value.to_owned()]);
    }
    arguments
}

/// `update` with a session from this server.
pub fn command(workload: &Workload, server: &FaultServer, options: &[&str]) -> Command {
    let mut command = workload.sandbox.command();
    command.args(arguments(server)).args(options);
    command
}

/// Runs `update --once`, and looks for secrets in what it says.
pub fn once(workload: &Workload, server: &FaultServer, options: &[&str]) -> Run {
    let mut command = command(workload, server, options);
    command.arg("--once");
    let run = workload.sandbox.finish(command);
    without_secrets(&run);
    run
}

pub fn without_secrets(run: &Run) {
    for secret in [SECRET_KEY, TOKEN] {
        assert!(!run.stderr.contains(secret), "{run:#?}");
        assert!(!run.stdout.contains(secret), "{run:#?}");
    }
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Names in a directory, but for the lock.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".windlass-lock"))
        .collect();
    names.sort();
    names
}

#[test]
fn f8_l11_s1_modes_are_the_owners_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let (workload, server) = (Workload::new(), good(1));
        let mut arguments = vec![crate::harness::program().to_owned()];
        arguments.extend(self::arguments(&server));
        arguments.push("--once".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = crate::ca_state::bounded(&workload.sandbox, umask, &arguments);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
        assert_eq!(run.stderr, "");
        let directory = workload.sandbox.path(".aws");
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        assert_eq!(
            workload.sandbox.read(".aws/credentials"),
            format!("[default]\n{}", lines())
        );
        assert_eq!(names(&directory), ["credentials"]);
    }
}

/// A row of people: boto3, and the AWS CLI.
#[test]
fn s3_boto3_and_the_aws_cli_read_what_was_written() {
    let (workload, server) = (Workload::new(), good(2));
    let sandbox = &workload.sandbox;
    fs::create_dir(sandbox.path(".aws")).unwrap();
    // A stale token of boto 2, which botocore would take.
    sandbox.write(
        ".aws/credentials",
        "[a]\nx = 1\n[ backup ]\naws_security_token = stale\nregion = eu-west-1\n",
    );
    for profile in ["backup", "other"] {
        let run = once(&workload, &server, &["--profile", profile]);
        assert_eq!(run.code, 0, "{run:#?}");
        let mut python = Command::new(tool("python"));
        sandbox.scrub(&mut python);
        let script = "import boto3, sys, json\n\
                      c = boto3.Session(profile_name=sys.argv[1]).get_credentials()\n\
                      print(json.dumps([c.method, c.access_key, c.secret_key, c.token]))";
        let read = capture(python.args(["-c", script, profile]));
        let read: Value =
            serde_json::from_str(&read.stdout).unwrap_or_else(|_| panic!("{read:#?}"));
        let expected = ["shared-credentials-file", KEY_ID, SECRET_KEY, TOKEN];
        assert_eq!(read, serde_json::json!(expected));
        let mut cli = Command::new(tool("aws"));
        sandbox.scrub(&mut cli);
        let read = capture(cli.args(["configure", "list", "--profile", profile]));
        let row = read.stdout.lines().find(|line| line.contains("access_key"));
        let row = row.unwrap_or_else(|| panic!("{read:#?}"));
        assert!(row.contains("shared-credentials-file"), "{row}");
        assert!(row.contains(&KEY_ID[KEY_ID.len() - 4..]), "{row}");
    }
    assert_eq!(
        sandbox.read(".aws/credentials"),
        format!(
            "[a]\nx = 1\n[backup]\nregion = eu-west-1\n{0}[other]\n{0}",
            lines()
        )
    );
}

#[test]
fn a_session_that_stands_there_already_leaves_the_file_untouched() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    assert_eq!(once(&workload, &server, &[]).code, 0);
    let path = sandbox.path(".aws/credentials");
    let stamp = || {
        let metadata = fs::metadata(&path).unwrap();
        (
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime_nsec(),
        )
    };
    let before = stamp();
    // From the cache: the server has no second answer.
    for options in [["--json"].as_slice(), &["--in-place", "--json"]] {
        let run = once(&workload, &server, options);
        let written: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(written["written"][0]["changed"], false, "{run:#?}");
        assert_eq!(stamp(), before);
    }
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn json_tells_what_was_written_and_no_secret() {
    let (workload, server) = (Workload::new(), good(1));
    let run = once(&workload, &server, &["--json", "--profile", "backup"]);
    let mut written: Value = serde_json::from_str(&run.stdout).unwrap();
    let one = written["written"][0].as_object_mut().unwrap();
    for time in ["obtained", "expiration"] {
        let time = one.remove(time).unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
    }
    let file = one.remove("file").unwrap();
    assert!(file.as_str().unwrap().ends_with("/.aws/credentials"));
    assert_eq!(
        written,
        serde_json::json!({"written": [{
            "section": "backup",
            "changed": true,
            "inPlace": false,
            "roleArn": ROLE_ARN,
            "accessKeyId": KEY_ID,
        }]})
    );
}

#[test]
fn all_profiles_are_written_and_one_that_fails_keeps_no_other_from_it() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    let common = format!(
        "certificate = 'fullchain.pem'\nprivate_key = 'key.pem'\ntrust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nprofile_arn = '{PROFILE_ARN}'\nrole_arn = '{ROLE_ARN}'\n"
    );
    sandbox.write(
        "config.toml",
        format!(
            "[defaults]\n{common}endpoint = '{}'\n[profile.a]\n[profile.b]\ncertificate = 'none.pem'\n[profile.bad]\nsession_duration = 60\n[profile.c]\n",
            server.url()
        ),
    );
    let mut command = sandbox.command();
    command.args([
        "update",
        "--all",
        "--once",
        "--json",
        "--config",
        "config.toml",
    ]);
    let run = sandbox.finish(command);
    without_secrets(&run);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("none.pem"), "{run:#?}");
    assert!(
        run.stderr
            .contains("invalid value '60' for session_duration"),
        "{run:#?}"
    );
    assert!(
        run.stderr.contains("the section [b] was not written")
            && run.stderr.contains("the section [bad] was not written"),
        "{run:#?}"
    );
    let written: Value = serde_json::from_str(&run.stdout).unwrap();
    let sections: Vec<&Value> = written["written"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["section"])
        .collect();
    assert_eq!(sections, ["a", "c"]);
    assert_eq!(
        sandbox.read(".aws/credentials"),
        format!("[a]\n{0}[c]\n{0}", lines())
    );
    // The same session: the cache had it.
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_profile_of_the_config_file_fills_its_section() {
    let (workload, server) = (Workload::new(), good(1));
    let sandbox = &workload.sandbox;
    sandbox.write(
        "config.toml",
        format!(
            "[profile.default]\nrole_arn = '{ROLE_ARN}'\nprofile_arn = '{PROFILE_ARN}'\ntrust_anchor_arn = '{TRUST_ANCHOR_ARN}'\ncertificate = 'fullchain.pem'\nprivate_key = 'key.pem'\nendpoint = '{}'\n",
            server.url()
        ),
    );
    let run = sandbox.run(&["update", "--once", "--config", "config.toml"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(
        sandbox.read(".aws/credentials"),
        format!("[default]\n{}", lines())
    );
    // A section without a profile says what is missing.
    let run = sandbox.run(&[
        "update",
        "--once",
        "--config",
        "config.toml",
        "--profile",
        "x",
    ]);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = sandbox.run(&["update", "--once", "--profile", "a]b"]);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = sandbox.run(&["update", "--once", "--profile", "a", "--all"]);
    assert_eq!(run.code, 2, "{run:#?}");
}

/// Twenty processes on one file, and one that reads it all the time.
#[test]
fn l12_many_writers_lose_nothing_and_a_reader_never_sees_a_part() {
    const WRITERS: usize = 20;
    let (workload, server) = (Workload::new(), good(3));
    let sandbox = &workload.sandbox;
    fs::create_dir(sandbox.path(".aws")).unwrap();
    let kept = format!("# mine\n[keep]\nx = {}\n", "y".repeat(100_000));
    let path = sandbox.path(".aws/credentials");
    sandbox.write(".aws/credentials", &kept);
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                let text = fs::read_to_string(&path).unwrap();
                let rest = text.strip_prefix(&kept).expect("what was there is gone");
                for section in rest.split_inclusive(&*lines()) {
                    assert!(
                        section.starts_with("[w") && section.ends_with(&*lines()),
                        "{section}"
                    );
                }
                reads += 1;
            }
            reads
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (workload, server) = (&workload, &server);
                scope.spawn(move || once(workload, server, &["--profile", &format!("w{number}")]))
            })
            .collect();
        let runs: Vec<Run> = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect();
        done.store(true, Ordering::SeqCst);
        for run in runs {
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
        }
        reader.join().unwrap()
    });
    assert!(reads > WRITERS, "{reads} reads");
    let text = fs::read_to_string(&path).unwrap();
    for number in 0..WRITERS {
        let section = format!("[w{number}]\n{}", lines());
        assert_eq!(text.matches(&section).count(), 1, "w{number}");
    }
    assert_eq!(names(&sandbox.path(".aws")), ["credentials"]);
}

#[test]
fn s4_a_file_that_others_can_read_is_written_with_a_warning() {
    for (mode, may) in [
        (0o644, "read"),
        (0o622, "write"),
        (0o666, "read and write"),
        (0o660, "read and write"),
    ] {
        let (workload, server) = (Workload::new(), good(1));
        let sandbox = &workload.sandbox;
        let path = sandbox.path("credentials");
        fs::write(&path, "[a]\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        symlink("credentials", sandbox.path("link")).unwrap();
        let run = once(&workload, &server, &["--credentials-file", "link"]);
        assert_eq!(run.code, 0);
        assert_eq!(
            run.stderr,
            format!(
                "warning: others may {may} ./credentials (mode {mode:04o}); close it with: chmod 600 ./credentials\n"
            )
        );
    }
}

/// They would be written, and used by nobody.
#[test]
fn what_leads_sdks_past_the_keys_is_told() {
    let role = "role_arn = arn:aws:iam::123456789012:role/x\n";
    for (lines, key) in [
        (format!("{role}source_profile = other\n"), Some("role_arn")),
        (
            format!("{role}credential_source = Environment\n"),
            Some("role_arn"),
        ),
        (
            format!("{role}web_identity_token_file = /token\n"),
            Some("role_arn"),
        ),
        ("sso_session = corp\n".to_owned(), Some("sso_session")),
        // The keys are what the role is assumed with.
        (format!("{role}source_profile = backup\n"), None),
        (role.to_owned(), None),
        ("region = us-east-1\n".to_owned(), None),
    ] {
        let (workload, server) = (Workload::new(), good(1));
        fs::create_dir(workload.sandbox.path(".aws")).unwrap();
        workload.sandbox.write(
            ".aws/credentials",
            format!("[backup]\n{lines}[other]\nsso_session = corp\n"),
        );
        let path = workload.sandbox.path(".aws/credentials");
        let run = once(&workload, &server, &["--profile", "backup"]);
        assert_eq!(run.code, 0, "{run:#?}");
        let told = key.map(|key| {
            format!(
                "warning: SDKs take other credentials for [backup] than those that are written there: {key} on line 2 of {}; remove it, or name another --profile\n",
                path.display()
            )
        });
        assert_eq!(run.stderr, told.unwrap_or_default(), "{lines}");
    }
}
