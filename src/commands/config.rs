//! `windlass config show`

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::json;

use crate::cli::{ConfigShow, RotationArgs, SessionArgs};
use crate::environment::{Role, VARIABLES};
use crate::text::printable;

use super::invocation::InForce;
use super::{Context, Error};

/// One option with its value and where that comes from.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) origin: String,
}

/// Shows them.
pub(super) fn show(arguments: &ConfigShow, context: &Context) -> Result<(), Error> {
    let found = context.invocation.in_force(&context.environment)?;
    let settings: Vec<Setting> = of_session(&found, context)
        .chain(of_rotation(found.profile.as_ref(), context))
        .collect();
    let profile = found.profile.as_ref();
    if arguments.json {
        let settings: serde_json::Map<_, _> = settings
            .iter()
            .map(|setting| {
                let shown = json!({ "value": setting.value, "origin": setting.origin });
                (setting.key.to_owned(), shown)
            })
            .collect();
        return context.printer.json(&json!({
            "profile": profile.map(|profile| &profile.name),
            "file": profile.map(|profile| profile.path.display().to_string()),
            "settings": settings,
        }));
    }
    match profile {
        Some(profile) => context.printer.note(&format!(
            "profile {} of {}",
            profile.name,
            profile.path.display()
        )),
        None => context.printer.note("no profile"),
    }
    let rows = settings
        .into_iter()
        .map(|setting| vec![setting.key.to_owned(), setting.value, setting.origin]);
    context.printer.table(&["OPTION", "VALUE", "FROM"], rows)
}

/// The options of the session that are in force.
pub(super) fn of_session(found: &InForce, context: &Context) -> impl Iterator<Item = Setting> {
    SessionArgs::PROFILE_KEYS
        .into_iter()
        .filter_map(|key| setting(key, &found.matches, found.profile.as_ref(), context))
}

fn setting(
    key: &'static str,
    matches: &ArgMatches,
    profile: Option<&super::config_file::Profile>,
    context: &Context,
) -> Option<Setting> {
    let source = matches.value_source(key);
    let raw = matches.get_raw(key).map(|values| {
        let values: Vec<String> = values
            .map(|value| value.to_string_lossy().into_owned())
            .collect();
        values.join(", ")
    });
    let from_profile = profile.and_then(|profile| profile.line_of(key));
    let (value, origin) = match (source, raw) {
        (Some(ValueSource::CommandLine), Some(raw)) => {
            (raw, format!("--{}", key.replace('_', "-")))
        }
        (Some(ValueSource::EnvVariable), Some(raw)) => {
            (raw, format!("$WINDLASS_{}", key.to_ascii_uppercase()))
        }
        (Some(_), Some(raw)) if from_profile.is_some() => (raw, from_profile?),
        (_, raw) => match (elsewhere(key, context), raw) {
            (Some(found), _) => found,
            // A switch that nobody has set.
            (None, Some(raw)) if raw != "false" => (raw, "default".to_owned()),
            _ => return None,
        },
    };
    Some(Setting {
        key,
        value: redacted(key, &value),
        origin,
    })
}

/// What a variable or a profile says that is for rotation alone.
fn of_rotation(
    profile: Option<&super::config_file::Profile>,
    context: &Context,
) -> impl Iterator<Item = Setting> {
    RotationArgs::PROFILE_KEYS
        .into_iter()
        .filter_map(move |key| {
            let name = format!("WINDLASS_{}", key.to_ascii_uppercase());
            let (value, origin) = match (context.environment.get_str(&name), profile) {
                (Some(value), _) => (value.to_owned(), format!("${name}")),
                (None, Some(profile)) => (profile.said(key)?, profile.line_of(key)?),
                (None, None) => return None,
            };
            Some(Setting {
                key,
                value: redacted(key, &value),
                origin,
            })
        })
}

/// What a variable says in place of an option.
fn elsewhere(key: &str, context: &Context) -> Option<(String, String)> {
    let names = VARIABLES.iter().filter_map(|variable| match variable.role {
        Role::InPlaceOf(option) if option == key => Some(variable.name),
        // It names the endpoints of all services.
        Role::InPlaceOf("endpoint") if key == "sts_endpoint" => {
            (variable.name == "AWS_ENDPOINT_URL").then_some(variable.name)
        }
        _ => None,
    });
    names.into_iter().find_map(|name| {
        let value = context.environment.get_str(name)?;
        Some((value.to_owned(), format!("${name}")))
    })
}

/// What a PIN stands behind in a PKCS#11 URI.
const PIN: &str = "pin-value=";

/// A value as it may be shown: without the PIN in a PKCS#11 URI and the password
/// in that of a proxy.
fn redacted(key: &str, value: &str) -> String {
    let mut shown = value.to_owned();
    let mut from = 0;
    while let Some(found) = shown[from..].find(PIN) {
        let start = from + found + PIN.len();
        let length = shown[start..]
            .find(['&', ';'])
            .unwrap_or(shown.len() - start);
        shown.replace_range(start..start + length, "***");
        from = start;
    }
    // A proxy may be written without a scheme, and a password may hold anything.
    let begin = match shown.find("://") {
        Some(scheme) if key != "proxy" => Some(scheme + 3),
        Some(_) if shown.starts_with("http://") => Some("http://".len()),
        Some(_) if shown.starts_with("https://") => Some("https://".len()),
        _ if key == "proxy" => Some(0),
        _ => None,
    };
    if let (Some(start), Some(at)) = (begin, shown.rfind('@'))
        && start < at
    {
        shown.replace_range(start..at, "***");
    }
    printable(&shown, 400)
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn secrets_in_values_are_not_shown() {
        for (value, shown) in [
            (
                "pkcs11:object=a?pin-value=1234",
                "pkcs11:object=a?pin-value=***",
            ),
            (
                "pkcs11:object=a?pin-value=1234&module-name=x",
                "pkcs11:object=a?pin-value=***&module-name=x",
            ),
            ("http://user:p@ss@proxy:3128", "http://***@proxy:3128"),
            ("user:p@ss@proxy:3128", "***@proxy:3128"),
            ("user:a://hunter2@proxy:3128", "***@proxy:3128"),
            ("pin-value=1, pin-value=2", "pin-value=***"),
            ("https://example.com/a", "https://example.com/a"),
        ] {
            assert_eq!(redacted("proxy", value), shown);
        }
    }
}
