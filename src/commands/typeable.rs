//! Commands in messages, with the directory of the CA that they are about: whoever
//! named it by --dir has to say it again, and can type what is printed.

use std::ffi::OsString;

use clap::CommandFactory;

use crate::cli::{Cli, Command};

/// How the commands begin.
const BEGIN: &str = "windlass ca ";

/// The directory of the CA as it was typed, so that a shell reads it. Where a
/// variable says it, commands need none.
pub(super) fn typed_directory(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter().take_while(|word| *word != "--");
    let verb = words.find(|word| *word == "ca" || *word == "rotate")?;
    let option = match verb == "ca" {
        true => "--dir",
        false => "--ca-dir",
    };
    let mut found = None;
    while let Some(word) = words.next().and_then(|word| word.to_str()) {
        match word.strip_prefix(option) {
            Some("") => found = words.next()?.to_str(),
            Some(rest) => found = rest.strip_prefix('=').or(found),
            None => {}
        }
    }
    shlex::try_quote(found?).ok().map(|word| word.into_owned())
}

/// Says --dir in every command of `windlass ca` that takes it and does not say it.
/// A command stands in quotes, or goes on to the end of the text.
pub(super) fn typeable(text: &str, directory: &str) -> String {
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
