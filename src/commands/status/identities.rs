//! How the identities of the profiles stand.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::Status;
use crate::clock::{in_words, rfc3339};
use crate::commands::check::Subject;
use crate::commands::monitor::told;
use crate::commands::rotate::standing_json;
use crate::commands::{Context, Error};
use crate::host::{Owed, Standing, Urgency};

/// An identity as it is shown.
pub(super) struct Shown {
    /// The profile that names it.
    pub(super) profile: Option<String>,
    subject: Subject,
    /// How it stands, or why that is not known.
    standing: Result<Box<Standing>, Error>,
    /// Why what is kept between runs cannot be used.
    state: Option<String>,
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

    fn of(subject: Subject, context: &Context) -> Self {
        let standing = match subject.absent() {
            Some(error) => Err(error),
            None => subject.look(context.clock.now()),
        };
        let (standing, state) = match standing {
            Ok(seen) => (
                Ok(Box::new(seen.standing)),
                seen.state.map(|state| state.why),
            ),
            Err(error) => (Err(error), None),
        };
        Self {
            profile: subject.profile.clone(),
            subject,
            standing,
            state,
        }
    }

    /// As `windlass rotate --check --json` has it, but for what a run would put right
    /// besides the certificate: that is left to it and to `windlass check`.
    pub(super) fn to_json(&self) -> Value {
        match &self.standing {
            Ok(standing) => {
                let mut shown = standing_json(&self.subject.directory, standing);
                if let Some(why) = &self.state {
                    shown["error"] = json!(why);
                }
                shown
            }
            Err(error) => json!({
                "identity": self.subject.directory,
                "error": told(error),
            }),
        }
    }

    fn row(&self, context: &Context) -> Vec<String> {
        let none = || "-".to_owned();
        let name = self.subject.name();
        let Ok(standing) = &self.standing else {
            let mut row = vec![none(); 9];
            row.splice(0..2, [name, "unusable".to_owned()]);
            return row;
        };
        let now = context.clock.now();
        let due = standing.due;
        let certificate = standing.certificate.as_ref();
        let state = &standing.state;
        vec![
            name,
            standing.urgency.name().to_owned(),
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
            state.last_failure.as_ref().map_or_else(none, |failure| {
                format!("{} ago: {}", in_words(now - failure.at), failure.message)
            }),
            match &state.owed {
                Owed::Nothing => none(),
                Owed::All => "all".to_owned(),
                Owed::Failed(failed) => failed.len().to_string(),
            },
        ]
    }

    /// What somebody has to do, if that is so.
    fn remedy(&self, context: &Context) -> Option<String> {
        let name = self.subject.name();
        let standing = match &self.standing {
            Ok(standing) => standing,
            Err(error) => {
                let renew = self.subject.renewal(None);
                let said = self.subject.absence(error, &renew);
                return Some(format!("{name}: {said}\n"));
            }
        };
        if let Some(why) = &self.state {
            return Some(format!("{name}: {why}\n"));
        }
        let due = standing.due?;
        let ends = due.ends();
        (standing.urgency == Urgency::Expired).then(|| {
            format!(
                "{name} expired {} ago, on {}: {}\n",
                in_words(context.clock.now() - ends),
                rfc3339(ends),
                self.subject.renewal(Some(standing))
            )
        })
    }
}

/// A table, and below it what somebody has to do.
pub(super) fn print(shown: &[Shown], context: &Context) -> Result<(), Error> {
    context.printer.table(
        &[
            "IDENTITY",
            "STATE",
            "VERSION",
            "SUBJECT",
            "VALID FOR",
            "RENEWAL",
            "NEXT TRY",
            "LAST FAILURE",
            "HOOKS OWED",
        ],
        shown.iter().map(|shown| shown.row(context)),
    )?;
    let remedies = shown.iter().filter_map(|shown| shown.remedy(context));
    context.printer.data(&remedies.collect::<String>())
}
