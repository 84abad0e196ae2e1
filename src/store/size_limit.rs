//! A limit on the size of files (`ulimit -f`) as an error of the write, and not
//! as the end of the process.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// From here on a write beyond the limit fails with `EFBIG`, and what was begun
/// is taken back: the signal SIGXFSZ, which would end the process in the middle
/// of a file that holds credentials, has a handler that does nothing. Programs
/// that are started have the signal's usual effect (execve(2) resets handlers).
///
/// Where no handler can be set, it is as it was: the next edit removes what a
/// process that was ended has left.
pub fn outlive_size_limit() {
    // The handler stays for as long as the process lives, without the runtime
    // too (tokio::signal::unix::signal, "Caveats").
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    if let Ok(runtime) = runtime {
        let _entered = runtime.enter();
        let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
    }
}
