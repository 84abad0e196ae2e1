//! What the options of a rotation mean.

use std::path::{Path, PathBuf};

use crate::authority::generations;
use crate::cli::{Origin, Rotate};
use crate::clock::{in_words, rfc3339};
use crate::commands::error::RotateError;
use crate::commands::{Context, Error};
use crate::host::{
    self, Amiss, Cause, CommandHooks, CommandIssuer, Disk, Issuer, KeyPolicy, Pair, Places, Probe,
    Rotation, Rule, Shelf, Standing, Terms,
};
use crate::limits;
use crate::pki::{Certificate, read_certificates};
use crate::store::{FixedFiles, Ownership, Versions, read_bounded};

use super::came_to::Look;
use super::fixed::{fixed, gid};
use super::issuer::LocalCa;
use super::trial::RolesAnywhere;

/// What tells a host from others that were made of the same image (machine-id(5)).
const MACHINE_ID: &str = "/etc/machine-id";

/// What the options of a rotation mean.
pub(in crate::commands) struct Plan<'a> {
    pub(super) directory: PathBuf,
    pub(in crate::commands) terms: Terms,
    pub(super) issuer: Box<dyn Issuer + 'a>,
    pub(super) trial: Option<RolesAnywhere<'a>>,
    pub(super) hooks: CommandHooks,
    pub(super) places: Places,
    pub(in crate::commands) fixed: Option<FixedFiles>,
    /// Whose new versions will be; as those before where nothing is said.
    pub(super) ownership: Option<Ownership>,
    context: &'a Context,
    keep: usize,
}

impl<'a> Plan<'a> {
    /// Puts the options together; nothing is written.
    pub(in crate::commands) fn new(
        arguments: &'a Rotate,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let rotation = &arguments.rotation;
        let directory = Self::directory(arguments, context)?;
        let common_name = rotation.cn.as_ref();
        let common_name = common_name.ok_or_else(|| missing(arguments, "common name", "cn"))?;
        refuse_idle(arguments)?;
        let ca = rotation.ca_dir.as_ref().map(|path| context.path(path));
        // First: whoever forgot that is not to be asked for its root.
        if ca.is_none() && rotation.issuer_command.is_none() {
            return Err(missing(arguments, "issuer", "issuer-command"));
        }
        let roots = roots(arguments, ca.as_deref(), context)?;
        let issuer: Box<dyn Issuer> = match (ca, &rotation.issuer_command) {
            (Some(directory), _) => Box::new(LocalCa {
                directory,
                passphrase: &arguments.session.identity.unlock.passphrase,
                rotation,
                context,
            }),
            (None, Some(command)) => Box::new(CommandIssuer {
                command: command.clone(),
                deadline: rotation.issuer_timeout,
                withheld: arguments.session.identity.secret_variables(),
            }),
            (None, None) => return Err(missing(arguments, "issuer", "issuer-command")),
        };
        let trial = if rotation.no_probe {
            None
        } else {
            RolesAnywhere::new(&arguments.session, context)?
        };
        let names = &rotation.names;
        let terms = Terms {
            common_name: common_name.as_str().to_owned(),
            organization: names
                .organization
                .as_ref()
                .map(|one| one.as_str().to_owned()),
            units: names.ou.iter().map(|one| one.as_str().to_owned()).collect(),
            names: names.san.clone(),
            key_type: rotation.key_type,
            keys: if rotation.reuse_key {
                KeyPolicy::Reuse(rotation.max_key_age)
            } else {
                KeyPolicy::New
            },
            roots,
            rule: rotation.within.map_or(Rule::Usual, Rule::Within),
            windows: host::ChangeWindows(rotation.window.clone()),
            host: host(),
        };
        let hooks = CommandHooks {
            before: rotation.before_hook.clone(),
            after: rotation.after_hook.clone(),
            deadline: rotation.hook_timeout,
            withheld: arguments.session.identity.secret_variables(),
        };
        let fixed = fixed(arguments, context)?;
        Ok(Self {
            places: Places::of(&directory),
            fixed,
            ownership: match &rotation.group {
                Some(group) => {
                    let origin = arguments.session.origin("group");
                    Some(Ownership::for_group(gid(group, origin)?))
                }
                None => None,
            },
            directory,
            terms,
            issuer,
            trial,
            hooks,
            context,
            keep: rotation.keep,
        })
    }

    /// Who tries a new pair, where somebody is to.
    pub(super) fn probe(&self) -> Option<&dyn Probe> {
        match &self.trial {
            Some(trial) => Some(trial),
            None => None,
        }
    }

    /// Where what is in force is not as the options have it, although that is no reason
    /// to renew it before it is due.
    fn differs(&self, standing: &Standing, pair: Option<&Pair>) -> Vec<String> {
        let mut differs = Vec::new();
        let Some(found) = &standing.certificate else {
            return differs;
        };
        let (has, asked) = (found.public_key().algorithm(), self.terms.key_type);
        if has != asked.algorithm() {
            differs.push(format!(
                "the key in force is of the type {has}; the next one is of the type {asked} (--key-type)"
            ));
        }
        let roots = &self.terms.roots;
        if pair.is_some_and(|pair| !pair.leads_to(roots, standing.at)) {
            differs.push(
                "the certificate in force does not lead to --trust-anchor; the next one has to"
                    .to_owned(),
            );
        }
        if let Some(due) = standing.due.filter(|due| due.cause == Cause::WithinTooLong) {
            differs.push(format!(
                "--within asks for a longer time than nine tenths of the certificate's life: it is due from {} on, when a tenth is over",
                rfc3339(due.at)
            ));
        }
        differs
    }

    /// Where the identity is.
    pub(super) fn directory(arguments: &Rotate, context: &Context) -> Result<PathBuf, Error> {
        let named = arguments.session.identity.identity.as_ref();
        let named = named.ok_or_else(|| missing(arguments, "identity", "identity"))?;
        let path = context.path(named);
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// How the identity stands, and what is amiss besides. Nothing is written, and no
    /// lock is taken.
    pub(super) fn look(&self, versions: Option<Versions>) -> Result<Look, Error> {
        let Some(versions) = versions else {
            return Ok(Look {
                directory: self.directory.clone(),
                standing: Standing::of_none(&self.terms, self.context.clock.now()),
                amiss: Ok(Amiss::default()),
                differs: Vec::new(),
            });
        };
        let disk = Disk::new(versions, self.fixed.clone(), self.keep);
        let rotation = Rotation {
            shelf: &disk,
            issuer: self.issuer.as_ref(),
            probe: None,
            hooks: &self.hooks,
            terms: &self.terms,
            clock: self.context.clock.as_ref(),
            places: &self.places,
        };
        let standing = rotation.look().map_err(|source| RotateError::Host {
            directory: self.directory.clone(),
            source,
        })?;
        Ok(Look {
            directory: self.directory.clone(),
            differs: self.differs(&standing, disk.in_force().ok().flatten().as_ref()),
            standing,
            amiss: disk.amiss(),
        })
    }
}

/// Refuses what was said and means nothing beside the rest. Not what a profile says of
/// a CA that is not asked, since another issuer was typed.
fn refuse_idle(arguments: &Rotate) -> Result<(), Error> {
    let rotation = &arguments.rotation;
    let of_ca = "it is for a CA on this machine, and no --ca-dir names one";
    let asked = [
        ("ca_profile", rotation.ca_profile.clone(), of_ca),
        ("days", rotation.days.map(|days| days.to_string()), of_ca),
    ];
    let asked = asked.into_iter().filter(|_| rotation.ca_dir.is_none());
    let age = rotation.max_key_age.filter(|_| !rotation.reuse_key);
    let age = age.map(|age| Some(in_words(age)));
    let age = age.map(|age| ("max_key_age", age, "keys are kept with --reuse-key only"));
    for (key, value, reason) in asked.chain(age) {
        let origin = arguments.session.origin(key);
        let is_typed = matches!(origin, Origin::Option { .. });
        if value.is_some() && (is_typed || key == "max_key_age") {
            return Err(Error::Value {
                origin,
                value,
                reason: reason.to_owned(),
            });
        }
    }
    Ok(())
}

/// The roots to which a certificate has to lead.
fn roots(
    arguments: &Rotate,
    ca: Option<&Path>,
    context: &Context,
) -> Result<Vec<Certificate>, Error> {
    if let Some(path) = &arguments.rotation.trust_anchor {
        let path = context.path(path);
        let content = read_bounded(&path, limits::MAX_FILE)?;
        return Ok(read_certificates(&content, &path.display().to_string())?);
    }
    let Some(ca) = ca else {
        return Err(missing(arguments, "root", "trust-anchor"));
    };
    let generations = generations(ca)?;
    let roots = generations.roots().into_iter();
    Ok(roots.map(|root| root.certificate.clone()).collect())
}

fn missing(arguments: &Rotate, what: &'static str, option: &'static str) -> Error {
    crate::commands::session::missing(&arguments.session, what, option)
}

/// What tells this host from others: a machine id, or else its name.
pub(in crate::commands) fn host() -> String {
    let found = read_bounded(Path::new(MACHINE_ID), limits::MAX_FILE).unwrap_or_default();
    let id = String::from_utf8_lossy(&found).trim().to_owned();
    if !id.is_empty() && id != "uninitialized" {
        return id;
    }
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
