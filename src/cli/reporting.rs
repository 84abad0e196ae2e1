//! The options, of every command, that say how it speaks of what is no data.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What the options stand under in the help.
const HEADING: &str = "Reporting";

/// Where errors, warnings and notes go, and in which form. AWS SDKs swallow what
/// `credential_process` says on stderr.
#[derive(Args, Clone, Debug, Default)]
pub struct Reporting {
    /// Say more on stderr
    #[arg(long, short, global = true, help_heading = HEADING)]
    pub verbose: bool,

    /// Form of errors and warnings on stderr: text or json
    ///
    /// With json each is an object on a line of its own, with time, level, event
    /// (what kind of thing it is), message, and where there are such, profile,
    /// hint, code and outcome; so are the lines of 'serve' for each request
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        env = "WINDLASS_ERROR_FORMAT",
        hide_env_values = true
    )]
    pub error_format: ErrorFormat,

    /// File to which errors and warnings are appended too
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        value_name = "FILE",
        env = "WINDLASS_LOG_FILE",
        hide_env_values = true
    )]
    pub log_file: Option<PathBuf>,

    /// Send errors and warnings to the system's log too: --syslog, --syslog=SOCKET
    ///
    /// The socket is /dev/log if none is named; in the variable one has to be
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        value_name = "SOCKET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "/dev/log",
        env = "WINDLASS_SYSLOG",
        hide_env_values = true
    )]
    pub syslog: Option<PathBuf>,
}

/// The form of what goes to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ErrorFormat {
    /// Lines for people.
    #[default]
    Text,
    /// JSON objects, one a line.
    Json,
}

impl Reporting {
    /// What can be seen of these options in arguments that were not understood.
    pub fn guess(
        arguments: &[OsString],
        variable: impl Fn(&'static str) -> Option<OsString>,
    ) -> Self {
        let value = |option: &str| {
            let mut rest = arguments.iter();
            while let Some(argument) = rest.next() {
                let argument = argument.to_str()?;
                if argument == option {
                    return rest.next().cloned();
                }
                let given = argument.strip_prefix(option);
                if let Some(value) = given.and_then(|rest| rest.strip_prefix('=')) {
                    return Some(value.into());
                }
            }
            None
        };
        let format = value("--error-format").or_else(|| variable("WINDLASS_ERROR_FORMAT"));
        let has_syslog = arguments.iter().any(|argument| argument == "--syslog");
        let syslog = has_syslog.then(|| OsString::from("/dev/log"));
        let syslog = syslog
            .or_else(|| value("--syslog"))
            .or_else(|| variable("WINDLASS_SYSLOG"));
        Self {
            verbose: false,
            error_format: match format {
                Some(format) if format == "json" => ErrorFormat::Json,
                _ => ErrorFormat::Text,
            },
            log_file: value("--log-file")
                .or_else(|| variable("WINDLASS_LOG_FILE"))
                .map(PathBuf::from),
            syslog: syslog.map(PathBuf::from),
        }
    }
}
