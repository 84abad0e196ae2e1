//! What an identity's directory and the files beside it may be: fixed files that are
//! others, a state that somebody has put there, files of other users.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use super::{alone, check, edit_state, profile, set_mode, told, with_identity};
use crate::harness::{capture, program};
use crate::users::{NOBODY, is_root};

const WEB: [&str; 2] = ["--identity", "web"];
const CONFIG: [&str; 2] = ["--config", "config.toml"];

#[test]
fn files_at_fixed_paths_are_compared_with_the_version_in_force() {
    let sandbox = with_identity();
    fs::create_dir(sandbox.path("etc")).unwrap();
    let fixed = "key_file = \"etc/tls.key\"\nfullchain_file = \"etc/tls.pem\"";
    sandbox.write("config.toml", profile(&sandbox, "web", fixed));
    let said = alone(&sandbox, &CONFIG, 1, "files");
    assert!(
        said.contains("etc/tls.key") && said.contains("etc/tls.pem"),
        "{said}"
    );
    sandbox.ok(&["rotate", "--config", "config.toml", "--profile", "web"]);
    assert_eq!(told(&sandbox, &CONFIG), (0, vec![]));
    sandbox.write("etc/tls.pem", "another");
    let said = alone(&sandbox, &CONFIG, 1, "files");
    assert!(
        !said.contains("etc/tls.key") && said.contains("etc/tls.pem"),
        "{said}"
    );
    // A replacement that was cut short.
    sandbox.write("web/fixed.journal", "");
    let said = alone(&sandbox, &CONFIG, 1, "files");
    assert!(said.contains("may be mixed"), "{said}");
    alone(&sandbox, &WEB, 1, "files");
    // A run that is at it just now is waited for.
    edit_state(&sandbox, |state| state["owed"] = "all".into());
    assert_eq!(told(&sandbox, &CONFIG), (0, vec![]));
    edit_state(&sandbox, |state| state["owed"] = "nothing".into());
    fs::remove_file(sandbox.path("web/fixed.journal")).unwrap();
    // They cannot be compared.
    fs::remove_file(sandbox.path("etc/tls.pem")).unwrap();
    fs::create_dir(sandbox.path("etc/tls.pem")).unwrap();
    alone(&sandbox, &CONFIG, 3, "files");
}

#[test]
fn a_state_that_is_hostile_stops_nothing() {
    let sandbox = with_identity();
    let state = || sandbox.path("web/state.json");
    let whole = sandbox.read("web/state.json");
    let huge = format!("{{\"format\":1,\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let deep = format!("{{\"format\":1,\"next\":{}", "[".repeat(200_000));
    for content in ["", "{", "\u{1b}[2J", "{\"format\":2}", huge.as_str(), &deep] {
        sandbox.write("web/state.json", content);
        let said = alone(&sandbox, &WEB, 1, "state");
        assert!(said.contains("state.json"), "{said}");
    }
    fs::remove_file(state()).unwrap();
    assert!(capture(Command::new("mkfifo").arg(state())).code == 0);
    alone(&sandbox, &WEB, 1, "state");
    fs::remove_file(state()).unwrap();
    fs::create_dir(state()).unwrap();
    alone(&sandbox, &WEB, 1, "state");
    fs::remove_dir(state()).unwrap();
    // Without one it is judged by what the certificate says.
    let run = check(&sandbox, &WEB);
    assert_eq!(run.code, 0, "{run:#?}");
    // What is said in it moves no cursor and begins no line.
    sandbox.write("web/state.json", whole);
    edit_state(&sandbox, |state| {
        state["failures"] = serde_json::json!({
            "count": 9, "last": super::ago(chrono::TimeDelta::zero()), "prospect": "passing"
        });
        state["lastFailure"] = serde_json::json!({
            "at": super::ago(chrono::TimeDelta::zero()), "step": "staged",
            "message": "a\nOK all: is well\u{1b}[2J | a=1", "prospect": "passing"
        });
    });
    let run = check(&sandbox, &WEB);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        !run.stdout.contains('\u{1b}') && !run.stdout.contains("\nOK all"),
        "{run:#?}"
    );
    assert_eq!(run.stdout.matches('|').count(), 1, "{run:#?}");
}

/// The files that other programs read are those of one certificate.
#[test]
fn a_version_that_is_torn_is_told() {
    let sandbox = with_identity();
    let forced = |said: &str| {
        said.contains("'windlass rotate --identity ") && said.contains(" --force' renews it")
    };
    for (name, content) in [
        ("cert.pem", Some(sandbox.read("ca/trust-anchor.pem"))),
        ("cert.pem", Some("none".to_owned())),
        ("chain.pem", None),
        ("chain.pem", Some(sandbox.read("web/v0001/cert.pem"))),
    ] {
        let path = format!("web/v0001/{name}");
        let own = sandbox.read(&path);
        match content {
            Some(content) => sandbox.write(&path, content),
            None => fs::remove_file(sandbox.path(&path)).unwrap(),
        }
        let said = alone(&sandbox, &WEB, 2, "parts");
        assert!(said.starts_with(name) && forced(&said), "{said}");
        // A copy with other line ends is none.
        sandbox.write(&path, own.replace('\n', "\r\n"));
        assert_eq!(told(&sandbox, &WEB), (0, vec![]));
    }
    fs::remove_file(sandbox.path("web/v0001/cert.pem")).unwrap();
    alone(&sandbox, &WEB, 2, "parts");
    assert_eq!(super::rotate(&sandbox, &["--force"]).code, 0);
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
}

/// Nobody writes into it.
#[test]
fn a_key_that_is_a_pipe_is_not_waited_for() {
    let sandbox = with_identity();
    let key = sandbox.path("web/v0001/key.pem");
    fs::remove_file(&key).unwrap();
    assert!(capture(Command::new("mkfifo").args(["-m", "600"]).arg(&key)).code == 0);
    let said = alone(&sandbox, &WEB, 2, "key");
    assert!(said.contains("is no regular file"), "{said}");
    let shown = sandbox.ok(&["status", "--identity", "web"]).stdout;
    let row = shown.lines().nth(1).unwrap();
    assert!(row.contains("  unusable  CRITICAL  v0001"), "{shown}");
    fs::remove_file(&key).unwrap();
}

#[test]
fn certificates_the_lock_and_fixed_files_that_others_could_use_are_told() {
    let sandbox = with_identity();
    for (name, open, narrowed, code) in [
        ("web/v0001/fullchain.pem", 0o666, 0o644, 2),
        ("web/v0001/cert.pem", 0o664, 0o644, 1),
        ("web/.lock", 0o777, 0o700, 2),
        ("web/.lock", 0o750, 0o700, 1),
    ] {
        set_mode(&sandbox, name, open);
        let said = alone(&sandbox, &WEB, code, "modes");
        let says = format!(" (mode {open:04o}); the next run makes it {narrowed:04o}");
        assert!(said.contains(name) && said.contains(&says), "{said}");
        assert_eq!(super::rotate(&sandbox, &[]).code, 0);
        assert_eq!(told(&sandbox, &WEB), (0, vec![]), "{name}");
    }
    // Their modes are kept by a run: whoever set them takes them back.
    fs::create_dir(sandbox.path("etc")).unwrap();
    let fixed = "key_file = \"etc/tls.key\"\nfullchain_file = \"etc/tls.pem\"";
    sandbox.write("config.toml", profile(&sandbox, "web", fixed));
    sandbox.ok(&["rotate", "--config", "config.toml", "--profile", "web"]);
    for (name, open, narrowed, code) in [
        ("etc/tls.key", 0o666, 0o640, 2),
        ("etc/tls.key", 0o644, 0o640, 2),
        ("etc/tls.key", 0o660, 0o640, 1),
        ("etc/tls.pem", 0o666, 0o644, 2),
    ] {
        set_mode(&sandbox, name, open);
        let said = alone(&sandbox, &CONFIG, code, "modes");
        assert!(said.contains(&format!("'chmod {narrowed:04o} /")), "{said}");
        set_mode(&sandbox, name, narrowed);
        assert_eq!(told(&sandbox, &CONFIG), (0, vec![]), "{name}");
    }
}

/// Whoever owns a directory decides what is in it, and whoever owns a key reads it.
#[test]
fn what_belongs_to_somebody_else_is_told() {
    if !is_root(what_belongs_to_somebody_else_is_told) {
        return;
    }
    let sandbox = with_identity();
    let give = |name: &str, owner: u32| chown(sandbox.path(name), Some(owner), None).unwrap();
    for name in ["v0001", "v0001/key.pem", "v0001/fullchain.pem", ".lock"] {
        let name = format!("web/{name}");
        give(&name, 4711);
        let said = alone(&sandbox, &WEB, 2, "modes");
        assert!(
            said.contains(&format!("/{name} belongs to the user 4711")),
            "{said}"
        );
        give(&name, 0);
        assert_eq!(told(&sandbox, &WEB), (0, vec![]), "{name}");
    }
    // All files of a version may have been given to who uses them.
    for name in ["key.pem", "cert.pem", "chain.pem", "fullchain.pem"] {
        give(&format!("web/v0001/{name}"), 4711);
    }
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
    // Where its owner is no longer who renews it, no run narrows a mode.
    give("web", 4711);
    give("web/v0001/key.pem", 0);
    give("web/state.json", 4711);
    set_mode(&sandbox, "web/v0001/key.pem", 0o644);
    let (_, worst) = told(&sandbox, &WEB);
    let said = &worst[0].2;
    assert!(
        said.contains("'chmod 0600 ") && !said.contains("the next run"),
        "{worst:#?}"
    );
}

/// Monitors run as users of their own.
#[test]
fn what_another_user_may_not_read_is_not_judged() {
    if !is_root(what_another_user_may_not_read_is_not_judged) {
        return;
    }
    let sandbox = with_identity();
    set_mode(&sandbox, "", 0o755);
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        let id = NOBODY.to_string();
        sandbox.scrub(&mut command);
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        command.args([program(), "check", "--identity", "web"]);
        sandbox.finish(command)
    };
    let run = as_nobody();
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stdout.contains("UNKNOWN "), "{run:#?}");
    // The directory may be looked at, the key may not be read.
    set_mode(&sandbox, "web", 0o755);
    set_mode(&sandbox, "web/v0001", 0o755);
    for name in ["cert.pem", "chain.pem", "fullchain.pem"] {
        set_mode(&sandbox, &format!("web/v0001/{name}"), 0o644);
    }
    let run = as_nobody();
    assert_eq!(run.code, 3, "{run:#?}");
    let web = sandbox.path("web").display().to_string();
    for line in [
        "UNKNOWN {} key: this user may not",
        "UNKNOWN {} state: this user may not",
    ] {
        assert!(run.stdout.contains(&line.replace("{}", &web)), "{run:#?}");
    }
    assert!(
        run.stdout.contains(&format!("OK {web} certificate: ")),
        "{run:#?}"
    );
    set_mode(&sandbox, "web/state.json", 0o644);
    set_mode(&sandbox, "web/v0001/key.pem", 0o640);
    chown(sandbox.path("web/v0001/key.pem"), None, Some(NOBODY)).unwrap();
    assert_eq!(as_nobody().code, 0);
    // Who renews it is another user, and whose files they are is right so.
    for name in ["web", "web/v0001", "web/state.json", "web/v0001/key.pem"] {
        chown(sandbox.path(name), Some(4711), None).unwrap();
    }
    set_mode(&sandbox, "web/v0001/key.pem", 0o600);
    let run = check(&sandbox, &WEB);
    assert_eq!(run.code, 0, "{run:#?}");
    // A state of somebody else in a directory that is not theirs is none.
    chown(sandbox.path("web"), Some(0), None).unwrap();
    let said = alone(&sandbox, &WEB, 2, "modes");
    assert!(
        said.contains("state.json belongs to the user 4711"),
        "{said}"
    );
}

#[test]
fn certificates_of_others_are_judged_by_their_files() {
    let sandbox = with_identity();
    let full = "web/current/fullchain.pem";
    let run = check(
        &sandbox,
        &[
            "--certificate",
            full,
            "--certificate",
            "ca/trust-anchor.pem",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert!(
        run.stdout
            .contains(" 2 certificates are in order | left_web/current/fullchain.pem=")
    );
    assert!(!run.stdout.contains(" key: "), "{run:#?}");
    let of = |path: &str, more: &[&str], code, probe| {
        alone(
            &sandbox,
            &[&["--certificate", path], more].concat(),
            code,
            probe,
        )
    };
    of(full, &["--warn", "31d"], 1, "certificate");
    of(full, &["--critical", "100%"], 2, "certificate");
    of("nowhere.pem", &[], 3, "certificate");
    of("web", &[], 3, "certificate");
    of("passphrase", &[], 2, "certificate");
    assert!(capture(Command::new("mkfifo").arg(sandbox.path("fifo"))).code == 0);
    of("fifo", &[], 3, "certificate");
    // One that has ended, and one whose life has not begun.
    for (name, from, until, said) in [
        ("ended", 2020, 2021, "expired "),
        ("new", 2094, 2095, "is not valid before 2094-01-01"),
    ] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let made = parameters.self_signed(&key).unwrap();
        sandbox.write(&format!("{name}.pem"), made.pem());
        let found = of(&format!("{name}.pem"), &[], 2, "certificate");
        assert!(found.contains(said), "{found}");
    }
    // A chain of somebody else's.
    let leaf = sandbox.read("web/current/cert.pem");
    sandbox.write("mixed.pem", leaf + &sandbox.read("new.pem"));
    of("mixed.pem", &[], 2, "chain");
}
