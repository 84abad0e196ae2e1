//! Who runs the command, for the audit log.

use std::path::Path;

use crate::authority::Occasion;
use crate::cli::OccasionArgs;
use crate::commands::Context;
use crate::environment::user_name;
use crate::limits;
use crate::store::read_bounded;
use crate::text::printable;

/// Longest name of a user or a host in the log, in characters.
const MOST: usize = 100;

/// Who runs the command, as the operating system knows them: `alice@ca-1`, or
/// `root@ca-1 (sudo by alice)`.
pub(super) fn actor(context: &Context) -> String {
    let user = rustix::process::getuid().as_raw();
    let passwd = read_bounded(Path::new("/etc/passwd"), limits::MAX_FILE).unwrap_or_default();
    let name = user_name(&passwd, user).unwrap_or_else(|| format!("uid {user}"));
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let name = format!("{}@{}", printable(&name, MOST), printable(&host, MOST));
    // Only what root's own sudo says of itself; anybody else may set it.
    match context.environment.get_str("SUDO_USER") {
        Some(by) if user == 0 && by != "root" => {
            format!("{name} (sudo by {})", printable(by, MOST))
        }
        _ => name,
    }
}

/// The occasion of a command that `actor` runs now.
pub(super) fn occasion<'a>(
    actor: &'a str,
    arguments: &'a OccasionArgs,
    context: &Context,
) -> Occasion<'a> {
    Occasion {
        actor,
        comment: arguments.comment.as_deref(),
        at: context.clock.now(),
        accept_clock: arguments.accept_clock,
    }
}
