//! What to do about options that are missing, and a profile that does not exist.

use std::path::PathBuf;

use crate::text::nearest;

/// Where was looked for a profile, and what is there.
pub(super) fn no_profile(name: &str, places: &[PathBuf], known: &[String]) -> String {
    let places: Vec<String> = places
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let looked = places.join(" and ");
    if known.is_empty() {
        return format!("'windlass configure' makes one; looked for in {looked}");
    }
    let listed = format!("the profiles in {looked} are: {}", known.join(", "));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean '{meant}'? {listed}"),
        None => listed,
    }
}

pub(super) fn hint_missing(option: &str) -> String {
    let (variable, key) = (option.to_ascii_uppercase(), option.replace('-', "_"));
    format!(
        "give --{option}, set $WINDLASS_{}, or name a --profile of the config file that has {key}",
        variable.replace('-', "_")
    )
}

/// What to do about a config file, where the reason does not say it all.
pub(super) fn hint_config(reason: &str) -> Option<String> {
    let is_about_form = [
        "no option",
        "stands outside",
        "is no profile",
        "unclosed",
        "expected",
    ]
    .iter()
    .any(|part| reason.contains(part));
    is_about_form.then(|| {
        "a profile begins with [profile.NAME], with a dot; its keys are names of options with _ for -, as in role_arn"
            .to_owned()
    })
}
