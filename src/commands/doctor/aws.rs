//! AWS's own two files: what stands there before windlass, and whether their line
//! leads to it.

mod line;
mod recursion;
mod section;

use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};

use crate::cli::{Command, SessionArgs};
use crate::commands::invocation::Unparsed;
use crate::commands::{Context, Error, Invocation, shared_file};
use crate::delivery::ini::{Document, Place, ProfileName};
use crate::secret::Secret;
use crate::text::{nearest, printable, with_causes};

use super::case::Case;
use super::finding::{Finding, Standing};

const ID: &str = "aws-files";

/// Both files as they stand.
pub(super) struct Files {
    config: (PathBuf, Secret),
    credentials: (PathBuf, Secret),
}

impl Files {
    /// Reads both; one that is not there is empty.
    pub(super) fn read(context: &Context) -> Result<Self, Error> {
        let read = |place| {
            let path = shared_file::path(place, None, context)?;
            let text = shared_file::read(&path)?;
            Ok::<_, Error>((path, text))
        };
        Ok(Self {
            config: read(Place::Config)?,
            credentials: read(Place::Credentials)?,
        })
    }

    fn of(&self, place: Place) -> &(PathBuf, Secret) {
        match place {
            Place::Config => &self.config,
            Place::Credentials => &self.credentials,
        }
    }

    /// One of them, read as botocore does.
    fn document(&self, place: Place) -> Result<Document<'_>, Error> {
        let (path, text) = self.of(place);
        Document::read(text.expose()).map_err(|reason| Error::SharedFile {
            path: path.clone(),
            reason,
        })
    }

    /// The names of all profiles of both.
    fn profiles(&self) -> Vec<ProfileName> {
        let mut names = Vec::new();
        for place in [Place::Config, Place::Credentials] {
            if let Ok(document) = self.document(place) {
                names.extend(document.profiles(place));
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// The value and the line of a key of a profile.
    fn value(&self, place: Place, profile: &ProfileName, key: &str) -> Option<Value> {
        let document = self.document(place).ok()?;
        let section = document.section(place, profile).ok()??;
        let entry = section.entry(key)?;
        let (path, _) = self.of(place);
        Some(Value {
            text: String::from_utf8_lossy(entry.value()).into_owned(),
            is_continued: entry.is_continued(),
            at: format!("line {} of {}", entry.number(), path.display()),
        })
    }

    /// The command line of a profile: botocore puts what the credentials file says
    /// before what the config file says.
    pub(super) fn command_line(&self, profile: &ProfileName) -> Option<Value> {
        self.value(Place::Credentials, profile, line::KEY)
            .or_else(|| self.value(Place::Config, profile, line::KEY))
    }
}

/// A value with its place.
pub(super) struct Value {
    pub(super) text: String,
    pub(super) is_continued: bool,
    /// `line 3 of PATH`.
    pub(super) at: String,
}

/// The options to which the line of a profile leads, as an SDK would run it.
pub(super) fn session_of(
    value: &Value,
    context: &Context,
) -> Option<Result<(Invocation, SessionArgs), String>> {
    let words = shlex::split(&value.text)?;
    if !is_known(words.first()?) {
        return None;
    }
    let invocation = Invocation::new(words.into_iter().map(Into::into));
    let parsed = match invocation.parse(&context.environment) {
        Ok(cli) => match cli.command {
            Command::CredentialProcess(asked) => Ok(asked.session),
            _ => Err("its verb is not credential-process".to_owned()),
        },
        Err(Unparsed::Config(error)) => Err(with_causes(&error)),
        Err(Unparsed::Arguments(error)) => {
            let stray = error.get(ContextKind::InvalidArg);
            let is_option = stray.is_none_or(|word| word.to_string().starts_with('-'));
            // A word that belongs to no option may be the rest of a password.
            if error.kind() == ErrorKind::UnknownArgument && !is_option {
                return Some(Err("a word of it belongs to no option".to_owned()));
            }
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(printable(first.trim_start_matches("error: "), 300))
        }
    };
    Some(parsed.map(|session| (invocation, session)))
}

/// Whether it is a program whose options are known.
fn is_known(program: &str) -> bool {
    let name = std::path::Path::new(program).file_name();
    name.is_some_and(|name| name == "windlass" || name == "aws_signing_helper")
}

/// What the files say of the profiles that lead to the session.
pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let named = case.asked.aws_profile.as_ref();
    let files = match Files::read(case.context) {
        Ok(files) => files,
        Err(error) => return vec![unread(&error, named.is_some())],
    };
    let mut findings: Vec<Finding> = [Place::Config, Place::Credentials]
        .into_iter()
        .filter_map(|place| files.document(place).err())
        .map(|error| unread(&error, named.is_some()))
        .collect();
    let profiles = match named {
        Some(name) => vec![name.clone()],
        None => leading_here(&files, case),
    };
    for profile in &profiles {
        findings.extend(section::check(&files, profile, case));
    }
    findings.extend(usual(&files, &profiles, case));
    findings
}

/// A file that botocore refuses whole.
fn unread(error: &Error, is_named: bool) -> Finding {
    let standing = match is_named {
        true => Standing::Certain,
        false => Standing::Warning,
    };
    let what = format!(
        "the AWS CLI and boto3 refuse the whole file: {}",
        with_causes(error)
    );
    let hint = error.hint();
    let hint = hint.map(|hint| hint.trim_start_matches("nothing was changed; ").to_owned());
    Finding::new(ID, standing, what).next_if(hint)
}

/// The profiles whose line leads to this session.
fn leading_here(files: &Files, case: &Case<'_>) -> Vec<ProfileName> {
    let own = case.session;
    let leads_here = |profile: &ProfileName| {
        let Some(value) = files.command_line(profile) else {
            return false;
        };
        let words = shlex::split(&value.text).unwrap_or_default();
        let names_ours = case.profile.as_ref().is_some_and(|(name, _)| {
            words
                .windows(2)
                .any(|pair| pair[0] == "--profile" && pair[1] == *name)
                || words
                    .iter()
                    .any(|word| *word == format!("--profile={name}"))
        });
        names_ours
            || session_of(&value, case.context)
                .and_then(Result::ok)
                .is_some_and(|(_, session)| {
                    session.role_arn.is_some()
                        && session.role_arn == own.role_arn
                        && session.trust_anchor_arn == own.trust_anchor_arn
                        && session.profile_arn == own.profile_arn
                })
    };
    files.profiles().into_iter().filter(leads_here).collect()
}

/// The profile that programs use which name none.
fn usual(files: &Files, ours: &[ProfileName], case: &Case<'_>) -> Option<Finding> {
    let environment = &case.context.environment;
    let (variable, name) = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
        .into_iter()
        .find_map(|variable| Some((variable, environment.get_str(variable)?)))?;
    let known = files.profiles();
    let shown = printable(name, 100);
    if !known.iter().any(|profile| profile.as_str() == name) {
        let what = format!(
            "${variable} names the profile '{shown}', which neither of AWS's files has: every SDK call ends with that"
        );
        let names = known.iter().map(ProfileName::as_str);
        let meant = nearest(name, names)
            .map(|meant| format!("is '{meant}' meant? export {variable}={meant}"));
        return Some(
            Finding::new(ID, Standing::Certain, what)
                .shows(format!("${variable}"), shown)
                .shows("AWS's files", files.config.0.display().to_string())
                .next_if(meant)
                .next(format!("unset {variable}")),
        );
    }
    let is_ours = ours.iter().any(|profile| profile.as_str() == name);
    (!is_ours && !ours.is_empty()).then(|| {
        let first = ours.first().map(ToString::to_string).unwrap_or_default();
        let what = format!(
            "programs that name no profile use '{shown}', and not '{first}', which leads to this session"
        );
        Finding::new(ID, Standing::Warning, what)
            .shows(format!("${variable}"), shown)
            .next(format!("export {variable}={first}"))
    })
}
