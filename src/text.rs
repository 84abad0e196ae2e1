//! Making foreign text safe to show, and ours safe to send.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What is encoded in a URL: everything but the unreserved characters (RFC 3986
/// section 2.3).
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Replaces control characters by their escapes, so that a name in a hostile
/// certificate or a proxy's answer cannot move the cursor or forge a line, and
/// cuts the text after `max` characters.
#[must_use]
pub fn printable(text: &str, max: usize) -> String {
    let is_plain = |octet: u8| octet.is_ascii_graphic() || octet == b' ';
    if text.len() <= max && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == max {
            shown.push('…');
            break;
        }
        if character.is_control() || is_direction_mark(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Unicode marks that reorder, break or hide what a terminal shows.
const fn is_direction_mark(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Whether IAM and STS allow the character in a session tag's value:
/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]` (STS API, "Tag").
#[must_use]
pub fn is_tag_character(character: char) -> bool {
    use unicode_general_category::{GeneralCategory as Category, get_general_category};
    if character.is_ascii() {
        // Its only blank is a SpaceSeparator.
        return character.is_ascii_alphanumeric() || "_.:/=+-@ ".contains(character);
    }
    matches!(
        get_general_category(character),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
            | Category::SpaceSeparator
            | Category::LineSeparator
            | Category::ParagraphSeparator
    )
}

/// A number with its word: `1 certificate`, `2 certificates`.
#[must_use]
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The first of `count` things, of which these are shown: `a, b, and 3 more`.
#[must_use]
pub fn first_of(shown: &[String], count: usize) -> String {
    let mut text = shown.join(", ");
    if count > shown.len() {
        text.push_str(&format!(", and {} more", count - shown.len()));
    }
    text
}

/// What an error says, with its causes behind it, the nearest first.
#[must_use]
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Which of the known names was perhaps meant: the one that is most alike, if any
/// is alike enough (Jaro similarity above 0.7, as for mistyped options).
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_and_the_first_are_named() {
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(counted(1, "row"), "1 row");
        let shown = ["a".to_owned(), "b".to_owned()];
        assert_eq!(first_of(&shown, 2), "a, b");
        assert_eq!(first_of(&shown, 5), "a, b, and 3 more");
    }

    #[test]
    fn of_ascii_a_tag_may_have_letters_digits_blanks_and_eight_marks() {
        let allowed: String = ('\0'..='\x7f')
            .filter(|one| is_tag_character(*one))
            .collect();
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
        assert_eq!(allowed, format!(" +-./0123456789:=@{letters}"));
        assert!(is_tag_character('ü') && !is_tag_character('€'));
    }

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(printable("a\u{1b}[2Jb\n", 80), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("Zürich", 80), "Zürich");
    }
}
