//! Policy variables: `${key}`, `${key, 'default'}`, and `${*}`, `${?}` and `${$}`
//! for those characters themselves (IAM user guide, "IAM policy elements:
//! Variables and tags").

use super::context::{Fact, RequestContext};
use super::gap::Gap;
use super::pattern::Token;

/// A value of the policy, with its variables apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Text in which `*` and `?` may be wildcards.
    Text(String),
    /// A character that is never a wildcard.
    Literal(char),
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// A value whose variables have been replaced. Of each piece is known whether
/// its `*` and `?` may be wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved(Vec<(String, bool)>);

/// Why a value has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// A variable's key is not in the request, and it has no default.
    Absent(String),
    /// It is not known.
    Gap(Gap),
}

impl Template {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Why a `${…}` is no variable.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (part, left) = variable(behind)?;
            parts.push(part);
            rest = left;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// A value of a policy whose version has no variables.
    pub(super) fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            parts: vec![Part::Text(text.to_owned())],
        }
    }

    /// The value as the policy writes it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is written with a variable or an escape.
    pub(super) fn has_variables(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// Whether a `*` or a `?` in it is a wildcard where there are wildcards.
    pub(super) fn has_wildcards(&self) -> bool {
        let wild = |part: &Part| matches!(part, Part::Text(text) if text.contains(['*', '?']));
        self.parts.iter().any(wild)
    }

    /// The value with what its variables stand for in a request.
    pub(super) fn resolve(&self, context: &RequestContext) -> Result<Resolved, Unresolved> {
        let mut pieces = Vec::new();
        let mut absent = None;
        for part in &self.parts {
            match part {
                Part::Text(text) => pieces.push((text.clone(), true)),
                Part::Literal(character) => pieces.push((character.to_string(), false)),
                Part::Variable { key, default } => match (context.fact(key), default) {
                    (Fact::One(value), _) => pieces.push((value, false)),
                    (Fact::Absent(_), Some(default)) => pieces.push((default.clone(), false)),
                    (Fact::Absent(_), None) => absent = Some(key.clone()),
                    (Fact::Many(_), _) => {
                        return Err(Unresolved::Gap(self.gap("its key has several values")));
                    }
                    (Fact::Unknown(why), _) => {
                        let key = key.clone();
                        return Err(Unresolved::Gap(Gap::Key { key, why }));
                    }
                },
            }
        }
        match absent {
            Some(key) => Err(Unresolved::Absent(key)),
            None => Ok(Resolved(pieces)),
        }
    }

    fn gap(&self, why: &'static str) -> Gap {
        Gap::VariableForm {
            value: self.text.clone(),
            why,
        }
    }
}

impl Resolved {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(piece, _)| piece.as_str()).collect()
    }

    /// The whole as a pattern.
    ///
    /// # Errors
    ///
    /// A value that was filled in has a `*` or a `?`: AWS does not say whether
    /// that is a wildcard then.
    pub(super) fn pattern(&self) -> Result<Vec<Token>, &'static str> {
        let mut tokens = Vec::new();
        for (piece, wild) in &self.0 {
            if *wild {
                tokens.extend(super::pattern::tokens(piece));
            } else if piece.chars().count() > 1 && piece.contains(['*', '?']) {
                return Err("a variable whose value has a wildcard");
            } else {
                tokens.extend(piece.chars().map(Token::Char));
            }
        }
        Ok(tokens)
    }
}

/// What stands behind `${`, and what follows it.
fn variable(text: &str) -> Result<(Part, &str), &'static str> {
    for character in ['*', '?', '$'] {
        let rest = text.strip_prefix(character);
        if let Some(rest) = rest.and_then(|rest| rest.strip_prefix('}')) {
            return Ok((Part::Literal(character), rest));
        }
    }
    let end = text.find([',', '}']).ok_or("it has no closing brace")?;
    let (key, behind) = text.split_at(end);
    if !is_key(key) {
        return Err("it names no key");
    }
    let key = key.to_owned();
    if let Some(rest) = behind.strip_prefix('}') {
        let default = None;
        return Ok((Part::Variable { key, default }, rest));
    }
    let quoted = behind
        .strip_prefix(", '")
        .ok_or("a default value stands in ' ' behind a comma and a blank")?;
    let (default, rest) = quoted
        .split_once("'}")
        .ok_or("its default value has no end")?;
    let default = Some(default.to_owned());
    Ok((Part::Variable { key, default }, rest))
}

/// Whether it is the name of a key: a service, a colon and a name.
fn is_key(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty()
            && !name.is_empty()
            && !text.contains(|one: char| one.is_whitespace() || "${}'\"".contains(one))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> RequestContext {
        RequestContext::default()
            .with("aws:PrincipalTag/team", Fact::One("blue".to_owned()))
            .with("aws:PrincipalTag/star", Fact::One("a*".to_owned()))
            .with("aws:PrincipalTag/none", Fact::Absent(None))
            .with("aws:TagKeys", Fact::Many(vec!["a".to_owned()]))
    }

    fn resolved(text: &str) -> Result<String, Unresolved> {
        let template = Template::read(text).unwrap();
        template.resolve(&context()).map(|value| value.text())
    }

    #[test]
    fn variables_are_replaced_and_characters_escaped() {
        for (text, expected) in [
            ("a", "a"),
            ("${aws:PrincipalTag/team}-1", "blue-1"),
            (
                "x${AWS:principaltag/TEAM}${aws:PrincipalTag/team}",
                "xblueblue",
            ),
            ("${aws:PrincipalTag/none, 'any one'}!", "any one!"),
            ("${aws:PrincipalTag/none, ''}", ""),
            ("${aws:PrincipalTag/team, 'any'}", "blue"),
            ("${*}${?}${$}{x}", "*?${x}"),
            ("$ {a} $", "$ {a} $"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
        let absent = resolved("${aws:PrincipalTag/none}");
        assert_eq!(
            absent,
            Err(Unresolved::Absent("aws:PrincipalTag/none".to_owned()))
        );
        assert!(matches!(
            resolved("${aws:TagKeys}"),
            Err(Unresolved::Gap(_))
        ));
        assert!(matches!(
            resolved("${aws:Other, 'x'}"),
            Err(Unresolved::Gap(_))
        ));
    }

    #[test]
    fn what_is_no_variable_is_told() {
        for bad in [
            "${",
            "${}",
            "${a:b",
            "${team}",
            "${a: b}",
            "${a:b,'x'}",
            "${a:b, x}",
            "${a:b, 'x}",
            "${${a:b}}",
            "${**}",
            "${:b}",
        ] {
            assert!(Template::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_the_policy_writes_is_a_wildcard() {
        let pattern = |text: &str| {
            let template = Template::read(text).unwrap();
            template.resolve(&context()).unwrap().pattern()
        };
        assert_eq!(pattern("*${*}"), Ok(vec![Token::Many, Token::Char('*')]));
        assert!(pattern("${aws:PrincipalTag/star}").is_err());
    }
}
