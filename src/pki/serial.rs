//! Serial numbers: up to 20 octets, positive (RFC 5280 section 4.1.2.2).

use std::fmt;
use std::str::FromStr;

use x509_parser::num_bigint::BigUint;

/// A certificate's serial number: positive, non-zero, at most 20 octets.
///
/// The sign octet that DER puts before a number with its highest bit set is not
/// counted: RFC 5280 forbids such numbers of 20 octets, but they are in use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber {
    /// The octets, and zeros behind them: in place, since a revocation list may
    /// have a million.
    octets: [u8; Self::MAX_OCTETS],
    length: u8,
}

impl SerialNumber {
    /// Most octets of the number (RFC 5280 section 4.1.2.2).
    pub const MAX_OCTETS: usize = 20;

    /// Takes the content octets of a DER INTEGER. `None` when the number is
    /// negative, zero or longer than 20 octets.
    #[must_use]
    pub fn from_der_content(content: &[u8]) -> Option<Self> {
        if content.first()? & 0x80 != 0 {
            return None;
        }
        Self::from_magnitude(content)
    }

    /// Takes an unsigned big-endian number. `None` when it is zero or longer than
    /// 20 octets.
    #[must_use]
    pub fn from_magnitude(bytes: &[u8]) -> Option<Self> {
        let first = bytes.iter().position(|octet| *octet != 0)?;
        let magnitude = bytes.get(first..)?;
        let mut octets = [0; Self::MAX_OCTETS];
        octets
            .get_mut(..magnitude.len())?
            .copy_from_slice(magnitude);
        Some(Self {
            octets,
            length: u8::try_from(magnitude.len()).ok()?,
        })
    }

    /// The number as unsigned big-endian octets without leading zeros.
    #[must_use]
    pub fn magnitude(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// Whether the content octets of a DER INTEGER are this number, in its one
    /// encoding.
    pub(super) fn is_content_of(&self, content: &[u8]) -> bool {
        let magnitude = self.magnitude();
        let needs_sign = magnitude.first().is_some_and(|first| *first >= 0x80);
        match content {
            [0, rest @ ..] => rest == magnitude && needs_sign,
            _ => content == magnitude && !needs_sign,
        }
    }

    /// The number as far as 64 bits go, and the largest that they hold beyond.
    #[must_use]
    pub fn saturating(&self) -> u64 {
        let magnitude = self.magnitude();
        if magnitude.len() > 8 {
            return u64::MAX;
        }
        magnitude
            .iter()
            .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
    }

    /// The number in decimal, as the credential of an `AWS4-X509` signature
    /// names it (up to 49 digits).
    #[must_use]
    pub fn decimal(&self) -> String {
        BigUint::from_bytes_be(self.magnitude()).to_str_radix(10)
    }

    /// The number in lowercase hex, padded to an even number of digits: the
    /// form in which AWS writes the default role session name.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.magnitude())
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({})", self.hex())
    }
}

impl FromStr for SerialNumber {
    type Err = String;

    /// Reads hex, with or without colons, `0x` and leading zeros, as OpenSSL
    /// and browsers print serial numbers.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text)
            .chars()
            .filter(|character| *character != ':')
            .collect();
        let even = if digits.len().is_multiple_of(2) {
            digits
        } else {
            format!("0{digits}")
        };
        hex::decode(even)
            .ok()
            .and_then(|bytes| Self::from_magnitude(&bytes))
            .ok_or_else(|| "not a serial number: up to 20 octets in hex, not zero".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_octets_print_as_forty_nine_digits_at_most() {
        let serial: SerialNumber = "61d5692c1982239b82255b38e6ced2aa34712ff0".parse().unwrap();
        assert_eq!(
            serial.decimal(),
            "558531325293552856618164306287249684609046228976"
        );
        let largest = SerialNumber::from_der_content(&[&[0][..], &[0xff; 20]].concat()).unwrap();
        assert_eq!(largest.hex(), "ff".repeat(20));
        assert_eq!(largest.decimal().len(), 49);
    }

    #[test]
    fn what_is_beyond_64_bits_is_the_largest() {
        let number = |hex: &str| hex.parse::<SerialNumber>().unwrap().saturating();
        assert_eq!(number("0102"), 258);
        assert_eq!(number("ffffffffffffffff"), u64::MAX);
        assert_eq!(number("010000000000000000"), u64::MAX);
    }

    #[test]
    fn odd_hex_is_padded_and_leading_zeros_are_dropped() {
        let serial: SerialNumber = "0x123".parse().unwrap();
        assert_eq!(
            (serial.decimal(), serial.hex()),
            ("291".into(), "0123".into())
        );
        assert_eq!("00:01:23".parse::<SerialNumber>().unwrap(), serial);
    }

    #[test]
    fn zero_negative_and_overlong_are_refused() {
        assert_eq!(SerialNumber::from_der_content(&[0]), None);
        assert_eq!(SerialNumber::from_der_content(&[0xff]), None);
        assert_eq!(SerialNumber::from_der_content(&[0x01; 21]), None);
        assert_eq!(SerialNumber::from_magnitude(&[0x80; 21]), None);
        assert!("xyz".parse::<SerialNumber>().is_err());
    }
}
