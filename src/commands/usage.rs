//! Mistakes in the arguments: the parser's words, and what it cannot know.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::environment::Environment;

use super::{Invocation, Outcome, Printer};

/// What is told of arguments that are no command.
pub(super) struct Mistake<'a> {
    /// The parser's words, for people.
    pub(super) text: &'a str,
    /// The same in one sentence, for programs and logs.
    pub(super) message: String,
    /// What the parser suggests; it stands in the text.
    pub(super) tips: Vec<&'a str>,
    /// What to try.
    pub(super) hint: Option<String>,
}

impl<'a> Mistake<'a> {
    fn new(text: &'a str, hint: Option<String>) -> Self {
        // What is missing or possible stands on the lines below the first.
        let message = text.lines().take_while(|line| !line.is_empty());
        let message = message.map(str::trim).collect::<Vec<_>>().join(" ");
        let tips = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("tip: "));
        Self {
            text,
            message: message.trim_start_matches("error: ").to_owned(),
            tips: tips.collect(),
            hint,
        }
    }
}

/// How it ended, and what was wrong in one sentence; nothing where that was only help.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) mistake: Option<String>,
}

/// Help and version go to stdout; mistakes to stderr, with a hint for the ones
/// that everybody makes.
pub(super) fn usage(
    error: &clap::Error,
    invocation: &Invocation,
    environment: &Environment,
    printer: &Printer,
) -> Ended {
    let text = error.render().to_string();
    if !error.use_stderr() {
        let outcome = match printer.data(&text) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        return Ended {
            outcome,
            mistake: None,
        };
    }
    let hint = |text: &str| Some(text.to_owned());
    let mistake = if text.contains("-----BEGIN") || text.contains("pin-value=") {
        Mistake::new(
            "error: an argument is key material or a PIN itself, where the name of a place is needed\n",
            hint(
                "it is not repeated here; give a file, or put it into a variable and give env:NAME",
            ),
        )
    } else if text.split_whitespace().any(is_url_with_user) {
        Mistake::new(
            "error: an argument is a URL with a user name or password, where none is expected\n",
            hint(
                "it is not repeated here; a proxy is given as --proxy URL, or better in $WINDLASS_PROXY",
            ),
        )
    } else {
        Mistake::new(&text, hint_usage(error, &text, invocation, environment))
    };
    printer.usage(&mistake);
    Ended {
        outcome: Outcome::Usage,
        mistake: Some(mistake.message),
    }
}

fn hint_usage(
    error: &clap::Error,
    text: &str,
    invocation: &Invocation,
    environment: &Environment,
) -> Option<String> {
    let invalid = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        _ => "",
    };
    let is_value = [ErrorKind::InvalidValue, ErrorKind::ValueValidation].contains(&error.kind());
    if is_value && let Some(variable) = variable_of(invalid, invocation, environment) {
        return Some(format!("the value is that of ${variable}"));
    }
    if error.kind() == ErrorKind::ArgumentConflict
        && let Some(variable) = conflicting_variable(error, invocation, environment)
    {
        return Some(format!(
            "${variable} says it: unset it for this command, or leave out the other"
        ));
    }
    let is_stray = error.kind() == ErrorKind::UnknownArgument
        && !invalid.is_empty()
        && !invalid.starts_with('-');
    let is_exec = text.contains("windlass exec");
    let hint = if invalid.starts_with("Key=x509") {
        "put the whole of --cert-selector into one pair of quotes"
    } else if is_stray && is_exec {
        "put -- before the command, as in windlass exec --profile NAME -- COMMAND"
    } else if is_stray {
        "a value stands behind its option, as in --certificate FILE; a command that spans lines needs '\\' as the very last character of each line \
         but the last; in ~/.aws/config, credential_process must stand on one line"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// The variable that stands for one of two options that do not go together.
fn conflicting_variable(
    error: &clap::Error,
    invocation: &Invocation,
    environment: &Environment,
) -> Option<String> {
    let kinds = [ContextKind::InvalidArg, ContextKind::PriorArg];
    let named = kinds.into_iter().filter_map(|kind| error.get(kind));
    let options = named.flat_map(|value| match value {
        ContextValue::String(option) => vec![option.as_str()],
        ContextValue::Strings(options) => options.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    });
    let mut variables = options.filter_map(|option| variable_of(option, invocation, environment));
    variables.next()
}

/// The variable that stands for an option (as the parser shows it, with the name
/// of its value), where the option itself was not typed.
fn variable_of(shown: &str, invocation: &Invocation, environment: &Environment) -> Option<String> {
    let option = shown.split([' ', '=', '[']).next()?;
    let name = option.strip_prefix("--")?;
    let is_typed = invocation
        .arguments()
        .iter()
        .filter_map(|argument| argument.to_str()?.strip_prefix(option))
        .any(|rest| rest.is_empty() || rest.starts_with('='));
    let variable = format!("WINDLASS_{}", name.replace('-', "_").to_uppercase());
    (!is_typed && environment.get(&variable).is_some()).then_some(variable)
}

/// Whether a word of a message is a URL that begins with who one is.
fn is_url_with_user(word: &str) -> bool {
    word.split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'))
}
