//! Commands in messages, with the directory of the CA that they are about: whoever
//! named it by --dir has to say it again, and can type what is printed.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use crate::cli::{Cli, Command};

/// How the commands begin.
const BEGIN: &str = "windlass ca ";

/// Says --dir in every command of `windlass ca` that takes it and does not say it,
/// where it was typed: where a variable says it, commands need none.
pub(super) fn typeable(text: &str, arguments: &[OsString]) -> String {
    let directory = text.contains(BEGIN).then(|| typed_directory(arguments));
    match directory.flatten() {
        Some(directory) => with_directory(text, &directory),
        None => text.to_owned(),
    }
}

/// The words of the verb, as far as they can be told from arguments that may be wrong.
pub(super) fn verbs(arguments: &[OsString]) -> Vec<String> {
    let matches = leniently(arguments);
    let first = matches.as_ref().and_then(ArgMatches::subcommand);
    let all = std::iter::successors(first, |(_, below)| below.subcommand());
    all.map(|(verb, _)| verb.to_owned()).collect()
}

/// What the parser understands of arguments that may be wrong.
fn leniently(arguments: &[OsString]) -> Option<ArgMatches> {
    let definition = Cli::<Command>::command().ignore_errors(true);
    definition.try_get_matches_from(arguments).ok()
}

/// The directory of the CA as it was typed, so that a shell reads it.
fn typed_directory(arguments: &[OsString]) -> Option<String> {
    let matches = leniently(arguments)?;
    let (verb, mut at) = matches.subcommand()?;
    let option = match verb {
        "ca" => "dir",
        "rotate" => "ca_dir",
        _ => return None,
    };
    let mut found = None;
    loop {
        let is_known = at.try_get_raw(option).is_ok();
        if is_known && at.value_source(option) == Some(ValueSource::CommandLine) {
            found = at.get_raw(option).and_then(|mut values| values.next());
        }
        match at.subcommand() {
            Some((_, below)) => at = below,
            None => break,
        }
    }
    let word = shlex::try_quote(found?.to_str()?).ok()?;
    Some(word.into_owned())
}

/// A command stands in quotes, or goes on to the end of the text.
fn with_directory(text: &str, directory: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find(BEGIN).map(|begin| rest.split_at(begin)) {
        let quote = before.ends_with('\'').then(|| from.find('\'')).flatten();
        let (command, after) = from.split_at(quote.unwrap_or(from.len()));
        whole.push_str(before);
        whole.push_str(&completed(command, directory));
        rest = after;
    }
    whole.push_str(rest);
    whole
}

fn completed(command: &str, directory: &str) -> String {
    let says = |option: &str| command.split(' ').any(|word| word == option);
    let verb = verb_of(command);
    match verb {
        Some(verb) if !says("--dir") && !says("--help") => {
            let further = command.get(verb.len()..).unwrap_or_default();
            format!("{verb} --dir {directory}{further}")
        }
        _ => command.to_owned(),
    }
}

/// The words up to the verb, if it takes the directory of a CA.
fn verb_of(command: &str) -> Option<&str> {
    let definition = Cli::<Command>::command();
    let mut node = &definition;
    let mut end = BEGIN.split(' ').next()?.len();
    for word in command.get(end..)?.split(' ').skip(1) {
        let Some(verb) = node.find_subcommand(word) else {
            break;
        };
        node = verb;
        end += 1 + word.len();
    }
    let takes = node.get_arguments().any(|option| option.get_id() == "dir");
    takes.then(|| command.get(..end)).flatten()
}

#[cfg(test)]
mod tests;
