//! Values of options that a type of the standard library holds: its own words for
//! what is wrong with one do not say what is expected.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

pub(super) use crate::clock::period;

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

/// Permission bits, as chmod(1) takes them in octal.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let is_octal = text.bytes().all(|octet| (b'0'..=b'7').contains(&octet));
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| is_octal && *mode <= 0o7777)
        .ok_or_else(|| "a mode is written in octal, as in 0640".to_owned())
}

/// An SELinux context: user, role and type at least. What the words mean is the
/// kernel's to know.
pub(super) fn context(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_graphic());
    let parts: Vec<&str> = text.split(':').collect();
    if is_plain && parts.len() >= 3 && parts.iter().all(|part| !part.is_empty()) {
        return Ok(text.to_owned());
    }
    Err(
        "a context is written as in system_u:object_r:cert_t:s0; 'ls -Z' shows those of files"
            .to_owned(),
    )
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
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .map_err(|_| "a time is expected as RFC 3339 has it, as in 2026-11-20T08:00:00Z".to_owned())
}

/// A host as it is named in a URL, without the port.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if text.parse::<IpAddr>().is_ok() || !text.is_empty() && text.chars().all(is_name) {
        return Ok(text.to_owned());
    }
    Err("a host name or an IP address is expected, without a port, as in creds.example".to_owned())
}

/// A moment: as RFC 3339 has it, or as a time before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this time.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(TimeDelta),
}

impl Moment {
    /// When that is, seen from `now`.
    #[must_use]
    pub fn seen_from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now - ago,
        }
    }
}

/// A moment in the past.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let at = instant(text).map(Moment::At);
    at.or_else(|_| period(text).map(Moment::Ago)).map_err(|_| {
        "a time is written as 2026-11-20T08:00:00Z, or as so long ago, as in 7d or 12h".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(period("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(period("10m"), Ok(TimeDelta::minutes(10)));
        assert_eq!(period("0s"), Ok(TimeDelta::zero()));
        for text in ["", "d", "10", "-1d", "1.5h", "1y", "99999999999d"] {
            assert!(period(text).is_err(), "{text}");
        }
        assert_eq!(moment("7d"), Ok(Moment::Ago(TimeDelta::days(7))));
        assert!(matches!(moment("2026-11-20T08:00:00Z"), Ok(Moment::At(_))));
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn modes_are_octal_and_contexts_have_three_parts() {
        assert_eq!(mode("0640"), Ok(0o640));
        assert_eq!(mode("640"), Ok(0o640));
        for wrong in ["", "0o640", "+640", "648", "u=rw", "10000", "-1"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
        for good in [
            "system_u:object_r:cert_t:s0",
            "a:b:c",
            "u:r:t:s0-s0:c0.c1023",
        ] {
            assert_eq!(context(good).as_deref(), Ok(good));
        }
        for wrong in ["", "cert_t", "a:b", "a::c:d", "a:b:c d", "a:b:c\n"] {
            assert!(context(wrong).is_err(), "{wrong}");
        }
    }

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
        assert_eq!(period("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(period("2w"), Ok(TimeDelta::days(14)));
        assert_eq!(period("36500d"), Ok(TimeDelta::days(36_500)));
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
            assert!(period(text).is_err(), "{text}");
        }
    }
}
