//! Whom a statement is about (IAM user guide, "IAM JSON policy elements:
//! Principal" and "… NotPrincipal").

use std::fmt;

use super::context::{Caller, RequestContext};
use super::gap::{Gap, Ternary, any};
use crate::rolesanywhere::RoleArn;

/// The service principal of Roles Anywhere (user guide, "Trust model").
pub(super) const SERVICE: &str = "rolesanywhere.amazonaws.com";

/// A kind of principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Accounts, users, roles and sessions; `*` is everybody.
    Aws,
    CanonicalUser,
    Federated,
    Service,
    /// One that is not known here.
    Other(String),
}

impl Kind {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "AWS" => Self::Aws,
            "CanonicalUser" => Self::CanonicalUser,
            "Federated" => Self::Federated,
            "Service" => Self::Service,
            other => Self::Other(other.to_owned()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Aws => "AWS",
            Self::CanonicalUser => "CanonicalUser",
            Self::Federated => "Federated",
            Self::Service => "Service",
            Self::Other(name) => name,
        }
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    /// Whether it is `NotPrincipal`: everybody but these.
    pub(super) excluded: bool,
    /// A bare `*` is the kind [`Kind::Aws`] with `*`: the two are equivalent.
    pub(super) listed: Vec<(Kind, String)>,
}

impl Principals {
    /// Whether the statement is about who asks: Roles Anywhere, or a caller.
    pub(super) fn includes(&self, context: &RequestContext) -> Ternary {
        if let Some(caller) = context.caller() {
            return self.includes_caller(caller);
        }
        let documented = context.has_documented_service();
        let listed = self.listed.iter();
        let found = any(listed.map(|(kind, name)| is_service(kind, name, documented)))?;
        Ok(found != self.excluded)
    }

    fn includes_caller(&self, caller: &Caller) -> Ternary {
        // Which of account, role and session it has to name is a matter of its own.
        if self.excluded {
            return Err(Gap::Principal {
                principal: self.to_string(),
                why: "NotPrincipal is judged for Roles Anywhere alone",
            });
        }
        let listed = self.listed.iter();
        any(listed.map(|(kind, name)| match kind {
            Kind::Aws => Ok(is_caller(name, caller)),
            Kind::Other(_) => is_service(kind, name, true),
            Kind::CanonicalUser | Kind::Federated | Kind::Service => Ok(false),
        }))
    }

    /// Whether it is about everybody.
    pub(super) fn is_everybody(&self) -> bool {
        let star = |(kind, name): &(Kind, String)| *kind == Kind::Aws && name == "*";
        !self.excluded && self.listed.iter().any(star)
    }
}

impl fmt::Display for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.excluded {
            f.write_str("everybody but ")?;
        }
        for (index, (kind, name)) in self.listed.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} \"{name}\"", kind.name())?;
        }
        Ok(())
    }
}

/// Everybody, the account (by its number or as `root`), the role, or the very
/// user or session. What the account lets them do is its policies' business.
fn is_caller(name: &str, caller: &Caller) -> bool {
    let account = &caller.account;
    let partition = caller.arn.split(':').nth(1).unwrap_or_default();
    let root = format!("arn:{partition}:iam::{account}:root");
    let role = caller.role.as_ref().map(RoleArn::as_str);
    name == "*" || name == account || name == root || name == caller.arn || Some(name) == role
}

fn is_service(kind: &Kind, name: &str, documented: bool) -> Ternary {
    let gap = |why| Gap::Principal {
        principal: format!("{}:{name}", kind.name()),
        why,
    };
    match kind {
        Kind::Aws => Ok(name == "*"),
        Kind::CanonicalUser | Kind::Federated => Ok(false),
        Kind::Other(_) => Err(gap("its kind is not known")),
        Kind::Service if !documented && name.starts_with("rolesanywhere.") => Err(gap(
            "AWS documents the service's name for the partition aws alone",
        )),
        Kind::Service if name == SERVICE => Ok(true),
        Kind::Service if name.contains(['*', '?']) => {
            Err(gap("AWS does not document wildcards in it"))
        }
        // Another case, or a name with a region in it.
        Kind::Service if name.to_lowercase().starts_with("rolesanywhere.") => {
            Err(gap("it is not the name that AWS documents"))
        }
        Kind::Service => Ok(false),
    }
}
