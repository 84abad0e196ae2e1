//! Role chaining as options say it.

use std::path::Path;

use crate::cli::RoleChainArgs;
use crate::limits;
use crate::rolesanywhere::{AssumeRole, ChainedDuration, RoleArn, RoleChain, SessionPolicy};
use crate::store::read_bounded;

use super::{Context, Error};

/// The chain that begins with the session of `first`: the options that are not
/// repeated apply to its last role.
pub(super) fn chain(
    arguments: &RoleChainArgs,
    first: &RoleArn,
    context: &Context,
) -> Result<RoleChain, Error> {
    let mut roles: Vec<AssumeRole> = arguments
        .assume_role
        .iter()
        .cloned()
        .map(AssumeRole::new)
        .collect();
    let Some(last) = roles.last_mut() else {
        return match without_chain(arguments) {
            Some(option) => Err(Error::NoChain { option }),
            None => Ok(RoleChain::default()),
        };
    };
    if let Some(template) = &arguments.assume_role_session_name {
        last.session_name = template.clone();
    }
    last.external_id = arguments.external_id.clone();
    last.tags = arguments.session_tag.clone();
    last.transitive_tag_keys = arguments.transitive_tag_key.clone();
    last.policy_arns = arguments.session_policy_arn.clone();
    last.policy = match &arguments.session_policy {
        Some(path) => Some(policy(&context.path(path))?),
        None => None,
    };
    Ok(RoleChain::new(first, roles)?)
}

/// An option that says something about the last role of a chain.
fn without_chain(arguments: &RoleChainArgs) -> Option<&'static str> {
    let said = [
        ("external-id", arguments.external_id.is_some()),
        (
            "assume-role-session-name",
            arguments.assume_role_session_name.is_some(),
        ),
        ("session-tag", !arguments.session_tag.is_empty()),
        (
            "transitive-tag-key",
            !arguments.transitive_tag_key.is_empty(),
        ),
        ("session-policy", arguments.session_policy.is_some()),
        (
            "session-policy-arn",
            !arguments.session_policy_arn.is_empty(),
        ),
    ];
    said.into_iter()
        .find_map(|(option, is_said)| is_said.then_some(option))
}

/// How long the last session of a chain is to last.
pub(super) fn duration(seconds: u32) -> Result<ChainedDuration, Error> {
    ChainedDuration::try_from(seconds).map_err(|_| Error::ChainedTooLong { seconds })
}

/// Reads a session policy.
fn policy(path: &Path) -> Result<SessionPolicy, Error> {
    let wrong = |reason: String| Error::SessionPolicy {
        path: path.to_owned(),
        reason,
    };
    let content = read_bounded(path, limits::MAX_FILE)?;
    let text = String::from_utf8(content).map_err(|_| wrong("it is not text".to_owned()))?;
    text.parse().map_err(wrong)
}
