//! Lists that are given in parts: `MaxItems`, `Marker` and `IsTruncated`.

use super::fields::{Fields, MARKER};
use crate::emulator::query::{QueryRefusal, element};

/// How many items a list gives that is not told.
const USUAL: u32 = 100;

/// Most items that a list gives at once.
const MOST: u32 = 1000;

/// Which part of a list is asked for.
pub(super) struct Page {
    after: Option<String>,
    most: usize,
}

impl Page {
    /// Reads what is asked for. A marker is the key of the last item that was
    /// given, in hex: whatever is made or deleted meanwhile, the list goes on
    /// behind it.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let most = fields.number("MaxItems", 1, MOST).unwrap_or(USUAL);
        Self {
            after: fields.may("Marker", MARKER).map(str::to_owned),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// The part of a list, whose items have unique keys: an element of items,
    /// `IsTruncated`, and `Marker` where there is more.
    ///
    /// # Errors
    ///
    /// `ValidationError` for a marker that no list has given.
    pub(super) fn of<'a, T>(
        &self,
        name: &str,
        mut items: Vec<(&'a str, T)>,
        show: impl Fn(&'a str, T) -> String,
    ) -> Result<String, QueryRefusal> {
        items.sort_by_key(|(key, _)| *key);
        if let Some(marker) = &self.after {
            let after = hex::decode(marker)
                .ok()
                .and_then(|octets| String::from_utf8(octets).ok())
                .ok_or_else(|| QueryRefusal::new(400, "ValidationError", "Invalid Marker."))?;
            items.retain(|(key, _)| *key > after.as_str());
        }
        let more = items.len() > self.most;
        items.truncate(self.most);
        let last = items.last().map(|(key, _)| hex::encode(key));
        let members: String = items
            .into_iter()
            .map(|(key, item)| format!("<member>{}</member>", show(key, item)))
            .collect();
        let marker = last.filter(|_| more);
        let marker = marker.map_or_else(String::new, |last| element("Marker", &last));
        Ok(format!(
            "<{name}>{members}</{name}><IsTruncated>{more}</IsTruncated>{marker}"
        ))
    }
}
