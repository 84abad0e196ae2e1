//! Words as each format takes them, so that what reads the file finds the very same
//! words again; or a refusal, where a format has no way to write them.

use std::path::Path;

/// A word that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// An end of line, or another control character.
    #[error("'{}' has a control character", crate::text::printable(word, 200))]
    Control {
        /// The word.
        word: String,
    },
    /// Some programs that read crontabs drop a backslash, others do not; at the end of
    /// a line of a unit it joins the next one.
    #[error(
        "'{}' has a backslash, which is not everywhere taken for one there",
        crate::text::printable(word, 200)
    )]
    Backslash {
        /// The word.
        word: String,
    },
    /// Readers drop the blanks at both ends.
    #[error("'{word}' has a blank at one of its ends")]
    Blank {
        /// The word.
        word: String,
    },
    /// The line is longer than cron takes.
    #[error("the line has {length} octets, and cron takes {most}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// logrotate takes it for a pattern.
    #[error("'{}' has one of \\ \" * ? [ {{, which logrotate takes for a pattern", crate::text::printable(&path.to_string_lossy(), 200))]
    Pattern {
        /// The path.
        path: std::path::PathBuf,
    },
    /// Text is written.
    #[error("'{}' is no text (UTF-8)", crate::text::printable(&path.to_string_lossy(), 200))]
    NotText {
        /// The path.
        path: std::path::PathBuf,
    },
    /// Nobody knows where a service is started.
    #[error("'{}' is no absolute path", crate::text::printable(&path.to_string_lossy(), 200))]
    Relative {
        /// The path.
        path: std::path::PathBuf,
    },
}

/// Refuses what no line of text can hold: ends of line, which would begin another
/// setting or another job, and other control characters.
pub(super) fn checked(word: &str) -> Result<&str, Unwritable> {
    // U+2028 and U+0085 end lines for some readers; char::is_control has the latter.
    let is_bad = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    if word.contains(is_bad) {
        return Err(Unwritable::Control {
            word: word.to_owned(),
        });
    }
    Ok(word)
}

/// The text of an absolute path.
pub(super) fn path(path: &Path) -> Result<&str, Unwritable> {
    if !path.is_absolute() {
        return Err(Unwritable::Relative {
            path: path.to_owned(),
        });
    }
    let text = path.to_str().ok_or_else(|| Unwritable::NotText {
        path: path.to_owned(),
    })?;
    checked(text)
}

/// Whether nothing gives the character a meaning.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:=,+@".contains(c)
}

/// A word for a setting of a unit that takes several of them: in double quotes,
/// with the escapes of systemd.syntax(7), and without specifiers (systemd.unit(5),
/// `%%`).
pub(super) fn systemd_setting(word: &str) -> Result<String, Unwritable> {
    if !word.is_empty() && word.chars().all(is_plain) {
        return Ok(word.to_owned());
    }
    let escaped = checked(word)?
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    Ok(format!("\"{escaped}\""))
}

/// A word of a command line of a unit, where `$` stands for variables besides
/// (systemd.service(5), "Command Lines"); not in the path of the program.
pub(super) fn systemd_line(program: &str, words: &[String]) -> Result<String, Unwritable> {
    let mut line = vec![systemd_setting(program)?];
    for word in words {
        line.push(systemd_setting(word)?.replace('$', "$$"));
    }
    Ok(line.join(" "))
}

/// A text to the end of its line, where quotes have no meaning.
pub(super) fn systemd_rest(text: &str) -> Result<String, Unwritable> {
    if checked(text)?.contains('\\') {
        return Err(Unwritable::Backslash {
            word: text.to_owned(),
        });
    }
    if text.trim() != text {
        return Err(Unwritable::Blank {
            word: text.to_owned(),
        });
    }
    Ok(text.replace('%', "%%"))
}

/// A word for sh.
pub(super) fn shell(word: &str) -> Result<String, Unwritable> {
    checked(word)?;
    let quoted = shlex::try_quote(word).map_err(|_| Unwritable::Control {
        word: word.to_owned(),
    })?;
    Ok(quoted.into_owned())
}

/// Words for sh.
pub(super) fn shell_line<'a>(
    words: impl IntoIterator<Item = &'a str>,
) -> Result<String, Unwritable> {
    let words: Result<Vec<String>, Unwritable> = words.into_iter().map(shell).collect();
    Ok(words?.join(" "))
}

/// A word of a crontab's command, which cron reads before sh does: there `%` is an
/// end of line unless a backslash stands before it (crontab(5)). It stands outside of
/// quotes, where sh drops the backslash if cron has not: BusyBox's does not.
pub(super) fn cron(word: &str) -> Result<String, Unwritable> {
    if checked(word)?.contains('\\') {
        return Err(Unwritable::Backslash {
            word: word.to_owned(),
        });
    }
    if !word.contains('%') {
        return shell(word);
    }
    let parts: Result<Vec<String>, Unwritable> = word
        .split('%')
        .map(|part| match part {
            "" => Ok(String::new()),
            part => shell(part),
        })
        .collect();
    Ok(parts?.join("\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_ends_a_line_is_refused_everywhere() {
        for wrong in [
            "a\nb",
            "a\rb",
            "\0",
            "\u{85}",
            "\u{2028}",
            "\u{1b}[2J",
            "\t",
        ] {
            assert!(systemd_setting(wrong).is_err(), "{wrong:?}");
            assert!(systemd_rest(wrong).is_err(), "{wrong:?}");
            assert!(shell(wrong).is_err(), "{wrong:?}");
            assert!(cron(wrong).is_err(), "{wrong:?}");
        }
        assert!(cron("a\\b").is_err());
    }

    #[test]
    fn words_keep_their_meaning() {
        let line = systemd_line(
            "/a $b",
            &["c$d".to_owned(), "100%".to_owned(), String::new()],
        );
        assert_eq!(line.unwrap(), r#""/a $b" "c$$d" "100%%" """#);
        assert_eq!(systemd_setting(r#"a"b\c"#).unwrap(), r#""a\"b\\c""#);
        assert_eq!(cron("100% of it's").unwrap(), r#"100\%" of it's""#);
        assert_eq!(shell("").unwrap(), "''");
    }

    proptest! {
        /// What cron leaves of a word is what sh makes the word of, whether or not that
        /// cron drops the backslash before %.
        #[test]
        fn a_word_for_cron_is_one_for_sh(word in "[^\\\\\\p{C}\\u{2028}\\u{2029}]{0,20}") {
            let quoted = cron(&word).unwrap();
            let dropped = quoted.replace("\\%", "%");
            for line in [quoted, dropped] {
                prop_assert_eq!(shlex::split(&line), Some(vec![word.clone()]));
            }
        }
    }
}
