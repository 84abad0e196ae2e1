//! Where the options come from, and which variable has taken the place of what a
//! profile says.

use super::super::case::Case;
use super::super::finding::{Finding, Standing};

const ID: &str = "options";

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some((name, path)) = &case.profile else {
        return vec![Finding::new(
            ID,
            Standing::Well,
            "no profile of a config file is used",
        )];
    };
    let all = case
        .settings()
        .map(|(key, value, origin)| (origin.to_owned(), format!("{key} = {value}")));
    let what = format!("the profile '{name}' of {path} is used");
    let mut findings = vec![Finding::new(ID, Standing::Well, what).shows_all(all)];
    let behind = case.session.profile_behind.as_ref();
    for (key, value, origin) in case.settings() {
        let is_variable = origin.starts_with("$WINDLASS_");
        let line = case.context.invocation.in_force(&case.context.environment);
        let line = line.ok().and_then(|found| found.profile?.line_of(key));
        if let (true, Some(line), Some(_)) = (is_variable, line, behind) {
            let what = format!("{origin} is set, and goes before what the profile says of {key}");
            findings.push(
                Finding::new(ID, Standing::Warning, what)
                    .shows(origin, value)
                    .shows(line, "is not used")
                    .next(format!("unset {}", origin.trim_start_matches('$'))),
            );
        }
    }
    findings
}
