//! Reading a policy file: every key is known, and every value is of its kind, or
//! the line is named.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::pattern::{self, Network};
use super::{MOST_DAYS, Profile, Rule};

/// What is wrong, and on which line, from 1.
type Wrong = (usize, String);

/// One value or table of the file, with its key.
struct Entry<'a> {
    key: &'a str,
    line: usize,
    value: &'a DeValue<'a>,
}

/// The file's text, for the lines of what is wrong.
struct Lines(Vec<usize>);

impl Lines {
    fn of(&self, start: usize) -> usize {
        1 + self.0.partition_point(|end| *end < start)
    }

    fn entries<'a>(&self, table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
        let entry = |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| Entry {
            key: key.get_ref(),
            line: self.of(key.span().start),
            value: value.get_ref(),
        };
        // In the order of the file, so that the first mistake is named first.
        let mut entries: Vec<Entry<'a>> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.line);
        entries
    }
}

/// Reads the profiles and the name of the default one.
pub(super) fn parse(text: &str) -> Result<(Vec<Profile>, Option<String>), Wrong> {
    let lines = Lines(text.match_indices('\n').map(|(end, _)| end).collect());
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.of(span.start));
        (line, error.message().replace('\n', "; "))
    })?;
    let (mut profiles, mut default) = (Vec::new(), None);
    for entry in lines.entries(document.get_ref()) {
        match entry.key {
            "default" => default = Some((entry.line, text_of(&entry)?.to_owned())),
            "profiles" => {
                for profile in lines.entries(table_of(&entry)?) {
                    profiles.push(read_profile(&profile, &lines)?);
                }
            }
            _ => return Err(unknown(&entry, "", &["default", "profiles"])),
        }
    }
    if profiles.is_empty() {
        let reason = "it has no profile: a profile begins with [profiles.NAME]";
        return Err((1, reason.to_owned()));
    }
    match default {
        Some((line, name)) if !profiles.iter().any(|known| known.name() == Some(&name)) => Err((
            line,
            format!("there is no profile '{name}' to be the default"),
        )),
        default => Ok((profiles, default.map(|(_, name)| name))),
    }
}

/// The keys of a profile.
const KEYS: [&str; 13] = [
    "backdate", "cn", "days", "dns", "email", "ip", "keys", "max_days", "o", "ou", "per_day",
    "uri", "valid",
];

/// The words for types of keys.
const KEY_TYPES: [&str; 10] = [
    "p256",
    "p384",
    "p521",
    "rsa",
    "rsa2048",
    "rsa3072",
    "rsa4096",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
];

fn read_profile(entry: &Entry<'_>, lines: &Lines) -> Result<Profile, Wrong> {
    let name = entry.key;
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        let reason = format!("'{name}' is no name of a profile: 1 to 64 letters, digits, - and _");
        return Err((entry.line, reason));
    }
    let mut profile = Profile::unrestricted(Some(name.to_owned()));
    let mut days = None;
    for entry in lines.entries(table_of(entry)?) {
        match entry.key {
            "cn" => {
                profile.unicode = flag(&entry, "unicode", lines)?.unwrap_or(false);
                profile.cn = rule(&entry, lines, any_text)?;
            }
            "o" => profile.o = rule(&entry, lines, any_text)?,
            "ou" => profile.ou = rule(&entry, lines, any_text)?,
            "dns" => {
                profile.wildcards = flag(&entry, "wildcards", lines)?.unwrap_or(true);
                profile.dns = rule(&entry, lines, pattern::domain)?;
            }
            "ip" => profile.ip = rule(&entry, lines, Network::parse)?,
            "uri" => profile.uri = rule(&entry, lines, pattern::uri_prefix)?,
            "email" => profile.email = rule(&entry, lines, pattern::domain)?,
            "keys" => profile.keys = rule(&entry, lines, key_type)?,
            "days" => days = Some(number(&entry, 1, MOST_DAYS)?),
            "max_days" => profile.max_days = number(&entry, 1, MOST_DAYS)?,
            // The CA/Browser Forum's bound, 48 hours.
            "backdate" => profile.backdate = number(&entry, 0, 172_800)?,
            "per_day" => profile.per_day = Some(number(&entry, 0, 1_000_000)?),
            "valid" => profile.valid = Some(number(&entry, 0, 1_000_000)?),
            _ => return Err(unknown(&entry, &format!("profiles.{name}."), &KEYS)),
        }
    }
    if let Some(days) = days
        && days > profile.max_days
    {
        let reason = format!(
            "profiles.{name}.days is {days}, more than max_days, which is {}",
            profile.max_days
        );
        return Err((entry.line, reason));
    }
    profile.days = days.unwrap_or_else(|| profile.days.min(profile.max_days));
    Ok(profile)
}

/// The value of a switch in a table, if it is there.
fn flag(entry: &Entry<'_>, key: &str, lines: &Lines) -> Result<Option<bool>, Wrong> {
    let table = lines.entries(table_of(entry)?);
    let found = table.iter().find(|entry| entry.key == key);
    found
        .map(|entry| match entry.value {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err((entry.line, format!("{key} is true or false"))),
        })
        .transpose()
}

fn rule<T>(
    entry: &Entry<'_>,
    lines: &Lines,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Rule<T>, Wrong> {
    let mut rule = Rule::default();
    let kind = entry.key;
    let known: &[&str] = match kind {
        "cn" => &["allow", "deny", "unicode"],
        "dns" => &["allow", "deny", "wildcards"],
        _ => &["allow", "deny"],
    };
    for entry in lines.entries(table_of(entry)?) {
        match entry.key {
            "allow" => rule.allow = Some(list(&entry, kind, lines, &read)?),
            "deny" => rule.deny = list(&entry, kind, lines, &read)?,
            "unicode" if kind == "cn" => {}
            "wildcards" if kind == "dns" => {}
            _ => return Err(unknown(&entry, &format!("{kind}."), known)),
        }
    }
    Ok(rule)
}

fn list<T>(
    entry: &Entry<'_>,
    kind: &str,
    lines: &Lines,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Wrong> {
    let name = format!("{kind}.{}", entry.key);
    let DeValue::Array(values) = entry.value else {
        return Err((entry.line, format!("{name} must be a list of texts")));
    };
    let one = |value: &Spanned<DeValue<'_>>| {
        let line = lines.of(value.span().start);
        let DeValue::String(text) = value.get_ref() else {
            return Err((line, format!("{name} must be a list of texts")));
        };
        read(text).map_err(|reason| (line, format!("'{text}' in {name}: {reason}")))
    };
    values.iter().map(one).collect()
}

fn any_text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("it must not be empty, nor hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn key_type(text: &str) -> Result<String, String> {
    if KEY_TYPES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "not a type of key; known are {}",
        KEY_TYPES.join(", ")
    ))
}

fn number(entry: &Entry<'_>, least: u32, most: u32) -> Result<u32, Wrong> {
    let number = match entry.value {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            let reason = format!("{} must be a number from {least} to {most}", entry.key);
            (entry.line, reason)
        })
}

fn text_of<'a>(entry: &Entry<'a>) -> Result<&'a str, Wrong> {
    match entry.value {
        DeValue::String(text) => Ok(text),
        _ => Err((entry.line, format!("{} must be a text", entry.key))),
    }
}

fn table_of<'a>(entry: &Entry<'a>) -> Result<&'a DeTable<'a>, Wrong> {
    match entry.value {
        DeValue::Table(table) => Ok(table),
        _ => Err((entry.line, format!("{} must be a table", entry.key))),
    }
}

/// A key that nothing reads would be a rule that does not hold.
fn unknown(entry: &Entry<'_>, path: &str, known: &[&str]) -> Wrong {
    let near = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(word, entry.key), word))
        .min();
    let advice = match near {
        Some((distance, word)) if distance <= 2 && distance * 2 < entry.key.len() => {
            format!("did you mean '{word}'?")
        }
        _ => format!("known are {}", known.join(", ")),
    };
    (
        entry.line,
        format!("'{path}{}' is no rule; {advice}", entry.key),
    )
}
