//! The end of what a program says, however much that is.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use crate::text;

/// Reads to the end on a thread of its own, and keeps the last octets.
pub(super) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    /// Told when the last holder of the pipe has closed it.
    closed: mpsc::Receiver<()>,
    keep: usize,
}

impl Tail {
    pub(super) fn of(mut from: impl Read + Send + 'static, keep: usize) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, closed) = mpsc::channel();
        let keeper = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                match from.read(&mut piece) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(count) => {
                        let mut kept = locked(&keeper);
                        kept.extend(&piece[..count]);
                        // One more, which tells that something is missing.
                        let surplus = kept.len().saturating_sub(keep.saturating_add(1));
                        kept.drain(..surplus);
                    }
                }
            }
            // Nobody may listen any more.
            let _ = sender.send(());
        });
        Self { kept, closed, keep }
    }

    /// What was kept, once the pipe is closed or `patience` is over: without
    /// control characters, and with an ellipsis where the beginning is missing.
    pub(super) fn after(self, patience: Duration) -> String {
        let _ = self.closed.recv_timeout(patience);
        let mut kept = locked(&self.kept);
        let is_cut = kept.len() > self.keep;
        if is_cut {
            kept.pop_front();
        }
        let said = String::from_utf8_lossy(kept.make_contiguous());
        let shown = text::printable(said.trim(), self.keep);
        if is_cut { format!("…{shown}") } else { shown }
    }
}

/// A thread that panicked has left octets all the same.
fn locked(kept: &Mutex<VecDeque<u8>>) -> MutexGuard<'_, VecDeque<u8>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
