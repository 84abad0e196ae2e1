//! The tokens of IMDSv2. Nothing is remembered of them, so nobody can crowd out
//! those of others: a token bears its own life, under an HMAC.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::hmac;
use ring::rand::SystemRandom;
use subtle::ConstantTimeEq;

use crate::random;
use crate::secret::Secret;

/// When it begins and ends, in milliseconds since 1970, 8 octets each.
const LIFE: usize = 16;

/// What makes two tokens of one moment differ.
const RANDOM: usize = 16;

/// HMAC-SHA256 over both.
const TAG: usize = 32;

/// Makes and judges tokens, with a key that this process alone has: those of
/// an earlier process are good for nothing.
#[derive(Debug)]
pub(super) struct Tokens {
    /// `None` when the operating system gave no randomness.
    key: Option<hmac::Key>,
}

impl Default for Tokens {
    fn default() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self { key: key.ok() }
    }
}

/// Whether two tokens are the same, in a time that depends on their lengths
/// alone.
pub(super) fn same(known: &Secret, given: &[u8]) -> bool {
    known.expose().ct_eq(given).into()
}

impl Tokens {
    /// Makes one that lasts for so many seconds; `None` when the operating
    /// system gives no randomness.
    pub(super) fn issue(&self, seconds: u32, now: DateTime<Utc>) -> Option<String> {
        let random = random::octets::<RANDOM>()?;
        let begins = now.timestamp_millis();
        let ends = begins.checked_add(i64::from(seconds) * 1000)?;
        let mut token = Vec::with_capacity(LIFE + RANDOM + TAG);
        token.extend(begins.to_be_bytes());
        token.extend(ends.to_be_bytes());
        token.extend(random);
        let tag = hmac::sign(self.key.as_ref()?, &token);
        token.extend(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// For how many seconds the token is still good; `None` when it is not.
    pub(super) fn seconds_left(&self, given: &[u8], now: DateTime<Utc>) -> Option<i64> {
        let token = URL_SAFE_NO_PAD.decode(given).ok()?;
        let (signed, tag) = token.split_at_checked(LIFE + RANDOM)?;
        // In constant time, whatever it says.
        hmac::verify(self.key.as_ref()?, signed, tag).ok()?;
        let (begins, rest) = signed.split_first_chunk()?;
        let (begins, ends) = (i64::from_be_bytes(*begins), rest.first_chunk()?);
        let (ends, now) = (i64::from_be_bytes(*ends), now.timestamp_millis());
        // A clock that was set back does not make a token last longer.
        (begins..ends).contains(&now).then(|| (ends - now) / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    /// There is no table that could grow, and none from which one could fall.
    #[test]
    fn f14_however_many_are_asked_for_none_goes() {
        let tokens = Tokens::default();
        let issued: Vec<String> = (0..2000)
            .map(|_| tokens.issue(21_600, at(0)).unwrap())
            .collect();
        let good = |token: &String| tokens.seconds_left(token.as_bytes(), at(1)) == Some(21_599);
        assert!(issued.iter().all(good));
        let different: std::collections::BTreeSet<_> = issued.iter().collect();
        assert_eq!(different.len(), issued.len());
    }

    #[test]
    fn a_token_ends_by_the_clock_and_is_known_as_a_whole_only() {
        let tokens = Tokens::default();
        let token = tokens.issue(10, at(0)).unwrap();
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(0)), Some(10));
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(9)), Some(1));
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(10)), None);
        assert_eq!(tokens.seconds_left(token.as_bytes(), at(-1)), None);
        for end in 0..token.len() {
            assert_eq!(tokens.seconds_left(&token.as_bytes()[..end], at(0)), None);
        }
        assert_eq!(tokens.seconds_left(&token.as_bytes()[1..], at(0)), None);
        let longer = format!("{token}A");
        assert_eq!(tokens.seconds_left(longer.as_bytes(), at(0)), None);
        assert_eq!(token.len(), 86);
    }

    #[test]
    fn nobody_can_make_or_change_one() {
        let tokens = Tokens::default();
        let token = tokens.issue(10, at(0)).unwrap();
        let octets = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for index in 0..octets.len() {
            let mut changed = octets.clone();
            changed[index] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(tokens.seconds_left(changed.as_bytes(), at(0)), None);
        }
        // Another process has another key.
        let other = Tokens::default();
        assert_eq!(other.seconds_left(token.as_bytes(), at(0)), None);
    }
}
