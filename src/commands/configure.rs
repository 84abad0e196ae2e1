//! `windlass configure`

mod aws;
mod profile;

use std::path::{Path, PathBuf};

use crate::cli::Configure;
use crate::delivery::ini::{Change, Place, edit};
use crate::limits;
use crate::secret::Secret;
use crate::store::{self, Manner};

use super::session::SessionPlan;
use super::{Context, Error, config_file, shared_file};

/// Where the profile goes, and what stands there then.
struct Plan {
    /// windlass's config file, and the profile's settings.
    own: PathBuf,
    settings: Vec<(String, toml_edit::Value)>,
    /// AWS's config file, and the command line.
    aws: PathBuf,
    line: String,
}

/// Writes a profile into windlass's config file and its name into AWS's.
pub(super) fn run(arguments: &Configure, context: &Context) -> Result<(), Error> {
    // Whether the options are complete and go together.
    SessionPlan::new(&arguments.session, context)?;
    let plan = plan(arguments, context)?;
    let profile = &arguments.profile;
    let credentials = shared_file::path(Place::Credentials, None, context)?;
    if !arguments.print {
        store::outlive_size_limit();
        store::recover(&plan.own, limits::MAX_FILE)?;
        store::recover(&plan.aws, limits::MAX_SHARED_FILE)?;
    }
    let config = shared_file::read(&plan.aws)?;
    let credentials_text = shared_file::read(&credentials)?;
    let found = aws::conflicts(
        (&plan.aws, config.expose()),
        (&credentials, credentials_text.expose()),
        profile,
        &plan.line,
    )?;
    if let Some(first) = found.first() {
        if !arguments.force {
            return Err(Error::Conflict {
                profile: profile.to_string(),
                with: found.join(", "),
            });
        }
        context.printer.warning(&format!(
            "SDKs may still prefer other credentials of the profile '{profile}': {}",
            if found.len() == 1 {
                first.clone()
            } else {
                found.join(", ")
            }
        ));
    }
    if arguments.print {
        return print(arguments, context, &plan);
    }
    write(arguments, context, &plan, config.expose())
}

/// Writes both files, or neither when one of them cannot be edited.
fn write(
    arguments: &Configure,
    context: &Context,
    plan: &Plan,
    config: &[u8],
) -> Result<(), Error> {
    let profile = &arguments.profile;
    let put = |text: &[u8]| {
        profile::put(text, profile.as_str(), &plan.settings, &plan.own).map(Secret::new)
    };
    let name = |text: &[u8]| {
        let change = Change {
            key: aws::KEY,
            value: Some(&plan.line),
        };
        edit(text, Place::Config, profile, &[change])
            .map(|edited| edited.text)
            .map_err(|reason| Error::SharedFile {
                path: plan.aws.clone(),
                reason,
            })
    };
    put(shared_file::read(&plan.own)?.expose())?;
    name(config)?;
    // The profile first: what names it must not come before it is there.
    let own = store::edit(&plan.own, limits::MAX_FILE, Manner::Replace, put)?;
    let aws = store::edit(&plan.aws, limits::MAX_SHARED_FILE, Manner::Replace, name)?;
    for report in [own, aws] {
        let path = report.path.display();
        if report.written.is_some() {
            context
                .printer
                .news(&format!("the profile '{profile}' was written into {path}"));
        } else {
            context
                .printer
                .note(&format!("{path} has the profile '{profile}' already"));
        }
    }
    Ok(())
}

fn plan(arguments: &Configure, context: &Context) -> Result<Plan, Error> {
    let given = arguments.session.config.as_deref();
    let own = match given {
        Some(path) => absolute(&context.path(path))?,
        None => config_file::user_place(&context.environment).ok_or(Error::NoHome {
            variable: "WINDLASS_CONFIG",
        })?,
    };
    let said = context.invocation.said(&context.environment);
    let said = said.ok_or_else(|| Error::OptionNotText { path: own.clone() })?;
    if let Some((key, _)) = said
        .iter()
        .find(|(key, _)| ["pkcs8_password", "tpm_key_password"].contains(&key.as_str()))
    {
        return Err(Error::SecretInConfig {
            option: key.replace('_', "-"),
        });
    }
    let has_password = |(key, values): &&(String, Vec<String>)| {
        key == "proxy" && values.iter().any(|value| value.contains('@'))
    };
    if said.iter().find(has_password).is_some() {
        return Err(Error::SecretInConfig {
            option: "proxy".to_owned(),
        });
    }
    let program = aws::program(context)?;
    let is_usual = config_file::usual_places(&context.environment).contains(&own);
    let line = aws::line(
        &program,
        arguments.profile.as_str(),
        Some(own.as_path()).filter(|_| given.is_some() && !is_usual),
    )?;
    Ok(Plan {
        own,
        settings: profile::settings(&said)?,
        aws: shared_file::path(Place::Config, None, context)?,
        line,
    })
}

/// Both sections as they will stand there.
fn print(arguments: &Configure, context: &Context, plan: &Plan) -> Result<(), Error> {
    let name = arguments.profile.as_str();
    let text = shared_file::read(&plan.own)?;
    let table = profile::shown(text.expose(), name, &plan.settings, &plan.own)?;
    let header = Place::Config.header(&arguments.profile);
    context.printer.data(&format!(
        "# {}\n{table}\n# {}\n[{header}]\n{} = {}\n",
        plan.own.display(),
        plan.aws.display(),
        aws::KEY,
        plan.line
    ))
}

/// The same file, whatever directory a program is run in.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| {
        store::Error::Io {
            path: path.to_owned(),
            action: store::Action::Find,
            source,
        }
        .into()
    })
}
