//! What was found, and how sure it is.

use serde_json::{Value, json};

/// How much a finding matters: what comes first is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It stands in the way, whatever else is so.
    Certain,
    /// It is the best explanation of what was seen.
    Likely,
    /// It would explain what was seen, and nothing speaks for it besides.
    Possible,
    /// It does not stand in the way yet, or not of windlass.
    Warning,
    /// It could not be judged, which is no pass.
    Unknown,
    /// It was judged, and is as it should be.
    Well,
}

impl Standing {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 6] = [
        Self::Certain,
        Self::Likely,
        Self::Possible,
        Self::Warning,
        Self::Unknown,
        Self::Well,
    ];

    /// The word for people and programs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Well => "well",
        }
    }

    /// Whether something is wrong.
    pub(super) const fn is_wrong(self) -> bool {
        matches!(self, Self::Certain | Self::Likely | Self::Possible)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// What was looked at, as a word for programs.
    pub(super) id: &'static str,
    pub(super) standing: Standing,
    /// What is so, as a sentence without its full stop.
    pub(super) what: String,
    /// Where it shows: a file or an option, and what stands there.
    pub(super) evidence: Vec<(String, String)>,
    /// What to do, the best step first.
    pub(super) next: Vec<String>,
}

impl Finding {
    pub(super) fn new(id: &'static str, standing: Standing, what: impl Into<String>) -> Self {
        Self {
            id,
            standing,
            what: what.into(),
            evidence: Vec::new(),
            next: Vec::new(),
        }
    }

    /// Whether it is about programs that use windlass, and not about the session.
    pub(super) fn is_of_others(&self) -> bool {
        ["aws-files", "credential-process", "recursion", "shadow"].contains(&self.id)
    }

    /// With a place where it shows.
    #[must_use]
    pub(super) fn shows(mut self, place: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push((place.into(), value.into()));
        self
    }

    /// With places where it shows.
    #[must_use]
    pub(super) fn shows_all(mut self, all: impl IntoIterator<Item = (String, String)>) -> Self {
        self.evidence.extend(all);
        self
    }

    /// With a step to take.
    #[must_use]
    pub(super) fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }

    /// With what most often is behind it, unless the step before says that.
    #[must_use]
    pub(super) fn cause(mut self, cause: &str) -> Self {
        self.evidence
            .push(("most often".to_owned(), cause.to_owned()));
        self
    }

    /// With the hint of an error, if there is one.
    #[must_use]
    pub(super) fn next_if(mut self, step: Option<String>) -> Self {
        self.next.extend(step);
        self
    }

    pub(super) fn json(&self) -> Value {
        let evidence = self
            .evidence
            .iter()
            .map(|(place, value)| json!({ "place": place, "value": value }));
        json!({
            "id": self.id,
            "standing": self.standing.as_str(),
            "message": self.what,
            "evidence": evidence.collect::<Vec<_>>(),
            "next": self.next,
        })
    }
}
