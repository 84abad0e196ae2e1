//! Role chaining as options say it.

use std::path::Path;

use crate::cli::{RoleChainArgs, SessionArgs};
use crate::limits;
use crate::rolesanywhere::{ChainedDuration, RoleArn, RoleChain, SessionPolicy};
use crate::store::read_bounded;

use super::{Context, Error};

/// The chain that begins with the session of `first`: the options that are not
/// repeated apply to its last role.
pub(super) fn chain(
    session: &SessionArgs,
    first: &RoleArn,
    context: &Context,
) -> Result<RoleChain, Error> {
    let arguments = &session.chain;
    let mut roles = arguments.assume_role.clone();
    let Some(last) = roles.last_mut() else {
        return match without_chain(arguments) {
            Some(key) => Err(Error::NoChain {
                origin: session.origin(key),
            }),
            None => Ok(RoleChain::default()),
        };
    };
    if let Some(template) = &arguments.assume_role_session_name {
        last.session_name = template.clone();
    }
    if arguments.external_id.is_some() {
        last.external_id.clone_from(&arguments.external_id);
    }
    if !arguments.session_tag.is_empty() {
        last.tags.clone_from(&arguments.session_tag);
    }
    if !arguments.transitive_tag_key.is_empty() {
        last.transitive_tag_keys
            .clone_from(&arguments.transitive_tag_key);
    }
    if !arguments.session_policy_arn.is_empty() {
        last.policy_arns.clone_from(&arguments.session_policy_arn);
    }
    if let Some(path) = &arguments.session_policy {
        last.policy = Some(policy(&context.path(path))?);
    }
    Ok(RoleChain::new(first, roles)?)
}

/// An option that says something about the last role of a chain.
fn without_chain(arguments: &RoleChainArgs) -> Option<&'static str> {
    let said = [
        ("external_id", arguments.external_id.is_some()),
        (
            "assume_role_session_name",
            arguments.assume_role_session_name.is_some(),
        ),
        ("session_tag", !arguments.session_tag.is_empty()),
        (
            "transitive_tag_key",
            !arguments.transitive_tag_key.is_empty(),
        ),
        ("session_policy", arguments.session_policy.is_some()),
        (
            "session_policy_arn",
            !arguments.session_policy_arn.is_empty(),
        ),
    ];
    said.into_iter()
        .find_map(|(option, is_said)| is_said.then_some(option))
}

/// How long the last session of a chain is to last.
pub(super) fn duration(session: &SessionArgs) -> Result<ChainedDuration, Error> {
    let seconds = session.session_duration.seconds();
    ChainedDuration::try_from(seconds).map_err(|_| Error::ChainedTooLong {
        origin: session.origin("session_duration"),
        seconds,
    })
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
