//! What the inventory knows of the rows of a batch.

use chrono::{DateTime, TimeDelta, Utc};

use crate::authority::{Authority, Error, IssueRequest, RequestedKey, reason_of};
use crate::pki::Certificate;
use crate::store::{Record, State};

use super::BatchRow;

/// When a certificate that was issued for a row is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalTime {
    /// When so much of its life is left.
    Before(TimeDelta),
    /// When a third of its life is left.
    LastThird,
}

impl RenewalTime {
    fn is_due(self, record: &Record, at: DateTime<Utc>) -> bool {
        let left = record.not_after - at;
        match self {
            Self::Before(time) => left < time,
            Self::LastThird => left < (record.not_after - record.not_before) / 3,
        }
    }
}

/// What the inventory knows of a row.
pub(super) enum Found {
    /// It was issued, and is given again.
    Issued(Box<Certificate>),
    /// It was issued and is to be renewed, under this name.
    Due(String),
    /// A serial number that a process reserved which has died.
    Leftover(Box<Record>),
    /// Nothing.
    Nothing,
    /// The name was given to another request, or cannot be used any more.
    Other(Error),
}

impl Authority {
    pub(super) fn find(
        &self,
        row: &BatchRow,
        renew: Option<RenewalTime>,
        at: DateTime<Utc>,
    ) -> Result<Found, Error> {
        let Some(record) = self.inventory.newest_of_request(row.id.as_str())? else {
            return Ok(Found::Nothing);
        };
        let (Some(der), State::Issued) = (&record.der, record.state) else {
            return Ok(Found::Leftover(Box::new(record)));
        };
        let certificate = Certificate::from_der(der, "the inventory")?;
        let request_id = || row.id.as_str().to_owned();
        let serial = hex::encode(&record.serial);
        if let Some(what) = difference(&record, &certificate, &row.request, self.latest()) {
            return Ok(Found::Other(Error::RequestDiffers {
                request_id: request_id(),
                serial,
                what,
            }));
        }
        if let Some(revocation) = record.revocation {
            return Ok(Found::Other(Error::RequestRevoked {
                request_id: request_id(),
                serial,
                reason: reason_of(revocation),
                at: revocation.at,
            }));
        }
        Ok(match renew {
            Some(time) if time.is_due(&record, at) => Found::Due(next_name(&row.id, &record)),
            _ => Found::Issued(Box::new(certificate)),
        })
    }
}

/// The name under which the next certificate of a row is asked for: no name of a
/// row holds a `#`.
fn next_name(id: &super::RowId, record: &Record) -> String {
    let number = record
        .request_id
        .as_deref()
        .and_then(|name| name.split_once('#'))
        .and_then(|(_, number)| number.parse::<u64>().ok())
        .unwrap_or(1);
    format!("{}#{}", id.as_str(), number.saturating_add(1))
}

/// The name of the row for which a request was made, of its first certificate or
/// of a renewal.
pub(super) fn row_of(request_id: &str) -> &str {
    request_id.split('#').next().unwrap_or(request_id)
}

/// Whether a name of a request is that of a row or of one of its renewals.
pub(super) fn is_of(request_id: &str, id: &str) -> bool {
    let rest = request_id.strip_prefix(id);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// How a request differs from the one for which a certificate was issued; `None`
/// when it asks for the same. What a row leaves to the policy is the same
/// whatever the policy says by now; `latest` is when the CA ends.
fn difference(
    record: &Record,
    certificate: &Certificate,
    request: &IssueRequest,
    latest: DateTime<Utc>,
) -> Option<String> {
    let differs = |what: &str, was: &str, is: &str| Some(format!("{what} was {was}, and is {is}"));
    let subject = super::super::draft::subject_of(request).to_string();
    if record.subject != subject {
        return differs("the subject", &record.subject, &subject);
    }
    let names: Vec<String> = request.names.iter().map(ToString::to_string).collect();
    if record.names != names {
        let shown = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        return differs(
            "the alternative names",
            &shown(&record.names),
            &shown(&names),
        );
    }
    let was = certificate.public_key();
    match &request.key {
        RequestedKey::Given(key) if key.fingerprint() != record.key_fingerprint => {
            return differs("the key", &record.key_fingerprint, &key.fingerprint());
        }
        RequestedKey::New(key_type) if key_type.algorithm() != was.algorithm() => {
            let (was, is) = (
                was.algorithm().to_string(),
                key_type.algorithm().to_string(),
            );
            return differs("the type of the key", &was, &is);
        }
        _ => {}
    }
    if let Some(profile) = &request.profile
        && record.profile.as_deref() != Some(profile.as_str())
    {
        let was = record.profile.as_deref().unwrap_or("none");
        return differs("the profile", was, profile);
    }
    let life = record.not_after - record.reserved_at;
    let asked = request.days.map(|days| TimeDelta::days(i64::from(days)))?;
    // What was shortened to the end of its CA, now or before a rollover, has no
    // whole number of days but by chance.
    let is_clamped =
        life < asked && (life.num_seconds() % 86_400 != 0 || record.not_after == latest);
    if life == asked || is_clamped {
        return None;
    }
    let days = |life: TimeDelta| format!("{} days", life.num_days());
    differs("the life", &days(life), &days(asked))
}
