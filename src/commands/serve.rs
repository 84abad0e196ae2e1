//! `windlass serve`

mod beside;
mod hooks;
mod token;
mod watch;

pub(super) use self::beside::beside;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::{ProfileChoice, Serve, SessionArgs};
use crate::clock::SystemClock;
use crate::delivery::serve::{
    Guard, Hooks, Offer, Served, Socket, activated, listen, run as serve_until,
};
use crate::limits;
use crate::secret::Secret;
use crate::store::{SocketFile, bind_socket, check_parent};

use self::hooks::{Announcement, Reporter};
use self::watch::{Watched, check_neighbours};
use super::session::SessionPlan;
use super::{Context, Error, ServeError, ready, stop};

/// The helper's port.
const PORT: u16 = 9911;

/// Listens, obtains the first sessions, says where they are, and serves until
/// it is told to stop.
pub(super) fn run(arguments: Serve, context: &Context) -> Result<(), Error> {
    // Before there is any thread.
    let mut sockets = activated(arguments.hop_limit).map_err(ServeError::from)?;
    let profiles = profiles(&arguments, context)?;
    let (imds, others) = apart(&arguments, profiles)?;
    let ready_file = arguments
        .ready_file
        .as_deref()
        .map(|path| context.path(path));
    if let Some(path) = &ready_file {
        ready::check(path, "serve")?;
    }
    check_reach(&arguments, imds.as_ref(), &others, context)?;
    let authorization = authorization(&arguments, context)?;
    let socket_file = own_sockets(&arguments, context, &mut sockets)?;
    check_exposure(&arguments, &sockets, authorization.is_some())?;
    let token_file = arguments.token_file.as_deref();
    let token_file = token_file.map(|path| absolute(path, context));
    context.printer.queue();
    let watched = socket_file
        .map(|file| Watched::start(file, context.printer.clone()))
        .transpose()
        .map_err(Error::Daemon)?;
    let names = imds.iter().chain(&others);
    let names = names.map(|served| served.name.clone()).collect();
    let name = imds.as_ref().map(|served| served.name.clone());
    let announcement = Announcement::new(&sockets, names, name, token_file);
    let reporter = Arc::new(Reporter::new(
        context.printer.clone(),
        announcement,
        ready_file.clone(),
        arguments.json,
    ));
    let hooks: Arc<dyn Hooks> = reporter.clone();
    let offer = Offer {
        imds,
        others,
        authorization,
        guard: Guard {
            hosts: arguments.allow_host,
            uids: arguments.allow_uid.into_iter().collect(),
            gids: arguments.allow_gid.into_iter().collect(),
        },
        tells_systemd: true,
    };
    let served = serve_until(
        offer,
        sockets,
        Arc::new(SystemClock),
        hooks,
        stop::on_signal,
    );
    drop(watched);
    let removed = match &ready_file {
        Some(path) => ready::remove(path, reporter.ready_line()),
        None => Ok(()),
    };
    // Why it ended goes before what could not be tidied up.
    served.map_err(ServeError::from)?;
    removed
}

/// The sessions that are asked for, each with somebody who gets it.
fn profiles(arguments: &Serve, context: &Context) -> Result<Vec<Served>, Error> {
    let session = &arguments.session;
    let sessions = match arguments.choice() {
        ProfileChoice::Several => context.invocation.sessions(
            &arguments.profile,
            session.config.as_deref(),
            &context.environment,
        )?,
        _ => vec![(ProfileChoice::USUAL.to_owned(), session.clone())],
    };
    if sessions.len() > limits::MAX_SERVED_PROFILES {
        return Err(ServeError::TooManyProfiles {
            count: sessions.len(),
            max: limits::MAX_SERVED_PROFILES,
        }
        .into());
    }
    let mut found: Vec<Served> = Vec::new();
    for (name, session) in sessions {
        if found.iter().all(|other| other.name != name) {
            let context = context.lasting_of(&name);
            found.push(served(name, session, context)?);
        }
    }
    Ok(found)
}

/// A profile with somebody who gets its sessions.
fn served(name: String, session: SessionArgs, context: &'static Context) -> Result<Served, Error> {
    let session: &'static SessionArgs = Box::leak(Box::new(session));
    let plan = SessionPlan::new(session, context)?;
    Ok(Served {
        name,
        role: plan.role().clone(),
        region: plan.region().clone(),
        provider: Arc::new(plan),
    })
}

/// Sets apart the profile of the metadata service, where there is to be one.
fn apart(
    arguments: &Serve,
    mut profiles: Vec<Served>,
) -> Result<(Option<Served>, Vec<Served>), Error> {
    let index = match &arguments.imds_profile {
        _ if arguments.no_imds => return Ok((None, profiles)),
        // Of all profiles the first one is nobody's choice.
        None if arguments.all && profiles.len() > 1 => {
            let usual = |served: &Served| served.name == ProfileChoice::USUAL;
            let index = profiles.iter().position(usual);
            index.ok_or(ServeError::ImdsUnclear)?
        }
        None => 0,
        Some(name) => {
            let index = profiles.iter().position(|served| served.name == *name);
            let missing = || ServeError::ImdsProfile {
                name: name.clone(),
                served: profiles.iter().map(|served| served.name.clone()).collect(),
            };
            index.ok_or_else(missing)?
        }
    };
    if index >= profiles.len() {
        return Ok((None, profiles));
    }
    let imds = profiles.remove(index);
    Ok((Some(imds), profiles))
}

/// Without a token there is no container endpoint, and only IMDS is left.
fn check_reach(
    arguments: &Serve,
    imds: Option<&Served>,
    others: &[Served],
    context: &Context,
) -> Result<(), Error> {
    if has_token(arguments) {
        return Ok(());
    }
    if imds.is_none() {
        return Err(ServeError::Nothing.into());
    }
    let others: Vec<&str> = others.iter().map(|served| served.name.as_str()).collect();
    if !others.is_empty() {
        context.printer.warning(&format!(
            "without --token-file there is no container endpoint, and nobody gets the credentials of: {}",
            others.join(", ")
        ));
    }
    Ok(())
}

fn authorization(arguments: &Serve, context: &Context) -> Result<Option<Secret>, Error> {
    if let Some(source) = &arguments.authorization_token_from {
        return token::given(&context.source(source), &context.environment).map(Some);
    }
    let path = arguments.token_file.as_deref();
    path.map(|path| token::kept(&context.path(path)))
        .transpose()
}

/// Opens the sockets that the options ask for besides systemd's.
fn own_sockets(
    arguments: &Serve,
    context: &Context,
    sockets: &mut Vec<Socket>,
) -> Result<Option<SocketFile>, Error> {
    let mut file = None;
    if let Some(path) = &arguments.unix_socket {
        let path = absolute(path, context);
        check_parent(&path)?;
        check_neighbours(&path, &context.printer)?;
        let (listener, bound) = bind_socket(&path, arguments.socket_mode)?;
        sockets.push(Socket::Unix {
            listener,
            path: Some(path),
        });
        file = Some(bound);
    }
    if sockets.is_empty() || arguments.bind.is_some() || arguments.port.is_some() {
        let address = arguments.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let address = SocketAddr::new(address, arguments.port.unwrap_or(PORT));
        // Before anything is bound there.
        check_address(arguments, address, has_token(arguments))?;
        sockets.push(listen(address, arguments.hop_limit).map_err(ServeError::from)?);
    }
    Ok(file)
}

/// The path as clients can use it, who run elsewhere.
fn absolute(typed: &Path, context: &Context) -> PathBuf {
    let path = context.path(typed);
    std::path::absolute(&path).unwrap_or(path)
}

const fn has_token(arguments: &Serve) -> bool {
    arguments.token_file.is_some() || arguments.authorization_token_from.is_some()
}

/// What others could reach has to be asked for.
fn check_exposure(arguments: &Serve, sockets: &[Socket], has_token: bool) -> Result<(), Error> {
    let mut has_tcp = false;
    for socket in sockets {
        if let Socket::Tcp { address, .. } = socket {
            has_tcp = true;
            check_address(arguments, *address, has_token)?;
        }
    }
    // Nobody could pass there.
    if has_tcp && !arguments.allow_gid.is_empty() && arguments.allow_uid.is_empty() {
        return Err(ServeError::GroupsOverTcp.into());
    }
    Ok(())
}

fn check_address(arguments: &Serve, address: SocketAddr, has_token: bool) -> Result<(), Error> {
    let guarded = arguments.no_imds && has_token;
    if address.ip().to_canonical().is_loopback() || arguments.allow_remote || guarded {
        Ok(())
    } else {
        Err(ServeError::Exposed { address }.into())
    }
}
