//! Work on all cores.

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

/// Rows that are being signed.
pub(super) struct Flight<'scope, 'a>(Vec<ScopedJoinHandle<'scope, Vec<Signed<'a>>>>);

impl<'scope, 'a: 'scope> Flight<'scope, 'a> {
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        (press, actor): (Press<'a>, &'a str),
        mut rows: Vec<Signed<'a>>,
        jobs: usize,
    ) -> Self {
        let share = rows.len().div_ceil(jobs.max(1)).max(1);
        let mut threads = Vec::new();
        while !rows.is_empty() {
            let some = rows.split_off(rows.len().saturating_sub(share));
            threads.push(scope.spawn(move || {
                some.into_iter()
                    .map(|row| row.sign(press, actor))
                    .collect::<Vec<_>>()
            }));
        }
        Self(threads)
    }

    /// Waits for them.
    pub(super) fn land(self) -> Vec<Signed<'a>> {
        self.0.into_iter().flat_map(joined).collect()
    }
}
