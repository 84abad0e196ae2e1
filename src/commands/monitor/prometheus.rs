//! What Prometheus reads: the text format 0.0.4.

use std::collections::BTreeSet;

use super::{CHECKED, Found, Monitor, Of};

impl Monitor {
    /// The text format of Prometheus 0.0.4; the levels as Nagios counts them.
    pub(super) fn prometheus(&self) -> String {
        let prefix = self.check.prefix;
        let mut probes = BTreeSet::new();
        let mut text = format!(
            "# HELP {prefix}level How bad it is: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\
             # TYPE {prefix}level gauge\n"
        );
        for Found { of, finding } in &self.found {
            let probe = finding.probe;
            if !probes.insert((of, probe)) {
                continue;
            }
            let same = self.found.iter();
            let same = same.filter(|other| other.finding.probe == probe && other.of == *of);
            let level = same.map(|other| other.finding.level).max();
            let level = level.unwrap_or(finding.level).code();
            let labels = labels([labelled(of), ("probe", Some(probe))]);
            text.push_str(&format!("{prefix}level{labels} {level}\n"));
        }
        let numbers = || {
            let all = self.found.iter();
            all.flat_map(|found| {
                found
                    .finding
                    .numbers
                    .iter()
                    .map(move |one| (&found.of, one))
            })
        };
        let mut names = BTreeSet::new();
        for (_, number) in numbers() {
            let name = number.name;
            if !names.insert(name) {
                continue;
            }
            text.push_str(&self.head(name));
            // One that is there twice would cost Prometheus the whole file.
            let mut series = BTreeSet::new();
            for (whose, one) in numbers().filter(|(_, other)| other.name == name) {
                let labels = labels([labelled(whose), ("of", one.of.as_deref())]);
                if series.insert(labels.clone()) {
                    text.push_str(&format!("{prefix}{name}{labels} {}\n", one.value));
                }
            }
        }
        text.push_str(&self.head(CHECKED));
        let mut looked_at: BTreeSet<&Option<Of>> = self.found.iter().map(|one| &one.of).collect();
        if looked_at.is_empty() {
            looked_at.insert(&None);
        }
        // Several files of one host are read as one: each thing has its own.
        for of in looked_at {
            let (labels, at) = (labels([labelled(of)]), self.at.timestamp());
            text.push_str(&format!("{prefix}{CHECKED}{labels} {at}\n"));
        }
        text
    }

    fn head(&self, name: &str) -> String {
        let prefix = self.check.prefix;
        let help = self.check.help.iter().find(|(known, _)| *known == name);
        let help = help.map_or_else(String::new, |(_, help)| {
            format!("# HELP {prefix}{name} {help}\n")
        });
        format!("{help}# TYPE {prefix}{name} gauge\n")
    }
}

/// What was looked at, as a label; without a value where there is one thing alone.
fn labelled(of: &Option<Of>) -> (&'static str, Option<&str>) {
    match of {
        Some(of) => (of.kind(), Some(of.name())),
        None => ("", None),
    }
}

/// Labels as the text format of Prometheus writes them; nothing where none is said.
fn labels<const N: usize>(all: [(&str, Option<&str>); N]) -> String {
    let said = all.into_iter().filter_map(|(name, value)| {
        let value = value?
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        Some(format!("{name}=\"{value}\""))
    });
    match said.collect::<Vec<_>>().join(",") {
        said if said.is_empty() => said,
        said => format!("{{{said}}}"),
    }
}
