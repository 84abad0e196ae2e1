//! The members of a request, gathered from its path, its query and its body.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refused::Refused;
use super::shape::{Member, Shape};
use crate::emulator::json;
use crate::emulator::request::{Received, percent_decode, query_pairs};
use crate::emulator::state::Place;

/// A call of an operation whose members have the right shapes.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The members.
    pub(super) input: Map<String, Value>,
    /// The service's time.
    pub(super) now: DateTime<Utc>,
    pub(super) place: &'a Place,
}

impl Call<'_> {
    /// The members as a type.
    ///
    /// # Errors
    ///
    /// None for what has the right shape.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_value(Value::Object(self.input.clone()))
            .map_err(|error| Refused::Invalid(format!("Invalid request: {error}")))
    }

    /// A text that is there, by its shape.
    pub(super) fn text(&self, member: &str) -> &str {
        self.input
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// An ARN of another account in the members that name a resource: IAM
    /// refuses that before the service looks.
    pub(super) fn foreign_arn(&self) -> Option<&str> {
        [
            "trustAnchorId",
            "profileId",
            "crlId",
            "resourceArn",
            "trustAnchorArn",
        ]
        .into_iter()
        .filter_map(|member| self.input.get(member)?.as_str())
        .find(|arn| {
            let account = arn.split(':').nth(4);
            arn.starts_with("arn:") && account.is_some_and(|account| account != self.place.account)
        })
    }
}

/// The decoded labels of a path that has the form of a template.
pub(super) fn labels(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    let mut labels = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(labels),
            (Some(wanted), Some(given)) => {
                let label = wanted
                    .strip_prefix('{')
                    .and_then(|wanted| wanted.strip_suffix('}'));
                match label {
                    Some(label) if !given.is_empty() => {
                        let decoded = String::from_utf8(percent_decode(given)?).ok()?;
                        labels.push((label, decoded));
                    }
                    None if wanted == given => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

/// All members of a request.
///
/// # Errors
///
/// [`Refused`] for a body that is no JSON object and a query that cannot be
/// decoded.
pub(super) fn input(
    request: &Received,
    labels: &[(&'static str, String)],
    members: &[Member],
) -> Result<Map<String, Value>, Refused> {
    let is_empty = request.body.iter().all(u8::is_ascii_whitespace);
    let mut input = match json::read(&request.body) {
        _ if is_empty => Map::new(),
        Ok(Value::Object(members)) => members,
        _ => {
            return Err(Refused::Invalid(
                "Invalid request: the body is no JSON object".to_owned(),
            ));
        }
    };
    let query = query_pairs(&request.query).ok_or_else(|| {
        Refused::Invalid("Invalid request: the query is not percent-encoded".to_owned())
    })?;
    for member in members {
        let mut values = query
            .iter()
            .filter(|(name, _)| name == member.name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .peekable();
        if values.peek().is_some() {
            let value = match member.shape {
                Shape::List(..) => Value::from(values.collect::<Vec<_>>()),
                Shape::Integer(_) => {
                    let text = values.next().unwrap_or_default();
                    match text.parse::<i64>() {
                        Ok(number) => Value::from(number),
                        Err(_) => Value::from(text),
                    }
                }
                _ => Value::from(values.next()),
            };
            input.insert(member.name.to_owned(), value);
        }
    }
    for (name, value) in labels {
        input.insert((*name).to_owned(), Value::from(value.clone()));
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_segments_decoded() {
        let template = "/crl/{crlId}/enable";
        let found = labels(template, "/crl/arn%3Aaws%2Fx/enable").unwrap();
        assert_eq!(found, [("crlId", "arn:aws/x".to_owned())]);
        for other in [
            "/crl//enable",
            "/crl/a/b/enable",
            "/crl/a",
            "/crl/a/enable/",
            "/crl/%zz/enable",
            "/CRL/a/enable",
        ] {
            assert_eq!(labels(template, other), None, "{other}");
        }
    }
}
