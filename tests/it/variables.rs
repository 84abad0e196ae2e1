//! Environment variables: the manual has those that the program reads, and no
//! others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use windlass::cli::Cli;
use windlass::environment::{Role, VARIABLES};

/// What is taken from a program that is run, or given to it, and never read.
const GIVEN: [&str; 18] = [
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "WINDLASS_HOOK",
    "WINDLASS_HOOK_CERTIFICATE",
    "WINDLASS_HOOK_CHAIN",
    "WINDLASS_HOOK_FULLCHAIN",
    "WINDLASS_HOOK_IDENTITY",
    "WINDLASS_HOOK_NOT_AFTER",
    "WINDLASS_HOOK_OLD_SERIAL",
    "WINDLASS_HOOK_PRIVATE_KEY",
    "WINDLASS_HOOK_SERIAL",
    "WINDLASS_HOOK_VERSION",
    "WINDLASS_SIGNER_ALGORITHM",
    "WINDLASS_SIGNER_PROTOCOL",
    "WINDLASS_SIGNER_PUBLIC_KEY",
];

/// What only looks like one: a type of trust anchor; and what is asked for when the
/// program is built.
const OTHERS: [&str; 2] = ["AWS_ACM_PCA", "WINDLASS_COMMIT"];

/// Those that crates read for us: systemd's.
const BY_CRATES: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC"];

fn listed() -> BTreeSet<String> {
    let names = VARIABLES.iter().map(|variable| variable.name.to_owned());
    names.collect()
}

/// The variables that are an option's own.
fn of_options(command: &clap::Command, into: &mut BTreeSet<String>) {
    let names = command.get_arguments().filter_map(clap::Arg::get_env);
    into.extend(names.map(|name| name.to_str().unwrap().to_owned()));
    for subcommand in command.get_subcommands() {
        of_options(subcommand, into);
    }
}

/// Every literal of the program's code that has the form of a variable's name,
/// but for the list itself.
fn in_code() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            // Unit tests may stand in files of their own.
            let is_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
            if path.iter().any(is_tests) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code = match code.split_once("pub const VARIABLES") {
                Some((before, _)) => before,
                None => code,
            };
            let lines = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                // Every second part stands between quotes.
                let literals = line.split('"').skip(1).step_by(2);
                found.extend(literals.filter(|it| is_name(it)).map(str::to_owned));
            }
            // Names of another form, where they are read.
            let flat: String = code.split_whitespace().collect();
            for call in ["environment.get(\"", "environment.get_str(\""] {
                let names = flat.split(call).skip(1);
                let names = names.filter_map(|rest| rest.split('"').next());
                found.extend(names.map(str::to_owned));
            }
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    let prefixes = [
        "AWS_",
        "WINDLASS_",
        "XDG_",
        "LISTEN_",
        "NOTIFY_",
        "WATCHDOG_",
        "CREDENTIALS_",
        "TPM_",
        "SSL_",
    ];
    let is_upper = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let has_prefix = prefixes
        .iter()
        .any(|prefix| text.starts_with(prefix) && text.len() > prefix.len());
    let is_proxy = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
        .iter()
        .any(|name| text == *name || text == name.to_ascii_lowercase());
    ["HOME", "PATH"].contains(&text) || (is_upper(text) && has_prefix) || is_proxy
}

#[test]
fn the_list_has_what_the_code_reads_and_nothing_else() {
    let mut known = listed();
    of_options(&<Cli>::command(), &mut known);
    let code = in_code();
    assert!(code.len() > 40, "{code:#?}");
    let unlisted: Vec<&String> = code
        .iter()
        .filter(|name| !known.contains(*name))
        .filter(|name| !GIVEN.contains(&name.as_str()) && !OTHERS.contains(&name.as_str()))
        .collect();
    assert!(unlisted.is_empty(), "read, and not listed: {unlisted:?}");
    let unread: Vec<String> = known
        .into_iter()
        .filter(|name| !code.contains(name) && !BY_CRATES.contains(&name.as_str()))
        .collect();
    assert!(unread.is_empty(), "listed, and not read: {unread:?}");
    assert!(GIVEN.iter().chain(&OTHERS).all(|name| code.contains(*name)));
}

/// The names in the section ENVIRONMENT of a page.
fn in_page(name: &str) -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
    let page = fs::read_to_string(page).unwrap();
    let section = page.split(".SH ENVIRONMENT").nth(1).unwrap_or_default();
    let section = section.split(".SH ").next().unwrap();
    let names = section.lines().filter_map(|line| {
        line.strip_prefix("\\fB")?
            .strip_suffix("\\fR")
            .map(str::to_owned)
    });
    names.collect()
}

#[test]
fn the_manual_has_every_variable_and_no_other() {
    let mut first = BTreeSet::new();
    // How it speaks of what is no data is said to all verbs.
    first.extend(["ERROR_FORMAT", "LOG_FILE", "SYSLOG"].map(|it| format!("WINDLASS_{it}")));
    first.extend(listed());
    assert_eq!(in_page("windlass.1"), first);

    let command = <Cli>::command();
    for verb in [
        "credential-process",
        "env",
        "exec",
        "serve",
        "update",
        "configure",
        "doctor",
        "rotate",
    ] {
        let definition = command.find_subcommand(verb).unwrap();
        let mut expected = BTreeSet::new();
        of_options(definition, &mut expected);
        let shown = in_page(&format!("windlass-{verb}.1"));
        assert!(shown.is_superset(&expected), "{verb}: {shown:?}");
        for name in [
            "WINDLASS_PROXY",
            "WINDLASS_PASSPHRASE_FILE",
            "AWS_CA_BUNDLE",
        ] {
            assert!(shown.contains(name), "{verb}: {name}");
        }
        for variable in VARIABLES {
            if let Role::Verbs(verbs) = variable.role {
                let is_here = shown.contains(variable.name);
                assert_eq!(is_here, verbs.contains(&verb), "{verb}: {}", variable.name);
            }
        }
    }
}

#[test]
fn exec_has_exit_codes_of_its_own_in_the_manual() {
    let read = |name: &str| {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
        fs::read_to_string(page).unwrap()
    };
    for code in ["126", "127", "128 + N"] {
        let shown = format!(".TP\n\\fB{code}\\fR\n");
        assert!(read("windlass-exec.1").contains(&shown), "{code}");
        assert!(!read("windlass-env.1").contains(&shown), "{code}");
    }
}

#[test]
fn the_manual_has_the_files() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/windlass.1"));
    let page = page.unwrap();
    let section = page.split(".SH FILES").nth(1).unwrap();
    for name in [
        "config.toml",
        "windlass\\-journal",
        "~/.aws/credentials",
        "~/.aws/config",
    ] {
        assert!(section.contains(name), "{name}");
    }
}
