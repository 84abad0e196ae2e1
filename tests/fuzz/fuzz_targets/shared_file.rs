//! AWS's shared files: a file that is edited says what it should, again after a
//! second edit, which changes nothing; and every line of it that is no key of the
//! change stays. The first byte says what is edited, the others are the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::delivery::ini::{Change, Document, Place, ProfileName, edit};

const PROFILES: [&str; 4] = ["default", "a", "b c", "profile"];

/// Keys with their new values.
const CHANGES: [&[(&str, Option<&str>)]; 4] = [
    &[
        ("aws_access_key_id", Some("ASIAEXAMPLE")),
        ("aws_secret_access_key", Some("a/b+c=")),
        ("aws_session_token", Some("t#;=:[x]")),
        ("aws_security_token", None),
    ],
    &[("credential_process", Some("'/usr/bin/windlass' --x \"y\""))],
    &[("a", None), ("b", Some("[c]"))],
    &[("b", Some("1")), ("a", Some("2")), ("c", Some("3"))],
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else {
        return;
    };
    let choose = |shift: u8| usize::from(choice >> shift) % 4;
    let profile: ProfileName = PROFILES[choose(0)].parse().expect("a profile's name");
    let place = match choose(4) {
        0 | 1 => Place::Credentials,
        _ => Place::Config,
    };
    let changes: Vec<Change<'_>> = CHANGES[choose(2)]
        .iter()
        .map(|&(key, value)| Change { key, value })
        .collect();
    let Ok(edited) = edit(text, place, &profile, &changes) else {
        return;
    };
    let new = edited.text.expose();

    let document = Document::read(new).expect("it reads back");
    let section = document.section(place, &profile).expect("no doubt");
    let section = section.expect("the profile is there");
    for change in &changes {
        let value = section.entry(change.key).map(|entry| entry.value());
        assert_eq!(value, change.value.map(str::as_bytes), "{}", change.key);
    }
    let again = edit(new, place, &profile, &changes).expect("it can be edited again");
    assert_eq!(again.text.expose(), new, "a second edit changes something");
    assert!(again.respelled.is_none());

    let (old, new) = (lines(text), lines(new));
    let free = free_lines(text, &old, place, &profile, &changes);
    let mut rest = new.iter();
    for (_, line) in old
        .iter()
        .enumerate()
        .filter(|(index, _)| !free.contains(index))
    {
        assert!(
            rest.any(|new| new == line),
            "lost: {:?}",
            String::from_utf8_lossy(line)
        );
    }
    assert!(
        new.len() <= old.len() + 1 + changes.len(),
        "lines were invented"
    );
});

/// Indices of the lines that may become others: the section's header, and the
/// changed keys with the indented lines behind them, up to the section's next
/// key.
fn free_lines(
    text: &[u8],
    old: &[&[u8]],
    place: Place,
    profile: &ProfileName,
    changes: &[Change<'_>],
) -> Vec<usize> {
    let document = Document::read(text).expect("it was read before");
    let Ok(Some(section)) = document.section(place, profile) else {
        return Vec::new();
    };
    let keys: Vec<(&str, usize)> = section.keys().collect();
    let mut free = Vec::new();
    for (key, number) in &keys {
        if changes.iter().any(|change| change.key == *key) {
            free.push(number - 1);
            let behind = old.iter().enumerate().skip(*number);
            let next = keys.iter().map(|(_, next)| next - 1);
            let next = next.filter(|next| next >= number).min();
            // Blank lines and comments between them stay.
            let continued = behind
                .take(next.unwrap_or(old.len()) - number)
                .filter(|(_, line)| !is_comment(line) && !trim(line).is_empty())
                .take_while(|(_, line)| trim(line).len() < text_of(line).len());
            free.extend(continued.map(|(index, _)| index));
        }
    }
    // Where the section has no key, its header is not known by its number.
    let first = keys.first().map_or(old.len(), |(_, number)| number - 1);
    let is_header = |line: &&[u8]| {
        let text = trim(line);
        text.starts_with('[') && text.contains(profile.as_str())
    };
    let headers = old.iter().enumerate().take(first).rev();
    free.extend(
        headers
            .filter(|(_, line)| is_header(line))
            .map(|(index, _)| index)
            .take(1),
    );
    free
}

/// The lines without their ends, as Python splits them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')) {
        let (line, behind) = rest.split_at(end);
        lines.push(line);
        let length = if behind.starts_with(b"\r\n") { 2 } else { 1 };
        rest = behind.get(length..).unwrap_or_default();
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn text_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// The line without what Python takes for blank before it.
fn trim(line: &[u8]) -> String {
    let blank = |one: char| one.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&one);
    text_of(line).trim_start_matches(blank).to_owned()
}

fn is_comment(line: &[u8]) -> bool {
    trim(line).starts_with(['#', ';'])
}
