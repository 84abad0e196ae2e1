//! Matching with `*` and `?`.

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Many,
}

/// The pattern in a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    text.chars()
        .map(|character| match character {
            '*' => Token::Many,
            '?' => Token::One,
            other => Token::Char(other),
        })
        .collect()
}

/// Whether the whole text matches.
pub(super) fn matches(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    steps(pattern, &text).0
}

/// Whether the whole text matches, and in how many steps. Only the last `*` is
/// ever gone back to: what stood before it has matched as early as it can, so
/// that no other way of matching it leaves more. That makes at most one step for
/// each pair of a token and a character, whatever the pattern.
fn steps(pattern: &[Token], text: &[char]) -> (bool, usize) {
    let (mut at, mut place, mut count) = (0, 0, 0);
    // Behind the last `*`, and where its remainder was tried last.
    let mut back: Option<(usize, usize)> = None;
    while place < text.len() {
        count += 1;
        match pattern.get(at) {
            Some(Token::Many) => {
                at += 1;
                back = Some((at, place));
                if at == pattern.len() {
                    return (true, count);
                }
            }
            Some(token) if *token == Token::One || *token == Token::Char(text[place]) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((behind, tried)) = back else {
                    return (false, count);
                };
                at = behind;
                place = tried + 1;
                back = Some((behind, place));
            }
        }
    }
    let rest = pattern.get(at..).unwrap_or_default();
    (rest.iter().all(|token| *token == Token::Many), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_iam_has_them() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "", true),
            ("?", "", false),
            ("a*", "a", true),
            ("a?", "a", false),
            ("*.example.com", "web.example.com", true),
            ("*.example.com", ".example.com", true),
            ("*.example.com", "example.com", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab", "aab", true),
            ("web-?", "web-ü", true),
            ("web-?", "web-10", false),
            ("WEB", "web", false),
        ] {
            assert_eq!(
                matches(&tokens(pattern), text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn work_is_bounded_by_the_product_of_the_lengths() {
        for (pattern, text) in [
            ("*a".repeat(200) + "b", "a".repeat(256)),
            ("*".repeat(400), "a".repeat(256)),
            ("*?".repeat(200) + "b", "a".repeat(256)),
            ("*".to_owned() + &"a".repeat(128) + "b", "a".repeat(256)),
        ] {
            let (pattern, text) = (tokens(&pattern), text.chars().collect::<Vec<_>>());
            let (_, count) = steps(&pattern, &text);
            let bound = pattern.len() + text.len() + pattern.len() * text.len();
            assert!(count <= bound, "{count} > {bound}");
        }
        // Many stars are no worse than one: the ground before the last is kept.
        let text: Vec<char> = "a".repeat(256).chars().collect();
        let (found, count) = steps(&tokens(&("*a".repeat(100) + "*b")), &text);
        assert!(!found && count < 1000, "{count}");
    }

    #[test]
    fn every_small_pattern_agrees_with_trying_all_ways() {
        fn slow(pattern: &[Token], text: &[char]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((Token::Many, rest)) => (0..=text.len()).any(|cut| slow(rest, &text[cut..])),
                Some((token, rest)) => text.split_first().is_some_and(|(first, others)| {
                    (*token == Token::One || *token == Token::Char(*first)) && slow(rest, others)
                }),
            }
        }
        let words = |letters: &str, longest: usize| {
            let mut all = vec![String::new()];
            let mut from = 0;
            for _ in 0..longest {
                let upto = all.len();
                for index in from..upto {
                    for letter in letters.chars() {
                        all.push(format!("{}{letter}", all[index]));
                    }
                }
                from = upto;
            }
            all
        };
        for text in words("ab", 5) {
            let text: Vec<char> = text.chars().collect();
            for pattern in words("a*?", 5) {
                let pattern = tokens(&pattern);
                assert_eq!(
                    steps(&pattern, &text).0,
                    slow(&pattern, &text),
                    "{pattern:?}"
                );
            }
        }
    }
}
