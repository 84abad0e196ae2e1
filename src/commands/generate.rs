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
            clap_complete::generate(*shell, &mut Cli::command(), "windlass", &mut script);
            context.printer.bytes(&script)
        }
        GenerateCommand::Man { directory } => man(directory),
    }
}

fn man(directory: &Path) -> Result<(), Error> {
    store::ensure_directory(directory)?;
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    page(&root, directory, &mut Vec::new())
}

/// Writes the page of a command and those of its subcommands, each named by the
/// whole path of words.
fn page(command: &clap::Command, directory: &Path, words: &mut Vec<String>) -> Result<(), Error> {
    words.push(command.get_name().to_owned());
    let name = words.join("-");
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).title(name.to_uppercase());
    let mut render = || -> std::io::Result<()> {
        man.render(&mut text)?;
        if words.len() == 1 {
            text.extend_from_slice(exit_codes().as_bytes());
        }
        Ok(())
    };
    render().map_err(Error::Stdout)?;
    store::write_atomic(
        &directory.join(format!("{name}.1")),
        &text,
        store::Readers::Everyone,
    )?;
    for subcommand in command.get_subcommands() {
        page(subcommand, directory, words)?;
    }
    words.pop();
    Ok(())
}

/// The table of exit codes as a section of windlass(1).
fn exit_codes() -> String {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    for (outcome, meaning) in Outcome::TABLE {
        section.push_str(&format!(".TP\n\\fB{}\\fR\n{meaning}\n", outcome.code()));
    }
    section
}
