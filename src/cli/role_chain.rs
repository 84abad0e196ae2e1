//! The options that lead from the session to other roles.

use std::path::PathBuf;

use clap::Args;

use crate::rolesanywhere::{
    AssumeRole, ExternalId, PolicyArn, SessionNameTemplate, SessionTag, TagKey,
};

/// Roles to assume one after the other. What else is said about a session
/// applies to the last of them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Role chaining")]
pub struct RoleChainArgs {
    /// Role to assume with the session; repeat it for a chain, in order
    ///
    /// STS is asked with the session of the role before it. AWS lets such a
    /// session last for one hour at most, so --session-duration may not be
    /// longer. The options below apply to the last role. Instead of an ARN there
    /// may be a JSON object with role_arn, session_name, external_id, tags,
    /// transitive_tag_keys, policy, policy_arns and duration_seconds; in a
    /// profile it is a table
    #[arg(long, value_name = "ARN")]
    pub assume_role: Vec<AssumeRole>,

    /// External id that the last role's trust policy asks for
    #[arg(long, value_name = "ID")]
    pub external_id: Option<ExternalId>,

    /// Session name for the last role; {cn}, {serial}, {account} are filled in
    ///
    /// From the certificate, and with the trust anchor's account. By default it is
    /// {cn}. What STS does not take becomes '-', and the name is cut to 64
    /// characters
    #[arg(long, value_name = "TEMPLATE")]
    pub assume_role_session_name: Option<SessionNameTemplate>,

    /// Session tag for the last role; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub session_tag: Vec<SessionTag>,

    /// Key of a session tag that goes on to further roles; may be repeated
    #[arg(long, value_name = "KEY")]
    pub transitive_tag_key: Vec<TagKey>,

    /// File with a session policy (JSON) that limits the last role's session
    #[arg(long, value_name = "FILE")]
    pub session_policy: Option<PathBuf>,

    /// Managed policy that limits the last role's session; may be repeated
    #[arg(long, value_name = "ARN")]
    pub session_policy_arn: Vec<PolicyArn>,

    /// STS endpoint to call instead of the region's own
    ///
    /// Without the option, $AWS_ENDPOINT_URL_STS or $AWS_ENDPOINT_URL names it
    #[arg(
        long,
        value_name = "URL",
        env = "WINDLASS_STS_ENDPOINT",
        hide_env_values = true
    )]
    pub sts_endpoint: Option<String>,
}
