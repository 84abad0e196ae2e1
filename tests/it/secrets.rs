//! What none but a client may see: the secrets of every session that a test
//! obtains, from the emulator or from a server of the test, and where they are
//! looked for.
//!
//! Nothing has to be collected: the emulator marks both ends of each secret, and
//! the servers of the tests have one secret key and one token for all.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Sandbox, program};
use crate::serve::server::{Server, aws};
use crate::workload::{PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload};

/// What the emulator puts at both ends of its secret keys and tokens.
const EMULATORS_MARK: &str = "EmulatedOnly";

/// That many bytes of either end of a secret are a leak.
const END: usize = 12;

/// The verbs whose stdout is credentials, and the one that has a command of the
/// test's print what it likes.
const DELIVERING: [&str; 3] = ["credential-process", "env", "exec"];

/// What the names of files have in them that keep sessions: those of the cache,
/// credentials files with their copies, and the calls that a tracer wrote down.
const KEEPING: [&str; 3] = [".session", "credentials", "trace"];

/// How a secret key is called, in small letters, where credentials are delivered
/// into a file of any name: by `env --out`, or to a client of the test.
const DELIVERED: [&str; 2] = ["secret_access_key", "secretaccesskey"];

/// The endings of what is said, and of what is remembered of a failure: never
/// the place for a secret, whatever stands beside it.
const SAYING: [&str; 4] = [".log", ".stdout", ".stderr", ".failure"];

/// The end of a session's secret that a text holds, and in which notation.
pub fn find(text: &str) -> Option<(&'static str, &'static str)> {
    static NEEDLES: OnceLock<Vec<(String, &str)>> = OnceLock::new();
    let needles = NEEDLES.get_or_init(|| {
        let ends = [SECRET_KEY, TOKEN].map(|secret| {
            let (head, tail) = (&secret[..END], &secret[secret.len() - END..]);
            [head, tail].map(str::as_bytes)
        });
        let ends = ends.concat();
        let all = ends.into_iter().chain([EMULATORS_MARK.as_bytes()]);
        all.flat_map(notations).collect()
    });
    let (needle, notation) = needles.iter().find(|(needle, _)| text.contains(needle))?;
    Some((needle, notation))
}

/// Fails where a text holds part of a session's secret.
#[track_caller]
pub fn scan(text: &str, what: &str) {
    if let Some((needle, notation)) = find(text) {
        let line = text.lines().find(|line| line.contains(needle));
        let line = line.unwrap_or(text).chars().take(1000);
        panic!(
            "{what} shows a session's secret ({notation}): {}",
            line.collect::<String>()
        );
    }
}

/// How the bytes look when they are written as text, in base64 wherever in a
/// longer text they begin.
fn notations(bytes: &[u8]) -> Vec<(String, &'static str)> {
    let list = format!("{bytes:?}");
    let mut all = vec![
        (String::from_utf8(bytes.to_vec()).unwrap(), "as it is"),
        (hex::encode(bytes), "hexadecimal"),
        (hex::encode_upper(bytes), "hexadecimal"),
        (list.trim_matches(['[', ']']).to_owned(), "decimal"),
    ];
    for offset in 0..3 {
        let shifted = [&b"\0\0"[..offset], bytes].concat();
        let text = STANDARD.encode(&shifted);
        // The first and the last group hold what is beside them too.
        let inner = &text[4 * offset.div_ceil(3)..shifted.len() / 3 * 4];
        all.push((inner.to_owned(), "base64"));
    }
    all
}

/// Whether this is a run whose stdout may hold credentials: of a verb that
/// prints them, which a shell or a tracer may start too, or of a client, which
/// does with them what it likes.
pub fn delivers(command: &Command) -> bool {
    let words: Vec<String> = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if command.get_program() == program() {
        return words.iter().any(|word| DELIVERING.contains(&word.as_str()));
    }
    let line = words.join(" ");
    let starts_ours =
        line.contains(program()) || words.iter().any(|word| word.ends_with("/windlass"));
    !starts_ours || DELIVERING.iter().any(|verb| line.contains(verb))
}

/// Fails where a file below the directory holds a session's secret and is not
/// one into which sessions are written.
pub fn scan_files(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            scan_files(&path);
        } else if kind.is_file() {
            let content = fs::read(&path).unwrap_or_default();
            if !may_hold(&name, &content) {
                scan(&String::from_utf8_lossy(&content), &name);
            }
        }
    }
}

fn may_hold(name: &str, content: &[u8]) -> bool {
    if SAYING.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    let lower = String::from_utf8_lossy(content).to_lowercase();
    KEEPING.iter().any(|part| name.contains(part))
        || DELIVERED.iter().any(|word| lower.contains(word))
        // The program itself, which knows the mark.
        || content.starts_with(b"\x7fELF")
}

/// How much is said, and in which form.
const VERBOSITIES: [&[&str]; 4] = [
    &[],
    &["--verbose"],
    &["--error-format", "json"],
    &["--verbose", "--error-format", "json"],
];

/// Commands that get, keep, hand on or show sessions, and that fail with one in
/// their hands.
const COMMANDS: [&str; 14] = [
    "credential-process --profile web --session-duration 900",
    "credential-process --profile web --no-cache",
    "credential-process --profile chained",
    "credential-process --profile refused",
    "env --profile web",
    "exec --profile web -- true",
    "exec --profile web --serve -- true",
    "update --profile web --once",
    "update --profile chained --once --in-place",
    "status",
    "status --json",
    "cache list",
    "config show",
    "config show --json --profile chained",
];

const NEXT_ROLE_ARN: &str = "arn:aws:iam::210987654321:role/next";

/// Profiles of the usual session, with a role behind it, and with one that it
/// may not have.
fn config(emulator: &str) -> String {
    let common = format!(
        "certificate = '~/fullchain.pem'\nprivate_key = '~/key.pem'\nprofile_arn = '{PROFILE_ARN}'\n\
         trust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nrole_arn = '{ROLE_ARN}'\n\
         endpoint = '{emulator}'\nsts_endpoint = '{emulator}'\n"
    );
    format!(
        "[profile.web]\n{common}\
         [profile.chained]\n{common}assume_role = ['{NEXT_ROLE_ARN}']\n\
         [profile.refused]\n{common}assume_role = ['arn:aws:iam::210987654321:role/denied']\n"
    )
}

/// A run, or the end of the sandbox, fails where anything of a session shows.
#[test]
fn no_verb_at_any_verbosity_shows_a_secret_of_the_emulators_sessions() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let emulator = aws(&workload, &["--assumable-role", NEXT_ROLE_ARN]);
    sandbox.write("config.toml", config(&emulator.url));
    for (index, verbosity) in VERBOSITIES.iter().enumerate() {
        let log = format!("said-{index}.log");
        for line in COMMANDS {
            let mut command = sandbox.command();
            let mut words = line.split(' ');
            command.arg(words.next().unwrap()).args(*verbosity);
            command.args(["--log-file", &log]).args(words);
            command.env("WINDLASS_CONFIG", "config.toml");
            let run = sandbox.finish(command);
            let expected = if line.contains("refused") { 3 } else { 0 };
            assert_eq!(run.code, expected, "{line}: {run:#?}");
        }
        let said = sandbox.read(&log);
        assert!(!said.is_empty());
        scan(&said, &log);
    }
}

/// The access log, the metrics and the state of `serve` while clients come and
/// are turned away.
#[test]
fn serve_at_any_verbosity_shows_no_secret_but_to_its_clients() {
    for (index, verbosity) in VERBOSITIES.iter().enumerate() {
        let workload = Workload::new();
        let emulator = aws(&workload, &["--assumable-role", NEXT_ROLE_ARN]);
        let log = format!("said-{index}.log");
        let options = [*verbosity, &["--log-file", &log]].concat();
        let server = Server::start(&workload, &emulator.url, &options);
        let path = "/latest/meta-data/iam/security-credentials/";
        let role = server.imds(path).body;
        let answer = server.imds(&format!("{path}{role}"));
        assert!(find(&answer.body).is_some(), "{answer:?}");
        assert_eq!(server.get(&format!("{path}{role}")).status, 401);
        for page in ["/healthz", "/metrics"] {
            scan(&server.get(page).body, page);
        }
        drop(server);
        scan(&emulator.log(), "the emulator");
    }
}

#[test]
fn the_emulators_secrets_bear_the_mark_at_both_ends() {
    let workload = Workload::new();
    let emulator = aws(&workload, &["--assumable-role", NEXT_ROLE_ARN]);
    workload.sandbox.write("config.toml", config(&emulator.url));
    for profile in ["web", "chained"] {
        let arguments = ["credential-process", "--config", "config.toml", "--profile"];
        let run = workload.sandbox.ok(&[&arguments[..], &[profile]].concat());
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        for (key, length) in [("SecretAccessKey", 40), ("SessionToken", 320)] {
            let secret = document[key].as_str().unwrap();
            assert_eq!(secret.len(), length);
            let ends = (&secret[..END], &secret[length - END..]);
            assert_eq!(ends, (EMULATORS_MARK, EMULATORS_MARK), "{key} of {profile}");
        }
    }
}

#[test]
fn a_planted_secret_is_found_wherever_it_is() {
    for secret in [SECRET_KEY, TOKEN, EMULATORS_MARK] {
        for part in [&secret[..END], &secret[secret.len() - END..]] {
            let bytes = part.as_bytes();
            let shifted =
                ["x", "xy", "xyz"].map(|begin| STANDARD.encode(format!("{begin}{part}!")));
            for shown in [
                part.to_owned(),
                hex::encode(bytes),
                format!("Secret({bytes:?})"),
            ]
            .iter()
            .chain(&shifted)
            {
                assert!(find(&format!("it is {shown}.")).is_some(), "{shown}");
            }
        }
    }
    assert_eq!(find("error: the emulator is not there"), None);
    // In a file of any name but those of its own.
    for (name, found) in [
        ("said.log", true),
        ("state.json", true),
        ("0123.failure", true),
        ("serve-1.log.stdout", true),
        ("0123.session", false),
        (".credentials.windlass-journal", false),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(name, format!("token {TOKEN}"));
        let ended = std::panic::catch_unwind(AssertUnwindSafe(move || drop(sandbox)));
        assert_eq!(ended.is_err(), found, "{name}");
    }
}

/// On stderr of any run, and on stdout of those that deliver nothing.
#[test]
fn a_secret_in_what_is_printed_fails_the_run() {
    let sandbox = Sandbox::new();
    let fails = |script: &str, name: &str| {
        let mut command = Command::new("sh");
        sandbox.scrub(&mut command);
        command.args(["-c", script, name, program()]);
        let finish = AssertUnwindSafe(|| sandbox.finish(command));
        std::panic::catch_unwind(finish).is_err()
    };
    let (out, err) = (format!("echo {TOKEN}"), format!("echo {TOKEN} >&2"));
    for name in ["status", "credential-process"] {
        assert!(fails(&err, name), "{name}");
        assert_eq!(fails(&out, name), name == "status");
        assert!(!fails("echo nothing", name));
        // A run that failed has delivered nothing.
        assert!(fails(&format!("{out}; exit 3"), name), "{name}");
    }
}
