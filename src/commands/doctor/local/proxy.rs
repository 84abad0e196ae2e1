//! Which proxy is used, and by whose word.

use super::super::case::Case;
use super::super::finding::{Finding, Standing};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let used = case.setting("proxy");
    let except = case.setting("no_proxy");
    let what = match &used {
        None => "no proxy is named",
        Some(_) => {
            "a proxy is named; hosts on loopback and those of NO_PROXY are reached without it"
        }
    };
    let finding = Finding::new("proxy", Standing::Well, what);
    vec![finding.shows_all(used.into_iter().chain(except))]
}
