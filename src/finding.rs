//! What a monitor is told of one thing, and how bad it is.

use crate::text::with_causes;

/// How bad it is, as Nagios counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing has to be done.
    Ok,
    /// Something has to be done soon.
    Warning,
    /// Something could not be judged.
    Unknown,
    /// Something has to be done now.
    Critical,
}

/// What was found of one thing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at, as one word.
    pub probe: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so, as a sentence without its full stop.
    pub text: String,
    /// What was measured of it.
    pub numbers: Vec<Number>,
}

/// A number of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// What it counts, with its unit.
    pub name: &'static str,
    /// Whose it is, where there are several.
    pub of: Option<String>,
    /// How many.
    pub value: i64,
    /// From where on there is a warning, where that is a matter of the number alone.
    pub warn: Option<Bound>,
    /// From where on it is critical, where that is a matter of the number alone.
    pub critical: Option<Bound>,
}

/// Where a number begins to be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Above this.
    Above(i64),
    /// Below this.
    Below(i64),
}

impl Level {
    /// All of them, by their code.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Critical, Self::Unknown];

    /// The word that Nagios uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Unknown => "UNKNOWN",
            Self::Critical => "CRITICAL",
        }
    }

    /// The exit code of a Nagios plugin.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl Finding {
    /// One without numbers.
    #[must_use]
    pub const fn new(probe: &'static str, level: Level, text: String) -> Self {
        Self {
            probe,
            level,
            text,
            numbers: Vec::new(),
        }
    }

    /// That nothing is known of something: it could not be judged.
    #[must_use]
    pub fn unknown(probe: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(probe, Level::Unknown, with_causes(error))
    }

    /// With a number: what it counts, whose it is where there are several, how many.
    #[must_use]
    pub fn with(mut self, name: &'static str, of: Option<String>, value: i64) -> Self {
        self.numbers.push(Number {
            name,
            of,
            value,
            warn: None,
            critical: None,
        });
        self
    }

    /// Says where the number that was given last begins to be bad: a warning, and what
    /// is critical.
    #[must_use]
    pub fn bounded(mut self, warn: Option<Bound>, critical: Option<Bound>) -> Self {
        if let Some(last) = self.numbers.last_mut() {
            (last.warn, last.critical) = (warn, critical);
        }
        self
    }
}
