//! `windlass generate`

use std::path::Path;

use clap::CommandFactory;

use crate::cli::{Cli, Generate, GenerateCommand};
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

/// Name, synopsis, description and options are clap_mangen's; examples keep
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
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut text)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend_from_slice(environment(command).as_bytes());
    text.extend_from_slice(exit_codes().as_bytes());
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

/// The variables that stand for options.
fn environment(command: &clap::Command) -> String {
    let mut section = String::new();
    for argument in command.get_arguments() {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            let name = name.to_string_lossy();
            section.push_str(&format!(".TP\n\\fB{name}\\fR\nstands for \\-\\-{long}\n"));
        }
    }
    if section.is_empty() {
        return section;
    }
    format!(".SH ENVIRONMENT\n{section}")
}

/// The table of exit codes as a section.
fn exit_codes() -> String {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    for (outcome, meaning) in Outcome::TABLE {
        section.push_str(&format!(".TP\n\\fB{}\\fR\n{meaning}\n", outcome.code()));
    }
    section
}
