//! What to do about a refusal of the real service: it gives one sentence for
//! many causes, and the likeliest are named.

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
