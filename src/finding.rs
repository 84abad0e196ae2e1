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
    /// Numbers: name with unit, whose it is where there are several, value.
    pub numbers: Vec<(&'static str, Option<String>, i64)>,
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

    /// With a number; see [`Finding::numbers`].
    #[must_use]
    pub fn with(mut self, name: &'static str, of: Option<String>, value: i64) -> Self {
        self.numbers.push((name, of, value));
        self
    }
}
