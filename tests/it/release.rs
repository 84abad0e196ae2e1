//! What a release says of itself, and what it is made of.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::Sandbox;

#[test]
fn the_program_says_what_it_was_built_from() {
    let sandbox = Sandbox::new();
    let said: Value = serde_json::from_str(&sandbox.ok(&["version", "--json"]).stdout).unwrap();
    let fields: Vec<&str> = said
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        [
            "commit",
            "features",
            "name",
            "target",
            "toolchain",
            "version"
        ]
    );
    let text = |field: &str| said[field].as_str().unwrap_or_default().to_owned();
    let plain = sandbox.ok(&["version"]).stdout;
    assert_eq!(plain, format!("{} {}\n", text("name"), text("version")));
    assert!(text("toolchain").starts_with("rustc 1."), "{said:#}");
    assert!(text("target").contains("-linux-"), "{said:#}");
    let features = if cfg!(feature = "pkcs11") {
        vec!["pkcs11"]
    } else {
        Vec::new()
    };
    assert_eq!(said["features"], Value::from(features));
    // A build that was not told its commit claims none.
    assert_eq!(
        said["commit"],
        option_env!("WINDLASS_COMMIT").map_or(Value::Null, Value::from)
    );
}

/// The packages that Cargo resolves for a feature set, as `name version`, and
/// the names of the direct ones.
fn resolved(arguments: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let listed = |depth: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["tree", "--locked", "--offline", "--edges=normal"])
            .args(["--prefix=none", "--format={p}", "--no-dedupe"])
            .args(["--target=x86_64-unknown-linux-musl"])
            .args(arguments)
            .args(depth);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let named = lines.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            let version = words.next()?.trim_start_matches('v');
            (name != "windlass").then(|| format!("{name} {version}"))
        });
        named.collect::<BTreeSet<String>>()
    };
    let direct = listed(&["--depth=1"]);
    let names = direct
        .iter()
        .filter_map(|package| package.split(' ').next());
    (listed(&[]), names.map(ToOwned::to_owned).collect())
}

/// What is in the program changes with a decision, not by the way.
#[test]
fn the_crates_in_the_program_are_known() {
    let (all, _) = resolved(&[]);
    let listed: Vec<&str> = all.iter().map(String::as_str).collect();
    insta::assert_snapshot!(
        "crates_in_the_program",
        format!("{} crates\n{}\n", listed.len(), listed.join("\n"))
    );
    let (static_form, _) = resolved(&["--no-default-features"]);
    let only_there: Vec<&String> = all.difference(&static_form).collect();
    assert!(
        only_there
            .iter()
            .any(|package| package.starts_with("cryptoki ")),
        "{only_there:?}"
    );
    assert!(
        !static_form
            .iter()
            .any(|package| package.starts_with("libloading ")),
        "a static program loads no libraries"
    );
}

#[test]
fn every_direct_dependency_has_a_reason() {
    let (_, direct) = resolved(&[]);
    assert!(direct.len() > 40, "{direct:?}");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/CONTRIBUTING.md")).unwrap();
    let rows = page
        .lines()
        .skip_while(|line| *line != "| crate | for |")
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut explained = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').splitn(2, " | ").collect();
        let [crates, reason] = cells[..] else {
            panic!("{row}");
        };
        assert!(reason.trim().len() > 8, "{row}");
        for name in crates.split(", ") {
            let name = name.split_whitespace().next().unwrap();
            assert!(explained.insert(name.to_owned()), "{name} stands twice");
        }
    }
    let without: Vec<&String> = direct.difference(&explained).collect();
    assert!(without.is_empty(), "no reason in CONTRIBUTING: {without:?}");
    let gone: Vec<&String> = explained.difference(&direct).collect();
    assert!(gone.is_empty(), "a reason for nothing: {gone:?}");
}

/// The sample is read as it is installed, and each of its options is one.
#[test]
fn the_sample_of_the_config_file_is_one() {
    let sandbox = Sandbox::new();
    let sample = include_str!("../../.packaging/config.toml");
    fs::create_dir_all(sandbox.path(".config/windlass")).unwrap();
    sandbox.write(".config/windlass/config.toml", sample);
    let shown = sandbox.ok(&["config", "show", "--profile", "backup", "--json"]);
    for setting in ["certificate", "private-key", "role-arn", "session-duration"] {
        let named = [setting.to_owned(), setting.replace('-', "_")];
        assert!(
            named.iter().any(|name| shown.stdout.contains(name)),
            "{setting}: {shown:#?}"
        );
    }
}

/// The archive is made of these; scripts/release would end half-way without one.
#[test]
fn what_a_release_packs_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("scripts/release")).unwrap();
    let packed = script
        .lines()
        .find_map(|line| line.trim().strip_prefix("install -m 644 "))
        .and_then(|rest| rest.strip_suffix(" \"$stage/\""))
        .unwrap();
    for name in packed.split(' ') {
        assert!(root.join(name).is_file(), "{name}");
    }
    assert!(packed.contains("LICENSE") && packed.contains(".packaging/config.toml"));
    // PyPI's tools are what their hashes say, and nothing else.
    let pinned = include_str!("../../.packaging/requirements.txt");
    let lines: Vec<&str> = pinned
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(
            line.contains("==") && line.contains(" --hash=sha256:"),
            "{line}"
        );
    }
}
