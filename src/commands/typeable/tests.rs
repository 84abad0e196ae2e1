use std::fs;
use std::path::Path;

use super::*;

#[test]
fn a_command_says_which_ca_it_is_about() {
    for (text, expected) in [
        (
            "'windlass ca list' shows it",
            "'windlass ca list --dir ca' shows it",
        ),
        (
            "do windlass ca rollover prepare --of root",
            "do windlass ca rollover prepare --dir ca --of root",
        ),
        (
            "'windlass ca crl --issuer root', 'windlass ca crl status'",
            "'windlass ca crl --dir ca --issuer root', 'windlass ca crl status --dir ca'",
        ),
        (
            "'windlass ca revoke 2a --dir x'",
            "'windlass ca revoke 2a --dir x'",
        ),
        (
            "'windlass ca issue --help' says",
            "'windlass ca issue --help' says",
        ),
        (
            "'windlass ca lint FILE' says",
            "'windlass ca lint FILE' says",
        ),
        ("nothing of it", "nothing of it"),
    ] {
        assert_eq!(with_directory(text, "ca"), expected);
    }
}

#[test]
fn the_directory_is_as_it_was_typed() {
    for (typed, expected) in [
        ("windlass ca list --dir ca", Some("ca")),
        ("windlass --verbose ca list --json --dir=../x", Some("../x")),
        ("windlass rotate --ca-dir vault", Some("vault")),
        ("windlass ca list", None),
        ("windlass ca show -- --dir", None),
        ("windlass status --dir x", None),
    ] {
        let words: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
        assert_eq!(typed_directory(&words).as_deref(), expected, "{typed}");
    }
    let spaced = ["windlass", "ca", "list", "--dir", "my ca"].map(OsString::from);
    assert_eq!(typed_directory(&spaced).as_deref(), Some("'my ca'"));
}

/// Of every hint, whatever its author has left out: the parser takes the command,
/// with a value for what stands in braces or capitals.
#[test]
fn every_command_of_a_hint_can_be_typed_as_it_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands");
    let mut files: Vec<_> = fs::read_dir(root.join("error"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(root.join("error.rs"));
    let mut count = 0;
    for path in files {
        let source = fs::read_to_string(&path).unwrap();
        let code = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|line| line.contains(BEGIN)) {
            let text = line.trim().trim_start_matches('"');
            let text = text.rsplit_once('"').map_or(text, |(text, _)| text);
            for part in with_directory(text, "ca").split(BEGIN).skip(1) {
                let part = part.split('\'').next().unwrap();
                let words = part.split_whitespace().map(|word| match word {
                    "SERIAL" | "{serial}" | "{}" => "2a",
                    "{root}" => "root",
                    other => other,
                });
                let words = ["windlass", "ca"].into_iter().chain(words);
                let parsed = Cli::<Command>::command().try_get_matches_from(words);
                if let Err(error) = parsed {
                    let is_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
                    assert!(is_help, "{}: {part}: {error}", path.display());
                }
                count += 1;
            }
        }
    }
    assert!(count > 25, "only {count} commands were found");
}
