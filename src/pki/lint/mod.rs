//! What is wrong with a certificate, a revocation list or a file of them, each
//! finding with its source and the fix.
//!
//! A rule is a function in a table. It sees a view of the encoding itself, not
//! the values that [`super::Certificate`] makes of it: that refuses what is to be
//! found here. All input may be hostile: nothing here recurses, and what one rule
//! has to say is cut after [`limits::MAX_RULE_FINDINGS`] places.

mod alternative;
mod basics;
mod constraints;
mod crl;
mod crl_entries;
mod crl_view;
mod extensions;
mod file;
mod form;
mod identifiers;
mod key;
mod name;
mod oid;
mod usage;
mod validity;
mod view;

pub use file::{Linted, What, lint_file};

pub use super::Policy;

use std::fmt;

use chrono::{DateTime, Utc};

use crate::limits;
use crate::text::printable;

use self::crl_view::CrlView;
use self::file::FileView;
use self::view::CertificateView;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing: legal, and often meant.
    Notice,
    /// Against advice, or a trap: it will do harm to somebody.
    Warning,
    /// Against the standard, or something that Roles Anywhere refuses.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where a rule comes from, which says whose it is.
#[derive(Clone, Copy, Debug)]
enum Source {
    Standard(&'static str),
    RolesAnywhere(&'static str),
}

/// The pages of the IAM Roles Anywhere user guide that rules come from.
const TRUST_MODEL: Source = Source::RolesAnywhere("Roles Anywhere user guide, \"Trust model\"");
const ATTRIBUTE_MAPPING: Source =
    Source::RolesAnywhere("Roles Anywhere user guide, \"Attribute mapping\"");
const REVOCATION: Source = Source::RolesAnywhere("Roles Anywhere user guide, \"Revocation\"");
const QUOTAS: Source = Source::RolesAnywhere("Roles Anywhere user guide, \"Quotas\"");

/// What a rule looks at.
#[derive(Clone, Copy)]
enum Check {
    Certificate(fn(&CertificateView<'_>, &mut Notes)),
    Crl(fn(&CrlView<'_>, &mut Notes)),
    File(fn(&FileView<'_>, &mut Notes)),
    /// Found where the bytes are read, before there is anything else to see.
    Reading,
}

/// One thing that can be wrong.
pub struct Rule {
    level: Level,
    id: &'static str,
    source: Source,
    fix: &'static str,
    check: Check,
}

impl Rule {
    /// Its name: a promise, for those who filter by it.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// How bad it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Whose rule it is.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        match self.source {
            Source::Standard(_) => Policy::Rfc5280,
            Source::RolesAnywhere(_) => Policy::RolesAnywhere,
        }
    }

    /// Where it is written: the section of a standard, or the page of a guide.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        match self.source {
            Source::Standard(text) | Source::RolesAnywhere(text) => text,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        self.fix
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.id)
    }
}

const fn rule(
    level: Level,
    id: &'static str,
    source: Source,
    fix: &'static str,
    check: Check,
) -> Rule {
    Rule {
        level,
        id,
        source,
        fix,
        check,
    }
}

/// A rule that something breaks.
#[derive(Clone, Debug)]
pub struct Finding {
    rule: &'static Rule,
    place: String,
    message: String,
}

impl Finding {
    /// The rule.
    #[must_use]
    pub const fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// The field or the extension that breaks it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is so, as a sentence without its full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            place,
            message,
        } = self;
        write!(f, "{place}: {message} ({}, {})", rule.id, rule.source())
    }
}

/// What one rule has found.
#[derive(Default)]
struct Notes {
    found: Vec<(String, String)>,
    more: usize,
}

impl Notes {
    fn say(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < limits::MAX_RULE_FINDINGS {
            // Parts of it may be the text of the certificate.
            let message = printable(&message.into(), 400);
            self.found.push((place.into(), message));
        } else {
            self.more += 1;
        }
    }

    #[inline]
    fn into_findings(self, rule: &'static Rule, all: &mut Vec<Finding>) {
        // Of a hundred rules hardly one.
        if !self.found.is_empty() {
            self.tell(rule, all);
        }
    }

    fn tell(self, rule: &'static Rule, all: &mut Vec<Finding>) {
        let finding = |(place, message)| Finding {
            rule,
            place,
            message,
        };
        all.extend(self.found.into_iter().map(finding));
        if self.more > 0 {
            all.push(finding((
                "…".to_owned(),
                format!("the same in {} more places", self.more),
            )));
        }
    }
}

/// Every table of rules.
const TABLES: [&[Rule]; 13] = [
    file::READING,
    basics::RULES,
    name::RULES,
    validity::RULES,
    key::RULES,
    extensions::RULES,
    usage::RULES,
    identifiers::RULES,
    alternative::RULES,
    constraints::RULES,
    crl::RULES,
    crl_entries::RULES,
    file::RULES,
];

/// Every rule that there is.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.into_iter().flatten()
}

/// Judges one DER certificate by every rule for certificates. `at` is the time
/// for which it is judged.
#[must_use]
pub fn lint_certificate(encoded: &[u8], at: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(certificate) = file::readable(encoded, &mut findings) else {
        return findings;
    };
    let Some(view) = CertificateView::read(certificate, at) else {
        findings.push(file::unreadable("not_certificate", "certificate"));
        return findings;
    };
    for rule in rules() {
        if let Check::Certificate(check) = rule.check {
            let mut notes = Notes::default();
            check(&view, &mut notes);
            notes.into_findings(rule, &mut findings);
        }
    }
    findings
}

/// Judges one DER revocation list by every rule for lists. `at` is the time for
/// which it is judged.
#[must_use]
pub fn lint_crl(encoded: &[u8], at: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(list) = file::readable(encoded, &mut findings) else {
        return findings;
    };
    let Some(view) = CrlView::read(list, at) else {
        findings.push(file::unreadable("not_crl", "revocation list"));
        return findings;
    };
    for rule in rules() {
        if let Check::Crl(check) = rule.check {
            let mut notes = Notes::default();
            check(&view, &mut notes);
            notes.into_findings(rule, &mut findings);
        }
    }
    findings
}
