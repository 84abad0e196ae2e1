//! Values of options that a type of the standard library holds: its own words for
//! what is wrong with one do not say what is expected.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// A parser of whole numbers that says what one counts or names, between which
/// bounds it is, and how it is written.
pub(super) fn number<T>(
    what: &'static str,
    range: RangeInclusive<T>,
    example: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        text.parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                format!("{what} is a number from {least} to {most}, as in {example}")
            })
    }
}

/// The number of a user or a group. The last one stands for none (chown(2)).
pub(super) fn id(
    what: &'static str,
    finder: &'static str,
) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        text.parse()
            .ok()
            .filter(|id| *id != u32::MAX)
            .ok_or_else(|| {
                format!("{what} is named by its number, as in 1000; '{finder}' tells it")
            })
    }
}

/// An address without a port.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "an IP address is expected, as in 127.0.0.1 or ::1; the port goes to --port".to_owned()
    })
}

/// An address with a port.
pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an IP address and a port are expected, as in 127.0.0.1:9910".to_owned())
}

/// A moment, as in RFC 3339.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .map_err(|_| "a time is expected as RFC 3339 has it, as in 2026-11-20T08:00:00Z".to_owned())
}

/// A time that passes: a whole number with its unit, up to a hundred years.
pub(super) fn span(text: &str) -> Result<TimeDelta, String> {
    const MOST: u32 = 100 * 366 * 86_400;
    let unit = |letter| match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    };
    let mut characters = text.chars();
    let seconds = characters
        .next_back()
        .and_then(unit)
        .zip(characters.as_str().parse::<u32>().ok())
        .and_then(|(unit, count)| count.checked_mul(unit))
        .filter(|seconds| *seconds <= MOST);
    seconds
        .map(|seconds| TimeDelta::seconds(i64::from(seconds)))
        .ok_or_else(|| {
            "a number with s, m, h, d or w is expected, up to 100 years, as in 30d".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_numbers() {
        let port = number("a port", 1..=u16::MAX, "80");
        assert_eq!(port("1"), Ok(1));
        assert_eq!(port("65535"), Ok(u16::MAX));
        for text in ["0", "65536", "", "-1", "1.5", " 1"] {
            assert_eq!(
                port(text),
                Err("a port is a number from 1 to 65535, as in 80".to_owned()),
                "{text}"
            );
        }
        assert!(id("a user", "id")("4294967295").is_err());
    }

    #[test]
    fn a_span_has_a_unit_and_an_end() {
        assert_eq!(span("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(span("2w"), Ok(TimeDelta::days(14)));
        assert_eq!(span("36500d"), Ok(TimeDelta::days(36_500)));
        for text in [
            "",
            "d",
            "30",
            "-1d",
            "1.5d",
            "30 d",
            "37000d",
            "4294967295w",
            "5µ",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
