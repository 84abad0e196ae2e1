//! The file of node_exporter: what Prometheus reads in it, and when it is replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{check, edit_state, profile, with_identity};
use crate::harness::{Run, Sandbox, client_script, tool};

/// The samples of a text, by metric and labels. As strict as Prometheus' linter:
/// HELP and TYPE stand once before the samples of their family, which stand together
/// and are each there once.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
    };
    let (mut family, mut families, mut found) = (String::new(), Vec::new(), BTreeMap::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && help.ends_with('.'), "{line}");
            assert_eq!(lines.next(), Some(&*format!("# TYPE {name} gauge")));
            family = name.to_owned();
            assert!(!families.contains(&family), "{line}");
            families.push(family.clone());
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
        assert_eq!(name, family, "{line}");
        read_labels(labels);
        let value: i64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        #[expect(clippy::as_conversions, reason = "as Prometheus keeps numbers")]
        let again = found.insert(key.to_owned(), value as f64);
        assert!(again.is_none(), "{line}");
    }
    found
}

/// `a="b",c="d"}`, where only `\\`, `\"` and `\n` begin with a backslash.
fn read_labels(mut text: &str) {
    while text != "}" {
        let (name, rest) = text.split_once("=\"").unwrap();
        assert!(name.chars().all(|one| one.is_ascii_lowercase()), "{text}");
        let mut end = None;
        let mut characters = rest.char_indices();
        while let Some((at, one)) = characters.next() {
            match one {
                '\\' => {
                    let (_, next) = characters.next().unwrap();
                    assert!(['\\', '"', 'n'].contains(&next), "{text}");
                }
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let rest = &rest[end.unwrap() + 1..];
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// What the library that Prometheus' own programs use finds in a text.
fn as_prometheus(text: &str) -> Value {
    let mut child = Command::new(tool("python3"))
        .arg(client_script("metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The metrics that README.md names.
fn documented() -> BTreeSet<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, said) = readme
        .split_once("Metrics are `windlass_identity_")
        .unwrap();
    let (said, _) = said.split_once("\n\n").unwrap();
    let named = said.split('`').filter_map(|word| word.strip_prefix("…_"));
    named
        .chain([said.split('{').next().unwrap()])
        .map(|name| format!("windlass_identity_{name}"))
        .collect()
}

/// A certificate that something else renews is no identity.
#[test]
fn a_certificate_is_labelled_as_one() {
    let sandbox = with_identity();
    let file = "web/current/fullchain.pem";
    let options = ["--identity", "web", "--certificate", file];
    let with = |more: &[&str]| check(&sandbox, &[&options, more].concat());
    let shown: Value = serde_json::from_str(&with(&["--json"]).stdout).unwrap();
    let findings = shown["findings"].as_array().unwrap();
    let count = |kind: &str| {
        findings
            .iter()
            .filter(|one| one.get(kind).is_some())
            .count()
    };
    let (identity, certificate) = (count("identity"), count("certificate"));
    assert!(identity > certificate && certificate > 0, "{shown:#}");
    assert_eq!(identity + certificate, findings.len());
    let found = samples(&with(&["--format", "prometheus"]).stdout);
    let left = |label: &str| format!("windlass_identity_left_seconds{{{label}=\"{file}\"}}");
    assert!(found.contains_key(&left("certificate")), "{found:#?}");
    assert!(!found.contains_key(&left("identity")), "{found:#?}");
    let run = with(&[]);
    let says = " things of 1 identity and 1 certificate are in order | ";
    assert!(run.stdout.contains(says), "{run:#?}");
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let sandbox = with_identity();
    // A name with all that has to be escaped.
    let strange = "a b\\\\\\\"|='\\n";
    let other = profile(&sandbox, "web", "")
        + &profile(&sandbox, "web", "")
            .replace("[profile.web]", &format!("[profile.\"{strange}\"]"));
    sandbox.write("config.toml", other);
    // The identity is one; each of the two profiles is asked for by its name.
    let name = "a b\\\"|='\n";
    let options = [
        "--config",
        "config.toml",
        "--format",
        "prometheus",
        "--profile",
        name,
    ];
    let run = check(&sandbox, &options);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let found = samples(&run.stdout);
    let read = as_prometheus(&run.stdout);
    let all: usize = read
        .as_object()
        .unwrap()
        .values()
        .map(|family| family["samples"].as_array().unwrap().len())
        .sum();
    assert_eq!(all, found.len());
    assert_eq!(
        documented(),
        read.as_object().unwrap().keys().cloned().collect()
    );
    for (family, of) in [
        ("level", true),
        ("left_seconds", true),
        ("not_after_timestamp_seconds", true),
        ("due_timestamp_seconds", true),
        ("last_success_timestamp_seconds", true),
        ("failures", true),
        ("hooks_owed", true),
        ("checked_timestamp_seconds", true),
    ] {
        let family = &read[format!("windlass_identity_{family}")];
        assert_eq!(family["type"], "gauge", "{family}");
        assert!(family["help"].as_str().unwrap().ends_with('.'), "{family}");
        let labels = &family["samples"][0]["labels"];
        assert_eq!(
            labels["identity"],
            if of { name.into() } else { Value::Null },
            "{family}"
        );
    }
    let value = |family: &str| {
        read[format!("windlass_identity_{family}")]["samples"][0]["value"]
            .as_f64()
            .unwrap()
    };
    let left = value("not_after_timestamp_seconds") - value("checked_timestamp_seconds");
    assert_eq!(left, value("left_seconds"));
    assert!(left > 29.0 * 86_400.0 && left <= 30.0 * 86_400.0);
    assert!(value("due_timestamp_seconds") < value("not_after_timestamp_seconds"));
    // As a plugin has it, it stays one line with one bar.
    let run = check(&sandbox, &["--config", "config.toml", "--profile", name]);
    let first = run.stdout.lines().next().unwrap();
    assert_eq!(first.matches('|').count(), 1, "{first}");
    assert!(first.contains(" 'failures_a b\\\"/__"), "{first}");
}

#[test]
fn levels_and_numbers_follow_what_is_wrong() {
    let sandbox = with_identity();
    super::rotate(&sandbox, &["--force", "--after-hook", "false"]);
    let metrics =
        || samples(&check(&sandbox, &["--identity", "web", "--format", "prometheus"]).stdout);
    let web = sandbox.path("web").display().to_string();
    let of = |metric: &str| format!("windlass_identity_{metric}{{identity=\"{web}\"}}");
    let level =
        |probe: &str| format!("windlass_identity_level{{identity=\"{web}\",probe=\"{probe}\"}}");
    let found = metrics();
    assert_eq!(
        (found[&level("hooks")], found[&of("hooks_owed")]),
        (1.0, 1.0)
    );
    assert_eq!(
        (found[&level("renewal")], found[&of("failures")]),
        (0.0, 0.0)
    );
    super::set_mode(&sandbox, "web/current/key.pem", 0o666);
    edit_state(&sandbox, |state| {
        state["failures"] = serde_json::json!({
            "count": 4, "last": super::ago(chrono::TimeDelta::zero()), "prospect": "passing"
        });
    });
    let found = metrics();
    assert_eq!((found[&level("modes")], found[&of("failures")]), (2.0, 4.0));
    // Of what was not judged there are no numbers of before.
    fs::remove_dir_all(sandbox.path("web")).unwrap();
    let found = metrics();
    assert_eq!(found[&level("identity")], 3.0);
    assert_eq!(found.len(), 2);
}

fn to_file(sandbox: &Sandbox, file: &str) -> Run {
    check(sandbox, &["--identity", "web", "--textfile", file])
}

#[test]
fn the_textfile_is_for_everybody_and_replaces_nothing_else() {
    let sandbox = with_identity();
    let run = to_file(&sandbox, "windlass.prom");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert!(run.stdout.starts_with("WINDLASS IDENTITY OK"), "{run:#?}");
    samples(&sandbox.read("windlass.prom"));
    let mode = fs::metadata(sandbox.path("windlass.prom"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(to_file(&sandbox, "windlass.prom").code, 0, "it is replaced");
    sandbox.write("empty.prom", "");
    assert_eq!(to_file(&sandbox, "empty.prom").code, 0, "somebody made it");
    fs::create_dir(sandbox.path("directory.prom")).unwrap();
    sandbox.write("mine.prom", "mine\n");
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    sandbox.ok(&["ca", "check", "--dir", "ca", "--textfile", "ca.prom"]);
    for file in [
        "mine.prom",
        "ca.prom",
        "directory.prom",
        "no/x.prom",
        "/proc/x.prom",
    ] {
        let before = fs::read(sandbox.path(file)).ok();
        let run = to_file(&sandbox, file);
        assert_eq!(run.code, 3, "{file}: {run:#?}");
        assert!(
            run.stdout.starts_with("WINDLASS IDENTITY UNKNOWN - "),
            "{run:#?}"
        );
        assert!(run.stdout.contains("UNKNOWN textfile: "), "{run:#?}");
        assert!(run.stderr.starts_with("error: "), "{run:#?}");
        assert_eq!(fs::read(sandbox.path(file)).ok(), before, "{file}");
    }
    // What is critical is not covered up by it.
    super::set_mode(&sandbox, "web/current/key.pem", 0o666);
    assert_eq!(to_file(&sandbox, "directory.prom").code, 2);
}

/// node_exporter passes over the others without a word.
#[test]
fn a_textfile_ends_as_node_exporter_wants_it() {
    let sandbox = with_identity();
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    let says = "node_exporter reads files whose names end in .prom";
    for file in ["windlass", "windlass.txt", ".prom", "web/current/key.pem"] {
        let before = fs::read(sandbox.path(file)).ok();
        let run = to_file(&sandbox, file);
        let of_ca = ["ca", "check", "--dir", "ca", "--textfile", file];
        for run in [run, sandbox.run(&of_ca)] {
            assert_eq!(run.code, 3, "{run:#?}");
            assert!(
                run.stdout.lines().next().unwrap().contains(says),
                "{run:#?}"
            );
        }
        assert_eq!(fs::read(sandbox.path(file)).ok(), before, "{file}");
    }
}

/// Whatever is printed under cron is sent by mail.
#[test]
fn cron_is_told_nothing_but_what_went_wrong() {
    let sandbox = with_identity();
    let quiet = |file: &str| {
        let options = ["--identity", "web", "--quiet", "--textfile", file];
        check(&sandbox, &options)
    };
    let run = quiet("windlass.prom");
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, "", ""));
    samples(&sandbox.read("windlass.prom"));
    super::set_mode(&sandbox, "web/current/key.pem", 0o666);
    let run = quiet("windlass.prom");
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (2, "", ""));
    let run = quiet("no/windlass.prom");
    assert!(run.code == 2 && run.stdout.is_empty(), "{run:#?}");
    assert!(run.stderr.starts_with("error: "), "{run:#?}");
    // Without a file nobody would hear of anything.
    let run = check(&sandbox, &["--identity", "web", "--quiet"]);
    assert!(
        run.code == 3 && run.stdout.contains("--textfile"),
        "{run:#?}"
    );
}

/// node_exporter refuses all files where two series of them are the same.
#[test]
fn no_series_is_there_twice_in_one_file_or_in_two() {
    let sandbox = with_identity();
    let file = "web/current/fullchain.pem";
    let twice = ["--certificate", file, "--certificate", file];
    let once = check(
        &sandbox,
        &[&twice[..2], &["--format", "prometheus"]].concat(),
    );
    let run = check(
        &sandbox,
        &[&twice[..], &["--format", "prometheus"]].concat(),
    );
    assert_eq!(
        (run.code, run.stdout.lines().count()),
        (0, once.stdout.lines().count())
    );
    let of_file = samples(&run.stdout);
    as_prometheus(&run.stdout);
    let first = check(&sandbox, &twice).stdout;
    let numbers = first.lines().next().unwrap().split_once(" | ").unwrap().1;
    assert_eq!(numbers.matches("left_").count(), 1, "{first}");
    let of_identity = check(&sandbox, &["--identity", "web", "--format", "prometheus"]);
    let of_identity = samples(&of_identity.stdout);
    let both: Vec<_> = of_file
        .keys()
        .filter(|key| of_identity.contains_key(*key))
        .collect();
    assert!(both.is_empty(), "{both:#?}");
}

/// A full disk, or a limit of the shell.
#[test]
fn a_textfile_that_cannot_be_written_is_left_as_it_was() {
    let sandbox = with_identity();
    assert_eq!(to_file(&sandbox, "windlass.prom").code, 0);
    let before = crate::ca_state::files_below(sandbox.root());
    let mut command = Command::new("bash");
    sandbox.scrub(&mut command);
    let line = "ulimit -f 0; exec \"$0\" check --identity web --textfile windlass.prom";
    command.args(["-c", line, crate::harness::program()]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stderr.contains("windlass.prom"), "{run:#?}");
    assert_eq!(crate::ca_state::files_below(sandbox.root()), before);
}
