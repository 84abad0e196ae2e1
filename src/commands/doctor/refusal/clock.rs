//! This host's clock against AWS's.

use crate::clock::{off_by, rfc3339};
use crate::rolesanywhere::SUSPICIOUS_SKEW;

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use super::super::live::Live;

const ID: &str = "clock";

pub(super) fn check(live: &Live, case: &Case<'_>) -> Option<Finding> {
    let ahead = live.clock_ahead()?;
    let here = case.context.clock.now();
    let finding = if ahead.abs() <= SUSPICIOUS_SKEW {
        let what = "this host's clock and AWS's agree to within minutes";
        Finding::new(ID, Standing::Well, what)
    } else {
        let (standing, effect) = effect(live, here - ahead);
        let what = format!("this host's clock is {} AWS's; {effect}", off_by(ahead));
        Finding::new(ID, standing, what)
            .next("set the clock and keep it right: sudo chronyc makestep, or sudo timedatectl set-ntp true")
    };
    Some(
        finding
            .shows("this host's time", rfc3339(here))
            .shows("Date of the answer", rfc3339(here - ahead)),
    )
}

/// What a clock does that is so far off.
fn effect(live: &Live, there: chrono::DateTime<chrono::Utc>) -> (Standing, &'static str) {
    match live {
        Live::Granted(granted) if granted.clock_corrected => (
            Standing::Likely,
            "windlass dated the request by AWS's, other programs get 'Invalid signature'",
        ),
        Live::Granted(_) => (
            Standing::Warning,
            "signatures of other programs may be refused",
        ),
        Live::Invalid(crate::pki::Error::NotYetValid { not_before, .. }, _)
            if *not_before <= there =>
        {
            (
                Standing::Certain,
                "by AWS's time the certificate is valid already",
            )
        }
        Live::Invalid(crate::pki::Error::Expired { not_after, .. }, _) if there <= *not_after => (
            Standing::Certain,
            "by AWS's time the certificate is still valid",
        ),
        Live::Failed(crate::commands::Error::Exchange(error))
            if error.skew_to_blame().is_some() =>
        {
            (
                Standing::Certain,
                "AWS refuses signatures that are minutes off, as 'Invalid signature'",
            )
        }
        _ => (
            Standing::Likely,
            "AWS refuses signatures that are minutes off",
        ),
    }
}
