//! `windlass configure`

mod aws;
mod check;
mod profile;

pub(super) use self::aws::program;
pub(super) use self::check::Named;

use std::path::{Path, PathBuf};

use crate::cli::Configure;
use crate::delivery::ini::{Change, Document, Place, ProfileName, Refusal, edit};
use crate::limits;
use crate::rolesanywhere::Region;
use crate::secret::Secret;
use crate::store::{self, Manner};

use super::session::SessionPlan;
use super::{ConfigureError, Context, Error, config_file, network, shared_file};

/// Where the profile goes, and what stands there then.
struct Plan {
    /// windlass's config file, and the profile's settings.
    own: PathBuf,
    settings: Vec<(String, toml_edit::Value)>,
    /// AWS's config file, the command line, and the region.
    aws: PathBuf,
    line: String,
    region: Region,
}

impl Plan {
    /// What is changed in AWS's config file. A region that is there stays: it is
    /// that of the services which the profile is for.
    fn changes(&self, text: &[u8], profile: &ProfileName) -> Result<Vec<Change<'_>>, Refusal> {
        let set = |key, value| Change {
            key,
            value: Some(value),
        };
        let document = Document::read(text)?;
        let section = document.section(Place::Config, profile)?;
        let has_region = section.is_some_and(|section| section.entry(REGION).is_some());
        let region = (!has_region).then(|| set(REGION, self.region.as_str()));
        let line = set(aws::KEY, self.line.as_str());
        Ok([line].into_iter().chain(region).collect())
    }
}

/// The key of a profile that names the region of its services.
const REGION: &str = "region";

/// Writes a profile into windlass's config file and its name into AWS's.
pub(super) fn run(arguments: &Configure, context: &Context) -> Result<(), Error> {
    // Whether the options are complete and go together.
    let session = SessionPlan::new(&arguments.session, context)?;
    let plan = plan(arguments, &session, context)?;
    let profile = &arguments.profile;
    let credentials = shared_file::path(Place::Credentials, None, context)?;
    if !arguments.print {
        store::outlive_size_limit();
        store::recover(&plan.own, limits::MAX_FILE)?;
        store::recover(&plan.aws, limits::MAX_SHARED_FILE)?;
    }
    let config = shared_file::read(&plan.aws)?;
    let look = |config: &[u8]| {
        let text = shared_file::read(&credentials)?;
        let (own, credentials) = ((plan.aws.as_path(), config), (&*credentials, text.expose()));
        let found = aws::conflicts(own, credentials, profile, &plan.line)?;
        if found.is_empty() || arguments.force {
            return Ok(found);
        }
        Err(Error::Conflict {
            profile: profile.to_string(),
            with: found.all().join(", "),
        })
    };
    let found = look(config.expose())?;
    if !found.preferred.is_empty() {
        context.printer.warning(&format!(
            "SDKs may still prefer other credentials of the profile '{profile}': {}",
            found.preferred.join(", ")
        ));
    }
    if arguments.print {
        return print(arguments, context, &plan, config.expose());
    }
    let look = |config: &[u8]| look(config).map(|_| ());
    write(arguments, context, &plan, &look)?;
    if let Some(replaced) = found.replaced {
        context.printer.news(&format!("replaced: {replaced}"));
    }
    Ok(())
}

/// Writes both files, or neither when one of them cannot be edited. `look` is
/// asked again about what AWS's file says when it is written: somebody may have
/// put the line of another program there since.
fn write(
    arguments: &Configure,
    context: &Context,
    plan: &Plan,
    look: &dyn Fn(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let profile = &arguments.profile;
    let put = |text: &[u8]| {
        profile::put(text, profile.as_str(), &plan.settings, &plan.own).map(Secret::new)
    };
    let name = |text: &[u8]| {
        look(text)?;
        plan.changes(text, profile)
            .and_then(|changes| edit(text, Place::Config, profile, &changes))
            .map(|edited| edited.text)
            .map_err(|reason| Error::SharedFile {
                path: plan.aws.clone(),
                reason,
            })
    };
    put(shared_file::read(&plan.own)?.expose())?;
    name(shared_file::read(&plan.aws)?.expose())?;
    let tell = |report: &store::EditReport| {
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
    };
    // The profile first: what names it must not come before it is there.
    tell(&store::edit(
        &plan.own,
        limits::MAX_FILE,
        Manner::Replace,
        put,
    )?);
    let aws = store::edit(&plan.aws, limits::MAX_SHARED_FILE, Manner::Replace, name)?;
    tell(&aws);
    Ok(())
}

fn plan(
    arguments: &Configure,
    session: &SessionPlan<'_>,
    context: &Context,
) -> Result<Plan, Error> {
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
    network::check_option(&arguments.session.proxy, context)?;
    check::named(&said, !arguments.no_check, context)?;
    if !arguments.no_check
        && let Some(source) = session.mismatch()
    {
        return Err(ConfigureError::Mismatch { source }.into());
    }
    let program = program(context)?;
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
        region: session.region().clone(),
    })
}

/// Both sections as they will stand there.
fn print(
    arguments: &Configure,
    context: &Context,
    plan: &Plan,
    config: &[u8],
) -> Result<(), Error> {
    let name = arguments.profile.as_str();
    let text = shared_file::read(&plan.own)?;
    let table = profile::shown(text.expose(), name, &plan.settings, &plan.own)?;
    let header = Place::Config.header(&arguments.profile);
    let changes = plan.changes(config, &arguments.profile);
    let changes = changes.map_err(|reason| Error::SharedFile {
        path: plan.aws.clone(),
        reason,
    })?;
    let lines: Vec<String> = changes
        .iter()
        .map(|change| format!("{} = {}\n", change.key, change.value.unwrap_or_default()))
        .collect();
    context.printer.data(&format!(
        "# {}\n{table}\n# {}\n[{header}]\n{}",
        plan.own.display(),
        plan.aws.display(),
        lines.concat()
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
