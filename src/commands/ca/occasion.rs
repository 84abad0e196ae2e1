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
pub(in crate::commands) fn actor(context: &Context) -> String {
    let user = rustix::process::getuid().as_raw();
    let passwd = read_bounded(Path::new("/etc/passwd"), limits::MAX_FILE).unwrap_or_default();
    let name = user_name(&passwd, user).unwrap_or_else(|| format!("uid {user}"));
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let name = format!("{}@{}", printable(&name, MOST), printable(&host, MOST));
    // What calls itself root may be anybody who has made a user namespace.
    let map = read_bounded(Path::new("/proc/self/uid_map"), limits::MAX_FILE).unwrap_or_default();
    if user == 0
        && let Some(outside) = mapped_root(&map)
    {
        return format!("{name} (in a user namespace of uid {outside})");
    }
    // Only what root's own sudo says of itself; anybody else may set it.
    match context.environment.get_str("SUDO_USER") {
        Some(by) if user == 0 && by != "root" => {
            format!("{name} (sudo by {})", printable(by, MOST))
        }
        _ => name,
    }
}

/// Who uid 0 is outside of its user namespace; `None` where it is root itself
/// (user_namespaces(7): first id inside, first id outside, count).
fn mapped_root(map: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(map).ok()?;
    let mut lines = text.lines().filter_map(|line| {
        let numbers: Vec<u32> = line
            .split_whitespace()
            .map_while(|number| number.parse().ok())
            .collect();
        <[u32; 3]>::try_from(numbers).ok()
    });
    let [_, outside, count] = lines.find(|[inside, _, _]| *inside == 0)?;
    (outside != 0 || count != u32::MAX).then_some(outside)
}

/// The occasion of a command that `actor` runs now.
pub(in crate::commands) fn occasion<'a>(
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

#[cfg(test)]
mod tests {
    use super::mapped_root;

    #[test]
    fn root_of_a_user_namespace_is_told_as_who_made_it() {
        for (map, outside) in [
            ("         0          0 4294967295\n", None),
            ("         0       1000          1\n", Some(1000)),
            ("0 100000 65536\n", Some(100_000)),
            ("1 100000 65536\n0 1000 1\n", Some(1000)),
            ("", None),
        ] {
            assert_eq!(mapped_root(map.as_bytes()), outside, "{map}");
        }
    }
}
