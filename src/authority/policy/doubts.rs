//! What a policy says that nobody can mean.

use super::{Policy, pattern};

impl Policy {
    /// What is written and cannot be meant: rules that match nothing, and limits
    /// under which nothing is issued.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.profiles.len() > 1 && self.default.is_none() {
            doubts.push(
                "there are several profiles and no default: every request has to name one"
                    .to_owned(),
            );
        }
        for profile in &self.profiles {
            let name = profile.name.as_deref().unwrap_or_default();
            for (kind, rule) in [("cn", &profile.cn), ("o", &profile.o), ("ou", &profile.ou)] {
                let patterns = rule.allow.iter().flatten().chain(&rule.deny);
                for pattern in patterns.filter(|pattern| !pattern::can_match(pattern)) {
                    doubts.push(format!(
                        "profiles.{name}.{kind}: '{pattern}' matches nothing, for no name has such characters; * stands for any run of characters, and nothing else is special"
                    ));
                }
            }
            for (rule, most) in [("per_day", profile.per_day), ("valid", profile.valid)] {
                if most == Some(0) {
                    doubts.push(format!(
                        "profiles.{name}.{rule} is 0: nothing is issued under it"
                    ));
                }
            }
        }
        doubts
    }
}
