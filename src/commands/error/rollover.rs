//! What to do where a step from one generation of the CA to the next is not taken.

use crate::authority::RolloverError;
use crate::clock::rfc3339;
use crate::commands::Outcome;

pub(super) const fn of_rollover(error: &RolloverError) -> Outcome {
    match error {
        RolloverError::BundleNotInstalled { .. } => Outcome::Usage,
        RolloverError::LeavesStranded { .. }
        | RolloverError::LeavesUnlisted { .. }
        | RolloverError::NothingPrepared
        | RolloverError::NothingRetiring
        | RolloverError::UnderWay { .. } => Outcome::Failed,
        RolloverError::RolledOver { .. } => Outcome::Temporary,
    }
}

pub(super) fn hint_rollover(error: &RolloverError) -> String {
    let fixed = |text: &str| text.to_owned();
    match error {
        RolloverError::BundleNotInstalled { .. } => fixed(
            "give trust-anchor.pem to Roles Anywhere ('aws rolesanywhere update-trust-anchor'), then run this again with --bundle-installed",
        ),
        RolloverError::LeavesStranded { safe_from, .. } => format!(
            "renew them, or wait: nothing is stranded from {} on ('windlass ca rollover status' says how far it is); --force retires it now",
            rfc3339(*safe_from)
        ),
        RolloverError::LeavesUnlisted {
            safe_from,
            serial,
            root: Some(root),
            ..
        } => format!(
            "wait until {}, or revoke the issuing CA, 'windlass ca revoke --ca {serial} --reason cessationOfOperation', make the root's list, 'windlass ca crl --issuer {root}', and import it; --force retires it now",
            rfc3339(*safe_from)
        ),
        RolloverError::LeavesUnlisted {
            safe_from,
            serial,
            root: None,
            ..
        } => format!(
            "wait until {}, or revoke the issuing CA where its root is, 'windlass ca revoke --dir ROOT --ca {serial} --reason cessationOfOperation', make the root's list there, 'windlass ca crl --dir ROOT --issuer root', and import it; --force retires it now",
            rfc3339(*safe_from)
        ),
        RolloverError::NothingPrepared => fixed(
            "'windlass ca rollover prepare' makes the next one; 'windlass ca rollover status' says what there is",
        ),
        RolloverError::NothingRetiring => {
            fixed("'windlass ca rollover status' says what there is, and what to do next")
        }
        RolloverError::RolledOver { .. } => fixed(
            "nothing was issued that is not in the inventory; run the same command again, and the new issuing CA issues",
        ),
        RolloverError::UnderWay { .. } => fixed(
            "Roles Anywhere takes two roots at a time: end this rollover first; 'windlass ca rollover status' says how",
        ),
    }
}
