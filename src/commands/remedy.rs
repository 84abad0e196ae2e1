//! What to do about a refusal of the real service: it gives one sentence for
//! many causes, and the likeliest are named.

use crate::rolesanywhere::RoleArn;

/// What to do about a refusal of STS. It says little about why, lest it tell
/// strangers which roles exist.
pub(super) fn remedy_of_sts(message: &str, hop: usize, role: &RoleArn) -> String {
    let lower = message.to_ascii_lowercase();
    if lower.contains("1 hour session limit") || lower.contains("maxsessionduration") {
        return "lower --session-duration: AWS limits sessions by role chaining to one hour"
            .to_owned();
    }
    if lower.contains("packed") {
        return "session tags and policies are too large together; make them shorter".to_owned();
    }
    if lower.contains("security token") || lower.contains("signature") {
        return "does the region of the trust anchor belong to this role's partition, and is --sts-endpoint right?".to_owned();
    }
    let before = match hop {
        1 => "the policies of the role of --role-arn".to_owned(),
        _ => format!("the policies of role {} of the chain", hop - 1),
    };
    format!(
        "{before} and the trust policy of {role} must both allow sts:AssumeRole and sts:SetSourceIdentity (and sts:TagSession for session tags); \
         is the external id the one that the trust policy asks for?"
    )
}

/// What to do about a refusal of the real service, from its sentence. AWS
/// gives one sentence for many causes; the likeliest are named.
pub(super) fn remedy(message: &str) -> Option<&'static str> {
    let known: [(&str, &str); 11] = [
        (
            "Invalid signature",
            "is the host's clock right, and do the region and the certificate belong to this trust anchor?",
        ),
        (
            "Trust Anchor wasn't found",
            "check --trust-anchor-arn: its id, account and region",
        ),
        (
            "Trust Anchor is disabled",
            "enable it with: aws rolesanywhere enable-trust-anchor --trust-anchor-id ID",
        ),
        (
            "Insufficient certificate",
            "the certificate must be X.509 v3 with keyUsage digitalSignature, CA:FALSE and a subject; 'windlass ca issue' makes such",
        ),
        (
            "Untrusted signing certificate",
            "the certificate must lead to the trust anchor's: is it issued by that CA, are the intermediates in the file or in --intermediates, and are all of them valid now?",
        ),
        (
            "Certificate revoked",
            "the certificate is on an imported revocation list; issue a new one",
        ),
        (
            "Invalid or empty profile",
            "check --profile-arn (id, account, region), and that the profile is enabled and lists a role",
        ),
        (
            "isn't one of those listed",
            "add the role to the profile, or check --role-arn with its path",
        ),
        (
            "Not authorized to set roleSessionName",
            "leave out --role-session-name, or set acceptRoleSessionName on the profile",
        ),
        (
            "exceeds the MaxSessionDuration",
            "lower --session-duration, or raise MaxSessionDuration of the role",
        ),
        (
            "Unable to assume role",
            "the role's trust policy must allow rolesanywhere.amazonaws.com the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, and its conditions must fit this certificate",
        ),
    ];
    let lower = message.to_ascii_lowercase();
    known
        .iter()
        .find(|(part, _)| lower.contains(&part.to_ascii_lowercase()))
        .map(|(_, remedy)| *remedy)
}
