//! What the verbs of the CA print with `--json`, all of them together: a key has
//! one type and one form, whichever verb prints it.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;
use serde_json::Value;
use windlass::cli::Cli;

use crate::harness::Sandbox;
use crate::issuer::openssl;

const SECRET: [&str; 2] = ["--passphrase-file", "passphrase"];

/// Keys whose values are times.
const TIMES: [&str; 12] = [
    "at",
    "invalidSince",
    "lastEnd",
    "madeAt",
    "nextUpdate",
    "notAfter",
    "notBefore",
    "oldestReserved",
    "safeToRetireFrom",
    "strandedUntil",
    "thisUpdate",
    "week",
];

/// Keys whose values are the hex digits of something that is no SHA-256 of a name
/// that says so.
const HEX: [&str; 7] = [
    "hash",
    "issuerKeyId",
    "logHead",
    "otherSerialNumbers",
    "serialNumber",
    "stillCertified",
    "serial",
];

/// Keys whose values are paths.
const PATHS: [&str; 4] = ["directory", "file", "removed", "unusedKeys"];

/// What was printed, by verb.
#[derive(Default)]
struct Told {
    verbs: BTreeSet<String>,
    /// The types of the values of each key, with a place where they were seen.
    types: BTreeMap<String, BTreeMap<String, String>>,
    wrong: Vec<String>,
}

impl Told {
    /// Runs a verb, whose words come first, and takes in what it prints.
    fn run(&mut self, sandbox: &Sandbox, verb: &str, options: &[&str]) {
        let words: Vec<&str> = verb.split(' ').collect();
        let form = match options.contains(&"jsonl") {
            true => &[][..],
            false => &["--json"][..],
        };
        let run = sandbox.run(&[&["ca"][..], &words, options, form].concat());
        assert!(
            !run.stdout.is_empty() && (run.code == 0 || verb == "check" || run.code == 3),
            "{verb} {options:?}: {run:#?}"
        );
        self.verbs.insert(verb.to_owned());
        let values = serde_json::Deserializer::from_str(&run.stdout).into_iter::<Value>();
        for value in values {
            self.walk(verb, "", &value.unwrap());
        }
    }

    fn walk(&mut self, verb: &str, key: &str, value: &Value) {
        let kind = match value {
            Value::Null => return,
            Value::Bool(_) => "flag",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        let seen = self.types.entry(key.to_owned()).or_default();
        // Elements of a list count under its key, in brackets.
        seen.entry(kind.to_owned())
            .or_insert_with(|| format!("{verb}: {value:.80}"));
        if let Err(form) = fits(key.trim_matches(['[', ']']), value) {
            self.wrong
                .push(format!("{verb}: {key} is not {form}: {value}"));
        }
        match value {
            Value::Array(values) => {
                let inner = format!("[{}]", key.trim_matches(['[', ']']));
                values
                    .iter()
                    .for_each(|value| self.walk(verb, &inner, value));
            }
            Value::Object(members) => {
                for (key, value) in members {
                    let is_camel = key.starts_with(|first: char| first.is_ascii_lowercase())
                        && key.chars().all(|one| one.is_ascii_alphanumeric());
                    if !is_camel {
                        self.wrong.push(format!("{verb}: {key} is not camelCase"));
                    }
                    // The facts of an entry are what the log holds.
                    if key != "detail" {
                        self.walk(verb, key, value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The form that a key's value has, in words, unless it has it.
fn fits(key: &str, value: &Value) -> Result<(), &'static str> {
    let says = |fits: bool, form| if fits { Ok(()) } else { Err(form) };
    if let Some(number) = value.as_i64() {
        return says(number.abs() < 1 << 53, "exact in every program");
    }
    let Some(text) = value.as_str() else {
        return Ok(());
    };
    let is_hex = |text: &str| {
        text.len().is_multiple_of(2) && text.chars().all(|one| matches!(one, '0'..='9' | 'a'..='f'))
    };
    let is_pem = text.starts_with("-----BEGIN CERTIFICATE-----\n");
    let shape: String = text
        .chars()
        .map(|one| if one.is_ascii_digit() { '0' } else { one })
        .collect();
    let is_time = shape == "0000-00-00T00:00:00Z";
    says(
        is_pem == (key == "pem" || key.ends_with("Pem")),
        "PEM under a key that says so",
    )?;
    let is_time_key = TIMES.contains(&key) || key.ends_with("At");
    says(
        is_time == is_time_key,
        "a time in RFC 3339 under a key for times",
    )?;
    if key.ends_with("Sha256") {
        return says(is_hex(text) && text.len() == 64, "a SHA-256 in hex");
    }
    if HEX.contains(&key) {
        return says(is_hex(text) && !text.is_empty(), "lowercase hex");
    }
    if matches!(key, "number" | "newestNumber") {
        let is_decimal = text.chars().all(|one| one.is_ascii_digit());
        return says(is_decimal, "a decimal number as text");
    }
    if key.ends_with("File") || PATHS.contains(&key) {
        return says(!text.contains('\n'), "a path");
    }
    Ok(())
}

#[test]
fn a_key_has_one_type_and_one_form_in_all_verbs() {
    let sandbox = Sandbox::new();
    let mut told = Told::default();
    let dir = ["--dir", "ca"];
    let of = |options: &[&'static str]| [&dir[..], options].concat();
    let with_key = |options: &[&'static str]| [&dir[..], &SECRET, options].concat();
    told.run(&sandbox, "init", &with_key(&["--name", "Example Corp"]));
    sandbox.write("ca/ca.toml", "[profiles.web]\ncn.deny = ['no']\n");
    told.run(&sandbox, "policy check", &dir);
    told.run(&sandbox, "policy show", &dir);
    told.run(
        &sandbox,
        "issue",
        &with_key(&["--cn", "web-1", "--out", "web-1"]),
    );
    told.run(
        &sandbox,
        "issue",
        &of(&["--cn", "web-2", "--san", "a.example.com", "--dry-run"]),
    );
    sandbox.write("rows", "id,cn\nb1,b-1\nb2,no\n");
    let batch = ["--batch", "rows", "--out", "out", "--keep-going"];
    told.run(&sandbox, "issue", &with_key(&batch));
    told.run(
        &sandbox,
        "issue",
        &[&with_key(&batch)[..], &["--dry-run"]].concat(),
    );
    openssl(
        &sandbox,
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "app.key",
            "-subj",
            "/CN=app-1",
            "-out",
            "app.csr",
        ],
    );
    told.run(
        &sandbox,
        "sign",
        &with_key(&["--csr", "app.csr", "--out", "app-1"]),
    );
    told.run(
        &sandbox,
        "sign",
        &with_key(&["--csr", "app.csr", "--out", "app.pem"]),
    );
    told.run(&sandbox, "sign", &of(&["--csr", "app.csr", "--dry-run"]));
    let hold = ["--cn", "web-1", "--reason", "certificateHold"];
    told.run(&sandbox, "revoke", &of(&hold));
    told.run(&sandbox, "release", &of(&["--cn", "web-1"]));
    let compromised = ["--cn", "b-1", "--reason", "keyCompromise", "--crl"];
    let since = ["--invalid-since", "2026-01-01T00:00:00Z"];
    told.run(
        &sandbox,
        "revoke",
        &[&with_key(&compromised)[..], &since].concat(),
    );
    told.run(&sandbox, "crl", &with_key(&[]));
    told.run(&sandbox, "crl", &with_key(&["--if-due"]));
    told.run(&sandbox, "crl status", &dir);
    told.run(&sandbox, "list", &dir);
    told.run(&sandbox, "list", &of(&["--format", "jsonl"]));
    for name in ["web-1", "b-1", "app-1"] {
        told.run(&sandbox, "show", &of(&[name]));
    }
    told.run(&sandbox, "stats", &dir);
    told.run(&sandbox, "report", &of(&["--html", "page.html"]));
    told.run(&sandbox, "export", &of(&["--jsonl", "all.jsonl"]));
    // Each row with its certificate.
    told.run(
        &sandbox,
        "export",
        &of(&["--jsonl", "-", "--comment", "jsonl"]),
    );
    told.run(&sandbox, "lint", &["web-1/cert.pem"]);
    told.run(&sandbox, "check", &of(&["--deep"]));
    told.run(&sandbox, "audit list", &dir);
    told.run(&sandbox, "audit export", &of(&["--out", "log.jsonl"]));
    told.run(
        &sandbox,
        "audit checkpoint",
        &with_key(&["--out", "checkpoint.json"]),
    );
    let kept = ["--checkpoint", "checkpoint.json"];
    told.run(&sandbox, "audit verify", &of(&kept));
    told.run(&sandbox, "audit reconcile", &dir);
    told.run(&sandbox, "backup", &of(&["--out", "backup.tar"]));
    told.run(&sandbox, "restore", &["backup.tar", "--dir", "restored"]);
    sandbox.write("new", "another horse battery staple\n");
    let new = ["--new-passphrase-file", "new"];
    told.run(
        &sandbox,
        "passphrase",
        &["--dir", "restored", SECRET[0], SECRET[1], new[0], new[1]],
    );
    rollover(&sandbox, &mut told);
    apart(&sandbox, &mut told);
    let with_json = verbs_with_json();
    assert_eq!(
        told.verbs, with_json,
        "verbs that were run, and those with --json"
    );
    for (key, types) in &told.types {
        // The top of an answer may be either.
        if types.len() > 1 && !key.is_empty() {
            told.wrong
                .push(format!("{key} has several types: {types:#?}"));
        }
    }
    assert!(told.wrong.is_empty(), "{:#?}", told.wrong);
    // These are printed by many, so that none of it held by chance.
    for key in [
        "serialNumber",
        "notAfter",
        "fingerprintSha256",
        "number",
        "certificateFile",
    ] {
        assert!(told.types.contains_key(key), "{key}");
    }
}

fn rollover(sandbox: &Sandbox, told: &mut Told) {
    let dir = ["--dir", "ca"];
    let with_key = [&dir[..], &SECRET].concat();
    told.run(
        sandbox,
        "rollover prepare",
        &[&with_key[..], &["--of", "root"]].concat(),
    );
    told.run(sandbox, "rollover status", &dir);
    told.run(
        sandbox,
        "rollover activate",
        &[&with_key[..], &["--bundle-installed"]].concat(),
    );
    told.run(sandbox, "crl", &with_key);
    told.run(sandbox, "rollover status", &dir);
    told.run(
        sandbox,
        "rollover retire",
        &[&dir[..], &["--force"]].concat(),
    );
    told.run(sandbox, "rollover prepare", &with_key);
    told.run(sandbox, "rollover cancel", &dir);
}

/// A root that is kept apart, and the CA that it certifies.
fn apart(sandbox: &Sandbox, told: &mut Told) {
    let at = |dir: &'static str| ["--dir", dir, SECRET[0], SECRET[1]];
    told.run(
        sandbox,
        "init",
        &[&at("vault")[..], &["--root-only", "--name", "R"]].concat(),
    );
    told.run(
        sandbox,
        "init",
        &[&at("site")[..], &["--offline-root", "--name", "S"]].concat(),
    );
    let request = sandbox.read("site/issuing/request.pem");
    let request = windlass::pki::CertificateRequest::read(request.as_bytes(), "").unwrap();
    let key = request.public_key().fingerprint();
    let options = ["--csr", "site/issuing/request.pem", "--out", "issuing.pem"];
    let compared = ["--key-fingerprint", &key];
    told.run(
        sandbox,
        "sign-ca",
        &[&at("vault")[..], &options, &compared].concat(),
    );
    let root = sandbox.read("vault/trust-anchor.pem");
    let root = windlass::pki::read_certificates(root.as_bytes(), "").unwrap()[0].fingerprint();
    let options = ["--cert", "issuing.pem", "--root-fingerprint", &root];
    told.run(sandbox, "install", &[&at("site")[..], &options].concat());
    told.run(sandbox, "rollover prepare", &at("site"));
}

/// The verbs of the CA that have the option, as they are typed.
fn verbs_with_json() -> BTreeSet<String> {
    fn walk(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
        if command.get_arguments().any(|one| one.get_id() == "json") {
            found.insert(path.trim().to_owned());
        }
        for verb in command.get_subcommands() {
            walk(verb, &format!("{path} {}", verb.get_name()), found);
        }
    }
    let all = <Cli>::command();
    let mut found = BTreeSet::new();
    walk(all.find_subcommand("ca").unwrap(), "", &mut found);
    found
}

/// stdout holds one thing.
#[test]
fn what_goes_to_stdout_leaves_no_room_for_json() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (verb, option) in [
        (&["report"][..], "--html"),
        (&["export"], "--jsonl"),
        (&["export"], "--csv"),
        (&["audit", "export"], "--out"),
    ] {
        let run = sandbox.run(&[&["ca"], verb, &["--dir", "ca", option, "-", "--json"]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        let says = format!("invalid value '-' for '{option}': --json takes the standard output");
        assert!(run.stderr.contains(&says), "{run:#?}");
    }
    let entries = sandbox.ok(&["ca", "audit", "list", "--dir", "ca", "--json"]);
    assert!(
        !entries.stdout.contains("\"export\""),
        "nothing was exported"
    );
}
