//! What a Nagios plugin prints.

use std::collections::BTreeSet;

use crate::finding::{Bound, Finding, Level, Number};
use crate::text::{counted, first_of, printable};

use super::{Found, Monitor, Of};

/// Longest sentence of a finding, in characters.
const MOST: usize = 500;

/// How many things the first line says of several identities.
const FIRST: usize = 4;

impl Monitor {
    /// One line for all, with the numbers behind a bar, and one line for each; of
    /// several things the worst ones first, since a monitor may cut the rest off.
    pub(super) fn nagios(&self) -> String {
        let (level, title) = (self.worst(), self.check.title);
        let mut text = format!("{title} {} - {}", level.as_str(), self.summary(level));
        let numbers: Vec<String> = self
            .found
            .iter()
            .flat_map(|found| {
                let numbers = found.finding.numbers.iter();
                // A moment is no quantity to draw.
                let numbers = numbers.filter(|one| !one.name.ends_with("_timestamp_seconds"));
                numbers.map(|number| performance(number, found.of.as_ref().map(Of::name)))
            })
            .collect();
        if !numbers.is_empty() {
            text.push_str(&format!(" | {}", numbers.join(" ")));
        }
        text.push('\n');
        let mut lines: Vec<&Found> = self.found.iter().collect();
        if lines.iter().any(|found| found.of.is_some()) {
            lines.sort_by_key(|found| std::cmp::Reverse(found.finding.level));
        }
        for Found { of, finding } in lines {
            text.push_str(&line(of.as_ref().map(Of::name), finding));
        }
        text
    }

    /// What is worst, or that nothing is.
    fn summary(&self, level: Level) -> String {
        let worst = self
            .found
            .iter()
            .filter(|found| found.finding.level == level);
        let worst: Vec<&Found> = worst.filter(|_| level != Level::Ok).collect();
        let all: BTreeSet<&Of> = self
            .found
            .iter()
            .filter_map(|found| found.of.as_ref())
            .collect();
        let first = |found: &Found| match &found.of {
            Some(of) => format!("{}: {}", plain(of.name()), plain(&found.finding.text)),
            None => plain(&found.finding.text),
        };
        let said = worst.iter().map(|found| first(found));
        match (worst.len(), all.len()) {
            (0, 0) => format!("{} things are in order", self.found.len()),
            (0, 1) => self.found.first().map_or_else(String::new, first),
            (0, _) => format!(
                "{} things of {} are in order",
                self.found.len(),
                how_many(&all)
            ),
            (_, 0) => said.collect::<Vec<_>>().join("; "),
            (count, _) => first_of(&said.take(FIRST).collect::<Vec<_>>(), count),
        }
    }
}

/// A number as plugins give it: `name=value` with its unit, and behind it where there
/// is a warning and where it is critical. A name that is not one word stands in quotes;
/// it may have neither `=` nor `'` (Monitoring Plugins Development Guidelines,
/// performance data, threshold and ranges).
fn performance(number: &Number, whose: Option<&str>) -> String {
    let (name, unit) = match number.name.strip_suffix("_seconds") {
        Some(name) => (name, "s"),
        None => (number.name, ""),
    };
    let mut label = name.to_owned();
    for of in whose.into_iter().chain(number.of.as_deref()) {
        label.push('_');
        label.extend(plain(of).chars().map(|one| match one {
            '=' | '\'' => '_',
            one => one,
        }));
    }
    if label.contains(char::is_whitespace) {
        label = format!("'{label}'");
    }
    let range = |bound: Option<Bound>| match bound {
        Some(Bound::Above(most)) => format!(";{most}"),
        Some(Bound::Below(least)) => format!(";{least}:"),
        None => ";".to_owned(),
    };
    let ranges = range(number.warn) + &range(number.critical);
    let ranges = ranges.trim_end_matches(';');
    format!("{label}={}{unit}{ranges}", number.value)
}

/// The line of a finding, and whose it is.
pub(in crate::commands) fn line(of: Option<&str>, finding: &Finding) -> String {
    let (level, probe) = (finding.level.as_str(), finding.probe);
    let of = plain(&of.map_or_else(String::new, |of| format!("{of} ")));
    format!("{level} {of}{probe}: {}\n", plain(&finding.text))
}

/// How many identities and certificates these are.
fn how_many(all: &BTreeSet<&Of>) -> String {
    let count = |kind: &str| all.iter().filter(|of| of.kind() == kind).count();
    let identities = match count("identity") {
        0 => None,
        1 => Some("1 identity".to_owned()),
        count => Some(format!("{count} identities")),
    };
    let certificates = match count("certificate") {
        0 => None,
        count => Some(counted(count, "certificate")),
    };
    let both: Vec<String> = identities.into_iter().chain(certificates).collect();
    both.join(" and ")
}

/// A bar would begin the numbers.
pub(super) fn plain(text: &str) -> String {
    printable(text, MOST).replace('|', "/")
}
