//! Times in certificates and lists: UTCTime until 2049, GeneralizedTime from 2050
//! (RFC 5280 section 5.1.2.4), always with seconds, in UTC.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

use crate::der;

/// Tag of UTCTime.
const UTC_TIME: u8 = 0x17;
/// Tag of GeneralizedTime.
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// Appends a `Time`. `None` for a year that has no four digits.
pub(super) fn append(out: &mut Vec<u8>, at: DateTime<Utc>) -> Option<()> {
    let (tag, text) = encode(at, false)?;
    let digits = if tag == UTC_TIME { &text[2..] } else { &text };
    der::append(out, tag, digits);
    Some(())
}

/// Appends a GeneralizedTime, also before 2050, as `invalidityDate` is one
/// (RFC 5280 section 5.3.2). `None` for a year that has no four digits.
pub(super) fn append_generalized(out: &mut Vec<u8>, at: DateTime<Utc>) -> Option<()> {
    let (tag, text) = encode(at, true)?;
    der::append(out, tag, &text);
    Some(())
}

/// The tag, and the digits with four for the year. Digits are written one by
/// one: chrono's formatting would be most of the work on a long list.
fn encode(at: DateTime<Utc>, generalized: bool) -> Option<(u8, [u8; 15])> {
    let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9999)?;
    let tag = if generalized || !(1950..2050).contains(&year) {
        GENERALIZED_TIME
    } else {
        UTC_TIME
    };
    let mut text = *b"00000000000000Z";
    let pairs = [
        year / 100,
        year % 100,
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
    ];
    for (place, pair) in text.chunks_exact_mut(2).zip(pairs) {
        place[0] += u8::try_from(pair / 10).ok()?;
        place[1] += u8::try_from(pair % 10).ok()?;
    }
    Some((tag, text))
}

/// Reads a `Time` of either kind, in the one form that RFC 5280 allows for its
/// year. `None` for anything else.
pub(super) fn read(element: der::Element<'_>) -> Option<DateTime<Utc>> {
    match (element.tag, element.content) {
        (UTC_TIME, digits) if digits.len() == 13 => {
            let at = read_digits(if digits[0] < b'5' { b"20" } else { b"19" }, digits)?;
            Some(at)
        }
        (GENERALIZED_TIME, _) => {
            read_generalized(element).filter(|at| !(1950..2050).contains(&at.year()))
        }
        _ => None,
    }
}

/// Reads a GeneralizedTime of any year.
pub(super) fn read_generalized(element: der::Element<'_>) -> Option<DateTime<Utc>> {
    match (element.tag, element.content) {
        (GENERALIZED_TIME, digits) if digits.len() == 15 => read_digits(&digits[..2], &digits[2..]),
        _ => None,
    }
}

fn read_digits(century: &[u8], rest: &[u8]) -> Option<DateTime<Utc>> {
    let pair = |octets: &[u8], at: usize| -> Option<u32> {
        let digit = |octet: u8| char::from(octet).to_digit(10);
        Some(digit(*octets.get(at)?)? * 10 + digit(*octets.get(at + 1)?)?)
    };
    if rest.get(12) != Some(&b'Z') {
        return None;
    }
    let year = pair(century, 0)? * 100 + pair(rest, 0)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, pair(rest, 2)?, pair(rest, 4)?)?
        .and_hms_opt(pair(rest, 6)?, pair(rest, 8)?, pair(rest, 10)?)
        .map(|time| time.and_utc())
}
