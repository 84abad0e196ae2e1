//! Whether bytes are DER: one encoding only for every value (X.690 sections 10
//! and 11), as far as universal types show it.

use chrono::{DateTime, NaiveDate, Utc};

use crate::der::{self, Element};
use crate::limits;

/// Tags that [`crate::der`] has no use for.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const NULL: u8 = 0x05;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// What is not DER, and at which octet.
pub(super) struct Fault {
    /// From the first octet of what was looked at.
    pub(super) offset: usize,
    pub(super) reason: &'static str,
}

/// The first thing in `encoded`, one or more elements, that is not DER. It walks
/// with a stack of its own: depth costs the input octets, not the program's stack.
pub(super) fn first_fault(encoded: &[u8]) -> Option<Fault> {
    let mut open = vec![(0, 0, encoded)];
    while let Some((depth, mut offset, mut rest)) = open.pop() {
        if depth > limits::MAX_DER_DEPTH {
            let reason = "elements are nested too deep";
            return Some(Fault { offset, reason });
        }
        while !rest.is_empty() {
            let Some((element, after)) = der::read(rest) else {
                let reason = "an element has no tag or length of DER, or is cut short";
                return Some(Fault { offset, reason });
            };
            if let Some(reason) = fault_of(&element) {
                return Some(Fault { offset, reason });
            }
            let next = offset + element.encoded.len();
            if element.tag & 0x20 != 0 && !element.content.is_empty() {
                let inside = next - element.content.len();
                if !after.is_empty() {
                    open.push((depth, next, after));
                }
                open.push((depth + 1, inside, element.content));
                break;
            }
            offset = next;
            rest = after;
        }
    }
    None
}

/// What is wrong with one element, apart from what stands in it.
fn fault_of(element: &Element<'_>) -> Option<&'static str> {
    let content = element.content;
    match element.tag {
        BOOLEAN if !matches!(content, [0] | [0xff]) => Some("a BOOLEAN is neither 00 nor FF"),
        der::INTEGER | ENUMERATED => match content {
            [] => Some("an INTEGER is empty"),
            [0, second, ..] if second & 0x80 == 0 => Some("an INTEGER has a superfluous zero"),
            [0xff, second, ..] if second & 0x80 != 0 => Some("an INTEGER has a superfluous FF"),
            _ => None,
        },
        NULL if !content.is_empty() => Some("a NULL is not empty"),
        der::BIT_STRING => match content {
            [] => Some("a BIT STRING lacks the count of unused bits"),
            [0] => None,
            [unused, .., last] if *unused < 8 && last.trailing_zeros() >= u32::from(*unused) => {
                None
            }
            _ => Some("a BIT STRING has unused bits that are set or miscounted"),
        },
        der::OBJECT_IDENTIFIER => match content {
            [.., last] if last & 0x80 == 0 => content
                .iter()
                .scan(true, |begins, octet| {
                    let padded = *begins && *octet == 0x80;
                    *begins = octet & 0x80 == 0;
                    Some(padded)
                })
                .any(|padded| padded)
                .then_some("an OBJECT IDENTIFIER has a superfluous octet"),
            _ => Some("an OBJECT IDENTIFIER has no end"),
        },
        // SET OF: in the order of the encodings (section 11.6). Certificates have
        // no SET of named fields.
        der::SET => der::children(content)
            .is_some_and(|parts| {
                parts
                    .windows(2)
                    .any(|pair| matches!(pair, [first, second] if first.encoded > second.encoded))
            })
            .then_some("the elements of a SET OF are not sorted"),
        0x10 | 0x11 => Some("a SEQUENCE or SET is not marked as constructed"),
        // A string in parts (section 10.2).
        0x21..=0x2f | 0x32..=0x3f => Some("a value that is no SEQUENCE or SET is in parts"),
        _ => None,
    }
}

/// The form of a date (RFC 5280 section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    Right(DateTime<Utc>),
    NoSeconds,
    Fraction,
    NotUtc,
    Malformed,
}

impl TimeForm {
    pub(super) fn of(element: &Element<'_>) -> Self {
        let years = match element.tag {
            UTC_TIME => 2,
            GENERALIZED_TIME => 4,
            _ => return Self::Malformed,
        };
        let (digits, zulu) = match element.content.split_last() {
            Some((b'Z', digits)) => (digits, true),
            _ => (element.content, false),
        };
        let count = digits.iter().take_while(|one| one.is_ascii_digit()).count();
        match digits.get(count) {
            Some(b'.' | b',') => return Self::Fraction,
            Some(b'+' | b'-') => return Self::NotUtc,
            Some(_) => return Self::Malformed,
            None if !zulu => return Self::NotUtc,
            None => {}
        }
        if count == years + 8 {
            return Self::NoSeconds;
        }
        if count != years + 10 {
            return Self::Malformed;
        }
        moment(digits, years).map_or(Self::Malformed, Self::Right)
    }

    pub(super) const fn moment(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Right(moment) => Some(moment),
            _ => None,
        }
    }
}

/// Year, month, day, hour, minute and second, digits only.
fn moment(digits: &[u8], years: usize) -> Option<DateTime<Utc>> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = digits.get(from..to)?;
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
        )
    };
    let year = match (years, number(0, years)?) {
        (2, year) if year >= 50 => 1900 + year,
        (2, year) => 2000 + year,
        (_, year) => year,
    };
    let pair = |index: usize| number(years + index * 2, years + index * 2 + 2);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, pair(0)?, pair(1)?)?
        .and_hms_opt(pair(2)?, pair(3)?, pair(4)?)
        .map(|moment| moment.and_utc())
}
