//! Path validation judged by public suites, which are not part of this
//! repository: they are read where WINDLASS_SUITES says, and the test says aloud
//! that it skips when they are not there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use windlass::pki::{
    Certificate, Crl, PathError, PathQuery, Policy, Revocation, read_certificates, validate_path,
};

/// The classes whose verdict counts; the others are matters of taste, of host
/// names, or of what a browser demands.
const MUST: [&str; 6] = ["anchor", "core", "crl", "dos", "nc", "ra"];

/// Refused although the suite says valid, with the policy and the flaw.
const REFUSED: [(&str, Policy, &str); 2] = [
    // A CA must have keyUsage keyCertSign (user guide, "Trust model"). RFC 5280
    // section 6.1.4 (n) asks for it where the extension is there.
    (
        "crl::issuer-no-keyusage-extension",
        Policy::RolesAnywhere,
        "no_key_cert_sign",
    ),
    // The leaf's subject is empty, which Roles Anywhere does not take (user guide,
    // "Trust model").
    (
        "cve::cve-2024-0567",
        Policy::RolesAnywhere,
        "leaf_empty_subject",
    ),
];

/// Accepted by the rules of RFC 5280 alone, although the suite says invalid: the
/// CA/Browser Forum forbids that a CA's certificate stands at the end of a path.
/// The RFC does not, as the suite's own rfc5280::ca-as-leaf says of the same
/// certificate. Roles Anywhere does.
const ACCEPTED: [&str; 2] = ["webpki::ca-as-leaf", "webpki::ee-basicconstraints-ca"];

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

/// What is said of a case.
enum Verdict {
    Valid,
    /// The ids of what was found, on the path that came closest.
    Invalid(Vec<&'static str>),
    /// Something does not even decode.
    Undecodable,
}

impl Case {
    /// The verdict of the suite.
    fn is_valid(&self, policy: Policy) -> bool {
        let of_policy = match policy {
            Policy::Rfc5280 => None,
            Policy::RolesAnywhere => self.ra.as_ref(),
        };
        of_policy.unwrap_or(&self.expected) == "valid"
    }

    fn judge(&self, policy: Policy) -> Verdict {
        let read = |pems: &[String]| -> Vec<Certificate> {
            // What does not decode is no issuer.
            pems.iter()
                .flat_map(|pem| read_certificates(pem.as_bytes(), "case").unwrap_or_default())
                .collect()
        };
        let (Ok(leaf), Ok(crls)) = (
            read_certificates(self.cert.as_bytes(), "case"),
            self.crls
                .iter()
                .map(|pem| Crl::read_any(pem.as_bytes(), "case"))
                .collect::<Result<Vec<_>, _>>(),
        ) else {
            return Verdict::Undecodable;
        };
        let (intermediates, anchors) = (read(&self.intermediates), read(&self.anchors));
        let outcome = validate_path(&PathQuery {
            leaf: &leaf[0],
            intermediates: &intermediates,
            anchors: &anchors,
            revocation: match crls.as_slice() {
                [] => Revocation::Unchecked,
                lists => Revocation::Covered(lists),
            },
            at: self.at.parse::<DateTime<Utc>>().unwrap(),
            policy,
        });
        match outcome {
            Ok(_) => Verdict::Valid,
            Err(error) => Verdict::Invalid(ids(&error)),
        }
    }
}

fn ids(error: &PathError) -> Vec<&'static str> {
    let findings = &error.tried()[0].findings;
    findings.iter().map(|finding| finding.flaw.id()).collect()
}

#[test]
fn public_suites_find_no_certificate_that_is_accepted_wrongly() {
    let root = std::env::var_os("WINDLASS_SUITES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"),
        PathBuf::from,
    );
    let (mut judged, mut wrong) = (0, Vec::new());
    let mut used = Vec::new();
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
        for (case, policy) in cases
            .iter()
            .flat_map(|case| [(case, Policy::Rfc5280), (case, Policy::RolesAnywhere)])
        {
            let verdict = case.judge(policy);
            let said = match &verdict {
                Verdict::Valid => "accepted".to_owned(),
                Verdict::Invalid(ids) => format!("refused ({})", ids.join(", ")),
                Verdict::Undecodable => "not read".to_owned(),
            };
            let is_accepted = matches!(verdict, Verdict::Valid);
            let is_must = MUST.contains(&case.cls.as_str());
            judged += usize::from(is_must);
            if is_accepted == case.is_valid(policy) {
                continue;
            }
            let line = format!("{} under {}: {said}", case.id, policy.as_str());
            if !is_must {
                say(&format!("{} says otherwise: {line}", case.cls));
                continue;
            }
            let is_known = REFUSED.iter().find(|(id, of, flaw)| {
                *id == case.id
                    && *of == policy
                    && matches!(&verdict, Verdict::Invalid(ids) if ids == &[*flaw])
            });
            let is_browsers =
                is_accepted && policy == Policy::Rfc5280 && ACCEPTED.contains(&case.id.as_str());
            match is_known {
                Some(known) => used.push(known.0),
                None if is_browsers => {}
                None => wrong.push(line),
            }
        }
        say(&format!("{file}: {} cases", cases.len()));
    }
    say(&format!("{judged} verdicts of public suites compared"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_used = |(id, _, _): &(&str, Policy, &str)| used.contains(id);
    assert!(judged == 0 || REFUSED.iter().all(is_used), "{used:?}");
}

/// Says it past the capture of the test runner, which hides what passing tests
/// print.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
