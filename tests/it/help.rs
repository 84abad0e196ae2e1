//! Help, manual pages and completions: each is generated from the definition
//! that parses, the committed pages are fresh, and every example runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, CommandFactory};
use windlass::cli::{Cli, RoleChainArgs};
use windlass::commands::Outcome;
use windlass::pki::{CertificateRequest, read_certificates};

use crate::harness::{Sandbox, capture, program};

/// The port that the examples name; tests put a free one in its place.
const EXAMPLE_PORT: &str = "127.0.0.1:9910";

/// What the examples of verbs begin with that need a session, and so an
/// emulator.
const SESSION_VERBS: [&str; 7] = [
    // And configure.
    "windlass config",
    "windlass credential-process",
    "windlass doctor",
    "windlass env",
    "windlass exec",
    "windlass status",
    "windlass update",
];

#[test]
fn committed_manual_pages_are_fresh() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["generate", "man", "fresh"]);
    let read = |directory: &Path| -> BTreeMap<String, String> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    };
    let fresh = read(&sandbox.path("fresh"));
    let committed = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("man"));
    assert!(fresh.len() > 8);
    assert!(
        fresh == committed,
        "man/ is stale: run scripts/gen-man and commit the result"
    );
}

#[test]
fn exit_codes_stand_in_the_manual_as_in_the_program() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/windlass.1");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split(".SH \"EXIT STATUS\"").nth(1).unwrap();
    let section = section.split(".SH").next().unwrap();
    let codes: Vec<u8> = section
        .lines()
        .filter_map(|line| {
            line.strip_prefix("\\fB")?
                .strip_suffix("\\fR")?
                .parse()
                .ok()
        })
        .collect();
    let table: Vec<u8> = Outcome::TABLE
        .iter()
        .map(|(outcome, _)| outcome.code())
        .collect();
    assert_eq!(codes, table);
    assert_eq!(
        codes,
        [0, 1, 2, 3, 4, 5, 6, 7, 10],
        "the codes are a promise"
    );
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    for (outcome, meaning) in Outcome::TABLE {
        let row = format!("| {} | {meaning} |", outcome.code());
        assert!(readme.contains(&row), "README lacks {row}");
    }
}

/// Whoever reads the first lines of a page knows what has to be typed.
#[test]
fn the_synopsis_of_a_page_has_options_with_their_values() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
        let page = fs::read_to_string(path).unwrap();
        let section = page.split(".SH SYNOPSIS\n").nth(1).unwrap();
        let section = section.split("\n.").next().unwrap();
        let plain = section
            .replace("\\fB", "")
            .replace("\\fI", "")
            .replace("\\fR", "");
        plain
            .replace("\\-", "-")
            .replace("\\ ", " ")
            .replace("\\&", "")
    };
    let lines = |name: &str| -> Vec<String> { read(name).lines().map(str::to_owned).collect() };
    let issue = lines("windlass-ca-issue.1");
    assert_eq!(issue[..2], ["windlass ca issue", "--dir DIR"]);
    for option in ["[--san NAME ...]", "[--days DAYS]", "[--dry-run]"] {
        assert!(issue.contains(&option.to_owned()), "{issue:#?}");
    }
    assert!(lines("windlass-ca-export.1").contains(&"(--jsonl FILE | --csv FILE)".to_owned()));
    assert_eq!(
        lines("windlass-ca-show.1").last().unwrap(),
        "SERIAL|SHA-256|NAME|ID"
    );
    assert_eq!(lines("windlass-ca-crl.1").last().unwrap(), "[COMMAND]");
    assert_eq!(lines("windlass-ca.1").last().unwrap(), "COMMAND");
}

/// The overview is read from above: what comes first in the life of a CA.
#[test]
fn the_verbs_of_the_ca_stand_in_the_order_of_its_life() {
    let sandbox = Sandbox::new();
    let help = sandbox.ok(&["ca", "--help"]).stdout;
    let place = |verb: &str| {
        let line = format!("\n  {verb} ");
        help.find(&line).unwrap_or_else(|| panic!("{verb}: {help}"))
    };
    let life = [
        "init", "policy", "issue", "sign", "revoke", "crl", "check", "backup", "rollover",
    ];
    assert!(
        life.windows(2).all(|pair| place(pair[0]) < place(pair[1])),
        "{help}"
    );
}

#[test]
fn completions_are_scripts_of_their_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.ok(&["generate", "completions", shell]);
        assert!(run.stdout.contains("credential-process"), "{shell}");
        if shell == "bash" {
            sandbox.write("completions", &run.stdout);
            let mut check = Command::new("bash");
            check
                .args(["-n", "completions"])
                .current_dir(sandbox.root());
            assert_eq!(capture(&mut check).code, 0);
        }
    }
}

/// Each help begins with one line without a full stop, and each command that
/// does something has an example.
#[test]
fn help_texts_keep_their_form() {
    fn walk(command: &clap::Command, path: &str, problems: &mut Vec<String>) {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        if about.is_empty() || about.contains('\n') || about.ends_with('.') {
            problems.push(format!("{path}: about {about:?}"));
        }
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            if help.is_empty() || help.contains('\n') || help.ends_with('.') {
                problems.push(format!("{path}: {} {help:?}", argument.get_id()));
            }
        }
        if command.get_subcommands().next().is_none() && examples_of(command).is_empty() {
            problems.push(format!("{path}: no example"));
        }
        let after = command.get_after_long_help().map(ToString::to_string);
        for line in after.iter().flat_map(|text| text.lines()) {
            // The help is wrapped at 100 columns, and a wrapped example cannot
            // be pasted.
            if line.chars().count() > 98 {
                problems.push(format!("{path}: too long to paste: {line}"));
            }
        }
        for subcommand in command.get_subcommands() {
            walk(
                subcommand,
                &format!("{path} {}", subcommand.get_name()),
                problems,
            );
        }
    }
    let mut problems = Vec::new();
    walk(&<Cli>::command(), "windlass", &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
}

/// A heading is over all that follows it, also in the struct that holds its own.
#[test]
fn role_chains_stand_alone_under_their_heading() {
    fn walk(command: &clap::Command, own: &[&clap::Id], seen: &mut usize) {
        for argument in command.get_arguments() {
            if argument.get_help_heading() == Some("Role chaining") {
                *seen += 1;
                let id = argument.get_id();
                assert!(own.contains(&id), "{}: {id}", command.get_name());
            }
        }
        for subcommand in command.get_subcommands() {
            walk(subcommand, own, seen);
        }
    }
    let chain = RoleChainArgs::augment_args(clap::Command::new("chain"));
    let own: Vec<&clap::Id> = chain.get_arguments().map(clap::Arg::get_id).collect();
    let mut seen = 0;
    walk(&<Cli>::command(), &own, &mut seen);
    assert!(seen >= own.len(), "{seen}");
}

#[test]
fn every_example_runs() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "trust-policy.json",
        "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
    );
    sandbox.write(
        "account.toml",
        "[[role]]\nname = 'backup'\n[[profile]]\nname = 'backup'\nroles = ['backup']\n\
         [[trust_anchor]]\nname = 'main'\ncertificates = 'ca/trust-anchor.pem'\n",
    );
    let mut commands = Vec::new();
    collect(&<Cli>::command(), &mut commands);
    assert!(commands.len() >= 12, "{commands:#?}");
    // Directories first, then what needs them; the emulator beside the command
    // that calls it.
    let rank = |line: &String| {
        let order = [
            "ca init",
            "openssl",
            "printf",
            "ca sign-ca",
            "ca install",
            "ca issue",
            "ca lint",
            "ca list",
            "ca show",
            // It is what a monitor asks for.
            "ca backup",
            "generate",
            "version",
        ];
        let verb = line.trim_start_matches("windlass ");
        // It looks at what the others have made.
        if verb.starts_with("check ") {
            return order.len() + 1;
        }
        order
            .iter()
            .position(|prefix| verb.starts_with(prefix))
            .unwrap_or(order.len())
    };
    let (mut emulators, rest): (Vec<String>, Vec<String>) = commands
        .into_iter()
        .partition(|line| line.starts_with("windlass emulate"));
    let (servers, rest): (Vec<String>, Vec<String>) = rest
        .into_iter()
        .partition(|line| line.starts_with("windlass serve"));
    let (callers, mut plain): (Vec<String>, Vec<String>) = rest
        .into_iter()
        .partition(|line| SESSION_VERBS.iter().any(|verb| line.contains(verb)));
    plain.sort_by_key(rank);
    for line in plain {
        let run = shell(&sandbox, &line);
        assert_eq!(run.code, 0, "{line}: {run:#?}");
    }
    // The one with fixed ARNs comes last and stays up for the callers.
    emulators.sort_by_key(|line| line.contains("--profile-arn"));
    assert_eq!(emulators.len(), 8);
    assert!(callers.len() >= 5, "{callers:#?}");
    assert_eq!(servers.len(), 1);
    for line in emulators {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let _running = Background::start(&sandbox, &line.replace(EXAMPLE_PORT, &address), port);
        if line.contains("--profile-arn") {
            write_profile(&sandbox, &address);
            for caller in &callers {
                let run = shell(&sandbox, &caller.replace(EXAMPLE_PORT, &address));
                assert_eq!(run.code, 0, "{caller}: {run:#?}");
                if caller.starts_with("windlass credential-process") {
                    assert!(run.stdout.contains("ASIA0EMULATED0"), "{run:#?}");
                }
            }
            for server in &servers {
                let port = free_port();
                let line = format!(
                    "{} --port {port} --no-cache --token-file token",
                    server.replace(EXAMPLE_PORT, &address)
                );
                let _running = Background::start(&sandbox, &line, port);
                let healthy =
                    format!("curl -sf --retry 20 --retry-delay 1 http://127.0.0.1:{port}/healthz");
                let run = shell(&sandbox, &healthy);
                assert_eq!(run.code, 0, "{server}: {run:#?}");
            }
        }
    }
}

/// The profile that the examples name, for the emulator of the examples.
fn write_profile(sandbox: &Sandbox, address: &str) {
    fs::create_dir_all(sandbox.path(".config/windlass")).unwrap();
    let content = format!(
        "[profile.backup]\n\
         certificate = '~/web-1/fullchain.pem'\n\
         private_key = '~/web-1/key.pem'\n\
         trust_anchor_arn = 'arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main'\n\
         profile_arn = 'arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup'\n\
         role_arn = 'arn:aws:iam::123456789012:role/backup'\n\
         endpoint = 'http://{address}'\n"
    );
    sandbox.write(".config/windlass/config.toml", content);
}

/// Every option that README names exists.
#[test]
fn options_in_the_readme_exist() {
    fn known(command: &clap::Command, options: &mut Vec<String>) {
        let longs = command
            .get_arguments()
            .filter_map(|argument| argument.get_long());
        options.extend(longs.map(|long| format!("--{long}")));
        command
            .get_subcommands()
            .for_each(|subcommand| known(subcommand, options));
    }
    let mut options = vec![
        "--help".to_owned(),
        "--version".to_owned(),
        "--locked".to_owned(),
        "--release".to_owned(),
    ];
    known(&<Cli>::command(), &mut options);
    for file in ["README.md", "SECURITY.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(path).unwrap();
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '-')) {
            let is_option = word.len() > 3
                && word.starts_with("--")
                && !word.starts_with("---")
                && word
                    .trim_start_matches('-')
                    .starts_with(char::is_alphabetic);
            assert!(
                !is_option || options.iter().any(|option| option == word),
                "{file} names {word}, which does not exist"
            );
        }
    }
}

/// A line that was written for the official helper keeps working: its options
/// with their names.
#[test]
fn options_of_the_official_helper_exist() {
    let command = <Cli>::command();
    let options_of = |verb: &str| -> Vec<&str> {
        let verb = command.find_subcommand(verb).unwrap();
        let arguments = verb.get_arguments();
        arguments
            .filter_map(|argument| argument.get_long())
            .collect()
    };
    let update = options_of("update");
    assert!(update.contains(&"once") && update.contains(&"profile"));
    let process = options_of("credential-process");
    for option in [
        "cert-selector",
        "certificate",
        "debug",
        "endpoint",
        "intermediates",
        "no-tpm-key-password",
        "no-verify-ssl",
        "pkcs11-lib",
        "pkcs8-password",
        "private-key",
        "profile-arn",
        "region",
        "reuse-pin",
        "role-arn",
        "role-session-name",
        "session-duration",
        "tpm-key-password",
        "trust-anchor-arn",
        "use-latest-expiring-certificate",
        "with-proxy",
    ] {
        assert!(process.contains(&option), "--{option}");
        assert!(update.contains(&option), "update --{option}");
    }
}

fn collect(command: &clap::Command, into: &mut Vec<String>) {
    into.extend(examples_of(command));
    for subcommand in command.get_subcommands() {
        collect(subcommand, into);
    }
}

/// The lines below `Example:` or `Examples:`, continuations joined.
fn examples_of(command: &clap::Command) -> Vec<String> {
    let texts = [command.get_after_long_help(), command.get_long_about()];
    let mut examples: Vec<String> = Vec::new();
    for text in texts.into_iter().flatten().map(ToString::to_string) {
        let mut continued = false;
        let below = text.lines().skip_while(|line| !line.starts_with("Example"));
        for line in below.skip(1) {
            if line.trim().is_empty() {
                break;
            }
            let part = line.trim().trim_end_matches('\\').trim();
            match examples.last_mut() {
                Some(last) if continued => {
                    last.push(' ');
                    last.push_str(part);
                }
                _ => examples.push(part.to_owned()),
            }
            continued = line.ends_with('\\');
        }
    }
    examples
}

/// Runs an example line as a user would, by a shell that knows `windlass`.
fn shell(sandbox: &Sandbox, line: &str) -> crate::harness::Run {
    let mut command = Command::new("sh");
    sandbox.scrub(&mut command);
    command.args(["-c", &with_program(line)]);
    // A command in an example is found as it is where windlass is installed.
    let directory = Path::new(program()).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", directory.display()));
    for (variable, file, kind) in [
        (
            "KEY_SHA256",
            "site/issuing/request.pem",
            "CERTIFICATE REQUEST",
        ),
        ("ROOT_SHA256", "vault/trust-anchor.pem", "CERTIFICATE"),
    ] {
        if line.contains(&format!("${variable}")) {
            command.env(variable, shown_fingerprint(sandbox, file, kind));
        }
    }
    sandbox.finish(command)
}

/// What the other machine has shown, which a person would have noted.
fn shown_fingerprint(sandbox: &Sandbox, file: &str, kind: &str) -> String {
    let text = sandbox.read(file);
    match kind {
        "CERTIFICATE" => {
            let found = read_certificates(text.as_bytes(), file).unwrap();
            found[0].fingerprint()
        }
        _ => {
            let request = CertificateRequest::read(text.as_bytes(), file).unwrap();
            request.public_key().fingerprint()
        }
    }
}

fn with_program(line: &str) -> String {
    line.replacen("windlass", program(), 1)
}

/// A server of an example that runs until it is dropped.
struct Background(Child);

impl Background {
    fn start(sandbox: &Sandbox, line: &str, port: u16) -> Self {
        let mut command = Command::new("sh");
        sandbox.scrub(&mut command);
        command
            .args(["-c", &format!("exec {}", with_program(line))])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut running = Self(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(running.0.try_wait().unwrap().is_none(), "{line} ended");
            assert!(Instant::now() < deadline, "{line} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
