//! What is told, over runs of cron.

use crate::pki::SerialNumber;

use super::super::backoff::Failures;
use super::super::bearing::Bearing;
use super::super::schedule::{Life, Rule};
use super::super::spread::Whose;
use super::super::standing::{Reason, Standing};
use super::super::state::{Failure, State, Step};
use super::super::{Cause, Error};
use super::*;

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// An identity of thirty days whose renewal fails at each run.
struct Failing {
    state: State,
    prospect: Prospect,
}

impl Failing {
    fn new(prospect: Prospect) -> Self {
        Self {
            state: State::default(),
            prospect,
        }
    }

    fn report(&self, seconds: i64, words: &str) -> Report {
        let life = Life {
            obtained: at(0),
            not_after: at(30 * DAY),
            issuer_not_after: None,
        };
        let serial = SerialNumber::from_magnitude(&[1, 2, 3]).unwrap();
        let whose = Whose {
            serial: Some(&serial),
            host: "host",
        };
        let due = life.due(Rule::Usual, &whose);
        let failure = Failure::new(
            at(seconds),
            Step::Staged,
            words,
            Bearing {
                prospect: self.prospect,
                fault: None,
            },
        );
        let mut state = self.state.clone();
        state.failures = Some(Failures::after(None, at(seconds), self.prospect));
        state.last_failure = Some(failure.clone());
        Report {
            done: Done::Failed(failure),
            standing: Standing {
                version: None,
                certificate: None,
                due: Some(due),
                urgency: due.urgency(at(seconds)),
                word: Word::Nothing,
                reason: Some(Reason::Life(Cause::TwoThirds)),
                next_try: None,
                opens: None,
                is_closed: false,
                state,
                at: at(seconds),
            },
            notes: Vec::new(),
            hooks: Vec::new(),
            fixed: None,
        }
    }

    fn run(&mut self, seconds: i64, words: &str) -> bool {
        let tidings = self.report(seconds, words).tidings();
        self.state.told = tidings.told;
        tidings.renewal
    }

    /// What was left, in hours, whenever it was told by a run each quarter of an hour.
    fn told_until_the_end(&mut self) -> Vec<i64> {
        let runs = (20 * DAY..30 * DAY).step_by(900);
        runs.filter(|now| self.run(*now, "no route to 192.0.2.1"))
            .map(|now| (30 * DAY - now) / HOUR)
            .collect()
    }
}

/// L15 of what is known to go wrong: silence until it has expired.
#[test]
fn an_outage_is_told_at_first_and_the_more_the_nearer_the_end_is() {
    let told = Failing::new(Prospect::Passing).told_until_the_end();
    let (early, late): (Vec<i64>, Vec<i64>) = told.iter().partition(|left| **left > 5 * 24);
    // When it is due, when it is overdue, at the rung of seven days, a day later.
    assert_eq!(early, [240, 179, 168, 144]);
    assert!(late.len() > 100, "{late:?}");
    // Each hour of the last five days.
    let each: Vec<i64> = (1..5 * 24).collect();
    assert!(each.iter().all(|hour| late.contains(hour)), "{late:?}");
    let much = late.iter().filter(|left| **left >= 24).count();
    assert!(much < 120, "{late:?}");
}

#[test]
fn what_somebody_has_to_mend_is_told_each_day() {
    let told = Failing::new(Prospect::Lasting).told_until_the_end();
    let early: Vec<i64> = told.into_iter().filter(|left| *left > 7 * 24).collect();
    assert_eq!(early, [240, 216, 192, 179]);
}

#[test]
fn another_failure_is_news_and_other_numbers_in_it_are_not() {
    let mut failing = Failing::new(Prospect::Passing);
    let now = 20 * DAY;
    assert!(failing.run(now, "process 17 was killed"));
    assert!(!failing.run(now + 60, "process 18 was killed"));
    assert!(failing.run(now + 120, "the disk is full"));
    // They take turns.
    assert!(!failing.run(now + 180, "process 19 was killed"));
    assert!(!failing.run(now + 240, "the disk is full"));
    // Words that are always new are told as often as the first ones.
    let new = |count: u8| "x".repeat(usize::from(count));
    let told = (1..100).filter(|count| failing.run(now + 300, &new(*count)));
    assert_eq!(told.count(), MOST_OF_RENEWAL - 2);
    assert!(failing.state.told.len() <= MOST_OF_RENEWAL);
}

#[test]
fn a_clock_that_was_set_back_hides_nothing() {
    let mut failing = Failing::new(Prospect::Passing);
    assert!(failing.run(29 * DAY, "down"));
    assert!(failing.run(21 * DAY, "down"));
    assert!(!failing.run(21 * DAY + 900, "down"));
    assert!(failing.run(29 * DAY, "down"));
}

#[test]
fn what_fails_beside_is_told_each_day_until_it_is_mended() {
    let failing = Failing::new(Prospect::Passing);
    let mut state = State::default();
    let mut run = |seconds, note: Option<&str>, fixed: bool| {
        let mut report = failing.report(seconds, "");
        report.done = Done::Nothing;
        report.standing.reason = None;
        report.standing.state.told.clone_from(&state.told);
        report.notes.extend(note.map(str::to_owned));
        report.fixed = fixed.then(|| Error::NoCurrent {
            newest: crate::store::VersionNumber::FIRST,
            last: None,
        });
        let tidings = report.tidings();
        state.told.clone_from(&tidings.told);
        assert!(!tidings.renewal);
        (tidings.notes.len(), tidings.fixed)
    };
    let hook = Some("the hook nginx failed");
    assert_eq!(run(0, hook, true), (1, true));
    assert_eq!(run(900, hook, true), (0, false));
    assert_eq!(run(DAY, hook, true), (1, true));
    assert_eq!(run(DAY + 900, None, true), (0, false));
    assert_eq!(run(DAY + 1800, hook, true), (1, false));
}

#[test]
fn hooks_whose_names_differ_in_a_number_are_both_told() {
    let failing = Failing::new(Prospect::Passing);
    let mut told = Vec::new();
    let mut run = |seconds| {
        let mut report = failing.report(seconds, "");
        report.done = Done::Nothing;
        report.standing.reason = None;
        report.standing.state.told.clone_from(&told);
        let hooks = ["web-1", "web-2"].map(|name| format!("the hook reload-{name} failed"));
        report.notes.extend(hooks);
        let tidings = report.tidings();
        told.clone_from(&tidings.told);
        tidings.notes.len()
    };
    assert_eq!(run(0), 2);
    assert_eq!(run(900), 0);
    assert_eq!(run(DAY), 2);
}
