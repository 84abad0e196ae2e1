//! `--adverse`: what AWS does not promise is another one in each answer, so that
//! a client that has come to rely on it fails here and not one day in
//! production. What is promised stays as it is.

mod body;
mod wire;

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use fastrand::Rng;

use super::draft::{Draft, JSON, XML, http_date};
use super::faults::{Fault, Spoilt, SpoiltSession, SpoiltWire};

/// One request in so many is not answered but told to come back, and never two
/// in a row.
const FAILS: u64 = 20;

/// The least part of the time that was asked for that a session lasts, in
/// percent.
const LEAST_LIFE: u8 = 50;

/// An order of names in headers of the service, each of which it may have one day.
const REQUEST_IDS: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"];

/// What varies at random: the same for the same seed and the same requests in
/// the same order.
#[derive(Debug)]
pub struct Adversity {
    seed: u64,
    requests: AtomicU64,
}

impl Adversity {
    /// Nothing was answered yet.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            requests: AtomicU64::new(0),
        }
    }

    /// What happens to the next request.
    pub(super) fn next(&self) -> Mood {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut mood = Mood::of(self.seed, number);
        let before = number.checked_sub(1);
        if before.is_some_and(|before| Mood::of(self.seed, before).fails) {
            mood.fails = false;
        }
        mood
    }
}

/// What happens to one request.
#[derive(Debug)]
pub(super) struct Mood {
    random: Rng,
    fails: bool,
}

impl Mood {
    fn of(seed: u64, number: u64) -> Self {
        // Neighbouring seeds of the generator are no neighbours in what it gives
        // after the first few.
        let mut random = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
        for _ in 0..4 {
            random.u64(..);
        }
        let fails = random.u64(..FAILS) == 0;
        Self { random, fails }
    }

    /// What it does instead of an answer, or to the session.
    pub(super) fn fault(&mut self) -> Fault {
        let spoilt = if self.fails {
            let status = pick(&mut self.random, &[429, 500, 503]);
            Spoilt::Wire(SpoiltWire::Status(status, None))
        } else {
            let percent = self.random.u8(LEAST_LIFE..=100);
            Spoilt::Session(SpoiltSession::Short(percent))
        };
        Fault {
            spoilt: Some(spoilt),
            ..Fault::default()
        }
    }

    /// The same answer in another form; and its bytes, where they are to be
    /// written as they are, before the connection is closed.
    pub(super) fn vary(mut self, mut draft: Draft) -> (Draft, Option<Vec<u8>>) {
        let random = &mut self.random;
        if draft.status >= 500 || draft.status == 429 {
            retry_after(random, &mut draft);
        }
        match draft.content_type {
            JSON => body::json(random, &mut draft),
            XML => body::xml(random, &mut draft),
            _ => {}
        }
        let wire = random.bool().then(|| wire::bytes(random, &draft));
        (draft, wire)
    }
}

/// Seconds, a date, or nothing: what clients have to come back without.
fn retry_after(random: &mut Rng, draft: &mut Draft) {
    let seconds = random.u8(0..=1);
    let value = match random.u8(..3) {
        0 => return,
        1 => seconds.to_string(),
        _ => http_date(draft.now + TimeDelta::seconds(i64::from(seconds))),
    };
    draft.headers.push(("retry-after", value));
}

/// One of them. There is always one.
fn pick<T: Copy>(random: &mut Rng, among: &[T]) -> T {
    among[random.usize(..among.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_day() {
        let day = |seed| {
            let adversity = Adversity::new(seed);
            let faults = (0..200).map(|_| adversity.next().fault());
            faults.collect::<Vec<_>>()
        };
        assert_eq!(day(7), day(7));
        assert_ne!(day(7), day(8));
    }

    #[test]
    fn few_requests_fail_and_never_two_in_a_row() {
        let adversity = Adversity::new(1);
        let fails: Vec<bool> = (0..10_000).map(|_| adversity.next().fails).collect();
        let count = fails.iter().filter(|fails| **fails).count();
        assert!((350..650).contains(&count), "{count}");
        assert!(!fails.windows(2).any(|pair| pair[0] && pair[1]));
    }
}
