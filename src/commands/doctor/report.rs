//! What is told: the verdict, then the causes from the likeliest down.

use serde_json::{Value, json};

use crate::commands::{Error, Outcome};
use crate::rolesanywhere;
use crate::text::{counted, printable, with_causes};

use super::case::Case;
use super::finding::{Finding, Standing};
use super::live::Live;
use super::offline::Offline;

/// Longest place or value that is shown, in characters.
const SHOWN: usize = 1000;

/// Everything that was found.
pub(super) struct Report<'a> {
    findings: Vec<Finding>,
    live: Live,
    offline: Option<Offline>,
    case: &'a Case<'a>,
}

impl<'a> Report<'a> {
    /// Puts the findings into their order: by how sure they are, and where that is
    /// the same as they were found.
    pub(super) fn new(mut findings: Vec<Finding>, live: Live, case: &'a Case<'a>) -> Self {
        let is_first = matches!(live, Live::Granted(_)) || case.asked.aws_profile.is_some();
        findings.sort_by_key(|finding| {
            // Without a session it does not matter yet who would not ask for one,
            // unless theirs is the line that everything comes from.
            let is_later = finding.standing.is_wrong() && !is_first && finding.is_of_others();
            (!finding.standing.is_wrong(), is_later, finding.standing)
        });
        Self {
            findings,
            live,
            offline: None,
            case,
        }
    }

    /// With every rule's verdict.
    pub(super) fn with(mut self, offline: Offline) -> Self {
        self.offline = Some(offline);
        self
    }

    fn of(&self, standing: Standing) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.standing == standing)
    }

    fn causes(&self) -> Vec<&Finding> {
        let wrong = |finding: &&Finding| finding.standing.is_wrong();
        self.findings.iter().filter(wrong).collect()
    }

    /// The verdict as a word for programs, and the exit code.
    fn verdict(&self) -> (&'static str, Outcome) {
        let is_wrong = !self.causes().is_empty();
        let is_unknown = self.of(Standing::Unknown).next().is_some();
        match &self.live {
            Live::Granted(_) if is_wrong => ("granted, with faults", Outcome::Failed),
            Live::Granted(_) => ("granted", Outcome::Done),
            _ if self.is_refused() => ("refused", Outcome::Failed),
            _ if is_wrong => ("faults", Outcome::Failed),
            Live::NotAsked if !is_unknown => ("would be granted", Outcome::Done),
            _ => ("cannot be told", Outcome::Undecided),
        }
    }

    fn is_refused(&self) -> bool {
        matches!(
            &self.live,
            Live::Failed(Error::Exchange(error))
                if matches!(error.root(), rolesanywhere::Error::Denied { .. })
        )
    }

    /// The first line: what it comes to.
    fn summary(&self) -> String {
        let role = self.case.session.role_arn.as_ref();
        let session = role.map_or_else(
            || "a session".to_owned(),
            |role| format!("a session as {role}"),
        );
        let count = self.causes().len();
        match &self.live {
            Live::Granted(_) if count == 0 => format!("{session} is granted"),
            Live::Granted(_) => format!(
                "{session} is granted to windlass, and {} in the way of other programs",
                if count == 1 {
                    "something stands".to_owned()
                } else {
                    format!("{count} things stand")
                }
            ),
            Live::Failed(error) if self.is_refused() => {
                format!("{session} is refused: {}", with_causes(error))
            }
            _ if count > 0 => format!(
                "{session} cannot be had: {} found here",
                counted(count, "cause")
            ),
            Live::NotAsked if self.of(Standing::Unknown).next().is_none() => {
                format!(
                    "{session} would be granted, as far as that can be told here; AWS was not asked"
                )
            }
            _ => format!("whether {session} is granted cannot be told"),
        }
    }

    /// Prints it, and gives the verdict.
    pub(super) fn tell(&self) -> Result<(), Error> {
        let printer = &self.case.context.printer;
        let (_, outcome) = self.verdict();
        if self.case.asked.json {
            printer.json(&self.json())?;
        } else {
            printer.data(&self.text(printer.is_verbose()))?;
        }
        match outcome {
            Outcome::Done => Ok(()),
            other => Err(Error::Verdict(other)),
        }
    }

    fn text(&self, verbose: bool) -> String {
        let mut text = format!("{}\n", printable(&self.summary(), SHOWN));
        for (index, finding) in self.causes().into_iter().enumerate() {
            let standing = finding.standing.as_str();
            text.push_str(&format!(
                "\n{}. {} ({standing}): {}\n",
                index + 1,
                finding.id,
                printable(&finding.what, SHOWN)
            ));
            text.push_str(&below(finding));
        }
        // Whoever has a cause to remove does not need what else there might be.
        let is_settled = !verbose && !self.causes().is_empty();
        for (standing, heading) in [
            (Standing::Warning, "besides"),
            (Standing::Unknown, "not judged"),
        ] {
            if standing == Standing::Unknown && is_settled {
                continue;
            }
            let mut found = self.of(standing).peekable();
            if found.peek().is_some() {
                text.push_str(&format!("\n{heading}:\n"));
            }
            for finding in found {
                text.push_str(&format!(
                    "- {}: {}\n{}",
                    finding.id,
                    printable(&finding.what, SHOWN),
                    below(finding)
                ));
            }
        }
        let well: Vec<&Finding> = self.of(Standing::Well).collect();
        if verbose && !well.is_empty() {
            text.push_str("\nin order:\n");
            for finding in &well {
                text.push_str(&format!(
                    "- {}: {}\n{}",
                    finding.id,
                    printable(&finding.what, SHOWN),
                    below(finding)
                ));
            }
        }
        text.push_str(&self.hidden(verbose, is_settled, well.len()));
        text
    }

    /// How much there is that is not shown.
    fn hidden(&self, verbose: bool, is_settled: bool, well: usize) -> String {
        let unknown = self.of(Standing::Unknown).count();
        let hidden = [
            (if verbose { 0 } else { well }, "in order"),
            (if is_settled { unknown } else { 0 }, "not judged"),
        ];
        let hidden: Vec<String> = hidden
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", things(count)))
            .collect();
        match hidden.is_empty() {
            true => String::new(),
            false => format!("\n{}; --verbose shows them\n", hidden.join(", ")),
        }
    }

    fn json(&self) -> Value {
        let (verdict, outcome) = self.verdict();
        let refusal = match &self.live {
            Live::Failed(error) => Some(with_causes(error)),
            _ => None,
        };
        let count = |standing: Standing| {
            (
                standing.as_str().to_owned(),
                json!(self.of(standing).count()),
            )
        };
        let counts: serde_json::Map<_, _> = Standing::ALL.into_iter().map(count).collect();
        json!({
            "verdict": verdict,
            "code": outcome.code(),
            "asked": !matches!(self.live, Live::NotAsked | Live::Unplanned(_)),
            "summary": self.summary(),
            "refusal": refusal,
            "profile": self.case.profile.as_ref().map(|(name, _)| name),
            "counts": counts,
            "rules": self.offline.as_ref().map(Offline::json),
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}

fn things(count: usize) -> String {
    match count {
        1 => "1 thing is".to_owned(),
        count => format!("{count} things are"),
    }
}

/// Where it shows, and what to do.
fn below(finding: &Finding) -> String {
    let evidence = finding.evidence.iter().map(|(place, value)| {
        format!(
            "     {}: {}\n",
            printable(place, SHOWN),
            printable(value, SHOWN)
        )
    });
    let next = finding
        .next
        .iter()
        .map(|step| format!("     next: {}\n", printable(step, SHOWN)));
    evidence.chain(next).collect()
}
