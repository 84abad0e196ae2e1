//! A keeper with a thread of its own, since asking for a session blocks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::Clock;
use crate::limits;

use super::super::super::{Failure, Prospect, Provider};
use super::{Keeper, View};

/// Something that the log should know.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A session was granted.
    Granted,
    /// None was, for this reason.
    Failed(Arc<Failure>),
}

/// A keeper at work. Dropping it lets its thread end once AWS has answered.
#[derive(Debug)]
pub struct Kept {
    _stop: Sender<()>,
}

/// Starts to keep a session.
///
/// `publish` is given every new state, with what happened when something did;
/// it is called on the keeper's thread and should be quick.
///
/// # Errors
///
/// When the operating system gives no thread.
pub fn keep(
    name: &str,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    publish: impl Fn(&View, Option<Notice>) + Send + 'static,
) -> std::io::Result<Kept> {
    let (stop, stopped) = channel();
    // Names of threads have 15 characters at most.
    let name: String = name.chars().filter(char::is_ascii).take(9).collect();
    std::thread::Builder::new()
        .name(format!("keep-{name}"))
        .spawn(move || work(provider.as_ref(), clock.as_ref(), &publish, &stopped))?;
    Ok(Kept { _stop: stop })
}

fn work(
    provider: &dyn Provider,
    clock: &dyn Clock,
    publish: &impl Fn(&View, Option<Notice>),
    stopped: &Receiver<()>,
) {
    let mut keeper = Keeper::new(clock.now());
    loop {
        if keeper.is_due(clock.now()) {
            keeper.asking(clock.now());
            publish(keeper.view(), None);
            // A defect in one profile's way must not leave it unkept for ever.
            let answer = catch_unwind(AssertUnwindSafe(|| provider.obtain_or_keep()))
                .unwrap_or_else(|_| Err(defect()));
            keeper.answered(answer, clock.now(), jitter());
            let notice = match &keeper.view().failure {
                Some(failure) => Notice::Failed(Arc::clone(failure)),
                None => Notice::Granted,
            };
            publish(keeper.view(), Some(notice));
        }
        match stopped.recv_timeout(limits::KEEPER_TICK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn defect() -> Failure {
    Failure {
        message: "a defect of windlass ended the try".to_owned(),
        hint: Some("please report it, with what stderr says".to_owned()),
        code: 1,
        prospect: Prospect::Passing,
    }
}

/// A random number from 0 up to 1, or the middle where there is no randomness.
fn jitter() -> f64 {
    let mut octets = [0; 4];
    match SystemRandom::new().fill(&mut octets) {
        Ok(()) => f64::from(u32::from_ne_bytes(octets)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
