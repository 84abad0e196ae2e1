//! The edit: lines of one section are replaced, removed and added.

use std::collections::{BTreeMap, BTreeSet};

use crate::secret::Secret;

use super::profile::is_prefixed_default;
use super::reader::{Document, Entry, Section, header_of};
use super::{Place, Problem, ProfileName, Refusal};

/// What is done to one key.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// The key, in lower case.
    pub key: &'a str,
    /// Its new value; without one it is removed.
    pub value: Option<&'a str>,
}

/// Shows no value.
impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Change({})", self.key)
    }
}

/// What came out of an edit.
#[derive(Debug)]
pub struct Edited {
    /// The whole file.
    pub text: Secret,
    /// The header as it stood, where botocore would not have found it for the
    /// blanks in it: they were left out.
    pub respelled: Option<String>,
}

/// Sets and removes keys in the section of a profile, which is added at the end
/// of the file where it is missing.
///
/// A key that is there keeps its line; it is written as `key = value` behind
/// the line's own indentation, and lines that continue the old value go. New
/// keys come behind those of the change that are there, or behind the section's
/// last. A line that says what it should is not touched, so that a second edit
/// gives the same bytes.
///
/// # Errors
///
/// [`Refusal`].
pub fn edit(
    text: &[u8],
    place: Place,
    profile: &ProfileName,
    changes: &[Change<'_>],
) -> Result<Edited, Refusal> {
    check_values(changes)?;
    let document = Document::read(text)?;
    check_defaults(&document, changes)?;
    let section = document.find(place, profile)?;
    let mut lines = Rewritten::default();
    let mut respelled = None;
    match section {
        None => lines.append(&document, &place.header(profile), changes),
        Some(index) => {
            document.check_own_lines(index, changes)?;
            respelled = lines.respell(&document, index, place, profile);
            lines.change(&document, index, changes);
        }
    }
    let room = changes.iter().map(|change| {
        let value = change.value.map_or(0, str::len);
        value + 2 * change.key.len() + 64
    });
    let edited = lines.write(&document, text.len() + room.sum::<usize>() + 512);
    confirm(&document, section, edited.expose(), place, profile, changes)?;
    Ok(Edited {
        text: edited,
        respelled,
    })
}

impl<'a> Document<'a> {
    /// The section of a profile.
    ///
    /// # Errors
    ///
    /// [`Refusal::Line`] when SDKs do not agree on which one it is.
    pub fn section(
        &self,
        place: Place,
        profile: &ProfileName,
    ) -> Result<Option<&Section<'a>>, Refusal> {
        let found = self.find(place, profile)?;
        Ok(found.and_then(|index| self.sections.get(index)))
    }

    fn find(&self, place: Place, profile: &ProfileName) -> Result<Option<usize>, Refusal> {
        let mut found: Option<usize> = None;
        for (index, section) in self.sections.iter().enumerate() {
            let is_long = place.is_header_of(&section.name, profile);
            if section.name != section.short_name {
                if is_long || place.is_header_of(&section.short_name, profile) {
                    return Err(Problem::Bracket.on(section.line + 1));
                }
            } else if is_long {
                // `[profile default]` goes before `[default]` for most SDKs, and
                // the later of the two for botocore.
                let earlier = found.and_then(|index| self.sections.get(index));
                if let Some(earlier) = earlier
                    && !(is_prefixed_default(&section.name)
                        && !is_prefixed_default(&earlier.name)
                        && place == Place::Config)
                {
                    let first = earlier.line + 1;
                    return Err(Problem::DuplicateSection { first }.on(section.line + 1));
                }
                found = Some(index);
            }
        }
        self.check_indented(place, profile)?;
        Ok(found)
    }

    /// An indented header that continues a value for botocore is a section for
    /// others.
    fn check_indented(&self, place: Place, profile: &ProfileName) -> Result<(), Refusal> {
        let entries = self.sections.iter().flat_map(|section| &section.entries);
        for (line, text) in entries.flat_map(|entry| &entry.continuations) {
            if header_of(text).is_some_and(|name| place.is_header_of(&name, profile)) {
                return Err(Problem::IndentedHeader.on(line + 1));
            }
        }
        Ok(())
    }

    /// In the section that is changed nothing may be read in different ways.
    fn check_own_lines(&self, section: usize, changes: &[Change<'_>]) -> Result<(), Refusal> {
        let Some(own) = self.sections.get(section) else {
            return Ok(());
        };
        let end = self.end_of(section);
        let lines = self.lines.iter().enumerate();
        for (index, line) in lines.take(end).skip(own.line) {
            if line.ending == b"\r" {
                return Err(Problem::CarriageReturn.on(index + 1));
            }
        }
        let changed = changes.iter().filter_map(|change| own.entry(change.key));
        for (line, text) in changed.flat_map(|entry| &entry.continuations) {
            if header_of(text).is_some() {
                return Err(Problem::IndentedHeader.on(line + 1));
            }
        }
        Ok(())
    }
}

/// A value is one line of printable text that no SDK cuts short.
fn check_values(changes: &[Change<'_>]) -> Result<(), Refusal> {
    for Change { key, value } in changes {
        let Some(value) = value else { continue };
        let wrong = if value.is_empty() || value.trim() != *value {
            Some("blanks at an end")
        } else if value.contains(char::is_control) {
            Some("a control character")
        } else if [" #", " ;", "\u{a0}#", "\u{a0};"]
            .iter()
            .any(|comment| value.contains(comment))
        {
            Some("the beginning of a comment (' #' or ' ;')")
        } else {
            None
        };
        if let Some(what) = wrong {
            return Err(Refusal::Value {
                key: (*key).to_owned(),
                what,
            });
        }
    }
    Ok(())
}

/// botocore sees a key of `[DEFAULT]` in every section that has none of its own.
fn check_defaults(document: &Document<'_>, changes: &[Change<'_>]) -> Result<(), Refusal> {
    let removed = changes.iter().filter(|change| change.value.is_none());
    for change in removed {
        let defaults = document.sections.iter().filter(|one| one.is_defaults());
        let mut entries = defaults.filter_map(|one| one.entry(change.key));
        if let Some(entry) = entries.next() {
            return Err(Problem::Defaults.on(entry.line + 1));
        }
    }
    Ok(())
}

/// What becomes of the lines.
#[derive(Default)]
struct Rewritten {
    /// New text of lines, without their endings.
    replaced: BTreeMap<usize, Vec<Secret>>,
    removed: BTreeSet<usize>,
    /// Lines that come behind this one; behind all of them where it is `None`.
    added: Option<(Option<usize>, Vec<Secret>)>,
}

impl Rewritten {
    fn append(&mut self, document: &Document<'_>, header: &str, changes: &[Change<'_>]) {
        let mut lines = vec![Secret::from(format!("[{header}]"))];
        let set = changes.iter().filter(|change| change.value.is_some());
        lines.extend(set.map(|change| line(b"", change)));
        self.added = Some((document.lines.len().checked_sub(1), lines));
    }

    /// Leaves out the blanks in a header for which botocore would not find it.
    fn respell(
        &mut self,
        document: &Document<'_>,
        section: usize,
        place: Place,
        profile: &ProfileName,
    ) -> Option<String> {
        let own = document.sections.get(section)?;
        if place.is_exact(&own.name) {
            return None;
        }
        let text = document.lines.get(own.line)?.text;
        let open = text.iter().position(|octet| *octet == b'[')? + 1;
        let close = text.iter().position(|octet| *octet == b']')?;
        let mut new = text.get(..open)?.to_vec();
        if place == Place::Config && is_prefixed_default(&own.name) {
            new.extend_from_slice(own.name.trim().as_bytes());
        } else {
            new.extend_from_slice(place.header(profile).as_bytes());
        }
        new.extend_from_slice(text.get(close..)?);
        self.replaced.insert(own.line, vec![Secret::new(new)]);
        Some(format!("[{}]", own.name))
    }

    fn change(&mut self, document: &Document<'_>, section: usize, changes: &[Change<'_>]) {
        let Some(own) = document.sections.get(section) else {
            return;
        };
        let mut kept: Option<&Entry<'_>> = None;
        let mut missing = Vec::new();
        for change in changes {
            match (own.entry(change.key), change.value) {
                (None, None) => {}
                (None, Some(_)) => missing.push(change),
                (Some(entry), None) => {
                    self.removed.insert(entry.line);
                    self.remove_continuations(entry);
                }
                (Some(entry), Some(value)) => {
                    if !is_written_so(entry, change.key, value) {
                        let text = line(entry.indent, change);
                        self.replaced.insert(entry.line, vec![text]);
                        self.remove_continuations(entry);
                    }
                    kept = kept.filter(|kept| kept.line > entry.line).or(Some(entry));
                }
            }
        }
        if !missing.is_empty() {
            let (behind, indent) = position(document, section, kept);
            let lines = missing.into_iter().map(|change| line(indent, change));
            self.added = Some((Some(behind), lines.collect()));
        }
    }

    fn remove_continuations(&mut self, entry: &Entry<'_>) {
        let lines = entry.continuations.iter().map(|(line, _)| *line);
        self.removed.extend(lines);
    }

    fn write(&self, document: &Document<'_>, room: usize) -> Secret {
        let mut text = Vec::with_capacity(room);
        let (behind, added) = match &self.added {
            Some((behind, added)) => (*behind, added.as_slice()),
            None => (None, Default::default()),
        };
        let add = |text: &mut Vec<u8>, ending: &[u8]| {
            for line in added {
                text.extend_from_slice(line.expose());
                text.extend_from_slice(ending);
            }
        };
        for (index, line) in document.lines.iter().enumerate() {
            if !self.removed.contains(&index) {
                match self.replaced.get(&index) {
                    None => text.extend_from_slice(line.text),
                    Some(new) => new
                        .iter()
                        .for_each(|new| text.extend_from_slice(new.expose())),
                }
                text.extend_from_slice(line.ending);
            }
            if behind == Some(index) {
                let ending = document.ending_at(index);
                if line.ending.is_empty() && !self.removed.contains(&index) {
                    text.extend_from_slice(ending);
                }
                add(&mut text, ending);
            }
        }
        if behind.is_none() {
            add(&mut text, b"\n");
        }
        Secret::new(text)
    }
}

impl Document<'_> {
    /// How the lines around this one end: as it does itself, or the nearest
    /// before it.
    fn ending_at(&self, index: usize) -> &[u8] {
        let lines = self.lines.iter().take(index + 1).rev();
        lines
            .map(|line| line.ending)
            .find(|ending| ending.ends_with(b"\n"))
            .unwrap_or(b"\n")
    }
}

/// Behind which line new keys come, and how they are indented: as the key before
/// them, so that neither they nor what follows continue a value.
fn position<'a>(
    document: &Document<'a>,
    section: usize,
    kept: Option<&Entry<'a>>,
) -> (usize, &'a [u8]) {
    if let Some(entry) = kept {
        return (entry.line, entry.indent);
    }
    let own = document.sections.get(section);
    if let Some(last) = own.and_then(|section| section.entries.last()) {
        let end = last
            .continuations
            .last()
            .map_or(last.line, |(line, _)| *line);
        return (end, last.indent);
    }
    // A header that is indented must not continue the new key.
    let next = document.sections.get(section + 1);
    let next = next.and_then(|next| document.lines.get(next.line));
    let indent = next.map_or(b"".as_slice(), |line| {
        let open = line.text.iter().position(|octet| *octet == b'[');
        line.text.split_at(open.unwrap_or(0)).0
    });
    (own.map_or(0, |section| section.line), indent)
}

/// `key = value`, indented so.
fn line(indent: &[u8], change: &Change<'_>) -> Secret {
    let value = change.value.unwrap_or_default();
    let mut line = Vec::with_capacity(indent.len() + change.key.len() + 3 + value.len());
    line.extend_from_slice(indent);
    line.extend_from_slice(change.key.as_bytes());
    line.extend_from_slice(b" = ");
    line.extend_from_slice(value.as_bytes());
    Secret::new(line)
}

/// Whether a line says that already, in a form that all SDKs read: the key in
/// lower case, as some look for it, and `=`.
fn is_written_so(entry: &Entry<'_>, key: &str, value: &str) -> bool {
    entry.continuations.is_empty()
        && entry.value == value.as_bytes()
        && entry
            .lead
            .strip_prefix(key.as_bytes())
            .is_some_and(|between| between.trim_ascii() == b"=")
}

/// Whether both are the same keys with the same values.
fn all_same<'a>(
    mut one: impl Iterator<Item = &'a Entry<'a>>,
    mut other: impl Iterator<Item = &'a Entry<'a>>,
) -> bool {
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.key == other.key && one.says_the_same(other) => {}
            _ => return false,
        }
    }
}

/// Reads the new file back: it says what it should, and of everything else what
/// the old one did.
fn confirm(
    old: &Document<'_>,
    section: Option<usize>,
    text: &[u8],
    place: Place,
    profile: &ProfileName,
    changes: &[Change<'_>],
) -> Result<(), Refusal> {
    let new = Document::read(text).map_err(|_| Refusal::Unsafe)?;
    let at = section.unwrap_or(old.sections.len());
    let found = new.find(place, profile).map_err(|_| Refusal::Unsafe)?;
    let added = usize::from(section.is_none());
    if found != Some(at) || new.sections.len() != old.sections.len() + added {
        return Err(Refusal::Unsafe);
    }
    let is_changed = |key: &str| changes.iter().any(|change| change.key == key);
    for (index, after) in new.sections.iter().enumerate() {
        let (before, own) = (old.sections.get(index), index == at);
        // They stand in the same order.
        let is_kept = |entry: &&Entry<'_>| !own || !is_changed(&entry.key);
        let kept = after.entries.iter().filter(is_kept);
        let earlier = before.iter().flat_map(|section| &section.entries);
        let same = all_same(kept, earlier.filter(is_kept));
        let named = own || before.is_some_and(|before| before.name == after.name);
        if !same || !named {
            return Err(Refusal::Unsafe);
        }
    }
    let own = new.sections.get(at);
    let done = changes.iter().all(|change| {
        let entry = own.and_then(|section| section.entry(change.key));
        match (entry, change.value) {
            (None, None) => true,
            (Some(entry), Some(value)) => is_written_so(entry, change.key, value),
            _ => false,
        }
    });
    if done { Ok(()) } else { Err(Refusal::Unsafe) }
}
