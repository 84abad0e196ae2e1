//! The handle of a key that is loaded in a TPM.

use std::fmt;
use std::str::FromStr;

/// A key in a TPM, by its handle: a persistent one (`0x81…`, made with
/// `tpm2_evictcontrol`) or a transient one that another program has loaded
/// (`0x80…`; a resource manager shows each program its own only).
///
/// Written `0x81000001` or `81000001`, hexadecimal in both, as the official
/// helper reads it after `handle:`; [`FromStr`] takes it with and without that
/// prefix and [`Display`](fmt::Display) writes `handle:0x81000001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmHandle(u32);

impl TpmHandle {
    /// The handle's number (TPM 2.0 Library, part 2, 7.1).
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for TpmHandle {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number >> 24 {
            0x80 | 0x81 => Ok(Self(number)),
            _ => Err("a key's handle begins with 0x81 (persistent) or 0x80 (transient)".to_owned()),
        }
    }
}

impl FromStr for TpmHandle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("handle:").unwrap_or(text);
        let digits = number
            .strip_prefix("0x")
            .or_else(|| number.strip_prefix("0X"))
            .unwrap_or(number);
        // from_str_radix alone would take a sign.
        let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !all_hex || digits.len() != 8 {
            return Err(
                "not a TPM handle of eight hexadecimal digits such as 0x81000001".to_owned(),
            );
        }
        u32::from_str_radix(digits, 16)
            .map_err(|error| error.to_string())?
            .try_into()
    }
}

impl fmt::Display for TpmHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle:0x{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_in_hexadecimal_and_written_with_their_prefix() {
        for text in [
            "handle:0x81000001",
            "handle:81000001",
            "0x81000001",
            "0X81000001",
        ] {
            let handle: TpmHandle = text.parse().unwrap();
            assert_eq!(handle.number(), 0x8100_0001);
            assert_eq!(handle.to_string(), "handle:0x81000001");
        }
        assert!("handle:0x80ffFFfe".parse::<TpmHandle>().is_ok());
    }

    #[test]
    fn what_is_no_key_handle_is_refused() {
        for text in [
            "",
            "handle:",
            "handle:0x",
            "0x",
            "+1000001",
            "0x+1000001",
            "0x810000011",
            "0x8100001",
            "0x40000001",
            "0x01000000",
            "2164260865",
            "handle:handle:0x81000001",
            "0x8100000é",
        ] {
            assert!(text.parse::<TpmHandle>().is_err(), "{text}");
        }
    }
}
