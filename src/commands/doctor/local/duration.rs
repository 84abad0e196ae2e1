//! How long the session is asked for.

use super::super::case::Case;
use super::super::finding::{Finding, Standing};

/// Below this many seconds botocore finds every session due for refresh
/// (its `_advisory_refresh_timeout` of 15 minutes, and some to spare).
const SHORT: u32 = 1200;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let seconds = case.session.session_duration.seconds();
    if seconds >= SHORT {
        return Vec::new();
    }
    let what = format!(
        "sessions of {seconds} s are always due for boto3 and the AWS CLI, which run the program again at every use"
    );
    vec![
        Finding::new("duration", Standing::Warning, what)
            .shows_all(case.said(&["session_duration"]))
            .next("let sessions last 3600: --session-duration 3600"),
    ]
}
