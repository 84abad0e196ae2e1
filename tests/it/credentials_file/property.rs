//! Generated files: what stands outside of the section stays byte for byte, and
//! Python's configparser and botocore read before and after what they should.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use windlass::delivery::ini::{Problem, Refusal};
use windlass::delivery::{CredentialsFileError, write_session};

use super::{credentials, name};
use crate::harness::{client_script, tool};

/// How many generated files Python is asked about.
const DIFFERENTIAL: usize = 6000;

/// One line without its ending, mostly a good one.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(vec![
        "[default]",
        "[ default ]",
        "[default] # c",
        "[a]",
        "[b] ; c",
        "[profile default]",
        "[DEFAULT]",
        "[c]",
        "[d e]",
        "[default",
        "[]",
        "[default]]",
        "[x] [default]",
    ]);
    let key = prop::sample::select(vec![
        "aws_access_key_id",
        "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key",
        "aws_session_token",
        "Aws_Session_Token",
        "aws_security_token",
        "aws_access_key_id_backup",
        "region",
        "output",
        "s3",
        "x1",
        "x2",
        "x3",
        "",
    ]);
    let delimiter =
        prop::sample::select(vec![" = ", "=", ": ", ":", " =", "\t=\t", "", "\u{a0}= "]);
    let value = prop::sample::select(vec![
        "ASIAOLD",
        "v",
        "",
        "a = b",
        "v # c",
        "v ; c",
        "[default]",
        "ü",
        "t==",
        "ASIANEW",
        "s/e+c",
    ]);
    let indent = prop::sample::select(vec!["", "", "", "", " ", "  ", "\t", "    ", "\u{3000}"]);
    let entry = (key, delimiter, value)
        .prop_map(|(key, delimiter, value)| format!("{key}{delimiter}{value}").into_bytes());
    let comment = prop::sample::select(vec!["# c", "; c", "#", "# [default]"]);
    let junk = prop::sample::select(vec![
        b"junk".to_vec(),
        b"k\xff = \xfe".to_vec(),
        b"\x0c".to_vec(),
        b"\x1c k = 1".to_vec(),
        b"k = a\rb = 2".to_vec(),
        b"k\0 = 1".to_vec(),
        b"= 1".to_vec(),
    ]);
    let body = prop_oneof![
        5 => header.prop_map(|text| text.as_bytes().to_vec()),
        14 => entry,
        2 => comment.prop_map(|text| text.as_bytes().to_vec()),
        3 => Just(Vec::new()),
        1 => junk,
    ];
    (indent, body).prop_map(|(indent, body)| [indent.as_bytes(), &body].concat())
}

/// A file: endings are mixed, and the last may be missing.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let ending = prop_oneof![6 => Just("\n"), 2 => Just("\r\n")];
    let first = prop_oneof![4 => Just("[a]\n"), 2 => Just("[default]\r\n"), 1 => Just("")];
    let lines = prop::collection::vec((line(), ending), 0..9);
    (first, lines, any::<bool>()).prop_map(|(first, lines, ended)| {
        let mut text = first.as_bytes().to_vec();
        for (line, ending) in lines {
            text.extend_from_slice(&line);
            text.extend_from_slice(ending.as_bytes());
        }
        if !ended {
            while text.last().is_some_and(|octet| b"\r\n".contains(octet)) {
                text.pop();
            }
        }
        text
    })
}

/// Whether every line that is not about these keys is still there, in its order.
fn keeps_the_rest(before: &[u8], after: &[u8]) -> bool {
    let lines = |text: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(text).into_owned();
        text.lines().map(str::to_owned).collect()
    };
    let may_go = |line: &String| {
        let text = line.trim().to_lowercase();
        text.starts_with("aws_") || text.starts_with("[ default ]")
    };
    let after = lines(after);
    let mut rest = after.iter();
    lines(before)
        .iter()
        .filter(|line| !may_go(line))
        .all(|line| rest.any(|kept| kept == line))
}

/// A file whose text is shown when a case fails.
struct Shown(Vec<u8>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn a_second_update_changes_nothing_and_other_lines_stay(text in file().prop_map(Shown)) {
        let (profile, Shown(text)) = (name("default"), text);
        if let Ok(once) = write_session(&text, &profile, &credentials(), true) {
            let once = once.text.expose().to_vec();
            let twice = write_session(&once, &profile, &credentials(), false).unwrap();
            prop_assert!(twice.respelled.is_none());
            prop_assert_eq!(twice.text.expose(), &once[..]);
            // A line that is indented may continue a value that is replaced.
            let indented = String::from_utf8_lossy(&text)
                .lines()
                .any(|line| line.starts_with(char::is_whitespace) || line.starts_with('\u{1c}'));
            prop_assert!(indented || keeps_the_rest(&text, &once));
        }
    }

    /// Sections before and behind the one that is written, whatever is in them.
    #[test]
    fn bytes_outside_of_the_section_stay(
        before in prop::collection::vec((0..4usize, any::<bool>()), 0..6),
        behind in prop::collection::vec((0..4usize, any::<bool>()), 0..6),
        own in prop::sample::select(vec!["", "region = x\n", "aws_access_key_id = ASIAOLD\r\n", "  aws_session_token: x\n    y\n"]),
    ) {
        let part = |tag: &str, parts: &[(usize, bool)]| -> Vec<u8> {
            let mut text = Vec::new();
            for (index, (kind, crlf)) in parts.iter().enumerate() {
                let ending = if *crlf { "\r\n" } else { "\n" };
                let body = ["k = v", "# \u{fffd}\u{0}", "aws_session_token = keep", "s3 =\n  aws_access_key_id = 1"][*kind];
                text.extend_from_slice(format!("[{tag}{index}] ; c{ending}{body}{ending}\t{ending}").as_bytes());
            }
            text.iter().map(|octet| if *octet == 0 { 0xff } else { *octet }).collect()
        };
        let (before, behind) = (part("b", &before), part("c", &behind));
        let text = [&before, b"[default]\n".as_slice(), own.as_bytes(), &behind].concat();
        let new = write_session(&text, &name("default"), &credentials(), false).unwrap();
        let new = new.text.expose();
        prop_assert!(new.starts_with(&[&before, b"[default]\n".as_slice()].concat()));
        prop_assert!(new.ends_with(&behind));
    }
}

#[test]
fn configparser_and_botocore_agree_on_generated_files() {
    let mut runner = TestRunner::deterministic();
    let mut cases = Vec::new();
    let mut texts = Vec::new();
    let mut edited = 0;
    for _ in 0..DIFFERENTIAL {
        let text = file().new_tree(&mut runner).unwrap().current();
        let result = write_session(&text, &name("default"), &credentials(), true);
        edited += usize::from(result.is_ok());
        cases.push(json!({
            "before": STANDARD.encode(&text),
            "after": result.as_ref().ok().map(|new| STANDARD.encode(new.text.expose())),
            "strict": result.as_ref().is_err_and(is_strict),
            "section": "default",
            "set": {
                "aws_access_key_id": "ASIANEW",
                "aws_secret_access_key": "s/e+c",
                "aws_session_token": "t==",
            },
            "removed": ["aws_security_token"],
        }));
        texts.push((text, result.map(|new| new.text.expose().to_vec())));
    }
    assert!(edited > DIFFERENTIAL / 8, "{edited} files were edited");
    let wrong = judge(&cases);
    if let Some(wrong) = wrong.as_array().unwrap().first() {
        let (before, after) = &texts[usize::try_from(wrong["case"].as_u64().unwrap()).unwrap()];
        panic!(
            "{}: {:?} became {:?}",
            wrong["reason"],
            String::from_utf8_lossy(before),
            after.as_ref().map(|after| String::from_utf8_lossy(after)),
        );
    }
}

/// Whether this refuses what botocore reads, since others read it differently.
fn is_strict(error: &CredentialsFileError) -> bool {
    let CredentialsFileError::Refused(Refusal::Line { problem, .. }) = error else {
        return false;
    };
    matches!(
        problem,
        Problem::Bracket
            | Problem::CarriageReturn
            | Problem::Defaults
            | Problem::DuplicateSection { .. }
            | Problem::IndentedHeader
            // In [DEFAULT], which botocore reads when there is another section.
            | Problem::Nested
    )
}

/// What Python has against these cases.
pub fn judge(cases: &[Value]) -> Value {
    let mut python = Command::new(tool("python"))
        .arg(client_script("shared_files.py"))
        .env_clear()
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let text = json!(cases).to_string();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
