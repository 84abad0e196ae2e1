//! The profile in windlass's config file: TOML, whose comments stay.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::cli::{ConfigFile, ConfigProblem};
use crate::commands::{Error, config_file};

use super::absolute;
use super::check::Named;

/// What was typed, as values of a profile. Files are named from the root: the
/// command line of an SDK runs anywhere, and so a relative name would not mean
/// what it does here.
pub(super) fn settings(said: &[(String, Vec<String>)]) -> Result<Vec<(String, Value)>, Error> {
    said.iter()
        .filter_map(|(key, values)| {
            let value = match values.as_slice() {
                // A switch.
                [] => Ok(Value::from(true)),
                [value] => resolved(key, value).map(|text| match text.parse::<i64>() {
                    Ok(number) if key == "session_duration" => Value::from(number),
                    _ => Value::from(text),
                }),
                several => several
                    .iter()
                    .map(|value| resolved(key, value))
                    .collect::<Result<toml_edit::Array, _>>()
                    .map(Value::from),
            };
            // Only where it stands.
            (key != "config" && key != "debug" && key != "with_proxy")
                .then(|| value.map(|value| (key.clone(), value)))
        })
        .collect()
}

fn resolved(key: &str, value: &str) -> Result<String, Error> {
    let shown = |path: &Path| -> Result<String, Error> {
        // `~` means the same everywhere.
        if path.starts_with("~") {
            return Ok(path.to_string_lossy().into_owned());
        }
        Ok(absolute(path)?.to_string_lossy().into_owned())
    };
    match Named::by(key, value) {
        Named::File(path) if key == "cert_selector" => Ok(format!("file://{}", shown(&path)?)),
        Named::File(path) | Named::Identity(path) => shown(&path),
        Named::Other if key == "cache_dir" => shown(Path::new(value)),
        Named::Descriptor(_) | Named::Other => Ok(value.to_owned()),
    }
}

/// Puts the settings into the profile, and takes out what they make unsaid.
pub(super) fn put(
    text: &[u8],
    profile: &str,
    settings: &[(String, Value)],
    path: &Path,
) -> Result<Vec<u8>, Error> {
    let mut document = parse(text, path)?;
    let table = table_of(&mut document, profile, path)?;
    for (key, value) in settings {
        let groups = config_file::EXCLUSIVE
            .iter()
            .filter(|group| group.contains(&key.as_str()));
        for other in groups.flat_map(|group| group.iter()) {
            let is_set = settings.iter().any(|(key, _)| key == other);
            if !is_set {
                table.remove(other);
            }
        }
        set(table, key, value);
    }
    Ok(document.to_string().into_bytes())
}

/// The profile's part of the file as it will be.
pub(super) fn shown(
    text: &[u8],
    profile: &str,
    settings: &[(String, Value)],
    path: &Path,
) -> Result<String, Error> {
    let whole = put(text, profile, settings, path)?;
    let mut document = parse(&whole, path)?;
    let table = table_of(&mut document, profile, path)?;
    let mut alone = DocumentMut::new();
    let own = table_of(&mut alone, profile, path)?;
    for (key, item) in table.iter() {
        own.insert(key, item.clone());
    }
    Ok(alone.to_string())
}

fn parse(text: &[u8], path: &Path) -> Result<DocumentMut, Error> {
    let wrong = |line, problem| Error::Config {
        path: path.to_owned(),
        line,
        problem,
    };
    let text = std::str::from_utf8(text).map_err(|_| wrong(1, ConfigProblem::NotUtf8))?;
    // The reader's words, which know the line.
    ConfigFile::parse(text).map_err(|error| wrong(error.line, error.problem))?;
    text.parse::<DocumentMut>().map_err(|error| {
        let message = error.message().replace('\n', "; ");
        wrong(1, ConfigProblem::Toml { message })
    })
}

fn table_of<'a>(
    document: &'a mut DocumentMut,
    profile: &str,
    path: &Path,
) -> Result<&'a mut dyn TableLike, Error> {
    let mut profiles = Table::new();
    // `[profile.NAME]` says enough.
    profiles.set_implicit(true);
    document
        .entry("profile")
        .or_insert(Item::Table(profiles))
        .as_table_like_mut()
        .map(|profiles| profiles.entry(profile).or_insert_with(toml_edit::table))
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| Error::Config {
            path: path.to_owned(),
            line: 1,
            problem: ConfigProblem::NoTable {
                name: format!("profile.{profile}"),
            },
        })
}

/// Sets a value where it is another one; the comment behind it stays.
fn set(table: &mut dyn TableLike, key: &str, value: &Value) {
    let plain = |value: &Value| {
        let mut value = value.clone();
        value.decor_mut().clear();
        value.to_string()
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if same(old, value) || plain(old) == plain(value) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value.clone();
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, Item::Value(value.clone()));
        }
    }
}

/// Whether both mean the same, however they are quoted.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        (Value::String(text), Value::Integer(number))
        | (Value::Integer(number), Value::String(text)) => {
            *text.value() == number.value().to_string()
        }
        (Value::Integer(old), Value::Integer(new)) => old.value() == new.value(),
        (Value::Boolean(old), Value::Boolean(new)) => old.value() == new.value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, settings: &[(&str, Value)]) -> String {
        let settings: Vec<(String, Value)> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let path = Path::new("config.toml");
        let once = put(text.as_bytes(), "a", &settings, path).unwrap();
        assert_eq!(put(&once, "a", &settings, path).unwrap(), once);
        String::from_utf8(once).unwrap()
    }

    #[test]
    fn a_profile_is_added_or_changed_and_comments_stay() {
        let region = [("region", Value::from("x"))];
        assert_eq!(after("", &region), "[profile.a]\nregion = \"x\"\n");
        let text = "# top\n[profile.b] # b\nregion = 'y' # why\n\n[profile.a]\n# mine\nregion  =  'z'   # here\nfips = true\n# end\n";
        assert_eq!(after(text, &region), text.replace("'z'", "\"x\""));
        // What says it already stays as it is written.
        let text = "[profile.a]\nregion = 'x'\nsession_duration = \"3_600\"\n[defaults]\n";
        assert_eq!(after(text, &region), text);
        let text = "[profile.a]\nsession_duration = \"3600\"\n";
        assert_eq!(
            after(text, &[("session_duration", Value::from(3600))]),
            text
        );
        // A profile that is written inline.
        let text = "profile = { a = { region = 'y' } }\n";
        assert_eq!(after(text, &region), text.replace("'y'", "\"x\""));
    }

    #[test]
    fn what_a_new_option_makes_unsaid_goes() {
        let text = "[profile.a]\nprivate_key = '/k'\npassphrase_file = '/p'\nfips = true\n";
        assert_eq!(
            after(text, &[("signer_command", Value::from("sign"))]),
            "[profile.a]\npassphrase_file = '/p'\nfips = true\nsigner_command = \"sign\"\n"
        );
    }
}
