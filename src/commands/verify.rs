//! `windlass verify`

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::cli::Verify;
use crate::clock::rfc3339;
use crate::limits;
use crate::pki::{
    self, Certificate, Crl, PathError, PathQuery, Policy, Revocation, TriedPath,
    read_each_certificate, validate_path,
};
use crate::store::read_bounded;
use crate::text::{counted, printable};

use super::error::path_flaw::hint_path_flaw;
use super::{Context, Error, Outcome};

/// Says whether the certificate leads to an anchor, with exit codes of its own.
pub(super) fn run(arguments: &Verify, context: &Context) -> Result<(), Error> {
    let mut given =
        Given::read(arguments, context).map_err(|error| Error::Unread(Box::new(error)))?;
    let shown = Shown {
        at: arguments.at.unwrap_or_else(|| context.clock.now()),
        policy: arguments.policy.into(),
    };
    let leaf = given.take_leaf();
    let outcome = leaf.as_ref().map(|leaf| {
        validate_path(&PathQuery {
            leaf,
            intermediates: &given.intermediates,
            anchors: &given.anchors,
            revocation: match arguments.crl.as_slice() {
                [] => Revocation::Unchecked,
                _ => Revocation::Covered(&given.lists),
            },
            at: shown.at,
            policy: shown.policy,
        })
    });
    let is_valid = matches!(outcome, Some(Ok(_)));
    if arguments.json {
        context
            .printer
            .json(&shown.json(outcome.as_ref(), &given))?;
    } else {
        for ignored in &given.ignored {
            context.printer.warning(&ignored.to_string());
        }
        context
            .printer
            .data(&shown.text(outcome.as_ref(), &given))?;
    }
    match is_valid {
        true => Ok(()),
        false => Err(Error::Verdict(Outcome::Failed)),
    }
}

/// What the files hold.
struct Given {
    /// The first of its file, unless it does not decode.
    leaf: Option<Certificate>,
    anchors: Vec<Certificate>,
    intermediates: Vec<Certificate>,
    lists: Vec<Crl>,
    /// What does not decode.
    ignored: Vec<pki::Error>,
    /// Why the leaf does not.
    damaged: Option<String>,
}

impl Given {
    fn read(arguments: &Verify, context: &Context) -> Result<Self, Error> {
        let mut given = Self {
            leaf: None,
            anchors: Vec::new(),
            intermediates: Vec::new(),
            lists: Vec::new(),
            ignored: Vec::new(),
            damaged: None,
        };
        let source = context.source(&arguments.cert);
        let content = source.read(&context.environment, limits::MAX_FILE)?;
        let mut found = read_each_certificate(&content.bytes, &source.to_string())?.into_iter();
        match found.next() {
            Some(Ok(leaf)) => given.leaf = Some(leaf),
            Some(Err(error)) => given.damaged = Some(error.to_string()),
            None => {}
        }
        let others = given.readable(found);
        given.intermediates.extend(others);
        for file in &arguments.intermediates {
            let found = given.certificates(file, context)?;
            given.intermediates.extend(found);
        }
        for file in &arguments.trust_anchor {
            let found = given.certificates(file, context)?;
            given.anchors.extend(found);
        }
        for file in &arguments.crl {
            let content = read_bounded(&context.path(file), limits::MAX_FILE)?;
            let lists = Crl::read_each(&content, &file.display().to_string())?;
            let lists = given.readable(lists.into_iter());
            given.lists.extend(lists);
        }
        Ok(given)
    }

    fn certificates(&mut self, file: &Path, context: &Context) -> Result<Vec<Certificate>, Error> {
        let content = read_bounded(&context.path(file), limits::MAX_FILE)?;
        let found = read_each_certificate(&content, &file.display().to_string())?;
        Ok(self.readable(found.into_iter()))
    }

    /// Those that decode; the others are kept to be told.
    fn readable<T>(&mut self, all: impl Iterator<Item = Result<T, pki::Error>>) -> Vec<T> {
        let mut kept = Vec::new();
        for one in all {
            match one {
                Ok(one) => kept.push(one),
                Err(error) => self.ignored.push(error),
            }
        }
        kept
    }

    fn take_leaf(&mut self) -> Option<Certificate> {
        self.leaf.take()
    }
}

/// How it was judged, for what is shown of it.
struct Shown {
    at: DateTime<Utc>,
    policy: Policy,
}

type Judged<'r, 'c> = Option<&'r Result<Vec<&'c Certificate>, PathError>>;

impl Shown {
    fn text(&self, outcome: Judged<'_, '_>, given: &Given) -> String {
        let rules = match self.policy {
            Policy::Rfc5280 => "RFC 5280",
            Policy::RolesAnywhere => "Roles Anywhere",
        };
        let verdict =
            |word: &str| format!("{word} at {} by the rules of {rules}\n", rfc3339(self.at));
        match outcome {
            Some(Ok(path)) => {
                let count = path.len();
                let lines = path
                    .iter()
                    .enumerate()
                    .map(|(place, certificate)| line(certificate, place, place + 1 == count));
                verdict("valid") + &lines.collect::<String>()
            }
            Some(Err(error)) => {
                let tried = error.tried();
                let mut text = verdict("not valid");
                for (index, path) in tried.iter().enumerate() {
                    text.push_str(&match (index, tried.len()) {
                        (_, 1) => "the path that was tried:\n".to_owned(),
                        (0, count) => format!(
                            "path 1 of {count}, which came closest, with {}:\n",
                            counted(path.findings.len(), "reason")
                        ),
                        (index, count) => format!("path {} of {count}:\n", index + 1),
                    });
                    text.push_str(&lines(path));
                }
                text
            }
            None => {
                let reason = given.damaged.as_deref().unwrap_or_default();
                let next =
                    "next: have the certificate made again; 'windlass ca lint FILE' says more";
                format!("{}  damaged: {reason}\n    {next}\n", verdict("not valid"))
            }
        }
    }

    fn json(&self, outcome: Judged<'_, '_>, given: &Given) -> Value {
        let all = |path: &[&Certificate]| path.iter().map(|one| as_json(one)).collect::<Vec<_>>();
        let (path, tried) = match outcome {
            Some(Ok(path)) => (Some(all(path)), Vec::new()),
            Some(Err(error)) => (None, error.tried().iter().map(tried_as_json).collect()),
            None => (None, Vec::new()),
        };
        let ignored: Vec<String> = given.ignored.iter().map(ToString::to_string).collect();
        json!({
            "valid": path.is_some(),
            "at": rfc3339(self.at),
            "policy": self.policy.as_str(),
            "path": path,
            "tried": tried,
            "damaged": given.damaged,
            "ignored": ignored,
        })
    }
}

/// One certificate of a path.
fn line(certificate: &Certificate, place: usize, is_anchor: bool) -> String {
    let role = match (place, is_anchor) {
        (0, _) => "certificate",
        (_, true) => "trust anchor",
        (_, false) => "issuer",
    };
    let subject = printable(&certificate.subject().to_string(), limits::MAX_SHOWN_NAME);
    format!("  {role}: {subject}, serial {}\n", certificate.serial())
}

/// A path with its reasons, each below the certificate that it is about.
fn lines(path: &TriedPath) -> String {
    let count = path.certificates.len();
    let mut text = String::new();
    for (place, certificate) in path.certificates.iter().enumerate() {
        let is_anchor = path.is_anchored && place + 1 == count;
        text.push_str(&line(certificate, place, is_anchor));
        let here = path
            .findings
            .iter()
            .filter(|finding| finding.place == place);
        for finding in here {
            let (flaw, next) = (&finding.flaw, hint_path_flaw(&finding.flaw));
            text.push_str(&format!("    {}: {flaw}\n      next: {next}\n", flaw.id()));
        }
    }
    text
}

fn tried_as_json(path: &TriedPath) -> Value {
    let reasons = path.findings.iter().map(|finding| {
        json!({
            "certificate": finding.place,
            "id": finding.flaw.id(),
            "message": finding.flaw.to_string(),
            "next": hint_path_flaw(&finding.flaw),
        })
    });
    json!({
        "certificates": path.certificates.iter().map(as_json).collect::<Vec<_>>(),
        "anchored": path.is_anchored,
        "reasons": reasons.collect::<Vec<_>>(),
    })
}

fn as_json(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "serialNumber": certificate.serial().hex(),
        "notBefore": rfc3339(certificate.not_before()),
        "notAfter": rfc3339(certificate.not_after()),
        "fingerprintSha256": certificate.fingerprint(),
    })
}
