//! The sentences with which Roles Anywhere refuses, and what each may mean.

use crate::admission::Message;
use crate::limits;
use crate::pki::Identity;
use crate::text::printable;

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use super::commands::Commands;

/// A sentence of the service (those that were seen live; the user guide has none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands::doctor) enum Sentence {
    AnchorDisabled,
    AnchorNotFound,
    Duration,
    Insufficient,
    InvalidProfile,
    InvalidSignature,
    /// Another one.
    Other(String),
    Revoked,
    RoleNotListed,
    SessionName,
    /// With the attributes that could not become tags, as AWS writes them.
    UnableToAssume(Option<String>),
    Untrusted,
    Validation(String),
}

impl Sentence {
    /// The same among the messages to which rules lead.
    pub(in crate::commands::doctor) const fn message(&self) -> Option<Message> {
        Some(match self {
            Self::AnchorDisabled => Message::TrustAnchorDisabled,
            Self::AnchorNotFound => Message::TrustAnchorNotFound,
            Self::Duration => Message::DurationExceeded,
            Self::Insufficient => Message::InsufficientCertificate,
            Self::InvalidProfile => Message::InvalidProfile,
            Self::InvalidSignature => Message::InvalidSignature,
            Self::Other(_) => return None,
            Self::Revoked => Message::Revoked,
            Self::RoleNotListed => Message::RoleNotListed,
            Self::SessionName => Message::SessionNameNotAllowed,
            Self::UnableToAssume(None) => Message::UnableToAssumeRole,
            Self::UnableToAssume(Some(_)) => Message::UnmappedAttributes,
            Self::Untrusted => Message::UntrustedCertificate,
            Self::Validation(_) => Message::Validation,
        })
    }

    /// Which one it is, whatever the case of its letters.
    pub(in crate::commands::doctor) fn read(message: &str) -> Self {
        let lower = message.to_ascii_lowercase();
        let has = |part: &str| lower.contains(part);
        if has("invalid signature") {
            Self::InvalidSignature
        } else if has("trust anchor wasn't found") {
            Self::AnchorNotFound
        } else if has("trust anchor is disabled") {
            Self::AnchorDisabled
        } else if has("insufficient certificate") {
            Self::Insufficient
        } else if has("untrusted signing certificate") {
            Self::Untrusted
        } else if has("certificate revoked") {
            Self::Revoked
        } else if has("invalid or empty profile") || has("profile is disabled") {
            Self::InvalidProfile
        } else if has("isn't one of those listed") {
            Self::RoleNotListed
        } else if has("not authorized to set rolesessionname") {
            Self::SessionName
        } else if has("exceeds the maxsessionduration") {
            Self::Duration
        } else if has("unable to assume role") {
            let unmapped = message
                .find("Some attributes failed")
                .and_then(|start| message.get(start..))
                .map(str::to_owned);
            Self::UnableToAssume(unmapped)
        } else if has("validation error") {
            Self::Validation(message.to_owned())
        } else {
            Self::Other(message.to_owned())
        }
    }
}

/// What a sentence may mean in this case, the likeliest first.
pub(super) fn causes(
    sentence: &Sentence,
    case: &Case<'_>,
    identity: Option<&Identity>,
) -> Vec<Finding> {
    let cause = Cause {
        case,
        commands: Commands(case.session),
        identity,
    };
    match sentence {
        Sentence::AnchorDisabled => vec![
            cause
                .certain("anchor", "the trust anchor is disabled", &["trust_anchor_arn"])
                .next(cause.commands.anchor("enable-trust-anchor")),
        ],
        Sentence::AnchorNotFound => cause.anchor_not_found(),
        Sentence::Duration => cause.duration(),
        Sentence::Insufficient => cause.insufficient(),
        Sentence::InvalidProfile => cause.invalid_profile(),
        Sentence::InvalidSignature => cause.invalid_signature(),
        Sentence::Other(message) => {
            let what = format!("AWS refused with a sentence that is not known here: {message}");
            vec![cause.certain("refusal", &what, &[]).next(
                "look the request up in CloudTrail by its id; for a support case give that id",
            )]
        }
        Sentence::Revoked => cause.revoked(),
        Sentence::RoleNotListed => vec![
            cause
                .certain("profile-role", "the profile does not list the role", &["profile_arn", "role_arn"])
                .next(cause.commands.profile("get-profile"))
                .next(format!(
                    "{} --role-arns with all that it lists now, and {}",
                    cause.commands.profile("update-profile"),
                    case.session.role_arn.as_ref().map(ToString::to_string).unwrap_or_default()
                )),
        ],
        Sentence::SessionName => vec![
            cause
                .certain(
                    "session-name",
                    "the profile accepts no session name from requests (acceptRoleSessionName is false)",
                    &["role_session_name", "profile_arn"],
                )
                .next("leave --role-session-name out")
                .next(format!("{} --accept-role-session-name", cause.commands.profile("update-profile"))),
        ],
        Sentence::UnableToAssume(unmapped) => cause.unable_to_assume(unmapped.as_deref()),
        Sentence::Untrusted => cause.untrusted(),
        Sentence::Validation(message) => {
            vec![cause.certain("request", message, &["session_duration", "role_session_name"])
                .next("correct the option that the message names")]
        }
    }
}

struct Cause<'a> {
    case: &'a Case<'a>,
    commands: Commands<'a>,
    identity: Option<&'a Identity>,
}

impl Cause<'_> {
    fn with(&self, standing: Standing, id: &'static str, what: &str, keys: &[&str]) -> Finding {
        Finding::new(id, standing, what).shows_all(self.case.said(keys))
    }

    fn certain(&self, id: &'static str, what: &str, keys: &[&str]) -> Finding {
        self.with(Standing::Certain, id, what, keys)
    }

    fn likely(&self, id: &'static str, what: &str, keys: &[&str]) -> Finding {
        self.with(Standing::Likely, id, what, keys)
    }

    fn possible(&self, id: &'static str, what: &str, keys: &[&str]) -> Finding {
        self.with(Standing::Possible, id, what, keys)
    }

    fn anchor_not_found(&self) -> Vec<Finding> {
        let arn = self.case.session.trust_anchor_arn.as_ref();
        let what = arn.map_or_else(
            || "there is no such trust anchor".to_owned(),
            |arn| {
                format!(
                    "there is no such trust anchor in the account {} and the region {}",
                    arn.account(),
                    arn.region()
                )
            },
        );
        vec![
            self.certain("anchor", &what, &["trust_anchor_arn", "region", "endpoint"])
                .next(self.commands.list("list-trust-anchors"))
                .next("take the ARN from that list; trust anchors of other regions are not seen there"),
        ]
    }

    fn invalid_profile(&self) -> Vec<Finding> {
        let arn = self.case.session.profile_arn.as_ref();
        let place = arn.map_or_else(String::new, |arn| {
            format!(
                " in the account {} and the region {}",
                arn.account(),
                arn.region()
            )
        });
        vec![
            self.likely(
                "profile",
                &format!("there is no such profile{place}, or it is disabled, or it lists no role"),
                &["profile_arn", "region"],
            )
            .next(self.commands.profile("get-profile"))
            .next(self.commands.profile("enable-profile"))
            .next(self.commands.list("list-profiles")),
        ]
    }

    fn duration(&self) -> Vec<Finding> {
        vec![
            self.certain(
                "duration",
                "the session would last longer than the role allows (MaxSessionDuration)",
                &["session_duration", "role_arn"],
            )
            .next(self.commands.role("get-role"))
            .next("--session-duration with at most what MaxSessionDuration says there")
            .next(format!(
                "{} --max-session-duration {}",
                self.commands.role("update-role"),
                self.case.session.session_duration.seconds()
            )),
        ]
    }

    fn insufficient(&self) -> Vec<Finding> {
        vec![
            self.likely(
                "leaf",
                "the certificate lacks what a workload's has to have: X.509 v3, keyUsage digitalSignature, CA:FALSE, SHA-256 or better, a subject",
                &["certificate", "identity"],
            )
            .next("windlass ca lint FILE names what is missing")
            .next("have it issued anew, as by 'windlass ca issue' or 'windlass ca sign'"),
        ]
    }

    fn revoked(&self) -> Vec<Finding> {
        let serial = self.identity.map(|identity| identity.leaf().serial().hex());
        let what = match &serial {
            Some(serial) => format!(
                "the certificate (serial number {serial}) is on a revocation list that was imported"
            ),
            None => "the certificate is on a revocation list that was imported".to_owned(),
        };
        vec![
            self.certain("revoked", &what, &["certificate", "identity"])
                .next("have a new certificate with a new key issued: 'windlass ca issue', 'windlass rotate --force'")
                .next(self.commands.list("list-crls")),
        ]
    }

    fn invalid_signature(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.case.setting("endpoint").is_some() {
            findings.push(
                self.likely(
                    "endpoint",
                    "the endpoint may be another region's: the signature is made for the trust anchor's",
                    &["endpoint", "trust_anchor_arn"],
                )
                .next("leave the endpoint out, or name that of the trust anchor's region"),
            );
        }
        if self.case.setting("proxy").is_some() {
            findings.push(
                self.possible(
                    "proxy",
                    "the proxy may change headers, which are signed",
                    &["proxy"],
                )
                .next("try without it: NO_PROXY with the endpoint's host"),
            );
        }
        findings.push(
            self.possible(
                "signature",
                "the key signs, but not what was sent: a device, a signer command, or something that changes requests on the way",
                &["private_key", "signer_command", "pkcs11_lib"],
            )
            .next("windlass sign-string with the same key shows whether it signs at all"),
        );
        findings
    }

    fn untrusted(&self) -> Vec<Finding> {
        let keys = [
            "certificate",
            "identity",
            "intermediates",
            "trust_anchor_arn",
        ];
        let shown = |name: &crate::pki::DistinguishedName| {
            printable(&name.to_string(), limits::MAX_SHOWN_NAME)
        };
        let Some(identity) = self.identity else {
            return vec![self.likely(
                "chain",
                "the certificate does not lead to the trust anchor",
                &keys,
            )];
        };
        let top = identity.chain().last().unwrap_or_else(|| identity.leaf());
        let wanted = shown(top.issuer());
        let missing = format!(
            "an intermediate is missing: what is sent ends with a certificate issued by {wanted}, and the trust anchor is not that of {wanted}"
        );
        let other = format!(
            "the trust anchor holds another CA than {wanted}, or an older certificate of it"
        );
        let compare = format!(
            "{} --query trustAnchor.source.sourceData.x509CertificateData --output text >anchor.pem",
            self.commands.anchor("get-trust-anchor")
        );
        let again =
            "windlass doctor --trust-anchor-file anchor.pem with the same options says which it is";
        let (first, second) = match identity.chain().is_empty() {
            true => (("chain", &missing), ("anchor", &other)),
            false => (("anchor", &other), ("chain", &missing)),
        };
        vec![
            self.likely(first.0, first.1, &keys)
                .next(compare.clone())
                .next(again),
            self.possible(second.0, second.1, &keys)
                .next(compare)
                .next(again),
        ]
    }

    fn unable_to_assume(&self, unmapped: Option<&str>) -> Vec<Finding> {
        let keys = ["role_arn", "trust_anchor_arn"];
        let mut findings = Vec::new();
        if let Some(unmapped) = unmapped {
            let what = "some attributes of the certificate could not become session tags, and a condition of the role's trust policy may want one of them";
            findings.push(
                self.likely("tags", what, &["certificate", "identity", "role_arn"])
                    .shows("AWS says", unmapped)
                    .next("have the certificate issued with letters, digits, blanks and _.:/=+-@ in its names alone")
                    .next(self.commands.role("get-role")),
            );
        }
        findings.push(
            self.likely(
                "trust-policy",
                "the role's trust policy does not allow rolesanywhere.amazonaws.com all of sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for this certificate, or there is no such role",
                &keys,
            )
            .next(format!("{} >role.json", self.commands.role("get-role")))
            .next("windlass doctor --role-file role.json with the same options says which action or condition it is"),
        );
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_apart() {
        use Sentence as S;
        for (message, sentence) in [
            ("Invalid signature", S::InvalidSignature),
            ("Specified Trust Anchor wasn't found.", S::AnchorNotFound),
            ("Specified Trust Anchor is disabled.", S::AnchorDisabled),
            ("Untrusted Signing Certificate", S::Untrusted),
            (
                "Untrusted certificate. Insufficient certificate",
                S::Insufficient,
            ),
            ("Certificate revoked", S::Revoked),
            ("Invalid or empty profile provided.", S::InvalidProfile),
            (
                "Requested Role isn't one of those listed in the Profile.",
                S::RoleNotListed,
            ),
            ("Not authorized to set roleSessionName.", S::SessionName),
            ("Unable to assume role for arn:x", S::UnableToAssume(None)),
            (
                "Unable to assume role for arn:x The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                S::Duration,
            ),
            (
                "Unable to assume role for arn:x. Some attributes failed to be mapped into session tags. SAN: [ DNS/2 ]",
                S::UnableToAssume(Some(
                    "Some attributes failed to be mapped into session tags. SAN: [ DNS/2 ]"
                        .to_owned(),
                )),
            ),
            ("Something new", S::Other("Something new".to_owned())),
        ] {
            assert_eq!(Sentence::read(message), sentence, "{message}");
        }
    }
}
