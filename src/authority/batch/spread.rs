//! Work on all cores.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Scope, ScopedJoinHandle};

use crate::authority::Error;
use crate::authority::draft::{Draft, Press, Product};
use crate::pki::SerialNumber;

/// Does the same with each item, by so many threads, and gives the results in
/// the order of the items.
pub fn spread<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(jobs.max(1)).max(1);
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = items
            .chunks(share)
            .map(|some| scope.spawn(move || some.iter().map(work).collect::<Vec<R>>()))
            .collect();
        threads.into_iter().flat_map(joined).collect()
    })
}

/// What a thread has made; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A row whose serial number is reserved, and what signing it gave.
pub(super) struct Signed<'a> {
    pub(super) row: usize,
    pub(super) draft: Draft<'a>,
    pub(super) serial: SerialNumber,
    pub(super) product: Option<Product>,
    pub(super) error: Option<Error>,
}

impl<'a> Signed<'a> {
    pub(super) const fn new(row: usize, draft: Draft<'a>, serial: SerialNumber) -> Self {
        Self {
            row,
            draft,
            serial,
            product: None,
            error: None,
        }
    }

    fn sign(mut self, press: Press<'_>, actor: &str) -> Self {
        match press.sign(&self.draft, &self.serial) {
            Ok(certificate) => self.product = Some(Product::of(&self.draft, certificate, actor)),
            Err(failure) => self.error = Some(failure.error),
        }
        self
    }
}

/// Threads that sign for a batch, each from the first rows that it is given to
/// the end: to begin threads for every hundred rows costs as much as a tenth of
/// their signatures.
pub(super) struct Crew<'scope, 'env, 'a> {
    scope: &'scope Scope<'scope, 'env>,
    press: Press<'a>,
    actor: &'a str,
    jobs: usize,
    hands: Vec<Hand<'scope, 'a>>,
    /// How many of them have rows.
    busy: usize,
}

/// One thread.
struct Hand<'scope, 'a> {
    rows: Sender<Vec<Signed<'a>>>,
    signed: Receiver<Vec<Signed<'a>>>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope, 'env, 'a: 'scope> Crew<'scope, 'env, 'a> {
    pub(super) const fn new(
        scope: &'scope Scope<'scope, 'env>,
        (press, actor): (Press<'a>, &'a str),
        jobs: usize,
    ) -> Self {
        Self {
            scope,
            press,
            actor,
            jobs,
            hands: Vec::new(),
            busy: 0,
        }
    }

    /// Lets rows be signed, after those before have landed.
    pub(super) fn start(&mut self, mut rows: Vec<Signed<'a>>) {
        let share = rows.len().div_ceil(self.jobs.max(1)).max(1);
        self.busy = 0;
        while !rows.is_empty() {
            let rest = rows.split_off(share.min(rows.len()));
            let some = std::mem::replace(&mut rows, rest);
            if self.busy == self.hands.len() {
                let hand = self.begin();
                self.hands.push(hand);
            }
            // A thread that has ended shows when it is waited for.
            if let Some(hand) = self.hands.get(self.busy) {
                let _ = hand.rows.send(some);
            }
            self.busy += 1;
        }
    }

    fn begin(&self) -> Hand<'scope, 'a> {
        let (rows, given) = mpsc::channel::<Vec<Signed<'a>>>();
        let (done, signed) = mpsc::channel();
        let (press, actor) = (self.press, self.actor);
        let thread = self.scope.spawn(move || {
            // It ends when the crew does, or when nobody waits for it any more.
            for some in given {
                let some: Vec<_> = some.into_iter().map(|row| row.sign(press, actor)).collect();
                if done.send(some).is_err() {
                    return;
                }
            }
        });
        Hand {
            rows,
            signed,
            thread,
        }
    }

    /// Waits for what was started last, and gives it in its order.
    pub(super) fn land(&mut self) -> Vec<Signed<'a>> {
        let mut all = Vec::new();
        let mut ended = None;
        for (index, hand) in self.hands.iter().take(self.busy).enumerate() {
            match hand.signed.recv() {
                Ok(some) => all.extend(some),
                Err(_) => ended = Some(index),
            }
        }
        self.busy = 0;
        if let Some(index) = ended {
            joined(self.hands.swap_remove(index).thread);
        }
        all
    }
}
