//! The service's rate limits, where an option asks for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// What is counted together (user guide, "Quotas").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RateGroup {
    Anchors,
    Crls,
    Profiles,
    Sessions,
    Subjects,
    Tags,
}

impl RateGroup {
    /// Most in a second.
    const fn most(self) -> usize {
        match self {
            Self::Sessions => 10,
            Self::Anchors | Self::Crls | Self::Profiles | Self::Subjects | Self::Tags => 1,
        }
    }

    /// The group of an operation.
    pub(super) fn of(operation: &str) -> Self {
        let named = |part: &str| operation.contains(part);
        if named("Tag") || named("Untag") {
            Self::Tags
        } else if named("Crl") {
            Self::Crls
        } else if named("Profile") || named("Mapping") {
            Self::Profiles
        } else if named("Subject") {
            Self::Subjects
        } else {
            Self::Anchors
        }
    }
}

/// When the last requests were let through.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<BTreeMap<RateGroup, VecDeque<DateTime<Utc>>>>);

impl Rates {
    /// Whether one more is let through at that time.
    pub(super) fn admit(&self, group: RateGroup, now: DateTime<Utc>) -> bool {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = groups.entry(group).or_default();
        // A clock that was set back must not shut the door.
        last.retain(|at| *at <= now && now - *at < TimeDelta::seconds(1));
        if last.len() >= group.most() {
            return false;
        }
        last.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_own_limit() {
        let rates = Rates::default();
        let at = |milliseconds| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds);
        for _ in 0..10 {
            assert!(rates.admit(RateGroup::Sessions, at(5000)));
        }
        assert!(!rates.admit(RateGroup::Sessions, at(5999)));
        assert!(rates.admit(RateGroup::Sessions, at(6000)));
        assert!(rates.admit(RateGroup::of("ListCrls"), at(5000)));
        assert!(!rates.admit(RateGroup::of("ImportCrl"), at(5000)));
        assert!(rates.admit(RateGroup::of("PutAttributeMapping"), at(5000)));
        assert!(!rates.admit(RateGroup::of("ListProfiles"), at(5000)));
        assert!(rates.admit(RateGroup::of("UntagResource"), at(5000)));
        assert!(rates.admit(RateGroup::of("GetSubject"), at(5000)));
        assert!(rates.admit(RateGroup::of("PutNotificationSettings"), at(5000)));
        // The clock was set back.
        assert!(rates.admit(RateGroup::of("ListCrls"), at(10)));
    }
}
