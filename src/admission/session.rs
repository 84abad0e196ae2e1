//! What anchor, profile and role must be for a session.

use crate::pki::Certificate;
use crate::rolesanywhere::{ProfileArn, RoleArn, RoleSessionName, SessionDuration, TrustAnchorArn};

use super::policy::{Decision, RequestContext, TrustPolicy};
use super::{Answer, Refusal};

/// A trust anchor.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// Its ARN.
    pub arn: TrustAnchorArn,
    /// Its certificates, one or two.
    pub certificates: Vec<Certificate>,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// A profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its ARN.
    pub arn: ProfileArn,
    /// The roles that it lists.
    pub roles: Vec<RoleArn>,
    /// Its session duration.
    pub duration: SessionDuration,
    /// `acceptRoleSessionName`.
    pub accepts_session_name: bool,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its `MaxSessionDuration`.
    pub max_duration: SessionDuration,
    /// Its trust policy. Without one, Roles Anywhere may assume it for anybody.
    pub trust_policy: Option<TrustPolicy>,
}

/// What a request asks for, and what it meets.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts<'a> {
    /// The profile that was asked for, if there is one of that ARN.
    pub profile: Option<&'a Profile>,
    /// The role's ARN.
    pub role_arn: &'a RoleArn,
    /// The role, if there is one of that ARN.
    pub role: Option<&'a Role>,
    /// The duration that was asked for.
    pub duration: Option<SessionDuration>,
    /// The session name that was asked for.
    pub session_name: Option<&'a RoleSessionName>,
}

/// Checks that the anchor exists and is enabled.
///
/// # Errors
///
/// The refusal.
pub fn check_anchor(anchor: Option<&Anchor>) -> Result<&Anchor, Refusal> {
    match anchor {
        None => Err(Refusal::new(
            Answer::TrustAnchorNotFound,
            "no trust anchor has this ARN",
        )),
        Some(anchor) if !anchor.enabled => Err(Refusal::new(
            Answer::TrustAnchorDisabled,
            "the trust anchor is disabled",
        )),
        Some(anchor) => Ok(anchor),
    }
}

/// Checks profile, role, session name and duration, and gives the duration of
/// the session: the smaller of the profile's and the one asked for. A request
/// above the profile's is lowered, not refused.
///
/// # Errors
///
/// The first refusal.
pub fn check_session(facts: &SessionFacts<'_>) -> Result<SessionDuration, Refusal> {
    let Some(profile) = facts.profile else {
        return Err(Refusal::new(
            Answer::InvalidProfile,
            "no profile has this ARN",
        ));
    };
    if !profile.enabled {
        return Err(Refusal::new(
            Answer::InvalidProfile,
            "the profile is disabled",
        ));
    }
    if !profile.roles.contains(facts.role_arn) {
        return Err(Refusal::new(
            Answer::RoleNotListed,
            "the profile does not list this role",
        ));
    }
    if facts.session_name.is_some() && !profile.accepts_session_name {
        return Err(Refusal::new(
            Answer::SessionNameNotAllowed,
            "the profile has acceptRoleSessionName false",
        ));
    }
    let unable = |duration, reason: String| {
        let role_arn = facts.role_arn.to_string();
        Refusal::new(Answer::UnableToAssumeRole { role_arn, duration }, reason)
    };
    let Some(role) = facts.role else {
        return Err(unable(false, "no role has this ARN".to_owned()));
    };
    let effective = facts
        .duration
        .map_or(profile.duration, |asked| asked.min(profile.duration));
    if effective > role.max_duration {
        return Err(unable(
            true,
            format!(
                "the session would last {effective} s, the role allows {} s",
                role.max_duration
            ),
        ));
    }
    Ok(effective)
}

/// Checks that the role's trust policy allows Roles Anywhere all that a session
/// needs. What is not known is refused.
///
/// # Errors
///
/// The refusal, with the action and what did not match.
pub fn check_trust_policy(role: &Role, context: &RequestContext) -> Result<(), Refusal> {
    let Some(policy) = &role.trust_policy else {
        return Ok(());
    };
    let reason = match policy.judge(context).decision() {
        Decision::Granted => return Ok(()),
        Decision::Refused(reason) => format!("the trust policy does not allow {reason}"),
        Decision::Unknown(reason) => {
            format!("whether the trust policy allows this cannot be told here: {reason}")
        }
    };
    let answer = Answer::UnableToAssumeRole {
        role_arn: role.arn.to_string(),
        duration: false,
    };
    Err(Refusal::new(answer, reason))
}
