//! Path validation judged by public suites, which are not part of this
//! repository: they are read where WINDLASS_SUITES says, and the test says aloud
//! that it skips when they are not there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use windlass::admission::check_leaf;
use windlass::pki::{Crl, PathQuery, read_certificates, validate_path};

/// The classes whose verdict counts; the others are matters of taste, or of host
/// names.
const MUST: [&str; 6] = ["anchor", "core", "crl", "dos", "nc", "ra"];

/// Accepted although the suite says invalid, because it demands that a list
/// covers every certificate. Roles Anywhere works with the lists that were
/// imported; where there is none, nothing is revoked.
const ACCEPTED: [&str; 1] = ["crl::issuer-missing-crlsign"];

/// Refused although the suite says valid. The class `nc` is refused as a whole
/// where it is valid, since name constraints are not evaluated.
const REFUSED: [&str; 2] = [
    // A CA must have keyUsage keyCertSign (user guide, "Trust model").
    "crl::issuer-no-keyusage-extension",
    // The leaf's subject is empty, which Roles Anywhere does not take.
    "cve::cve-2024-0567",
];

#[derive(Deserialize)]
struct Case {
    id: String,
    cls: String,
    expected: String,
    ra: Option<String>,
    anchors: Vec<String>,
    intermediates: Vec<String>,
    cert: String,
    #[serde(default)]
    crls: Vec<String>,
    at: String,
}

/// Whether the path is accepted. What does not even decode is not.
fn accepts(case: &Case) -> bool {
    let read = |pems: &[String]| {
        pems.iter()
            .map(|pem| read_certificates(pem.as_bytes(), "case"))
            .collect::<Result<Vec<_>, _>>()
            .map(|lists| lists.concat())
    };
    let decoded = (
        read(std::slice::from_ref(&case.cert)),
        read(&case.intermediates),
        read(&case.anchors),
    );
    let (Ok(leaf), Ok(intermediates), Ok(anchors)) = decoded else {
        return false;
    };
    let Ok(crls) = case
        .crls
        .iter()
        .map(|pem| Crl::read(pem.as_bytes(), "case"))
        .collect::<Result<Vec<_>, _>>()
    else {
        return false;
    };
    validate_path(&PathQuery {
        leaf: &leaf[0],
        intermediates: &intermediates,
        anchors: &anchors,
        crls: &crls,
        at: case.at.parse::<DateTime<Utc>>().unwrap(),
    })
    .is_ok()
        && check_leaf(&leaf[0]).is_ok()
}

#[test]
fn public_suites_find_no_certificate_that_is_accepted_wrongly() {
    let root = std::env::var_os("WINDLASS_SUITES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"),
        PathBuf::from,
    );
    let mut judged = 0;
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    for file in ["cases-limbo.json", "cases-bettertls.json"] {
        let path = root.join("x509").join(file);
        let Ok(text) = fs::read(&path) else {
            say(&format!(
                "SKIPPED: {} is not there (set WINDLASS_SUITES)",
                path.display()
            ));
            continue;
        };
        let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
        for case in &cases {
            if !MUST.contains(&case.cls.as_str()) {
                continue;
            }
            let start = Instant::now();
            let accepted = accepts(case);
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{} takes too long",
                case.id
            );
            judged += 1;
            let expected = case.ra.as_ref().unwrap_or(&case.expected);
            match (expected.as_str(), accepted) {
                ("invalid", true) if !ACCEPTED.contains(&case.id.as_str()) => {
                    wrong.push(case.id.clone());
                }
                ("valid", false) if !REFUSED.contains(&case.id.as_str()) && case.cls != "nc" => {
                    refused.push(case.id.clone());
                }
                _ => {}
            }
        }
    }
    say(&format!("{judged} cases of public suites judged"));
    assert!(wrong.is_empty(), "accepted wrongly: {wrong:#?}");
    assert!(refused.is_empty(), "refused wrongly: {refused:#?}");
}

/// Says it past the capture of the test runner, which hides what passing tests
/// print.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
