//! What operations on all sorts of resources have in common.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::refused::Refused;
use crate::emulator::state::{Alias, Head, Resource, State, Tag, new_id};

/// Items of a page when nothing is said. The service's own number is not
/// documented.
const PAGE_SIZE: usize = 100;

/// Most tags of a resource: as many as one request may hold (service model).
const MAX_TAGS: usize = 200;

/// What every resource is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewHead {
    name: String,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    alias_name: Option<String>,
}

impl NewHead {
    /// The head of a resource that is made now, among others of its sort.
    /// Nothing said, it is disabled, as was seen of revocation lists.
    ///
    /// # Errors
    ///
    /// [`Refused`] for an alias that is no alias or taken, and for tags.
    pub(super) fn make<R: Resource>(
        self,
        call: &Call<'_>,
        number: u64,
        among: &[R],
    ) -> Result<Head, Refused> {
        let alias = alias(among, None, self.alias_name)?;
        let id = new_id().ok_or(Refused::NoRandomness)?;
        let mut head = Head::new(id, number, self.name, call.now);
        head.enabled = self.enabled;
        head.alias = alias;
        add_tags(&mut head, self.tags)?;
        Ok(head)
    }
}

/// What an update may change of every resource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedHead {
    name: Option<String>,
    alias_name: Option<String>,
}

impl ChangedHead {
    /// Changes a resource, and gives the alias that it had and has no more.
    ///
    /// # Errors
    ///
    /// [`Refused`] for an alias that is no alias or taken.
    pub(super) fn apply<R: Resource>(
        self,
        call: &Call<'_>,
        among: &mut [R],
        index: usize,
    ) -> Result<Option<Alias>, Refused> {
        let changed = match self.alias_name {
            None => None,
            name => Some(alias(among, Some(index), name)?),
        };
        let Some(resource) = among.get_mut(index) else {
            return Ok(None);
        };
        let head = resource.head_mut();
        head.updated_at = call.now;
        if let Some(name) = self.name {
            head.name = name;
        }
        let Some(alias) = changed else {
            return Ok(None);
        };
        let previous = std::mem::replace(&mut head.alias, alias);
        Ok(previous.filter(|previous| head.alias.as_ref() != Some(previous)))
    }
}

/// An alias that nothing else of the sort has; the empty one is none.
fn alias<R: Resource>(
    among: &[R],
    own: Option<usize>,
    name: Option<String>,
) -> Result<Option<Alias>, Refused> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let alias = Alias::try_from(name)?;
    let is_taken = among
        .iter()
        .enumerate()
        .any(|(index, other)| Some(index) != own && other.head().alias.as_ref() == Some(&alias));
    if is_taken {
        return Err(Refused::Invalid(format!(
            "Invalid aliasName: another {} has the alias {}",
            R::KIND.noun(),
            alias.as_str()
        )));
    }
    Ok(Some(alias))
}

/// Sets tags; those of a key that is there already get the new value.
///
/// # Errors
///
/// [`Refused`] for keys that are reserved or stand twice, and for too many.
pub(super) fn add_tags(head: &mut Head, tags: Vec<Tag>) -> Result<(), Refused> {
    for (index, tag) in tags.iter().enumerate() {
        let refuse = |what: &str| {
            Refused::Invalid(format!("Invalid tags: the key of tag {} {what}", index + 1))
        };
        if tag
            .key
            .get(..4)
            .is_some_and(|begin| begin.eq_ignore_ascii_case("aws:"))
        {
            return Err(refuse("begins with aws:, which is reserved"));
        }
        if tags.iter().take(index).any(|other| other.key == tag.key) {
            return Err(refuse("stands twice"));
        }
    }
    for tag in tags {
        match head.tags.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => known.value = tag.value,
            None => head.tags.push(tag),
        }
    }
    if head.tags.len() > MAX_TAGS {
        return Err(Refused::TooManyTags { most: MAX_TAGS });
    }
    Ok(())
}

/// Where the resource stands that a member names.
///
/// # Errors
///
/// [`Refused::NotFound`].
pub(super) fn find<R: Resource>(
    call: &Call<'_>,
    state: &State,
    among: &[R],
    member: &str,
) -> Result<usize, Refused> {
    let identifier = call.text(member);
    state
        .position(among, identifier)
        .ok_or_else(|| Refused::NotFound {
            kind: R::KIND,
            identifier: identifier.to_owned(),
        })
}

/// A page of a list under its name, with where it goes on.
///
/// # Errors
///
/// [`Refused`] for a token that was not given out here.
pub(super) fn page<R: Resource>(
    call: &Call<'_>,
    among: &[R],
    name: &str,
    show: impl Fn(&R) -> Value,
) -> Result<Value, Refused> {
    let size = match call.input.get("pageSize").and_then(Value::as_i64) {
        None => PAGE_SIZE,
        Some(size) => match usize::try_from(size) {
            Ok(size) if size > 0 => size.min(PAGE_SIZE),
            _ => {
                let constraint = "Member must have value greater than or equal to 1";
                return Err(Refused::member(
                    "pageSize",
                    Some(size.to_string()),
                    constraint,
                ));
            }
        },
    };
    let after = match call.input.get("nextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => read_token(token, R::KIND.segment())
            .ok_or_else(|| Refused::Invalid("Invalid nextToken".to_owned()))?,
    };
    let mut rest = among
        .iter()
        .filter(|resource| resource.head().number > after);
    let shown: Vec<&R> = rest.by_ref().take(size).collect();
    let mut answer = Map::new();
    if let (Some(last), Some(_)) = (shown.last(), rest.next()) {
        let token = format!("{}:{}", R::KIND.segment(), last.head().number);
        answer.insert("nextToken".to_owned(), URL_SAFE_NO_PAD.encode(token).into());
    }
    let shown: Vec<Value> = shown.into_iter().map(show).collect();
    answer.insert(name.to_owned(), shown.into());
    Ok(Value::Object(answer))
}

/// The number behind which a list goes on: resources that are removed between
/// two pages do not matter.
fn read_token(token: &str, kind: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(kind)?.strip_prefix(':')?.parse().ok()
}

/// Adds what an alias says to what is shown of a resource.
pub(super) fn with_alias<R: Resource>(mut shown: Value, state: &State, resource: &R) -> Value {
    if let Some(alias) = &resource.head().alias {
        shown["aliasName"] = json!(alias.as_str());
        shown["aliasArn"] = json!(state.place.alias_arn(R::KIND, alias.as_str()));
    }
    shown
}

/// Adds the alias that a resource had until now.
pub(super) fn with_previous(mut shown: Value, previous: Option<&Alias>) -> Value {
    if let Some(previous) = previous {
        shown["previousAliasName"] = json!(previous.as_str());
    }
    shown
}

/// A time as ISO 8601 with microseconds.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
