//! A bounded queue between those who have something to say and whoever reads it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::limits;

/// Lines on their way to stderr or stdout, which a thread of its own writes. That
/// thread may be stuck for as long as it likes, and ends with the process.
#[derive(Debug)]
pub(super) struct Queue {
    lines: SyncSender<String>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    /// Lines that were taken and are not written yet.
    waiting: Mutex<usize>,
    written: Condvar,
}

impl Shared {
    fn count(&self, change: impl FnOnce(&mut usize)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Queue {
    /// Starts the thread, of this name. `tell` says how many lines were dropped.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(super) fn start(
        name: &str,
        write: fn(&str),
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (lines, taken) = sync_channel(limits::MAX_QUEUED_LINES);
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&taken, &own, write, &tell))?;
        Ok(Self { lines, shared })
    }

    /// Adds a line, or counts it when there is no room.
    pub(super) fn put(&self, line: String) {
        self.shared.count(|waiting| *waiting += 1);
        if self.lines.try_send(line).is_err() {
            self.shared.count(|waiting| *waiting -= 1);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, at most for so long.
    pub(super) fn flush(&self, longest: Duration) {
        let waiting = self.shared.waiting.lock();
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let left = |waiting: &mut usize| *waiting > 0;
        drop(
            self.shared
                .written
                .wait_timeout_while(waiting, longest, left),
        );
    }
}

fn work(lines: &Receiver<String>, shared: &Shared, write: fn(&str), tell: &impl Fn(u64)) {
    while let Ok(line) = lines.recv() {
        write(&line);
        let dropped = shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tell(dropped);
        }
        shared.count(|waiting| *waiting -= 1);
        shared.written.notify_all();
    }
}
