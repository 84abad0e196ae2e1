//! The values that operators compare.

use std::cmp::Ordering;
use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// A decimal number of any length: account numbers and long fractions must not
/// be rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Decimal {
    /// Digits with a sign and a fraction, both optional; no exponent.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let numeric = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
        if whole.is_empty() || !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        Some(Self {
            negative: negative && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sizes = |one: &Self, two: &Self| {
            one.whole
                .len()
                .cmp(&two.whole.len())
                .then_with(|| one.whole.cmp(&two.whole))
                .then_with(|| one.fraction.cmp(&two.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => sizes(self, other),
            (true, true) => sizes(other, self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A time: a date of ISO 8601 in the forms of the W3C with a day at least, or
/// seconds since 1970. Four digits alone may be a year or seconds, and are
/// neither here.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    if text.bytes().all(|octet| octet.is_ascii_digit()) {
        return (text.len() != 4)
            .then(|| text.parse().ok())
            .flatten()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    }
    let Some((day, clock)) = text.split_once('T') else {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return (text.len() == 10).then(|| date.and_time(NaiveTime::MIN).and_utc());
    };
    // Hours and minutes are enough for the W3C.
    let zone = clock.find(['Z', '+', '-'])?;
    let whole = if zone == 5 {
        format!("{day}T{}:00{}", clock.get(..5)?, clock.get(5..)?)
    } else {
        text.to_owned()
    };
    DateTime::parse_from_rfc3339(&whole)
        .ok()
        .map(|time| time.with_timezone(&Utc))
}

/// A network: an address, and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// An address, or one with `/` and a number of bits.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => longest,
            Some(bits) if bits.bytes().all(|octet| octet.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (bits <= longest).then_some(Self { address, bits })
    }

    /// Whether the address is in it. Bits behind those that count do not matter.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                let shift = 32 - self.bits;
                let first = |address: std::net::Ipv4Addr| u32::from(address).checked_shr(shift);
                first(one) == first(other)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                let shift = 128 - self.bits;
                let first = |address: std::net::Ipv6Addr| u128::from(address).checked_shr(shift);
                first(one) == first(other)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_compared_exactly() {
        let number = |text: &str| Decimal::read(text).unwrap();
        for (less, more) in [
            ("9", "10"),
            ("-10", "-9"),
            ("-0.5", "0"),
            ("0.09", "0.1"),
            ("123456789012345678901", "123456789012345678902"),
        ] {
            assert!(number(less) < number(more), "{less} {more}");
        }
        assert_eq!(number("007.50"), number("7.5"));
        assert_eq!(number("-0"), number("0.0"));
        for bad in ["", "-", ".5", "5.", "1e3", "+1", " 1", "0x1", "1,5"] {
            assert_eq!(Decimal::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_have_a_day_and_a_zone() {
        let seconds = |text: &str| time(text).map(|time| time.timestamp());
        for good in [
            "2026-06-01T12:00:00Z",
            "2026-06-01T12:00:00.000Z",
            "2026-06-01T12:00Z",
            "2026-06-01T14:00+02:00",
            "2026-06-01T10:30:00-01:30",
            "1780315200",
        ] {
            assert_eq!(seconds(good), Some(1_780_315_200), "{good}");
        }
        assert_eq!(seconds("2026-06-01"), Some(1_780_272_000));
        for bad in [
            "2026",
            "2026-06",
            "2026-6-1",
            "2026-06-01T12Z",
            "2026-06-01T12:00:00",
            "T",
            "",
            "now",
            "99999999999999999999",
            "2026-06-01 12:00:00Z",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn networks_contain_their_addresses_alone() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.9", true),
            ("203.0.113.7/24", "203.0.113.9", true),
            ("203.0.113.0/24", "203.0.114.9", false),
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("0.0.0.0/0", "203.0.113.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network = Network::read(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected);
        }
        for bad in [
            "",
            "x",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "::/129",
            "1.2.3/8",
        ] {
            assert_eq!(Network::read(bad), None, "{bad}");
        }
    }
}
