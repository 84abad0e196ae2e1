//! Rules for the entries of revocation lists (RFC 5280 sections 5.1.2.6 and 5.3).

use std::collections::HashSet;

use crate::clock::rfc3339;
use crate::der;

use super::basics::is_negative;
use super::crl_view::{CrlView, Entry};
use super::form::{ENUMERATED, GENERALIZED_TIME, TimeForm};
use super::{Check, Level, Notes, REVOCATION, Rule, Source, oid, rule};

const ENTRIES: Source = Source::Standard("RFC 5280 section 5.1.2.6");
const REASONS: Source = Source::Standard("RFC 5280 section 5.3.1");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "crl_entries_empty",
        ENTRIES,
        "leave revokedCertificates out when nothing is revoked",
        Check::Crl(entries_empty),
    ),
    rule(
        Level::Notice,
        "crl_without_entries",
        REVOCATION,
        "expect no certificate to be refused because of it",
        Check::Crl(without_entries),
    ),
    rule(
        Level::Warning,
        "crl_entry_duplicate",
        ENTRIES,
        "list each serial number once",
        Check::Crl(entry_duplicate),
    ),
    rule(
        Level::Warning,
        "crl_entry_serial",
        ENTRIES,
        "list only numbers that a certificate can have: positive, at most 20 octets",
        Check::Crl(entry_serial),
    ),
    rule(
        Level::Warning,
        "crl_entry_future",
        ENTRIES,
        "let no revocation be later than the list that tells it",
        Check::Crl(entry_future),
    ),
    rule(
        Level::Error,
        "crl_entry_extensions_version",
        ENTRIES,
        "write version 2, or leave the extensions out",
        Check::Crl(entry_extensions_version),
    ),
    rule(
        Level::Warning,
        "crl_reason_unspecified",
        REASONS,
        "leave the reason out instead of unspecified (0)",
        Check::Crl(reason_unspecified),
    ),
    rule(
        Level::Error,
        "crl_reason_unknown",
        REASONS,
        "use 1 to 6, 8, 9 or 10; there is no 7",
        Check::Crl(reason_unknown),
    ),
    rule(
        Level::Error,
        "crl_reason_critical",
        REASONS,
        "mark reasonCode as not critical",
        Check::Crl(reason_critical),
    ),
    rule(
        Level::Error,
        "crl_remove_from_full",
        REASONS,
        "drop the entry: removeFromCRL (8) is for delta lists",
        Check::Crl(remove_from_full),
    ),
    rule(
        Level::Error,
        "crl_invalidity_date",
        Source::Standard("RFC 5280 section 5.3.2"),
        "write it as GeneralizedTime, before 2050 too, and as not critical",
        Check::Crl(invalidity_date),
    ),
    rule(
        Level::Error,
        "crl_entry_critical",
        Source::Standard("RFC 5280 section 5.3"),
        "leave critical extensions out of entries: whoever does not know them must not use the list",
        Check::Crl(entry_critical),
    ),
];

/// How an entry is named in findings.
pub(super) fn place(entry: &Entry<'_>) -> String {
    let shown = entry.serial.get(..24).unwrap_or(entry.serial);
    format!("revokedCertificates.{}", hex::encode(shown))
}

fn entries_empty(view: &CrlView<'_>, notes: &mut Notes) {
    if view.has_entries && view.entries.is_empty() {
        notes.say("revokedCertificates", "the field has no entry");
    }
}

fn without_entries(view: &CrlView<'_>, notes: &mut Notes) {
    if view.entries.is_empty() {
        notes.say("revokedCertificates", "nothing is revoked");
    }
}

fn entry_duplicate(view: &CrlView<'_>, notes: &mut Notes) {
    let mut seen = HashSet::with_capacity(view.entries.len());
    for entry in &view.entries {
        if !seen.insert(entry.serial) {
            notes.say(place(entry), "the serial number stands there again");
        }
    }
}

fn entry_serial(view: &CrlView<'_>, notes: &mut Notes) {
    for entry in &view.entries {
        if is_negative(entry.serial) || entry.serial == [0] || entry.serial.len() > 20 {
            notes.say(place(entry), "the number is zero, negative or too long");
        }
    }
}

fn entry_future(view: &CrlView<'_>, notes: &mut Notes) {
    let Some(this) = TimeForm::of(&view.this_update).moment() else {
        return;
    };
    for entry in &view.entries {
        let date = TimeForm::of(&entry.date).moment();
        if let Some(date) = date.filter(|date| *date > this) {
            notes.say(place(entry), format!("it was revoked {}", rfc3339(date)));
        }
    }
}

fn entry_extensions_version(view: &CrlView<'_>, notes: &mut Notes) {
    if view.version != 2 && view.entries.iter().any(Entry::has_extensions) {
        notes.say("version", "entries have extensions");
    }
}

/// Calls `look` with every reason of the list; `None` is one that is no number.
fn each_reason(view: &CrlView<'_>, notes: &mut Notes, look: impl Fn(Option<u8>) -> Option<String>) {
    for entry in &view.entries {
        for extension in entry.extensions() {
            if extension.oid != oid::REASON_CODE {
                continue;
            }
            let reason = match der::read(extension.value) {
                Some((code, [])) if code.tag == ENUMERATED => match code.content {
                    [number] => Some(*number),
                    _ => None,
                },
                _ => None,
            };
            if let Some(message) = look(reason) {
                notes.say(place(entry), message);
            }
        }
    }
}

fn reason_unspecified(view: &CrlView<'_>, notes: &mut Notes) {
    each_reason(view, notes, |reason| {
        (reason == Some(0)).then(|| "the reason is unspecified (0)".to_owned())
    });
}

fn reason_unknown(view: &CrlView<'_>, notes: &mut Notes) {
    each_reason(view, notes, |reason| match reason {
        Some(0..=6 | 8..=10) => None,
        Some(number) => Some(format!("there is no reason {number}")),
        None => Some("the reason is malformed".to_owned()),
    });
}

fn reason_critical(view: &CrlView<'_>, notes: &mut Notes) {
    for entry in &view.entries {
        let mut extensions = entry.extensions();
        if extensions.any(|one| one.critical && one.oid == oid::REASON_CODE) {
            notes.say(place(entry), "the reason is critical");
        }
    }
}

fn remove_from_full(view: &CrlView<'_>, notes: &mut Notes) {
    if view.extension(oid::DELTA_CRL_INDICATOR).is_none() {
        each_reason(view, notes, |reason| {
            (reason == Some(8)).then(|| "removeFromCRL stands in a full list".to_owned())
        });
    }
}

fn invalidity_date(view: &CrlView<'_>, notes: &mut Notes) {
    for entry in &view.entries {
        for extension in entry.extensions() {
            if extension.oid != oid::INVALIDITY_DATE {
                continue;
            }
            let fits = der::read(extension.value).is_some_and(|(time, rest)| {
                rest.is_empty()
                    && time.tag == GENERALIZED_TIME
                    && TimeForm::of(&time).moment().is_some()
            });
            if !fits || extension.critical {
                notes.say(place(entry), "invalidityDate is malformed or critical");
            }
        }
    }
}

fn entry_critical(view: &CrlView<'_>, notes: &mut Notes) {
    for entry in &view.entries {
        let foreign = entry.extensions().find(|one| {
            one.critical && ![oid::REASON_CODE, oid::INVALIDITY_DATE].contains(&one.oid)
        });
        if let Some(extension) = foreign {
            let message = if extension.oid == oid::CERTIFICATE_ISSUER {
                "certificateIssuer is critical: the list is indirect".to_owned()
            } else {
                format!("{} is critical", oid::shown(extension.oid))
            };
            notes.say(place(entry), message);
        }
    }
}
