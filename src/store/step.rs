//! The steps by which several files change as one. Each change to the disk is one,
//! and asks here first, so that tests can end the program's work before any of
//! them, as a crash would, or let the operating system refuse it.

/// Comes before each change to the disk. It is an error only in tests.
#[cfg(not(test))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "tests let it fail; there it is the function below"
)]
pub(super) const fn step() -> std::io::Result<()> {
    Ok(())
}

/// Comes before an exchange of two names. It is an error only in tests, which play a
/// file system that does not know it.
#[cfg(not(test))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "tests let it fail; there it is the function below"
)]
pub(super) const fn exchange() -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use injected::{exchange, step};

#[cfg(test)]
pub(super) mod injected {
    use std::cell::Cell;
    use std::io::Error;

    /// What becomes of this thread's steps.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::store) enum Plan {
        /// They are made.
        Normal,
        /// After so many, no further one is made: not even one that would tidy up.
        Crash(usize),
        /// After so many, one is refused; those behind it are made.
        Refuse(usize),
    }

    thread_local! {
        static PLAN: Cell<Plan> = const { Cell::new(Plan::Normal) };
        static MADE: Cell<usize> = const { Cell::new(0) };
        static KNOWS_EXCHANGE: Cell<bool> = const { Cell::new(true) };
    }

    pub(in crate::store) fn exchange() -> std::io::Result<()> {
        match KNOWS_EXCHANGE.get() {
            true => Ok(()),
            false => Err(rustix::io::Errno::INVAL.into()),
        }
    }

    /// Does something on a file system that exchanges no names.
    pub(in crate::store) fn without_exchange<T>(work: impl FnOnce() -> T) -> T {
        KNOWS_EXCHANGE.set(false);
        let done = work();
        KNOWS_EXCHANGE.set(true);
        done
    }

    pub(in crate::store) fn step() -> std::io::Result<()> {
        let made = MADE.get();
        MADE.set(made + 1);
        match PLAN.get() {
            Plan::Crash(after) if made >= after => Err(Error::other("stopped")),
            Plan::Refuse(after) if made == after => Err(Error::other("refused")),
            _ => Ok(()),
        }
    }

    /// Does something under a plan, and tells how many steps it wanted to make.
    pub(in crate::store) fn under<T>(plan: Plan, work: impl FnOnce() -> T) -> (T, usize) {
        PLAN.set(plan);
        MADE.set(0);
        let done = work();
        PLAN.set(Plan::Normal);
        (done, MADE.get())
    }
}
