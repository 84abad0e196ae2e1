//! Documents that say the same in other words.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::pick;
use crate::emulator::draft::Draft;

/// A member that no client knows yet.
const LATER: &str = "addedLater";

/// Objects to which nothing is added: in one the members are data, of the other,
/// a union, exactly one is set (smithy.io, "Union shapes").
const CLOSED: [&str; 2] = ["properties", "sourceData"];

/// Reorders the members of a JSON document, adds some, and writes times and
/// errors in another of their forms.
pub(super) fn json(random: &mut Rng, draft: &mut Draft) {
    let Ok(mut document) = serde_json::from_str::<Value>(&draft.body) else {
        return;
    };
    if draft.status >= 400
        && let Value::Object(members) = &mut document
    {
        error(random, members, &mut draft.headers);
    }
    let mut text = String::new();
    write(random, &document, None, &mut text);
    draft.body = text;
}

/// The error's type stands in the header, in the body or in both, bare or with
/// a namespace; its message under either name.
fn error(random: &mut Rng, members: &mut Map<String, Value>, headers: &mut [(&str, String)]) {
    let mut header = headers
        .iter_mut()
        .find(|(name, _)| *name == "x-amzn-errortype");
    let Some((_, kind)) = &mut header else {
        return;
    };
    let bare = kind.clone();
    if random.bool() {
        let member = pick(random, &["__type", "code"]);
        let value = match random.bool() {
            true => format!("com.amazonaws.rolesanywhere#{bare}"),
            false => bare,
        };
        members.insert(member.to_owned(), value.into());
    }
    if random.bool() {
        kind.push_str(":http://internal.amazon.com/coral/com.amazonaws.rolesanywhere/");
    }
    if random.bool()
        && let Some(message) = members.remove("message")
    {
        members.insert("Message".to_owned(), message);
    }
}

fn write(random: &mut Rng, value: &Value, name: Option<&str>, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&str, Value)> = members
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            if !name.is_some_and(|name| CLOSED.contains(&name)) && random.bool() {
                members.push((LATER, later(random)));
            }
            random.shuffle(&mut members);
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                blank(random, text);
                text.push_str(&Value::from(*name).to_string());
                text.push(':');
                blank(random, text);
                write(random, value, Some(name), text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write(random, item, None, text);
            }
            text.push(']');
        }
        Value::String(time) if name.is_some_and(is_time) => {
            text.push_str(&Value::from(varied_time(random, time)).to_string());
        }
        other => text.push_str(&other.to_string()),
    }
}

fn later(random: &mut Rng) -> Value {
    match random.u8(..5) {
        0 => Value::Null,
        1 => Value::from(random.u32(..)),
        2 => Value::from("a text"),
        3 => Value::from(vec![1, 2]),
        _ => serde_json::json!({ "expiration": "never", "message": {} }),
    }
}

fn blank(random: &mut Rng, text: &mut String) {
    text.push_str(pick(random, &["", "", " ", "\n  "]));
}

fn is_time(name: &str) -> bool {
    name == "expiration" || name.ends_with("At")
}

/// With a fraction of a second, or with an offset for the `Z` (RFC 3339, which
/// AWS's models name as the form of times).
fn varied_time(random: &mut Rng, time: &str) -> String {
    let Some(bare) = time.strip_suffix('Z').filter(|bare| bare.len() == 19) else {
        return time.to_owned();
    };
    let end = pick(random, &["Z", ".000Z", ".000000Z", "+00:00"]);
    format!("{bare}{end}")
}

/// Adds a declaration, unknown elements, blanks between elements and fractions
/// of seconds.
pub(super) fn xml(random: &mut Rng, draft: &mut Draft) {
    let mut text = String::new();
    if random.bool() {
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    }
    let mut parts = draft.body.split_inclusive('>').peekable();
    while let Some(part) = parts.next() {
        let part = match part.split_once("Z</") {
            Some((time, end)) if end == "Expiration>" || end == "CreateDate>" => {
                varied_time(random, &format!("{time}Z")) + "</" + end
            }
            _ => part.to_owned(),
        };
        text.push_str(&part);
        if part.ends_with("Result>") && !part.contains("</") && random.bool() {
            text.push_str("<AddedLater><Expiration>never</Expiration></AddedLater>");
        }
        // Behind it is no text, and it is not the end of an empty element.
        let next = parts.peek();
        if next.is_some_and(|next| next.starts_with('<') && !next.starts_with("</")) {
            text.push_str(pick(random, &["", "\n  "]));
        }
    }
    draft.body = text;
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::emulator::draft::{JSON, XML};

    fn draft(content_type: &'static str, status: u16, body: &str) -> Draft {
        Draft {
            status,
            content_type,
            headers: vec![("x-amzn-errortype", "AccessDeniedException".to_owned())],
            body: body.to_owned(),
            request_id: String::new(),
            now: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_document_says_the_same() {
        let body = r#"{"credentialSet":[{"credentials":{"expiration":"2026-01-15T12:00:00Z","accessKeyId":"a"}}],"properties":{"a":"b"}}"#;
        let (mut orders, mut extras, mut times) = (0, 0, 0);
        for seed in 0..200 {
            let mut random = Rng::with_seed(seed);
            let mut draft = draft(JSON, 201, body);
            json(&mut random, &mut draft);
            let read: Value = serde_json::from_str(&draft.body).unwrap();
            let credentials = &read["credentialSet"][0]["credentials"];
            assert_eq!(credentials["accessKeyId"], "a");
            let time = credentials["expiration"].as_str().unwrap();
            let time = DateTime::parse_from_rfc3339(time).unwrap();
            assert_eq!(time.timestamp(), 1_768_478_400);
            assert_eq!(read["properties"], serde_json::json!({ "a": "b" }));
            let at = |word: &str| draft.body.find(word).unwrap();
            orders += u32::from(at("properties") < at("credentialSet"));
            extras += u32::from(draft.body.contains(LATER));
            times += u32::from(draft.body.contains("+00:00"));
        }
        for count in [orders, extras, times] {
            assert!((20..200).contains(&count), "{orders} {extras} {times}");
        }
    }

    #[test]
    fn an_error_keeps_its_type_and_its_message() {
        let (mut bodies, mut tails, mut names) = (0, 0, 0);
        for seed in 0..100 {
            let mut random = Rng::with_seed(seed);
            let mut draft = draft(JSON, 403, r#"{"message":"No."}"#);
            json(&mut random, &mut draft);
            let read: Value = serde_json::from_str(&draft.body).unwrap();
            let message = read
                .get("message")
                .filter(|_| read.get("Message").is_none());
            assert_eq!(message.or_else(|| read.get("Message")).unwrap(), "No.");
            let kind = &draft.headers[0].1;
            assert!(kind.starts_with("AccessDeniedException"), "{kind}");
            bodies += u32::from(read.get("__type").or_else(|| read.get("code")).is_some());
            tails += u32::from(kind.contains(":http://"));
            names += u32::from(read.get("Message").is_some());
        }
        for count in [bodies, tails, names] {
            assert!((20..80).contains(&count), "{bodies} {tails} {names}");
        }
    }

    #[test]
    fn elements_keep_their_texts() {
        let body = "<AResponse xmlns=\"n\"><AResult><Value></Value><Arn>a b</Arn>\
                    <Expiration>2026-01-15T12:00:00Z</Expiration></AResult></AResponse>";
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut random = Rng::with_seed(seed);
            let mut draft = draft(XML, 200, body);
            xml(&mut random, &mut draft);
            let read = roxmltree::Document::parse(&draft.body).unwrap();
            let result = read.root_element().first_element_child().unwrap();
            let text = |name: &str| {
                let mut children = result.children();
                let found = children.find(|child| child.tag_name().name() == name);
                found.unwrap().text().unwrap_or_default().to_owned()
            };
            assert_eq!(
                (text("Value"), text("Arn")),
                (String::new(), "a b".to_owned())
            );
            DateTime::parse_from_rfc3339(&text("Expiration")).unwrap();
            seen.insert(draft.body.clone());
        }
        assert!(seen.len() > 20, "{}", seen.len());
    }
}
