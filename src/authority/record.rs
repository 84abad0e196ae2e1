//! How a certificate comes into the inventory: its row, and what its entry in the
//! log says. An audit holds both against the certificate ([`super::content`]).

use serde_json::{Map, Value};

use crate::clock::rfc3339;
use crate::pki::Certificate;
use crate::store::{Kind, Reservation, Writer};

use super::{Action, Error, Occasion};

/// What the entry of every issue says of the certificate, whose SHA-256 is given
/// (lowercase hex); and what else is known.
pub(super) fn issue_facts(
    certificate: &Certificate,
    fingerprint: &str,
    further: &[(&str, &str)],
) -> Value {
    let subject = certificate.subject().to_string();
    let not_after = rfc3339(certificate.not_after());
    let every = [
        ("fingerprintSha256", fingerprint),
        ("subject", &subject),
        ("notAfter", &not_after),
    ];
    let facts = every.iter().chain(further);
    let facts: Map<String, Value> = facts
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    Value::Object(facts)
}

/// Stores a certificate under its reserved serial number, with its entry in the
/// log.
pub(super) fn store_issued(
    certificate: &Certificate,
    further: &[(&str, &str)],
    writer: &mut Writer<'_>,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    let serial = certificate.serial().magnitude();
    let fingerprint = certificate.fingerprint();
    writer.store(serial, certificate.der(), &fingerprint, occasion.at)?;
    let facts = issue_facts(certificate, &fingerprint, further);
    occasion.log(writer, Action::Issue, Some(serial), &facts)
}

/// Reserves the serial number of a certificate that is there already, made by
/// another machine or before a backup was restored.
pub(super) fn reserve_made(
    certificate: &Certificate,
    kind: Kind,
    issuer_key_id: &[u8],
    writer: &Writer<'_>,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    Ok(writer.reserve(&Reservation {
        serial: certificate.serial().magnitude(),
        kind,
        issuer_key_id,
        subject: &certificate.subject().to_string(),
        common_name: certificate.subject().common_name().unwrap_or_default(),
        names: certificate.alternative_names(),
        key_fingerprint: &certificate.public_key().fingerprint(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        at: occasion.at,
        profile: None,
        requester: Some(occasion.actor),
        request_id: None,
    })?)
}
