//! `windlass ca policy check` and `windlass ca policy show`

use serde_json::{Value, json};

use crate::authority::{Policy, read_inventory};
use crate::cli::{CaPolicyCheck, CaPolicyShow};
use crate::commands::{Context, Error};
use crate::text::printable;

/// Reads a policy and says what it has.
pub(in crate::commands) fn check(
    arguments: &CaPolicyCheck,
    context: &Context,
) -> Result<(), Error> {
    let file = match (&arguments.file, &arguments.dir) {
        (Some(file), _) => context.path(file),
        (None, directory) => {
            let directory = directory.clone().unwrap_or_default();
            let directory = context.path(&directory);
            read_inventory(&directory)?;
            directory.join(Policy::FILE)
        }
    };
    let policy = match Policy::read(&file) {
        Err(crate::authority::Error::Store(error))
            if error.is_not_found() && arguments.file.is_none() =>
        {
            if arguments.json {
                return context
                    .printer
                    .json(&json!({ "file": null, "profileNames": [], "digestSha256": null, "warnings": [] }));
            }
            return context
                .printer
                .data("there is no ca.toml: the built-in rules hold\n");
        }
        read => read?,
    };
    let names = policy.names();
    let doubts = policy.doubts();
    for doubt in &doubts {
        context.printer.warning(doubt);
    }
    if arguments.json {
        return context.printer.json(&json!({
            "warnings": doubts,
            "file": file,
            "digestSha256": policy.digest(),
            "profileNames": names,
        }));
    }
    context.printer.data(&format!(
        "{} is a policy with {}: {}\n",
        file.display(),
        match names.len() {
            1 => "1 profile".to_owned(),
            count => format!("{count} profiles"),
        },
        names.join(", ")
    ))
}

/// Shows the policy of a CA.
pub(in crate::commands) fn show(arguments: &CaPolicyShow, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    read_inventory(&directory)?;
    let shown = Policy::of(&directory)?.to_json();
    if arguments.json {
        return context.printer.json(&shown);
    }
    let mut text = match shown["digestSha256"].as_str() {
        Some(digest) => format!("ca.toml (SHA-256 {digest})\n"),
        None => "the built-in rules: there is no ca.toml\n".to_owned(),
    };
    for profile in shown["profiles"].as_array().into_iter().flatten() {
        let name = profile["name"].as_str();
        if let Some(name) = name {
            let is_default = shown["default"].as_str() == Some(name);
            let default = if is_default { " (default)" } else { "" };
            text.push_str(&format!("\nprofile {name}{default}\n"));
        }
        for (key, value) in profile.as_object().into_iter().flatten() {
            text.push_str(&lines_of(key, value));
        }
    }
    context.printer.data(&text)
}

/// The lines of one rule, with the names that it has in the file.
fn lines_of(key: &str, value: &Value) -> String {
    let key = match key {
        "maxDays" => "max_days",
        "perDay" => "per_day",
        "name" => return String::new(),
        same => same,
    };
    let mut lines = String::new();
    let mut line = |name: &str, value: &str| {
        lines.push_str(&format!("  {name:<14} {value}\n"));
    };
    match value {
        Value::Object(rules) => {
            for (rule, value) in rules {
                let shown = match value {
                    Value::Null => "everything".to_owned(),
                    Value::Array(list) if list.is_empty() => "nothing".to_owned(),
                    Value::Array(list) => {
                        let texts = list.iter().filter_map(Value::as_str);
                        printable(&texts.collect::<Vec<_>>().join(" "), 1000)
                    }
                    other => other.to_string(),
                };
                line(&format!("{key}.{rule}"), &shown);
            }
        }
        Value::Null => line(key, "no limit"),
        other => line(key, &other.to_string()),
    }
    lines
}
