//! Reads a shared file line by line as botocore does.
//!
//! Where Python's rules go beyond what anybody expects, they matter here: a line
//! that is indented more than the key above it continues that key's value, also
//! behind blank lines and comments; one that is indented as much or less is a key
//! of its own. `[` at the beginning makes a header only where the line is no
//! continuation. The first `=` or `:` ends the key.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::limits;

use super::{Place, Problem, ProfileName, Refusal};

/// The section whose keys botocore puts into every other.
const DEFAULTS: &str = "DEFAULT";

/// A key in lower case: a part of the file where it is written so.
type Key<'a> = Cow<'a, str>;

/// One line with what ends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    pub(super) ending: &'a [u8],
}

/// A file as it is read.
#[derive(Debug)]
pub struct Document<'a> {
    pub(super) lines: Vec<Line<'a>>,
    /// The sections in their order. A second `[DEFAULT]` is a section of its own
    /// here.
    pub(super) sections: Vec<Section<'a>>,
}

/// A section.
#[derive(Debug)]
pub struct Section<'a> {
    /// What stands between the brackets, blanks included.
    pub(super) name: Cow<'a, str>,
    /// The same when the name ends at the first `]`, where there are several.
    pub(super) short_name: Cow<'a, str>,
    /// Index of its header's line.
    pub(super) line: usize,
    pub(super) entries: Vec<Entry<'a>>,
}

/// A key with its value.
pub struct Entry<'a> {
    /// The key in lower case.
    pub(super) key: Key<'a>,
    /// The rest of its line without blanks at either end.
    pub(super) value: &'a [u8],
    /// Index of its line.
    pub(super) line: usize,
    /// The lines that continue the value: index, and text without blanks at
    /// either end.
    pub(super) continuations: Vec<(usize, &'a [u8])>,
    /// What stands before the key.
    pub(super) indent: &'a [u8],
    /// What stands before the value.
    pub(super) lead: &'a [u8],
}

impl Entry<'_> {
    /// Whether the value is the same, lines that continue it included.
    pub(super) fn says_the_same(&self, other: &Entry<'_>) -> bool {
        let rest = self.continuations.iter().map(|(_, text)| text);
        self.value == other.value && rest.eq(other.continuations.iter().map(|(_, text)| text))
    }
}

/// Shows no value.
impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry(line {})", self.line + 1)
    }
}

impl<'a> Section<'a> {
    /// The entry with this key, which is given in lower case.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The keys, in lower case, with the numbers of their lines.
    pub fn keys(&self) -> impl Iterator<Item = (&str, usize)> {
        self.entries
            .iter()
            .map(|entry| (entry.key.as_ref(), entry.line + 1))
    }

    /// Whether botocore puts its keys into every other section.
    pub(super) fn is_defaults(&self) -> bool {
        self.name == DEFAULTS
    }
}

impl<'a> Entry<'a> {
    /// The value, where it stands on the key's own line.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Whether the value goes on in the lines below.
    #[must_use]
    pub const fn is_continued(&self) -> bool {
        !self.continuations.is_empty()
    }

    /// The number of its line, from one.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.line + 1
    }
}

impl<'a> Document<'a> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Refusal::Line`] for everything for which botocore refuses the whole
    /// file, and for zero bytes.
    pub fn read(text: &'a [u8]) -> Result<Self, Refusal> {
        if text.starts_with(b"\xef\xbb\xbf") {
            return Err(Problem::ByteOrderMark.on(1));
        }
        let mut reader = Reader {
            document: Self {
                lines: lines(text)?,
                sections: Vec::new(),
            },
            indent: 0,
            seen_sections: HashMap::new(),
            seen_keys: HashMap::new(),
            current: 0,
            defaults: None,
        };
        for index in 0..reader.document.lines.len() {
            reader.line(index)?;
        }
        reader.document.check_nested()?;
        Ok(reader.document)
    }

    /// The names of all profiles that have a section, in the order of the file.
    pub fn profiles(&self, place: Place) -> impl Iterator<Item = ProfileName> {
        self.sections
            .iter()
            .filter_map(move |section| place.profile_of(&section.short_name))
    }

    /// Lines of a value that begins on the line after its key are read as keys
    /// of their own, in both files.
    fn check_nested(&self) -> Result<(), Refusal> {
        let entries = self.sections.iter().flat_map(|section| &section.entries);
        for entry in entries.filter(|entry| entry.value.is_empty()) {
            let mut lines = entry.continuations.iter();
            if let Some((line, _)) = lines.find(|(_, text)| !text.contains(&b'=')) {
                return Err(Problem::Nested.on(line + 1));
            }
        }
        Ok(())
    }

    /// Index of the first line after a section.
    pub(super) fn end_of(&self, section: usize) -> usize {
        self.sections
            .get(section + 1)
            .map_or(self.lines.len(), |next| next.line)
    }
}

/// The state between two lines.
struct Reader<'a> {
    document: Document<'a>,
    /// How far the last key or header was indented.
    indent: usize,
    seen_sections: HashMap<String, usize>,
    /// Index of the section and key, with the line: a name may be long, and its
    /// keys many.
    seen_keys: HashMap<(usize, Key<'a>), usize>,
    /// The section of the keys that come: where there are several `[DEFAULT]`,
    /// the first of them.
    current: usize,
    defaults: Option<usize>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, index: usize) -> Result<(), Refusal> {
        let Some(Line { text, .. }) = self.document.lines.get(index).copied() else {
            return Ok(());
        };
        if text.contains(&0) {
            return Err(Problem::ZeroByte.on(index + 1));
        }
        let trimmed = trim(text);
        if trimmed.is_empty() || trimmed.starts_with(b"#") || trimmed.starts_with(b";") {
            return Ok(());
        }
        let before = text.len() - trim_start(text).len();
        let (blanks, _) = text.split_at(before);
        let indent = width(blanks);
        let section = self.document.sections.last_mut();
        if let Some(entry) = section.and_then(|section| section.entries.last_mut())
            && indent > self.indent
        {
            entry.continuations.push((index, trimmed));
            return Ok(());
        }
        self.indent = indent;
        match header(trimmed) {
            Some((name, short_name)) => self.header(index, name, short_name),
            None => self.entry(index, blanks, trimmed),
        }
    }

    fn header(
        &mut self,
        index: usize,
        name: Cow<'a, str>,
        short_name: Cow<'a, str>,
    ) -> Result<(), Refusal> {
        let seen = self.seen_sections.insert(name.to_string(), index + 1);
        if let Some(first) = seen.filter(|_| name != DEFAULTS) {
            return Err(Problem::DuplicateSection { first }.on(index + 1));
        }
        let index_of_section = self.document.sections.len();
        self.current = if name == DEFAULTS {
            *self.defaults.get_or_insert(index_of_section)
        } else {
            index_of_section
        };
        self.document.sections.push(Section {
            name,
            short_name,
            line: index,
            entries: Vec::new(),
        });
        Ok(())
    }

    fn entry(&mut self, index: usize, indent: &'a [u8], text: &'a [u8]) -> Result<(), Refusal> {
        let number = index + 1;
        let Some(section) = self.document.sections.last_mut() else {
            return Err(instead_of_key(text, Problem::BeforeFirstSection).on(number));
        };
        let delimiter = text.iter().position(|octet| matches!(octet, b'=' | b':'));
        let Some(delimiter) = delimiter else {
            return Err(instead_of_key(text, Problem::NoDelimiter).on(number));
        };
        let (key, rest) = text.split_at(delimiter);
        let key = lower_case(trim(key));
        if key.is_empty() {
            return Err(Problem::NoKey.on(number));
        }
        let value = trim(rest.get(1..).unwrap_or_default());
        let both = (self.current, key.clone());
        if let Some(first) = self.seen_keys.insert(both, number) {
            return Err(Problem::DuplicateKey { first }.on(number));
        }
        let (lead, _) = text.split_at(text.len() - value.len());
        section.entries.push(Entry {
            key,
            value,
            line: index,
            continuations: Vec::new(),
            indent,
            lead,
        });
        Ok(())
    }
}

/// What is wrong with a line that is no key: it may have been meant as a header.
fn instead_of_key(text: &[u8], otherwise: Problem) -> Problem {
    if text.starts_with(b"[") {
        Problem::Unclosed
    } else {
        otherwise
    }
}

fn lower_case(key: &[u8]) -> Key<'_> {
    match String::from_utf8_lossy(key) {
        Cow::Borrowed(key) if key.bytes().all(is_lower) => Cow::Borrowed(key),
        key => Cow::Owned(key.to_lowercase()),
    }
}

const fn is_lower(octet: u8) -> bool {
    octet.is_ascii() && !octet.is_ascii_uppercase()
}

/// The name in a header's brackets, up to the last `]` and up to the first.
fn header(text: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let inner = text.strip_prefix(b"[")?;
    // One character at least, whatever it is.
    let last = inner.iter().rposition(|octet| *octet == b']')?;
    let long = inner.get(..last).filter(|name| !name.is_empty())?;
    let first = long.iter().position(|octet| *octet == b']');
    let short = long.get(..first.unwrap_or(last)).unwrap_or(long);
    Some((
        String::from_utf8_lossy(long),
        String::from_utf8_lossy(short),
    ))
}

/// Whether a line has the form of a header, wherever it stands.
pub(super) fn header_of(text: &[u8]) -> Option<Cow<'_, str>> {
    header(trim(text)).map(|(_, short)| short)
}

/// Splits at `\n`, `\r\n` and `\r` alone, as Python reads text.
fn lines(text: &[u8]) -> Result<Vec<Line<'_>>, Refusal> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|octet| matches!(octet, b'\n' | b'\r'))
            .unwrap_or(rest.len());
        let (text, behind) = rest.split_at(end);
        let length = match behind {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        let (ending, behind) = behind.split_at(length);
        let max = limits::MAX_SHARED_LINES;
        if lines.len() == max {
            return Err(Problem::TooManyLines { max }.on(max + 1));
        }
        lines.push(Line { text, ending });
        rest = behind;
    }
    Ok(lines)
}

/// What Python's `str.strip` takes for blank.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Leaves out the blanks at both ends. Bytes that are no UTF-8 are none.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let Some(last) = text.utf8_chunks().last() else {
        return text;
    };
    if !last.invalid().is_empty() {
        return text;
    }
    let blanks = last.valid().len() - last.valid().trim_end_matches(is_blank).len();
    text.split_at(text.len() - blanks).0
}

fn trim_start(text: &[u8]) -> &[u8] {
    let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let blanks = valid.len() - valid.trim_start_matches(is_blank).len();
    text.split_at(blanks).1
}

/// How many characters these blanks are.
fn width(blanks: &[u8]) -> usize {
    std::str::from_utf8(blanks).map_or(blanks.len(), |blanks| blanks.chars().count())
}
