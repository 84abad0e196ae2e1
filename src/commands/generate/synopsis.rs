//! The synopsis of a manual page: what has to be typed, with its value, before
//! what may be.

use clap::{Arg, ArgAction, ArgGroup, Command};

/// Help, version and the options that every command has are told in a word.
const EVERYWHERE: [&str; 6] = [
    "help",
    "version",
    "verbose",
    "error_format",
    "log_file",
    "syslog",
];

/// The section of a command.
pub(super) fn section(command: &Command) -> String {
    let groups = alternatives(command);
    let is_grouped = |argument: &&Arg| {
        let mut members = groups.iter().flat_map(ArgGroup::get_args);
        members.any(|member| member == argument.get_id())
    };
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
        .filter(|argument| !EVERYWHERE.contains(&argument.get_id().as_str()))
        .filter(|argument| !is_grouped(argument))
        .collect();
    let (places, options): (Vec<&Arg>, Vec<&Arg>) = own
        .into_iter()
        .partition(|argument| argument.is_positional());
    let (needed, others): (Vec<&Arg>, Vec<&Arg>) = options
        .into_iter()
        .partition(|argument| argument.is_required_set());
    let mut words = vec![bold(
        command.get_bin_name().unwrap_or_else(|| command.get_name()),
    )];
    words.extend(needed.into_iter().map(typed));
    words.extend(groups.iter().map(|group| choice(command, group)));
    words.extend(others.into_iter().map(|option| optional(&typed(option))));
    words.push(optional("\\fIREPORTING\\fR"));
    words.extend(
        places
            .into_iter()
            .map(|place| match place.is_required_set() {
                true => typed(place),
                false => optional(&typed(place)),
            }),
    );
    if command.has_subcommands() {
        let verb = "\\fICOMMAND\\fR";
        words.push(match command.is_subcommand_required_set() {
            true => verb.to_owned(),
            false => optional(verb),
        });
    }
    format!(".SH SYNOPSIS\n{}\n", words.join("\n"))
}

/// The groups of which one has to be typed, and not two.
fn alternatives(command: &Command) -> Vec<ArgGroup> {
    let groups = command.get_groups().cloned();
    groups
        .filter(|group| group.is_required_set() && !group.clone().is_multiple())
        .collect()
}

fn choice(command: &Command, group: &ArgGroup) -> String {
    let members: Vec<String> = group
        .get_args()
        .filter_map(|id| command.get_arguments().find(|one| one.get_id() == id))
        .map(typed)
        .collect();
    format!("({})", members.join("\\ |\\ "))
}

fn optional(word: &str) -> String {
    format!("[{word}]")
}

/// An argument as it is typed, in one piece.
fn typed(argument: &Arg) -> String {
    let values = values(argument);
    let name = match (argument.get_long(), argument.get_short()) {
        (Some(long), _) => bold(&format!("--{long}")),
        (None, Some(short)) => bold(&format!("-{short}")),
        (None, None) if argument.is_last_set() => {
            return format!("{}\\ {values}{}", bold("--"), dots(argument));
        }
        (None, None) => return format!("{values}{}", dots(argument)),
    };
    let range = argument.get_num_args();
    let is_optional = range.is_some_and(|range| range.takes_values() && range.min_values() == 0);
    match (values.is_empty(), is_optional) {
        (true, _) => name,
        (false, true) => format!("{name}[={values}]"),
        (false, false) => format!("{name}\\ {values}{}", dots(argument)),
    }
}

fn dots(argument: &Arg) -> &'static str {
    let is_repeated = matches!(argument.get_action(), ArgAction::Append);
    let is_list = argument.is_positional()
        && argument
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1);
    match is_repeated || is_list {
        // What follows a full stop would be set as a new sentence.
        true => "\\ ...\\&",
        false => "",
    }
}

/// The names of the values; empty for a switch.
fn values(argument: &Arg) -> String {
    let takes = argument.is_positional() || argument.get_action().takes_values();
    if !takes {
        return String::new();
    }
    let names: Vec<String> = match argument.get_value_names() {
        Some(names) => names
            .iter()
            .map(|name| format!("\\fI{}\\fR", escaped(name)))
            .collect(),
        None => {
            let name = argument.get_id().as_str().to_uppercase();
            vec![format!("\\fI{}\\fR", escaped(&name))]
        }
    };
    names.join("\\ ")
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
