//! Values of options that are none: what is told says what is expected.

use std::collections::BTreeMap;

use clap::CommandFactory;
use windlass::cli::Cli;

/// What parsers of the standard library say, who know of no option.
const RAW: [&str; 6] = [
    "invalid digit",
    "invalid IP",
    "invalid socket",
    "number too",
    "from empty string",
    "provided string",
];

/// Options of every verb with a value that none of them takes, or that hardly
/// any does.
#[test]
fn every_typed_option_says_what_it_expects() {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    walk(&<Cli>::command(), &mut Vec::new(), &mut told);
    assert!(told.len() > 25, "{told:#?}");
    for (option, reason) in &told {
        assert!(
            !RAW.iter().any(|raw| reason.contains(raw)),
            "{option}: {reason}"
        );
    }
    let lines: Vec<String> = told
        .iter()
        .map(|(option, reason)| format!("{option}: {reason}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn walk(command: &clap::Command, verb: &mut Vec<String>, told: &mut BTreeMap<String, String>) {
    verb.push(command.get_name().to_owned());
    for argument in command.get_arguments() {
        let Some(long) = argument.get_long() else {
            continue;
        };
        for value in ["\u{b6}", "", "99999999999"] {
            let words = verb.iter().cloned().chain([format!("--{long}={value}")]);
            let Err(error) = <Cli>::command().try_get_matches_from(words) else {
                continue;
            };
            let name = format!("--{long}");
            let is_it = error
                .get(clap::error::ContextKind::InvalidArg)
                .is_some_and(|it| it.to_string().split([' ', '=']).next() == Some(name.as_str()));
            if let Some(reason) = std::error::Error::source(&error)
                && is_it
            {
                told.entry(name).or_insert_with(|| reason.to_string());
            }
        }
    }
    for subcommand in command.get_subcommands() {
        walk(subcommand, verb, told);
    }
    verb.pop();
}
