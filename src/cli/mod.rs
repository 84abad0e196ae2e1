//! What can be typed: data only. Help, man pages and completions are generated
//! from the same definition that parses.

mod answer;
mod ca;
mod cache;
mod check;
mod config;
mod config_file;
mod configure;
mod credential_process;
mod diagnostics;
mod doctor;
mod emulate;
mod env;
mod generate;
mod identity;
mod install;
mod key;
mod origin;
mod passphrase;
mod plain;
mod proxy;
mod reporting;
mod role_chain;
mod rotate;
mod rotation;
mod serve;
mod session;
mod status;
mod update;
mod value;
mod verify;

pub use answer::{AnswerArgs, CheckFormat};
pub use ca::{
    AuditCheckpoint, AuditCommand, AuditExport, AuditList, AuditReconcile, AuditVerify, BatchArgs,
    BundleStep, Ca, CaAudit, CaBackup, CaCheck, CaCommand, CaCrl, CaDirectory, CaExport, CaInit,
    CaInstall, CaIssue, CaLint, CaList, CaPassphrase, CaPolicy, CaPolicyCheck, CaPolicyCommand,
    CaPolicyShow, CaRelease, CaReport, CaRestore, CaRevoke, CaRollover, CaShow, CaSign, CaSignCa,
    CaStats, CertificateKind, CertificateStatus, CrlCommand, CrlMake, CrlStatus, DeviceArgs,
    ExportTarget, Glob, LintLevel, LintPolicy, ListFilter, ListFormat, ListOrder, LogOrder,
    NameArgs, OccasionArgs, RolloverActivate, RolloverBundle, RolloverCancel, RolloverCommand,
    RolloverPrepare, RolloverRetire, RolloverStatusArgs, TermArgs, WhichCertificate,
};
pub use cache::{Cache, CacheClear, CacheCommand, CacheDirectory, CacheList};
pub use check::Check;
pub use config::{Config, ConfigCommand, ConfigShow};
pub use config_file::{ConfigError, ConfigFile, ConfigProblem, Setting};
pub use configure::Configure;
pub use credential_process::CredentialProcess;
pub use diagnostics::{Digest, ReadCertificateData, SignString, SignatureFormat};
pub use doctor::Doctor;
pub use emulate::{AnchorArgument, Emulate};
pub use env::{Env, Exec};
pub use generate::{Generate, GenerateCommand};
pub use identity::{
    ArgumentSecret, CertificateArgs, IdentityArgs, KeyArgs, SelectorArgument, UnlockArgs,
};
pub use install::{
    Install, InstallArgs, InstallCommand, InstallCron, InstallLasting, InstallService,
    InstallSystemd, InstallSysv,
};
pub use key::{Key, KeyCommand, KeyExportPkcs12, KeyShow};
pub use origin::{Origin, ProfileBehind};
pub use passphrase::{NewPassphraseArgs, PassphraseArgs, TypedPassphrase};
pub use proxy::ProxyArgs;
pub use reporting::{ErrorFormat, Reporting};
pub use role_chain::RoleChainArgs;
pub use rotate::Rotate;
pub use rotation::RotationArgs;
pub use serve::Serve;
pub use session::{ProfileArgs, ProfileChoice, SessionArgs};
pub use status::Status;
pub use update::Update;
pub use value::Moment;
pub use verify::{PathPolicy, Verify};

use clap::{Args, Parser, Subcommand};

/// Short-lived AWS credentials for servers outside AWS
///
/// windlass is a private certificate authority that issues workload
/// certificates, and an IAM Roles Anywhere credential helper that turns them
/// into temporary AWS credentials. No access key is stored anywhere.
///
/// Data goes to stdout, everything else to stderr. The exit code tells what
/// happened: 0 done, 1 failed, 2 usage or configuration, 3 refused, by AWS or by
/// the CA's policy, 4 certificate or key unusable, 5 temporary and worth
/// retrying, 6 nothing to judge, 7 expired and not renewed, 10 changed or renewed
/// where --exit-code asks for it.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli<C: Subcommand = Command> {
    /// What to do
    #[command(subcommand)]
    pub command: C,

    /// How it speaks of what is no data
    #[command(flatten)]
    pub reporting: Reporting,
}

/// The verbs. Each is described where its options are.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum Command {
    Ca(Ca),
    Cache(Cache),
    Check(Box<Check>),
    Configure(Box<Configure>),
    Config(Config),
    CredentialProcess(Box<CredentialProcess>),
    Doctor(Box<Doctor>),
    Emulate(Box<Emulate>),
    Env(Box<Env>),
    Exec(Box<Exec>),
    Generate(Generate),
    Install(Install),
    Key(Key),
    ReadCertificateData(Box<ReadCertificateData>),
    Rotate(Box<Rotate>),
    Serve(Box<Serve>),
    SignString(Box<SignString>),
    Update(Box<Update>),
    Status(Box<Status>),
    Verify(Box<Verify>),
    Version(Version),
}

/// The verb that SDKs call for every request, alone: it is parsed without
/// building the definitions of all others, which takes a tenth of a millisecond.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum HotCommand {
    CredentialProcess(Box<CredentialProcess>),
}

impl Command {
    /// The session that the verb needs, and which profile it comes from.
    #[must_use]
    pub fn session(&self) -> Option<(&SessionArgs, ProfileChoice<'_>)> {
        match self {
            Self::Configure(asked) => Some((&asked.session, asked.choice())),
            Self::CredentialProcess(asked) => Some((&asked.session, asked.profile.choice())),
            Self::Doctor(asked) => Some((&asked.session, asked.choice())),
            Self::Update(asked) => Some((&asked.session, asked.choice())),
            Self::Config(config) => match &config.command {
                ConfigCommand::Show(asked) => Some((&asked.session, asked.profile.choice())),
            },
            Self::Env(asked) => Some((&asked.session, asked.profile.choice())),
            Self::Exec(asked) => Some((&asked.session, asked.profile.choice())),
            Self::Rotate(asked) => Some((&asked.session, asked.choice())),
            Self::Status(asked) => Some((&asked.session, ProfileChoice::Several)),
            Self::Serve(asked) => Some((&asked.session, asked.choice())),
            _ => None,
        }
    }

    /// The options of the session that the verb needs, to be added to.
    pub fn session_mut(&mut self) -> Option<&mut SessionArgs> {
        match self {
            Self::Configure(asked) => Some(&mut asked.session),
            Self::CredentialProcess(asked) => Some(&mut asked.session),
            Self::Doctor(asked) => Some(&mut asked.session),
            Self::Update(asked) => Some(&mut asked.session),
            Self::Config(config) => match &mut config.command {
                ConfigCommand::Show(asked) => Some(&mut asked.session),
            },
            Self::Env(asked) => Some(&mut asked.session),
            Self::Exec(asked) => Some(&mut asked.session),
            Self::Rotate(asked) => Some(&mut asked.session),
            Self::Status(asked) => Some(&mut asked.session),
            Self::Serve(asked) => Some(&mut asked.session),
            _ => None,
        }
    }
}

impl HotCommand {
    /// How it is typed.
    pub const NAME: &str = "credential-process";
}

impl From<HotCommand> for Command {
    fn from(HotCommand::CredentialProcess(arguments): HotCommand) -> Self {
        Self::CredentialProcess(arguments)
    }
}

/// Print the version
///
/// As JSON it also says from what and with what the program was built: the commit
/// (null if the build was not told), the features, the toolchain and the target.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass version
  windlass version --json")]
pub struct Version {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The ids of all options of a group.
#[cfg(test)]
fn option_ids<A: Args>() -> std::collections::BTreeSet<String> {
    let definition = A::augment_args(clap::Command::new("test"));
    let options = definition.get_arguments();
    options
        .map(|argument| argument.get_id().to_string())
        .collect()
}
