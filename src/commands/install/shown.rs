//! How files and what becomes of them are shown.

use serde_json::{Value, json};

use crate::installation::{Change, Plan, Planned};

/// All files, each headed by its place; one alone as it stands, since it may be a script.
pub(super) fn listing(files: &[Planned]) -> String {
    let mut texts = files.iter().filter_map(|file| file.text.as_ref());
    if let (Some(text), None) = (texts.next(), texts.next()) {
        return text.clone();
    }
    let shown = files.iter().filter_map(|file| {
        let text = file.text.as_ref()?;
        Some(format!("# {}\n{text}", file.path.display()))
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// A line for each file that changes: nothing where nothing does.
pub(super) fn changes_text(plan: &Plan, is_check: bool) -> String {
    let changed = plan
        .entries()
        .iter()
        .filter(|entry| entry.change != Change::Unchanged);
    let would = if is_check { "would be " } else { "" };
    changed
        .map(|entry| {
            format!(
                "{}: {would}{}\n",
                entry.path.display(),
                entry.change.as_str()
            )
        })
        .collect()
}

/// What changed, and what to type next; without the latter what would change.
pub(super) fn changes_json(plan: &Plan, next: Option<&[String]>) -> Value {
    let files: Vec<Value> = plan
        .entries()
        .iter()
        .map(|entry| json!({ "path": entry.path, "change": entry.change.as_str() }))
        .collect();
    let mut shown = json!({
        "changed": plan.is_change(),
        "check": next.is_none(),
        "files": files,
    });
    if let Some(next) = next {
        shown["next"] = json!(next);
    }
    shown
}
