//! `windlass generate`

mod rules;
mod synopsis;

use std::path::Path;

use clap::CommandFactory;

use crate::cli::{Cli, Generate, GenerateCommand};
use crate::environment::{Role, VARIABLES};
use crate::finding::Level;
use crate::store;

use super::{Context, Error, Outcome};

/// Writes man pages or completions from the definition that also parses.
pub(super) fn run(arguments: &Generate, context: &Context) -> Result<(), Error> {
    match &arguments.command {
        GenerateCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut <Cli>::command(), "windlass", &mut script);
            context.printer.bytes(&script)
        }
        GenerateCommand::Man { directory } => man(&context.path(directory)),
    }
}

fn man(directory: &Path) -> Result<(), Error> {
    store::ensure_directory(directory)?;
    let mut root = <Cli>::command().disable_help_subcommand(true);
    root.build();
    let text = rules::page();
    store::write_atomic(
        &directory.join("windlass-rules.7"),
        text.as_bytes(),
        store::Readers::Everyone,
    )?;
    page(&root, directory, &mut Vec::new())
}

/// Writes the page of a command and those of its subcommands, each named by the
/// whole path of words.
fn page(command: &clap::Command, directory: &Path, words: &mut Vec<String>) -> Result<(), Error> {
    words.push(command.get_name().to_owned());
    let name = words.join("-");
    let path = directory.join(format!("{name}.1"));
    let text = render(command, &name).map_err(|source| store::Error::Io {
        path: path.clone(),
        action: store::Action::Write,
        source,
    })?;
    store::write_atomic(&path, &text, store::Readers::Everyone)?;
    for subcommand in command.get_subcommands() {
        page(subcommand, directory, words)?;
    }
    words.pop();
    Ok(())
}

/// Name, description and options are clap_mangen's; its synopsis has options
/// without their values, and ours stands in a file of its own. Examples keep
/// their lines, and variables and exit codes have sections of their own.
fn render(command: &clap::Command, name: &str) -> std::io::Result<Vec<u8>> {
    let man = clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("windlass ", env!("CARGO_PKG_VERSION")))
        .manual("windlass");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    text.extend_from_slice(b".nh\n.ad l\n");
    man.render_name_section(&mut text)?;
    text.extend_from_slice(synopsis::section(command).as_bytes());
    man.render_description_section(&mut text)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut text)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend_from_slice(environment(command).as_bytes());
    text.extend_from_slice(exit_codes(command).as_bytes());
    if command.get_name() == "windlass" {
        text.extend_from_slice(files().as_bytes());
    }
    if let Some(examples) = command.get_after_long_help() {
        text.extend_from_slice(literally("EXAMPLES", &examples.to_string()).as_bytes());
    }
    text.extend_from_slice(b".SH \"SEE ALSO\"\nwindlass(1)\n");
    Ok(text)
}

/// A section whose lines stay as they are.
fn literally(title: &str, lines: &str) -> String {
    let mut section = format!(".SH {title}\n.nf\n");
    for line in lines.lines() {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        // A dot or quote at the beginning of a line would be a request.
        if escaped.starts_with(['.', '\'']) {
            section.push_str("\\&");
        }
        section.push_str(&escaped);
        section.push('\n');
    }
    section.push_str(".fi\n");
    section
}

/// The variables that a command reads: those that stand for its options, and
/// those that it reads besides. The first page has all of the latter.
fn environment(command: &clap::Command) -> String {
    let mut section = String::new();
    let mut add = |name: &str, meaning: &str| {
        section.push_str(&format!(
            ".TP\n\\fB{name}\\fR\n{}\n",
            meaning.replace('-', "\\-")
        ));
    };
    for argument in command.get_arguments() {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            add(&name.to_string_lossy(), &format!("stands for --{long}"));
        }
    }
    let has = |option: &str| command.get_arguments().any(|it| it.get_id() == option);
    let is_first = command.get_name() == "windlass";
    for variable in VARIABLES {
        let (meaning, long) = (variable.meaning, |option: &str| option.replace('_', "-"));
        match variable.role {
            Role::InPlaceOf(option) if is_first || has(option) => {
                add(
                    variable.name,
                    &format!("{meaning} (in place of --{})", long(option)),
                );
            }
            Role::Beside(option) if is_first || has(option) => add(variable.name, meaning),
            Role::Verbs(verbs) if is_first => {
                add(variable.name, &format!("{meaning} ({})", verbs.join(", ")));
            }
            Role::Verbs(verbs) if verbs.contains(&command.get_name()) => {
                add(variable.name, meaning);
            }
            Role::Every if is_first => add(variable.name, meaning),
            _ => {}
        }
    }
    if section.is_empty() {
        return section;
    }
    let more = if is_first {
        ".PP\nThe options of the commands have variables of their own, which stand in their pages.\nA variable that is set to nothing counts as unset.\n"
    } else {
        ""
    };
    format!(".SH ENVIRONMENT\n{section}{more}")
}

/// What is read and written without being named, for the first page.
const FILES: [(&str, &str); 8] = [
    ("~/.config/windlass/config.toml", "profiles of this user"),
    (
        "/etc/windlass/config.toml",
        "profiles of every user, where theirs has none of the name",
    ),
    (
        "$XDG_RUNTIME_DIR/windlass, ~/.cache/windlass",
        "sessions that the processes of this user share",
    ),
    (
        "~/.aws/credentials",
        "what windlass update writes, and windlass configure looks at",
    ),
    ("~/.aws/config", "what windlass configure writes"),
    (
        ".NAME.windlass-journal",
        "beside a file that is written in place, until that is done",
    ),
    ("/dev/tpmrm0, /dev/tpm0", "the TPM"),
    ("/dev/log", "the system's log, with --syslog"),
];

fn files() -> String {
    let mut section = ".SH FILES\n".to_owned();
    for (path, meaning) in FILES {
        let (path, meaning) = (path.replace('-', "\\-"), meaning.replace('-', "\\-"));
        section.push_str(&format!(".TP\n\\fI{path}\\fR\n{meaning}\n"));
    }
    section
}

/// What `windlass exec` adds to the table: it speaks for the command.
const OF_EXEC: [(&str, &str); 4] = [
    ("126", "The command cannot be run"),
    ("127", "There is no command of that name"),
    ("128 + N", "With --serve: signal N has ended the command"),
    (
        "any",
        "Once the command has started, its exit status is that of windlass",
    ),
];

/// The table of exit codes as a section.
fn exit_codes(command: &clap::Command) -> String {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    if command.get_name() == "check" {
        for level in Level::ALL {
            let (code, word) = (level.code(), level.as_str());
            section.push_str(&format!(
                ".TP\n\\fB{code}\\fR\n{word}, as of a Nagios plugin\n"
            ));
        }
        return section;
    }
    for (outcome, meaning) in Outcome::TABLE {
        section.push_str(&format!(".TP\n\\fB{}\\fR\n{meaning}\n", outcome.code()));
    }
    if command.get_name() == "exec" {
        for (code, meaning) in OF_EXEC {
            let meaning = meaning.replace('-', "\\-");
            section.push_str(&format!(".TP\n\\fB{code}\\fR\n{meaning}\n"));
        }
    }
    section
}
