//! How the identities of the profiles stand.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::Status;
use crate::clock::{in_words, whole_seconds};
use crate::commands::identity::{Judged, Subject};
use crate::commands::monitor::{Of, as_json, line, told};
use crate::commands::rotate::standing_json;
use crate::commands::{Context, Error};
use crate::finding::{Finding, Level};
use crate::host::{KeySeen, Owed, Seen, Thresholds};

/// An identity as it is shown.
pub(super) struct Shown {
    /// The profile that names it.
    pub(super) profile: Option<String>,
    subject: Subject,
    judged: Judged,
}

/// The identities of the profiles; a profile that cannot be used is told of with its
/// session.
pub(super) fn of_profiles(arguments: &Status, context: &Context) -> Result<Vec<Shown>, Error> {
    let config = arguments.session.config.as_deref();
    let rotations =
        context
            .invocation
            .each_rotation(&arguments.profile, config, &context.environment)?;
    let mut shown = Vec::new();
    for (name, asked) in rotations {
        let Ok(mut asked) = asked else {
            continue;
        };
        // Several have each their own, whatever a variable says.
        let typed = &arguments.session.identity.identity;
        if let ([_], Some(typed)) = (arguments.profile.as_slice(), typed) {
            asked.session.identity.identity = Some(typed.clone());
        }
        if let Ok(Some(subject)) = Subject::of_profile(&name, &mut asked, config, context) {
            shown.push(Shown::of(subject, context));
        }
    }
    Ok(shown)
}

impl Shown {
    /// One of which no profile says anything.
    pub(super) fn alone(path: &Path, context: &Context) -> Self {
        Self::of(Subject::alone(path, (None, Vec::new())), context)
    }

    /// Judged as `windlass check` does it, so that both say the same.
    fn of(subject: Subject, context: &Context) -> Self {
        let at = whole_seconds(context.clock.now());
        Self {
            profile: subject.profile.clone(),
            judged: subject.judge(Thresholds::default(), at),
            subject,
        }
    }

    fn level(&self) -> Level {
        let levels = self.judged.findings.iter().map(|found| found.level);
        levels.max().unwrap_or(Level::Unknown)
    }

    /// As `windlass rotate --check --json` has it, but for what a run would put right
    /// besides the certificate: that is left to it.
    pub(super) fn to_json(&self) -> Value {
        match &self.judged.seen {
            Ok(seen) => {
                let mut shown = standing_json(&self.subject.directory, &seen.standing);
                if let Some(state) = &seen.state {
                    shown["error"] = json!(state.why);
                }
                shown
            }
            Err(error) => json!({
                "identity": self.subject.directory,
                "error": told(error),
            }),
        }
    }

    /// As `windlass check --json` has it.
    pub(super) fn check_json(&self) -> Value {
        let of = Of::Identity(self.subject.name());
        let findings = self.judged.findings.iter();
        json!({
            "level": self.level().as_str(),
            "findings": findings.map(|one| as_json(Some(&of), one)).collect::<Vec<_>>(),
        })
    }

    fn row(&self, context: &Context) -> Vec<String> {
        let none = || "-".to_owned();
        let mut row = vec![
            self.subject.name(),
            self.judged
                .seen
                .as_ref()
                .map_or("unusable", state)
                .to_owned(),
            self.level().as_str().to_owned(),
        ];
        let Ok(Seen { standing, .. }) = &self.judged.seen else {
            row.resize_with(HEADINGS.len(), none);
            return row;
        };
        let now = whole_seconds(context.clock.now());
        let due = standing.due;
        let certificate = standing.certificate.as_ref();
        let kept = &standing.state;
        row.extend([
            standing
                .version
                .map_or_else(none, |version| version.to_string()),
            certificate.map_or_else(none, |found| found.subject().to_string()),
            due.filter(|due| due.ends() > now)
                .map_or_else(none, |due| in_words(due.left(now))),
            match due {
                None => none(),
                Some(due) if due.at > now => format!("in {}", in_words(due.at - now)),
                Some(due) => format!("since {}", in_words(now - due.at)),
            },
            match (standing.next_try, standing.opens) {
                (Some(next), _) => format!("in {}", in_words(next - now)),
                (None, Some(opens)) => format!("window opens in {}", in_words(opens - now)),
                (None, None) if standing.reason.is_some() => "at the next run".to_owned(),
                (None, None) => none(),
            },
            kept.last_failure.as_ref().map_or_else(none, |failure| {
                format!("{} ago: {}", in_words(now - failure.at), failure.message)
            }),
            match &kept.owed {
                Owed::Nothing => none(),
                Owed::All => "all".to_owned(),
                Owed::Failed(failed) => failed.len().to_string(),
            },
        ]);
        row
    }

    /// What is not in order, in the words of `windlass check`.
    fn amiss(&self) -> String {
        let findings = self.judged.findings.iter();
        let mut amiss: Vec<&Finding> = findings.filter(|one| one.level != Level::Ok).collect();
        amiss.sort_by_key(|one| std::cmp::Reverse(one.level));
        let name = self.subject.name();
        amiss.iter().map(|one| line(Some(&name), one)).collect()
    }
}

/// One word for how it stands: how urgent its renewal is, where there is something
/// that can be renewed.
fn state(seen: &Seen) -> &'static str {
    let standing = &seen.standing;
    match (standing.version, &standing.certificate, &seen.key) {
        (None, ..) => "none",
        (_, None, _) | (_, _, KeySeen::Other | KeySeen::Unreadable(_)) => "unusable",
        (Some(_), Some(_), KeySeen::Fits | KeySeen::Denied) => standing.urgency.name(),
    }
}

const HEADINGS: [&str; 10] = [
    "IDENTITY",
    "STATE",
    "CHECK",
    "VERSION",
    "SUBJECT",
    "VALID FOR",
    "RENEWAL",
    "NEXT TRY",
    "LAST FAILURE",
    "HOOKS OWED",
];

/// A table, and below it what is not in order.
pub(super) fn print(shown: &[Shown], context: &Context) -> Result<(), Error> {
    let rows = shown.iter().map(|shown| shown.row(context));
    context.printer.table(&HEADINGS, rows)?;
    let amiss: String = shown.iter().map(Shown::amiss).collect();
    context.printer.data(&amiss)
}
