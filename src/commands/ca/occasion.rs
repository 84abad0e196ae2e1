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
    // Who has made a user namespace may call themselves anybody in it.
    let map = read_bounded(Path::new("/proc/self/uid_map"), limits::MAX_FILE).unwrap_or_default();
    if let Some(outside) = mapped(&map, user) {
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

/// Who a user is outside of their user namespace; `None` where it is the same one
/// (user_namespaces(7): first id inside, first id outside, count). Root of a
/// namespace within that of root is another.
fn mapped(map: &[u8], user: u32) -> Option<u32> {
    let text = std::str::from_utf8(map).ok()?;
    let mut lines = text.lines().filter_map(|line| {
        let numbers: Vec<u32> = line
            .split_whitespace()
            .map_while(|number| number.parse().ok())
            .collect();
        <[u32; 3]>::try_from(numbers).ok()
    });
    let [first, outside, count] =
        lines.find(|[first, _, count]| user.checked_sub(*first).is_some_and(|by| by < *count))?;
    let outside = outside.saturating_add(user - first);
    let is_nested_root = user == 0 && count != u32::MAX;
    (outside != user || is_nested_root).then_some(outside)
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
    use super::mapped;

    #[test]
    fn whoever_is_in_a_user_namespace_is_told_as_who_made_it() {
        for (map, user, outside) in [
            ("         0          0 4294967295\n", 0, None),
            ("         0          0 4294967295\n", 1000, None),
            ("         0       1000          1\n", 0, Some(1000)),
            ("0 0 1\n", 0, Some(0)),
            ("0 100000 65536\n", 0, Some(100_000)),
            ("0 100000 65536\n", 33, Some(100_033)),
            ("1 100000 65536\n0 1000 1\n", 0, Some(1000)),
            ("33 1000 1\n", 33, Some(1000)),
            ("1000 1000 1\n", 1000, None),
            ("1000 1000 1\n", 65534, None),
            ("", 0, None),
        ] {
            assert_eq!(mapped(map.as_bytes(), user), outside, "{map} {user}");
        }
    }
}
