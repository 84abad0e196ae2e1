//! When a server ends: at SIGTERM, SIGINT and SIGHUP.

use crate::serving::Stop;

/// Resolves when one of them comes. Call it once there is a runtime.
///
/// # Errors
///
/// When the operating system takes no handler.
pub(super) fn on_signal() -> std::io::Result<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Its terminal is closed.
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }))
}
