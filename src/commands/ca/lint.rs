//! `windlass ca lint`

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{CaLint, LintPolicy};
use crate::commands::{Context, Error};
use crate::limits;
use crate::pki::lint::{Finding, Level, Linted, What, lint_file};
use crate::store::read_bounded;
use crate::text::{counted, printable};

/// Judges files, and fails when there is an error in one.
pub(in crate::commands) fn lint(arguments: &CaLint, context: &Context) -> Result<(), Error> {
    let mut report = Report {
        least: arguments.level.into(),
        files: Vec::new(),
        text: String::new(),
        counts: [0; 3],
        failed: Vec::new(),
    };
    for file in &arguments.files {
        let bytes = read_bounded(&context.path(file), limits::MAX_LINT_FILE)?;
        let origin = file.display().to_string();
        let mut linted = lint_file(&bytes, &origin, arguments.trust_anchor, context.clock.now())?;
        for one in &mut linted {
            one.findings
                .retain(|finding| arguments.policy.takes(finding.rule().policy()));
        }
        report.add(file, &linted, arguments.strict);
    }
    let [notices, warnings, errors] = report.counts;
    if arguments.json {
        context.printer.json(&json!({
            "files": report.files,
            "errors": errors,
            "warnings": warnings,
            "notices": notices,
        }))?;
    } else {
        let whose = match arguments.policy {
            LintPolicy::All => "",
            LintPolicy::Rfc5280 => " by the rules of RFC 5280",
            LintPolicy::RolesAnywhere => " by the rules of Roles Anywhere",
        };
        report.text.push_str(&format!(
            "{}, {}, {}{whose}\n",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(notices, "notice"),
        ));
        context.printer.data(&report.text)?;
    }
    if report.failed.is_empty() {
        return Ok(());
    }
    Err(Error::Lint {
        files: report.failed.join(", "),
        errors: counted(errors, "error"),
        warnings: arguments.strict.then(|| counted(warnings, "warning")),
    })
}

/// What was found in all files.
struct Report {
    /// Below it nothing is printed.
    least: Level,
    files: Vec<Value>,
    text: String,
    /// Notices, warnings, errors.
    counts: [usize; 3],
    /// The files that fail.
    failed: Vec<String>,
}

impl Report {
    fn add(&mut self, file: &Path, linted: &[Linted], strict: bool) {
        let shown = file.display().to_string();
        let mut objects = Vec::new();
        let mut number = 0;
        for one in linted {
            // The file as a whole is worth a word only when there is a finding.
            let is_file = one.what == What::File;
            number += usize::from(!is_file);
            let printed: Vec<&Finding> = one
                .findings
                .iter()
                .filter(|finding| finding.rule().level() >= self.least)
                .collect();
            if is_file && printed.is_empty() {
                continue;
            }
            self.text.push_str(&match (one.what, &one.name) {
                (What::File, _) => format!("{shown}, the file as a whole:"),
                (what, Some(name)) => {
                    format!("{shown}, {} {number}, {name}:", label(what))
                }
                (what, None) => format!("{shown}, {} {number}:", label(what)),
            });
            self.text
                .push_str(match (printed.len(), one.findings.len()) {
                    (0, 0) => " good\n",
                    (0, _) => " nothing of this level\n",
                    _ => "\n",
                });
            for finding in &printed {
                self.text.push_str(&lines(finding));
            }
            objects.push(json!({
                "kind": one.what.as_str(),
                "name": one.name,
                "findings": printed.iter().map(|finding| as_json(finding)).collect::<Vec<_>>(),
            }));
        }
        let count = |level| {
            let findings = linted.iter().flat_map(|one| &one.findings);
            findings
                .filter(|finding| finding.rule().level() == level)
                .count()
        };
        let [notices, warnings, errors] = [Level::Notice, Level::Warning, Level::Error].map(count);
        if errors > 0 || (strict && warnings > 0) {
            self.failed.push(printable(&shown, 200));
        }
        let found = [notices, warnings, errors];
        for (sum, more) in self.counts.iter_mut().zip(found) {
            *sum += more;
        }
        self.files
            .push(json!({ "file": shown, "objects": objects }));
    }
}

const fn label(what: What) -> &'static str {
    match what {
        What::Certificate => "certificate",
        What::Crl => "revocation list",
        What::File => "file",
    }
}

fn lines(finding: &Finding) -> String {
    let rule = finding.rule();
    format!(
        "  {}: {}: {}\n    rule {}: {}\n    fix: {}\n",
        rule.level().as_str(),
        finding.place(),
        finding.message(),
        rule.id(),
        rule.source(),
        rule.fix(),
    )
}

fn as_json(finding: &Finding) -> Value {
    let rule = finding.rule();
    json!({
        "level": rule.level().as_str(),
        "rule": rule.id(),
        "place": finding.place(),
        "message": finding.message(),
        "policy": rule.policy().as_str(),
        "source": rule.source(),
        "fix": rule.fix(),
    })
}
