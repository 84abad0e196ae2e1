//! By whose rules something is judged.

/// By whose rules a certificate is judged, or whose a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// RFC 5280, with the standards that it rests on and those that amend it.
    Rfc5280,
    /// IAM Roles Anywhere: what its user guide asks for, on top of RFC 5280.
    RolesAnywhere,
}

impl Policy {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc5280 => "rfc5280",
            Self::RolesAnywhere => "rolesanywhere",
        }
    }
}
