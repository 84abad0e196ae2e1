//! The tokens of IMDSv2: how many there are is bounded, and they end.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

use crate::limits;
use crate::secret::Secret;

/// The tokens that were given out and have not ended, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Tokens(VecDeque<Issued>);

#[derive(Debug)]
struct Issued {
    token: Secret,
    begins: DateTime<Utc>,
    ends: DateTime<Utc>,
}

impl Issued {
    /// A clock that was set back does not make a token last longer.
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.begins <= now && now < self.ends
    }
}

/// 256 random bits in URL-safe base64; `None` when the operating system gives
/// no randomness.
pub(super) fn random() -> Option<String> {
    let mut octets = zeroize::Zeroizing::new([0; 32]);
    SystemRandom::new().fill(octets.as_mut()).ok()?;
    Some(URL_SAFE_NO_PAD.encode(octets.as_ref()))
}

/// Whether two tokens are the same, in a time that depends on their lengths
/// alone.
pub(super) fn same(known: &Secret, given: &[u8]) -> bool {
    known.expose().ct_eq(given).into()
}

impl Tokens {
    /// Makes one that lasts for so many seconds. When there are too many, those
    /// that have ended go first, then the oldest.
    pub(super) fn issue(&mut self, seconds: u32, now: DateTime<Utc>) -> Option<String> {
        let token = random()?;
        if self.0.len() >= limits::MAX_IMDS_TOKENS {
            self.0.retain(|issued| issued.is_good(now));
        }
        while self.0.len() >= limits::MAX_IMDS_TOKENS {
            self.0.pop_front();
        }
        self.0.push_back(Issued {
            token: Secret::from(token.clone()),
            begins: now,
            ends: now + TimeDelta::seconds(i64::from(seconds)),
        });
        Some(token)
    }

    /// For how many seconds the token is still good; `None` when it is not.
    pub(super) fn seconds_left(&self, given: &[u8], now: DateTime<Utc>) -> Option<i64> {
        // The youngest first: it is the one that is used.
        let found = self
            .0
            .iter()
            .rev()
            .find(|issued| same(&issued.token, given))?;
        found.is_good(now).then(|| (found.ends - now).num_seconds())
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn f14_the_table_is_bounded_and_the_oldest_goes() {
        let mut tokens = Tokens::default();
        let issued: Vec<String> = (0..2000)
            .map(|_| tokens.issue(21_600, at(0)).unwrap())
            .collect();
        assert_eq!(tokens.len(), limits::MAX_IMDS_TOKENS);
        let good = |token: &String| tokens.seconds_left(token.as_bytes(), at(1)).is_some();
        let first_kept = issued.len() - limits::MAX_IMDS_TOKENS;
        assert!(!issued[..first_kept].iter().any(good));
        assert!(issued[first_kept..].iter().all(good));
    }

    #[test]
    fn f14_what_has_ended_goes_before_what_is_good() {
        let mut tokens = Tokens::default();
        let long = tokens.issue(21_600, at(0)).unwrap();
        for _ in 1..limits::MAX_IMDS_TOKENS {
            tokens.issue(1, at(0)).unwrap();
        }
        tokens.issue(60, at(1)).unwrap();
        assert_eq!(tokens.len(), 2);
        assert!(tokens.seconds_left(long.as_bytes(), at(1)).is_some());
    }

    #[test]
    fn a_token_ends_by_the_clock_and_is_known_as_a_whole_only() {
        let mut tokens = Tokens::default();
        let token = tokens.issue(10, at(0)).unwrap();
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(0)), Some(10));
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(9)), Some(1));
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(10)), None);
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(-1)), None);
        assert_eq!(tokens.seconds_left(&token.as_bytes()[1..], at(0)), None);
        assert_eq!(tokens.seconds_left(b"", at(0)), None);
        assert_eq!(token.len(), 43);
    }
}
