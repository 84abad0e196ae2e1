//! The shapes of the service's model that requests are made of.

use super::shape::{Member, Pattern, Shape, Text};

/// A member that must be there.
pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

/// A member that may be missing.
pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text(Text {
        min,
        max,
        pattern: None,
        is_sensitive: false,
    })
}

const fn formed(min: usize, max: usize, expression: &'static str, fits: fn(&str) -> bool) -> Shape {
    Shape::Text(Text {
        min,
        max,
        pattern: Some(Pattern { expression, fits }),
        is_sensitive: false,
    })
}

const fn tag_text(min: usize, max: usize) -> Shape {
    Shape::Text(Text {
        min,
        max,
        pattern: Some(Pattern {
            expression: "[ a-zA-Z0-9_.:/=+@-]*",
            fits: is_tag_text,
        }),
        is_sensitive: true,
    })
}

/// Anything that the service does not look at.
pub(super) const ANY_TEXT: Shape = text(0, usize::MAX);
pub(super) const BOOLEAN: Shape = Shape::Boolean;
pub(super) const INTEGER: Shape = Shape::Integer(None);
pub(super) const NEXT_TOKEN: Shape = text(1, 10_000);
pub(super) const RESOURCE_ARN: Shape = text(1, 1011);
pub(super) const DURATION: Shape = Shape::Integer(Some((900, 43_200)));
pub(super) const CRL_DATA: Shape = Shape::Blob(300_000);
pub(super) const NEW_SESSION_POLICY: Shape = text(1, 100_000);
pub(super) const NAME: Shape = formed(1, 255, "[ a-zA-Z0-9-_]*", is_name);
pub(super) const UUID: Shape = formed(
    36,
    36,
    ".*[a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}.*",
    is_uuid,
);
pub(super) const ALIAS: Shape = formed(
    0,
    256,
    "(?!.*//)([A-Za-z]([A-Za-z0-9_/-]*[A-Za-z0-9_-])?)?",
    is_alias,
);
pub(super) const ANCHOR_ID: Shape = formed(
    1,
    1011,
    "([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(trust-anchor|alias/trust-anchor)/.*)",
    |text| is_uuid(text) || is_arn(text, &[":trust-anchor/", ":alias/trust-anchor/"]),
);
pub(super) const PROFILE_ID: Shape = formed(
    1,
    1011,
    "([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(profile|alias/profile)/.*)",
    |text| is_uuid(text) || is_arn(text, &[":profile/", ":alias/profile/"]),
);
pub(super) const CRL_ID: Shape = formed(
    1,
    1011,
    "([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(crl|alias/crl)/.*)",
    |text| is_uuid(text) || is_arn(text, &[":crl/", ":alias/crl/"]),
);
pub(super) const ANCHOR_ARN: Shape = formed(
    1,
    1011,
    "arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*|:alias/trust-anchor/.*)",
    |text| is_arn(text, &[":trust-anchor", ":alias/trust-anchor/"]),
);
const ROLE_ARN: Shape = formed(1, 1011, "arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)", |text| {
    is_arn_of("iam", text, &[":role"])
});
pub(super) const ROLE_ARNS: Shape = Shape::List(250, &ROLE_ARN);
pub(super) const MANAGED_POLICIES: Shape = Shape::List(50, &text(1, 200));
pub(super) const FIELD: Shape = Shape::Choice(&["x509Subject", "x509Issuer", "x509SAN"]);
pub(super) const MAPPING_RULES: Shape = Shape::List(
    usize::MAX,
    &Shape::Structure(&[required("specifier", &text(0, 60))]),
);
pub(super) const SPECIFIERS: Shape = Shape::List(usize::MAX, &ANY_TEXT);
const TAG_KEY: Shape = tag_text(1, 128);
pub(super) const TAG_KEYS: Shape = Shape::List(200, &TAG_KEY);
pub(super) const TAGS: Shape = Shape::List(
    200,
    &Shape::Structure(&[
        required("key", &TAG_KEY),
        required("value", &tag_text(0, 256)),
    ]),
);
pub(super) const SOURCE: Shape = Shape::Structure(&[
    optional(
        "sourceType",
        &Shape::Choice(&[
            "AWS_ACM_PCA",
            "CERTIFICATE_BUNDLE",
            "SELF_SIGNED_REPOSITORY",
        ]),
    ),
    optional(
        "sourceData",
        &Shape::Structure(&[
            optional("x509CertificateData", &text(1, 204_800)),
            optional("acmPcaArn", &ANY_TEXT),
        ]),
    ),
]);
const EVENT: Shape = Shape::Choice(&["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"]);
const CHANNEL: Shape = Shape::Choice(&["ALL"]);
pub(super) const NOTIFICATIONS: Shape = Shape::List(
    50,
    &Shape::Structure(&[
        required("enabled", &BOOLEAN),
        required("event", &EVENT),
        optional("threshold", &Shape::Integer(Some((1, 360)))),
        optional("channel", &CHANNEL),
    ]),
);
pub(super) const NOTIFICATION_KEYS: Shape = Shape::List(
    50,
    &Shape::Structure(&[required("event", &EVENT), optional("channel", &CHANNEL)]),
);

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" -_".contains(&octet))
}

fn is_tag_text(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" _.:/=+@-".contains(&octet))
}

/// The pattern allows more around it; its length does not.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_digit = |octet: u8| octet.is_ascii_digit() || octet.is_ascii_lowercase();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|octet| octet == b'-' || is_digit(octet))
        && text
            .bytes()
            .take(8)
            .all(|octet| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet))
}

/// Whether it is empty or an alias; those that are reserved are refused later.
fn is_alias(text: &str) -> bool {
    let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || b"_/-".contains(&octet);
    text.is_empty()
        || (text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(is_inner)
            && !text.ends_with('/')
            && !text.contains("//"))
}

fn is_arn(text: &str, resources: &[&str]) -> bool {
    is_arn_of("rolesanywhere", text, resources)
}

/// `arn:aws(-[^:]+)?:SERVICE(:.*){2}RESOURCE.*`, of which the two parts in the
/// middle may be anything.
fn is_arn_of(service: &str, text: &str, resources: &[&str]) -> bool {
    let Some(rest) = text.strip_prefix("arn:aws") else {
        return false;
    };
    let Some((partition, rest)) = rest.split_once(':') else {
        return false;
    };
    let is_partition = partition.is_empty() || (partition.starts_with('-') && partition.len() > 1);
    let Some(rest) = rest.strip_prefix(service) else {
        return false;
    };
    is_partition
        && rest.starts_with(':')
        && resources.iter().any(|resource| {
            rest.match_indices(resource).any(|(index, _)| {
                rest.get(..index)
                    .is_some_and(|before| before.matches(':').count() >= 2)
            })
        })
}
