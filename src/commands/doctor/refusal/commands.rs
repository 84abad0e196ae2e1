//! Commands of the AWS CLI for what a case is about, ready to be typed.

use crate::cli::SessionArgs;

/// The options' resources, as the CLI names them.
pub(in crate::commands::doctor) struct Commands<'a>(
    pub(in crate::commands::doctor) &'a SessionArgs,
);

impl Commands<'_> {
    /// `aws rolesanywhere VERB` for the trust anchor.
    pub(in crate::commands::doctor) fn anchor(&self, verb: &str) -> String {
        let arn = self.0.trust_anchor_arn.as_ref();
        match arn {
            Some(arn) if !arn.is_alias() => format!(
                "aws rolesanywhere {verb} --region {} --trust-anchor-id {}",
                arn.region(),
                id(arn.as_str())
            ),
            // The CLI takes ids alone, which an alias does not tell.
            _ => format!(
                "aws rolesanywhere {verb} {}--trust-anchor-id ID",
                self.region()
            ),
        }
    }

    /// `aws rolesanywhere VERB` for the profile.
    pub(in crate::commands::doctor) fn profile(&self, verb: &str) -> String {
        match &self.0.profile_arn {
            Some(arn) if !arn.as_str().contains(":alias/") => format!(
                "aws rolesanywhere {verb} --region {} --profile-id {}",
                arn.region(),
                id(arn.as_str())
            ),
            _ => format!("aws rolesanywhere {verb} {}--profile-id ID", self.region()),
        }
    }

    /// `aws rolesanywhere VERB`, which is about no one resource.
    pub(in crate::commands::doctor) fn list(&self, verb: &str) -> String {
        format!("aws rolesanywhere {verb} {}", self.region())
            .trim_end()
            .to_owned()
    }

    /// `aws iam VERB` for the role.
    pub(in crate::commands::doctor) fn role(&self, verb: &str) -> String {
        let name = self
            .0
            .role_arn
            .as_ref()
            .map_or("NAME", |arn| arn.role_name());
        format!("aws iam {verb} --role-name {name}")
    }

    fn region(&self) -> String {
        let arn = self.0.trust_anchor_arn.as_ref();
        arn.map(|arn| format!("--region {} ", arn.region()))
            .unwrap_or_default()
    }
}

/// The last part of an ARN.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
