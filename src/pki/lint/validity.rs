//! Rules for the validity (RFC 5280 section 4.1.2.5).

use chrono::{Datelike, TimeDelta};

use crate::clock::rfc3339;
use crate::der::Element;

use super::form::{GENERALIZED_TIME, TimeForm};
use super::view::CertificateView;
use super::{Check, Level, Notes, Rule, Source, TRUST_MODEL, rule};

const SECTION: Source = Source::Standard("RFC 5280 section 4.1.2.5");

/// From which life on it is worth a word, in days: of a leaf that of the oldest
/// limit for public certificates, of an authority 25 years.
const LONG_LEAF: i64 = 825;
const LONG_CA: i64 = 25 * 366;

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "validity_order",
        SECTION,
        "let notAfter be later than notBefore",
        Check::Certificate(order),
    ),
    rule(
        Level::Error,
        "time_no_seconds",
        SECTION,
        "write the seconds, 00 included",
        Check::Certificate(no_seconds),
    ),
    rule(
        Level::Error,
        "time_fraction",
        SECTION,
        "write whole seconds",
        Check::Certificate(fraction),
    ),
    rule(
        Level::Error,
        "time_not_utc",
        SECTION,
        "write the time in UTC, with Z at its end",
        Check::Certificate(not_utc),
    ),
    rule(
        Level::Error,
        "time_malformed",
        SECTION,
        "write YYMMDDHHMMSSZ as UTCTime or YYYYMMDDHHMMSSZ as GeneralizedTime",
        Check::Certificate(malformed),
    ),
    rule(
        Level::Error,
        "time_type",
        SECTION,
        "write dates through 2049 as UTCTime, later ones as GeneralizedTime",
        Check::Certificate(time_type),
    ),
    rule(
        Level::Notice,
        "life_long",
        Source::Standard("CA/Browser Forum Baseline Requirements section 6.3.2"),
        "issue for a shorter time and renew; a lost key is of use until the end",
        Check::Certificate(long_life),
    ),
    rule(
        Level::Notice,
        "life_without_end",
        SECTION,
        "set a date by which the key will have been replaced",
        Check::Certificate(no_end),
    ),
    rule(
        Level::Warning,
        "expired",
        TRUST_MODEL,
        "renew it",
        Check::Certificate(expired),
    ),
    rule(
        Level::Notice,
        "not_yet_valid",
        TRUST_MODEL,
        "wait, look at the clock, or let validity begin a few minutes before the issue",
        Check::Certificate(not_yet_valid),
    ),
];

fn order(view: &CertificateView<'_>, notes: &mut Notes) {
    if let (TimeForm::Right(begin), TimeForm::Right(end)) = view.validity
        && end < begin
    {
        let text = format!("it ends {} and begins {}", rfc3339(end), rfc3339(begin));
        notes.say("validity", text);
    }
}

fn no_seconds(view: &CertificateView<'_>, notes: &mut Notes) {
    of_form(view, TimeForm::NoSeconds, "the time has no seconds", notes);
}

fn fraction(view: &CertificateView<'_>, notes: &mut Notes) {
    of_form(
        view,
        TimeForm::Fraction,
        "the time has a fraction of a second",
        notes,
    );
}

fn not_utc(view: &CertificateView<'_>, notes: &mut Notes) {
    of_form(view, TimeForm::NotUtc, "the time does not end in Z", notes);
}

fn malformed(view: &CertificateView<'_>, notes: &mut Notes) {
    of_form(view, TimeForm::Malformed, "it is no time", notes);
}

fn of_form(view: &CertificateView<'_>, form: TimeForm, text: &str, notes: &mut Notes) {
    let (begin, end) = view.validity;
    for (place, found) in [("validity.notBefore", begin), ("validity.notAfter", end)] {
        if found == form {
            notes.say(place, text);
        }
    }
}

fn time_type(view: &CertificateView<'_>, notes: &mut Notes) {
    for (place, element) in [
        ("validity.notBefore", &view.not_before),
        ("validity.notAfter", &view.not_after),
    ] {
        if is_needlessly_generalized(element) {
            notes.say(place, "GeneralizedTime is used before 2050");
        }
    }
}

/// Whether it is a GeneralizedTime of a year that UTCTime can express.
pub(super) fn is_needlessly_generalized(element: &Element<'_>) -> bool {
    element.tag == GENERALIZED_TIME
        && TimeForm::of(element)
            .moment()
            .is_some_and(|moment| (1950..2050).contains(&moment.year()))
}

fn long_life(view: &CertificateView<'_>, notes: &mut Notes) {
    let most = if view.is_ca() { LONG_CA } else { LONG_LEAF };
    if let (TimeForm::Right(begin), TimeForm::Right(end)) = view.validity {
        let days = (end - begin).num_days();
        if end - begin > TimeDelta::days(most) && end.year() != 9999 {
            notes.say("validity", format!("it lives for {days} days"));
        }
    }
}

fn no_end(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.not_after.content == b"99991231235959Z" {
        notes.say("validity.notAfter", "it never ends");
    }
}

fn expired(view: &CertificateView<'_>, notes: &mut Notes) {
    let end = view.validity.1.moment();
    if let Some(end) = end.filter(|end| crate::clock::whole_seconds(view.at) > *end) {
        notes.say("validity.notAfter", format!("it ended {}", rfc3339(end)));
    }
}

fn not_yet_valid(view: &CertificateView<'_>, notes: &mut Notes) {
    let begin = view.validity.0.moment();
    if let Some(begin) = begin.filter(|begin| view.at < *begin) {
        notes.say(
            "validity.notBefore",
            format!("it begins {}", rfc3339(begin)),
        );
    }
}
