//! Why and since when a certificate is revoked (RFC 5280 section 5.3).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::SerialNumber;

/// A reason for which a certificate is revoked (RFC 5280 section 5.3.1).
/// `removeFromCRL` is none: it belongs to delta lists only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// No reason is given. A list leaves the reason out then.
    Unspecified,
    /// The private key is known or suspected to be in other hands.
    KeyCompromise,
    /// The same, of a CA's key.
    CaCompromise,
    /// The subject's name or other facts have changed.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// It is not to be accepted for now; the only reason that can be taken back.
    CertificateHold,
    /// What it permitted is not permitted any more.
    PrivilegeWithdrawn,
    /// The key of an attribute authority is in other hands.
    AaCompromise,
}

impl RevocationReason {
    /// All of them, by their code.
    pub const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The code of `CRLReason`.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason with this code.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The name in `CRLReason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Whether it cannot be taken back: all but a hold.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::CertificateHold)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RevocationReason {
    type Err = String;

    /// Reads the names as RFC 5280, OpenSSL (`CACompromise`), other tools
    /// (`key-compromise`) and AWS (`KEY_COMPROMISE`) write them.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain: String = text
            .chars()
            .filter(|character| !matches!(character, '-' | '_'))
            .map(|character| character.to_ascii_lowercase())
            .collect();
        if plain == "certificateauthoritycompromise" {
            return Ok(Self::CaCompromise);
        }
        if plain == "removefromcrl" {
            return Err("a hold is taken back with 'windlass ca release'".to_owned());
        }
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str().eq_ignore_ascii_case(&plain))
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|reason| reason.as_str()).collect();
                format!("not a reason: {}", names.join(", "))
            })
    }
}

/// An entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Whose.
    pub serial: SerialNumber,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: RevocationReason,
    /// Since when the key is known or suspected to have been in other hands
    /// (RFC 5280 section 5.3.2).
    pub invalid_since: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_as_everybody_writes_them() {
        use RevocationReason as R;
        for (text, reason) in [
            ("keyCompromise", R::KeyCompromise),
            ("key-compromise", R::KeyCompromise),
            ("KEY_COMPROMISE", R::KeyCompromise),
            ("CACompromise", R::CaCompromise),
            ("CERTIFICATE_AUTHORITY_COMPROMISE", R::CaCompromise),
            ("A_A_COMPROMISE", R::AaCompromise),
            ("CERTIFICATEHOLD", R::CertificateHold),
        ] {
            assert_eq!(text.parse(), Ok(reason), "{text}");
        }
        for reason in R::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(R::of_code(reason.code()), Some(reason));
        }
        for text in ["", "compromise", "removeFromCRL", "1"] {
            assert!(text.parse::<R>().is_err(), "{text}");
        }
        assert_eq!(R::of_code(7), None);
        assert_eq!(R::of_code(8), None);
    }
}
