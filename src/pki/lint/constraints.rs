//! Rules for the other extensions: name constraints, policies, and where
//! revocation is told (RFC 5280 sections 4.2.1.4, 4.2.1.10, 4.2.1.13, 4.2.2).

use crate::der;

use super::view::CertificateView;
use super::{Check, Level, Notes, REVOCATION, Rule, Source, TRUST_MODEL, oid, rule};

const NAMES: Source = Source::Standard("RFC 5280 section 4.2.1.10");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "name_constraints_on_leaf",
        NAMES,
        "constrain the names of a CA only",
        Check::Certificate(names_on_leaf),
    ),
    rule(
        Level::Error,
        "name_constraints_empty",
        NAMES,
        "permit or exclude something, or leave the extension out",
        Check::Certificate(names_empty),
    ),
    rule(
        Level::Error,
        "name_constraints_distance",
        NAMES,
        "leave minimum and maximum out",
        Check::Certificate(names_distance),
    ),
    rule(
        Level::Error,
        "name_constraints_form",
        NAMES,
        "write a DNS name without leading period and wildcard, an address with its mask in 8 or 32 octets",
        Check::Certificate(names_form),
    ),
    rule(
        Level::Notice,
        "name_constraints_undocumented",
        TRUST_MODEL,
        "try it with a session before you rely on it: the guide does not say how they are evaluated",
        Check::Certificate(names_undocumented),
    ),
    rule(
        Level::Error,
        "policy_duplicate",
        Source::Standard("RFC 5280 section 4.2.1.4"),
        "name each policy once",
        Check::Certificate(policy_duplicate),
    ),
    rule(
        Level::Error,
        "distribution_point_without_name",
        Source::Standard("RFC 5280 section 4.2.1.13"),
        "name the distribution point or the issuer of the list",
        Check::Certificate(point_without_name),
    ),
    rule(
        Level::Notice,
        "distribution_points_unused",
        REVOCATION,
        "import the list with 'aws rolesanywhere import-crl'; AWS fetches none",
        Check::Certificate(points_unused),
    ),
    rule(
        Level::Notice,
        "authority_info_access_unused",
        REVOCATION,
        "send intermediates with the request; AWS fetches none, and asks no OCSP responder",
        Check::Certificate(access_unused),
    ),
];

const NAMES_PLACE: &str = "extensions.nameConstraints";

fn names_on_leaf(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && view.extension(oid::NAME_CONSTRAINTS).is_some() {
        notes.say(NAMES_PLACE, "it constrains names, and is no CA");
    }
}

fn names_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    let Some(extension) = view.extension(oid::NAME_CONSTRAINTS) else {
        return;
    };
    let trees = extension.elements().unwrap_or_default();
    if extension.value == [der::SEQUENCE, 0] || trees.iter().any(|tree| tree.content.is_empty()) {
        notes.say(NAMES_PLACE, "it permits and excludes nothing");
    }
}

fn names_distance(view: &CertificateView<'_>, notes: &mut Notes) {
    for trees in view.elements(oid::NAME_CONSTRAINTS) {
        for tree in der::children(trees.content).unwrap_or_default() {
            let parts = der::children(tree.content).unwrap_or_default();
            if parts.len() > 1 {
                notes.say(NAMES_PLACE, "it has a minimum or a maximum");
            }
        }
    }
}

fn names_form(view: &CertificateView<'_>, notes: &mut Notes) {
    for trees in view.elements(oid::NAME_CONSTRAINTS) {
        for tree in der::children(trees.content).unwrap_or_default() {
            let Some((base, _)) = der::read(tree.content) else {
                continue;
            };
            let fits = match base.tag {
                0x82 => !base.content.starts_with(b".") && !base.content.contains(&b'*'),
                0x87 => is_network(base.content),
                _ => true,
            };
            if !fits {
                let shown = String::from_utf8_lossy(base.content);
                notes.say(NAMES_PLACE, format!("'{shown}' is no constraint"));
            }
        }
    }
}

/// An address and a mask of ones before zeros (RFC 4632 section 3.1).
fn is_network(octets: &[u8]) -> bool {
    if !matches!(octets.len(), 8 | 32) {
        return false;
    }
    let (_, mask) = octets.split_at(octets.len() / 2);
    let ones: u32 = mask
        .iter()
        .map(|octet| octet.leading_ones())
        .scan(true, |open, count| {
            let counted = if *open { count } else { 0 };
            *open &= count == 8;
            Some(counted)
        })
        .sum();
    mask.iter().map(|octet| octet.count_ones()).sum::<u32>() == ones
}

fn names_undocumented(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.extension(oid::NAME_CONSTRAINTS).is_some() {
        notes.say(NAMES_PLACE, "it constrains names");
    }
}

fn policy_duplicate(view: &CertificateView<'_>, notes: &mut Notes) {
    let mut seen = Vec::new();
    for policy in view.elements(oid::CERTIFICATE_POLICIES) {
        let Some((id, _)) = der::read(policy.content) else {
            continue;
        };
        if seen.contains(&id.content) {
            let shown = oid::dotted(id.content);
            notes.say(
                "extensions.certificatePolicies",
                format!("{shown} stands there again"),
            );
        } else if seen.len() < crate::limits::MAX_EXTENSIONS {
            seen.push(id.content);
        }
    }
}

fn point_without_name(view: &CertificateView<'_>, notes: &mut Notes) {
    for point in view.elements(oid::CRL_DISTRIBUTION_POINTS) {
        let fields = der::children(point.content).unwrap_or_default();
        if !fields.iter().any(|field| matches!(field.tag, 0xa0 | 0xa2)) {
            notes.say(
                "extensions.cRLDistributionPoints",
                "a point has neither a name nor an issuer",
            );
        }
    }
}

fn points_unused(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.extension(oid::CRL_DISTRIBUTION_POINTS).is_some() {
        notes.say(
            "extensions.cRLDistributionPoints",
            "it says where to fetch a revocation list",
        );
    }
}

fn access_unused(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.extension(oid::AUTHORITY_INFO_ACCESS).is_some() {
        notes.say(
            "extensions.authorityInfoAccess",
            "it says where to ask and what to fetch",
        );
    }
}
