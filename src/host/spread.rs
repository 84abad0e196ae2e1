//! Spreading the acts of many hosts over time, without chance.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::pki::SerialNumber;

/// For which certificate and on which host something is spread.
///
/// A number drawn at every look would not do: the first look at which it is low
/// enough decides, so that with frequent looks all hosts act at the early end of
/// their span. One that is computed is the same at each look.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The certificate's serial number; `None` before there is one.
    pub serial: Option<&'a SerialNumber>,
    /// What tells hosts apart that were given the same certificate:
    /// the machine id or the host's name.
    pub host: &'a str,
}

impl Whose<'_> {
    /// A share of `span` from none up to, and not including, all of it, to the
    /// second. `purpose` and `count` keep one share apart from another.
    pub(super) fn share(&self, purpose: &str, count: u32, span: TimeDelta) -> TimeDelta {
        let Ok(span) = u64::try_from(span.num_milliseconds()) else {
            return TimeDelta::zero();
        };
        // The product's upper half: span times a fraction of 2^64.
        let product = u128::from(span) * u128::from(self.number(purpose, count));
        let share = i64::try_from(product >> 64).unwrap_or(0);
        TimeDelta::seconds(share / 1000)
    }

    /// The first 8 octets of a SHA-256. No part can be taken for another: the
    /// purpose ends with a zero, the count has 4 octets, the serial number begins
    /// with its length, and the host is the rest.
    fn number(&self, purpose: &str, count: u32) -> u64 {
        let serial = self.serial.map_or(&[][..], SerialNumber::magnitude);
        let mut hash = Sha256::new();
        hash.update(b"windlass spread 1 ");
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(count.to_be_bytes());
        hash.update([u8::try_from(serial.len()).unwrap_or(u8::MAX)]);
        hash.update(serial);
        hash.update(self.host.as_bytes());
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        u64::from_be_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(serial: u8, host: &str, purpose: &str, count: u32) -> i64 {
        let serial = SerialNumber::from_magnitude(&[serial]).unwrap();
        let whose = Whose {
            serial: Some(&serial),
            host,
        };
        whose
            .share(purpose, count, TimeDelta::days(1000))
            .num_seconds()
    }

    #[test]
    fn a_share_is_a_fixed_function_of_all_that_it_is_for() {
        let one = share(1, "a", "renewal", 0);
        assert_eq!(one, share(1, "a", "renewal", 0));
        for other in [
            share(2, "a", "renewal", 0),
            share(1, "b", "renewal", 0),
            share(1, "a", "pause", 0),
            share(1, "a", "renewal", 1),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_function_stays_as_it_is() {
        // A version that computes another share moves the renewals of a fleet
        // that is updated, and a host's two versions disagree.
        // printf 'windlass spread 1 renewal\0\0\0\0\0\001\001a' | sha256sum
        // begins with bf26ece49b9bab0a, of 2^64 the share 0.7467: 64513817 of
        // 86400000 seconds.
        assert_eq!(share(1, "a", "renewal", 0), 64_513_817);
    }

    #[test]
    fn there_is_no_share_of_nothing() {
        let whose = Whose {
            serial: None,
            host: "",
        };
        for span in [TimeDelta::zero(), TimeDelta::days(-1), TimeDelta::MIN] {
            assert_eq!(whose.share("renewal", 0, span), TimeDelta::zero());
        }
        let most = whose.share("renewal", 0, TimeDelta::MAX);
        assert!(most < TimeDelta::MAX && most > TimeDelta::zero());
    }
}
