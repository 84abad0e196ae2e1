//! Revoking certificates, and taking a hold back. It needs no key: what is
//! revoked is durable in the inventory first, and the list that says so to
//! others is made from it afterwards ([`super::ListSigner`]).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::pki::{RevocationReason, SerialNumber};
use crate::store::{Inventory, Kind, Record, Revocation, State, Writer};
use crate::text::first_of;

use super::{Action, BACKDATE_SECONDS, Error, Occasion, check_clock};

/// How many certificates a message names.
const MOST_NAMED: usize = 10;

/// Which certificates are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A CA's own certificate, which this names and no workload's.
    Authority(Box<Self>),
    /// What is named as one may: by serial number, fingerprint or common name.
    Any {
        /// What was given.
        which: String,
        /// Whether all of those with the common name are meant when there are several.
        all: bool,
    },
    /// Those of workloads with this common name that have not ended.
    CommonName {
        /// The name.
        name: String,
        /// Whether all of them are meant when there are several.
        all: bool,
    },
    /// The one with this SHA-256 of its DER, lowercase hex.
    Fingerprint(String),
    /// The one with this serial number, also when it is only reserved: a crash
    /// may have come between its signature and the inventory.
    Serial(SerialNumber),
}

/// What became of one certificate.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Its row, as it is now.
    pub record: Record,
    /// What was said of it before.
    pub before: Option<Revocation>,
    /// Whether anything was written.
    pub changed: bool,
}

/// Revokes what is selected, all of it or nothing. What is revoked already stays
/// so: the reason may change from a hold to a final one, and `keyCompromise` may
/// be added, with an earlier date too; nothing is ever weakened.
///
/// # Errors
///
/// [`Error::NotFound`], [`Error::SeveralNamed`], [`Error::RootRevoked`],
/// [`Error::RootApart`] for an issuing CA whose root is elsewhere,
/// [`Error::AuthorityMeant`] for an issuing CA's that was not said to be one,
/// [`Error::InvalidSince`], those of [`check_clock`], or [`Error::Store`]; then
/// nothing was written.
pub fn revoke(
    inventory: &Inventory,
    selection: &Selection,
    reason: RevocationReason,
    invalid_since: Option<DateTime<Utc>>,
    occasion: &Occasion<'_>,
) -> Result<Vec<Revoked>, Error> {
    let now = occasion.at;
    if let Some(since) = invalid_since.filter(|since| *since > now) {
        return Err(Error::InvalidSince { since, now });
    }
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let change = |current| stronger(current, reason, invalid_since, now);
    let mut done = Vec::new();
    for mut record in select(inventory, selection, now, |record| {
        change(record.revocation).is_some()
    })? {
        refuse_authority(inventory, &record, selection)?;
        let before = record.revocation;
        let wanted = change(before);
        if let Some(revocation) = wanted {
            writer.revoke(&record.serial, Some(&revocation), now)?;
            let mut detail = told(&record, revocation);
            detail["reasonBefore"] = before.map(|before| reason_of(before).as_str()).into();
            occasion.log(&mut writer, Action::Revoke, Some(&record.serial), &detail)?;
            record.revocation = Some(revocation);
        }
        done.push(Revoked {
            record,
            before,
            changed: wanted.is_some(),
        });
    }
    writer.commit()?;
    Ok(done)
}

/// The root cannot say that it is revoked itself, and an issuing CA is not revoked
/// by mistake.
fn refuse_authority(
    inventory: &Inventory,
    record: &Record,
    selection: &Selection,
) -> Result<(), Error> {
    // Whose list tells of it is the root's, and so is the decision.
    if record.kind == Kind::Issuing && inventory.was_requested(&record.key_fingerprint)? {
        return Err(Error::RootApart {
            path: inventory.directory().to_owned(),
        });
    }
    let is_meant = matches!(selection, Selection::Authority(_));
    match record.kind {
        Kind::Root => Err(Error::RootRevoked),
        Kind::Issuing | Kind::Cross if !is_meant => Err(Error::AuthorityMeant {
            serial: hex::encode(&record.serial),
            subject: record.subject.clone(),
        }),
        Kind::Leaf if is_meant => Err(Error::NotFound {
            which: format!("{} of a CA", hex::encode(&record.serial)),
        }),
        Kind::Issuing | Kind::Cross | Kind::Leaf => Ok(()),
    }
}

/// What the log says of a revocation: all that a list is made from.
pub(super) fn told(record: &Record, revocation: Revocation) -> Value {
    json!({
        "subject": record.subject,
        "reason": reason_of(revocation).as_str(),
        "revokedAt": rfc3339(revocation.at),
        "invalidSince": revocation.invalid_since.map(rfc3339),
        "issuerKeyId": hex::encode(&record.issuer_key_id),
        "notAfter": rfc3339(record.not_after),
    })
}

/// Takes a hold back. That there is none is no error; a final revocation stays.
///
/// # Errors
///
/// [`Error::NotHeld`] for what is finally revoked, and as [`revoke`].
pub fn release(
    inventory: &Inventory,
    selection: &Selection,
    occasion: &Occasion<'_>,
) -> Result<Vec<Revoked>, Error> {
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let is_held = |record: &Record| {
        let held = record.revocation.map(reason_of);
        held == Some(RevocationReason::CertificateHold)
    };
    let mut done = Vec::new();
    for mut record in select(inventory, selection, occasion.at, is_held)? {
        let before = record.revocation;
        let changed = is_held(&record);
        if changed {
            release_one(&mut writer, &mut record, occasion)?;
        } else if let Some(revocation) = before {
            return Err(Error::NotHeld {
                serial: hex::encode(&record.serial),
                reason: reason_of(revocation),
                at: revocation.at,
            });
        }
        done.push(Revoked {
            record,
            before,
            changed,
        });
    }
    writer.commit()?;
    Ok(done)
}

fn release_one(
    writer: &mut Writer<'_>,
    record: &mut Record,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    writer.revoke(&record.serial, None, occasion.at)?;
    let held = record.revocation.map(|held| rfc3339(held.at));
    let detail = json!({ "subject": record.subject, "heldSince": held });
    occasion.log(writer, Action::Release, Some(&record.serial), &detail)?;
    record.revocation = None;
    Ok(())
}

/// The reason of a row. A code that is none cannot stand there; it would count
/// as unspecified.
#[must_use]
pub fn reason_of(revocation: Revocation) -> RevocationReason {
    RevocationReason::of_code(revocation.reason).unwrap_or(RevocationReason::Unspecified)
}

/// What is to be said of a certificate from now on; `None` when what is said
/// already is as strong. The date of a revocation stays the first one: since
/// then the certificate was not accepted.
pub(super) fn stronger(
    current: Option<Revocation>,
    reason: RevocationReason,
    invalid_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Revocation> {
    use RevocationReason::KeyCompromise;
    let new = Revocation {
        at: now,
        reason: reason.code(),
        invalid_since,
    };
    let Some(old) = current else {
        return Some(new);
    };
    let old_reason = reason_of(old);
    let earliest = [old.invalid_since, invalid_since]
        .into_iter()
        .flatten()
        .min();
    let is_final_now = !old_reason.is_final() && reason.is_final();
    let is_compromised_now = old_reason != KeyCompromise && reason == KeyCompromise;
    let since_earlier =
        old_reason == KeyCompromise && reason == KeyCompromise && earliest != old.invalid_since;
    (is_final_now || is_compromised_now || since_earlier).then_some(Revocation {
        at: old.at,
        invalid_since: earliest,
        ..new
    })
}

/// The rows that are meant. Of several with one common name, those count for
/// which there is something to do.
fn select(
    inventory: &Inventory,
    selection: &Selection,
    now: DateTime<Utc>,
    to_do: impl Fn(&Record) -> bool + Copy,
) -> Result<Vec<Record>, Error> {
    let one = |found: Option<Record>, which: String| match found {
        Some(record) => Ok(vec![record]),
        None => Err(Error::NotFound { which }),
    };
    match selection {
        Selection::Authority(named) => select(inventory, named, now, to_do),
        Selection::Any { which, all } => select_any(inventory, (which, *all), now, to_do),
        Selection::Serial(serial) => one(inventory.get(serial.magnitude())?, serial.hex()),
        Selection::Fingerprint(digest) => one(inventory.by_fingerprint(digest)?, digest.clone()),
        Selection::CommonName { name, all } => {
            let mut live = inventory.named(name)?;
            if live.is_empty() {
                // As whoever names a host may write it (RFC 4343 section 3).
                live = inventory.named_in_any_case(name)?;
            }
            // Only somebody who means a CA's own certificate gets at it.
            if let Some(own) = live.iter().find(|one| one.kind != Kind::Leaf)
                && live.iter().all(|one| one.kind != Kind::Leaf)
            {
                refuse_authority(inventory, own, selection)?;
            }
            live.retain(|record| record.kind == Kind::Leaf);
            let oldest = now - TimeDelta::seconds(BACKDATE_SECONDS);
            live.retain(|record| record.not_after >= oldest && record.state != State::Abandoned);
            let open: Vec<Record> = live.iter().filter(|one| to_do(one)).cloned().collect();
            match (open.len(), all) {
                (0, _) if live.is_empty() => Err(Error::NotFound {
                    which: name.clone(),
                }),
                (0, _) => Ok(live),
                (1, _) | (_, true) => Ok(open),
                (count, false) => Err(Error::SeveralNamed {
                    common_name: name.clone(),
                    count,
                    certificates: named(&open),
                }),
            }
        }
    }
}

/// What a text names: as a serial number or a fingerprint if there is one, and a
/// common name otherwise.
fn select_any(
    inventory: &Inventory,
    (which, all): (&str, bool),
    now: DateTime<Utc>,
    to_do: impl Fn(&Record) -> bool + Copy,
) -> Result<Vec<Record>, Error> {
    if let Ok(serial) = which.parse::<SerialNumber>()
        && let Some(record) = inventory.get(serial.magnitude())?
    {
        return Ok(vec![record]);
    }
    let digest = which.replace(':', "").to_ascii_lowercase();
    if let Some(record) = inventory.by_fingerprint(&digest)? {
        return Ok(vec![record]);
    }
    let name = Selection::CommonName {
        name: which.to_owned(),
        all,
    };
    select(inventory, &name, now, to_do)
}

/// The first of several certificates, for a message.
fn named(records: &[Record]) -> String {
    let shown: Vec<String> = records
        .iter()
        .take(MOST_NAMED)
        .map(|record| {
            let serial = hex::encode(&record.serial);
            let state = record.state.as_str();
            format!("{serial} ({state}, until {})", rfc3339(record.not_after))
        })
        .collect();
    first_of(&shown, records.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    /// Over all pairs of reasons: nothing final is ever taken back, and only
    /// what is stronger changes anything.
    #[test]
    fn a_revocation_is_never_weakened() {
        use RevocationReason as R;
        for old in R::ALL {
            let current = Revocation {
                at: at(0),
                reason: old.code(),
                invalid_since: None,
            };
            for new in R::ALL {
                let changed = stronger(Some(current), new, None, at(9));
                let expected = (old == R::CertificateHold && new != R::CertificateHold)
                    || (new == R::KeyCompromise && old != R::KeyCompromise);
                assert_eq!(changed.is_some(), expected, "{old} {new}");
                if let Some(changed) = changed {
                    assert_eq!(changed.reason, new.code());
                    assert_eq!(changed.at, at(0), "{old} {new}");
                }
            }
        }
    }

    #[test]
    fn a_compromise_may_be_older_than_was_thought_and_not_younger() {
        let kept = |since: Option<i64>| Revocation {
            at: at(0),
            reason: 1,
            invalid_since: since.map(at),
        };
        let again = |current, since: Option<i64>| {
            let reason = RevocationReason::KeyCompromise;
            stronger(Some(current), reason, since.map(at), at(9))
        };
        assert_eq!(again(kept(None), Some(-5)), Some(kept(Some(-5))));
        assert_eq!(again(kept(Some(-5)), Some(-9)), Some(kept(Some(-9))));
        assert_eq!(again(kept(Some(-5)), Some(-1)), None);
        assert_eq!(again(kept(Some(-5)), None), None);
    }
}
