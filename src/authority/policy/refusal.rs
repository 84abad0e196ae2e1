//! Why a policy does not let a certificate be issued.

use std::fmt;

/// What one rule of a policy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, as it is written in the file: `profiles.web.dns.allow`.
    pub rule: String,
    /// What was asked for.
    pub value: String,
    /// How the rule refuses it.
    pub reason: String,
}

impl Refusal {
    /// That of a subject which a certificate of the CA itself has: whoever finds an
    /// issuer by its name would find a workload.
    pub(in crate::authority) fn own_name(subject: &str) -> Self {
        Self {
            rule: "the CA's own names".to_owned(),
            value: format!("the subject '{subject}'"),
            reason: "have it already".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.value, self.rule, self.reason)
    }
}

/// Everything that a policy has against a certificate, so that all of it can be
/// mended at once: one refusal or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    first: Refusal,
    further: Vec<Refusal>,
}

impl Refusals {
    /// `None` when there is none.
    pub(in crate::authority) fn of(refusals: impl IntoIterator<Item = Refusal>) -> Option<Self> {
        let mut refusals = refusals.into_iter();
        let first = refusals.next()?;
        Some(Self {
            first,
            further: refusals.collect(),
        })
    }

    /// Each of them, in the order in which the policy is judged.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// The first one.
    #[must_use]
    pub const fn first(&self) -> &Refusal {
        &self.first
    }

    /// The rules that refuse, each once.
    #[must_use]
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = Vec::new();
        for refusal in self.iter() {
            if !rules.contains(&refusal.rule.as_str()) {
                rules.push(&refusal.rule);
            }
        }
        rules
    }
}

impl From<Refusal> for Refusals {
    fn from(first: Refusal) -> Self {
        Self {
            first,
            further: Vec::new(),
        }
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        for refusal in &self.further {
            write!(f, "; {refusal}")?;
        }
        Ok(())
    }
}
