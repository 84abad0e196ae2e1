//! `windlass ca lint`

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{CaLint, LintPolicy, Origin};
use crate::commands::{Context, Error};
use crate::limits;
use crate::pki::lint::{Finding, Level, Linted, What, lint_file};
use crate::store::read_bounded;
use crate::text::{counted, printable};

/// Judges files, and fails when there is an error in one.
pub(in crate::commands) fn lint(arguments: &CaLint, context: &Context) -> Result<(), Error> {
    let least = Level::from(arguments.level);
    if arguments.strict && least > Level::Warning {
        return Err(Error::Value {
            origin: Origin::Option {
                key: "level".to_owned(),
            },
            value: Some(least.as_str().to_owned()),
            reason: "it leaves out the warnings that --strict counts".to_owned(),
        });
    }
    let mut report = Report {
        least,
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
            one.findings.retain(|finding| {
                let rule = finding.rule();
                arguments.policy.takes(rule.policy()) && rule.level() >= least
            });
        }
        report.add(file, &linted, arguments.strict);
    }
    let [notices, warnings, errors] = report.counts;
    let counts: Vec<String> = [
        (Level::Error, errors),
        (Level::Warning, warnings),
        (Level::Notice, notices),
    ]
    .iter()
    .filter(|(level, _)| *level >= least)
    .map(|(level, count)| counted(*count, level.as_str()))
    .collect();
    if arguments.json {
        // What was not asked for was not counted.
        let asked = |level: Level, count: usize| (level >= least).then_some(count);
        context.printer.json(&json!({
            "results": report.files,
            "errorCount": errors,
            "warningCount": asked(Level::Warning, warnings),
            "noticeCount": asked(Level::Notice, notices),
        }))?;
    } else {
        let whose = match arguments.policy {
            LintPolicy::All => "",
            LintPolicy::Rfc5280 => " by the rules of RFC 5280",
            LintPolicy::RolesAnywhere => " by the rules of Roles Anywhere",
        };
        report
            .text
            .push_str(&format!("{}{whose}\n", counts.join(", ")));
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
    /// Below it nothing is a finding.
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
            if is_file && one.findings.is_empty() {
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
                .push_str(match (one.findings.is_empty(), self.least) {
                    (false, _) => "\n",
                    (true, Level::Notice) => " good\n",
                    (true, Level::Warning) => " no error, no warning\n",
                    (true, Level::Error) => " no error\n",
                });
            for finding in &one.findings {
                self.text.push_str(&lines(finding));
            }
            objects.push(json!({
                "kind": one.what.as_str(),
                "name": one.name,
                "findings": one.findings.iter().map(as_json).collect::<Vec<_>>(),
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
