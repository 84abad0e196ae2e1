//! Whom a statement is about (IAM user guide, "IAM JSON policy elements:
//! Principal" and "… NotPrincipal").

use std::fmt;

use super::context::RequestContext;
use super::gap::{Gap, Ternary, any};

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
    /// Whether the statement is about Roles Anywhere.
    pub(super) fn includes_service(&self, context: &RequestContext) -> Ternary {
        let documented = context.has_documented_service();
        let listed = self.listed.iter();
        let found = any(listed.map(|(kind, name)| is_service(kind, name, documented)))?;
        Ok(found != self.excluded)
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
