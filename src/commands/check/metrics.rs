//! `windlass check`, as monitors know it.

use crate::commands::monitor::{CHECKED, Check};

/// Its words and its metrics.
pub(in crate::commands) const CHECK: Check = Check {
    verb: "check",
    title: "WINDLASS IDENTITY",
    prefix: "windlass_identity_",
    help: &[
        (
            "left_seconds",
            "How long the certificate and those above it are good still.",
        ),
        (
            "not_after_timestamp_seconds",
            "When the certificate ends, or the first of those above it.",
        ),
        (
            "due_timestamp_seconds",
            "From when on the certificate is renewed.",
        ),
        (
            "last_success_timestamp_seconds",
            "When a new version was put in force last.",
        ),
        ("failures", "Renewals that failed since the last success."),
        ("hooks_owed", "Hooks that have still to be run."),
        (CHECKED, "When it was looked at."),
    ],
};
