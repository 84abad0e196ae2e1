//! `windlass emulate`

mod administrator;
mod request_log;

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::cli::Emulate;
use crate::clock::{Clock, FixedClock, SystemClock};
use crate::emulator::{
    Adversity, Faults, Listening, PolicyText, ServerTls, Service, StateFile, World, WorldError,
    WorldFile, WorldPlan, serve,
};
use crate::limits;
use crate::pki;
use crate::random;
use crate::store::{self, Readers};
use crate::text::printable;

use super::{Context, Error, material, ready, stop};

/// Builds the emulated account, listens, says where, and serves until it is
/// told to stop.
pub(super) fn run(mut arguments: Emulate, context: &Context) -> Result<(), Error> {
    expand_paths(&mut arguments, context);
    let now = arguments.at.unwrap_or_else(|| context.clock.now());
    let described = arguments.world.as_deref();
    let described = described
        .map(|path| WorldFile::read(path, now))
        .transpose()?;
    let script = arguments.fault.clone();
    let script = script.or_else(|| described.as_ref().and_then(WorldFile::faults));
    let world = world(&arguments, context, described, now)?;
    let listening = Listening::bind(arguments.listen)?;
    let address = listening.address();
    if let Some(path) = &arguments.tls_root_file {
        ready::check_replaceable(path, "a TLS root of windlass emulate", is_emulator_root)?;
    }
    if let Some(path) = &arguments.ready_file {
        ready::check(path, "emulate")?;
    }
    let (tls, root_file, _directory) = match arguments.tls {
        false => (None, None, None),
        true => {
            let tls = ServerTls::generate(address.ip(), context.clock.now())?;
            let (path, directory) = root_file(&arguments, context)?;
            store::write_atomic(&path, tls.root_pem().as_bytes(), Readers::Owner)?;
            (Some(tls), Some(path), directory)
        }
    };
    let scheme = if arguments.tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let adversity = adversity(&mut arguments);
    announce(&arguments, context, &world, &url, root_file.as_deref())?;
    let line = format!("{url}\n");
    let clock: Box<dyn Clock> = match arguments.at {
        Some(at) => Box::new(FixedClock(at)),
        None => Box::new(SystemClock),
    };
    let printer = context.printer.clone();
    let counted = arguments.count_requests;
    let requests = arguments.request_log.clone();
    let log =
        Box::new(move |event| request_log::note(&printer, &event, counted, requests.as_deref()));
    let faults = Faults::new(script, arguments.fault_file.clone());
    // The ready file comes when signals are heeded already: who has seen it may
    // send one.
    let stop = || {
        let stop = stop::on_signal()?;
        if let Some(path) = &arguments.ready_file {
            ready::write(path, &line)?;
        }
        Ok(stop)
    };
    let service = Service::new(world, clock, faults, log);
    let service = service.with_adversity(adversity);
    serve(listening, tls.as_ref(), service, stop)?;
    if let Some(path) = &arguments.ready_file {
        ready::remove(path, line)?;
    }
    Ok(())
}

/// What varies, with a seed that is told: a given one or any.
fn adversity(arguments: &mut Emulate) -> Option<Adversity> {
    if arguments.adverse && arguments.seed.is_none() {
        // Without randomness it is always the same, which is no harm.
        arguments.seed = Some(random::octets().map_or(0, u32::from_ne_bytes));
    }
    arguments.seed.map(|seed| Adversity::new(u64::from(seed)))
}

/// A throw-away root of the emulator.
fn is_emulator_root(content: &[u8]) -> bool {
    pki::read_certificates(content, "the file").is_ok_and(|certificates| {
        matches!(certificates.as_slice(), [root]
            if root.subject().to_string().starts_with("O=windlass emulator, "))
    })
}

fn expand_paths(arguments: &mut Emulate, context: &Context) {
    let anchors = arguments
        .trust_anchor
        .iter_mut()
        .map(|anchor| &mut anchor.file);
    let paths = anchors
        .chain(&mut arguments.crl)
        .chain(&mut arguments.tls_root_file)
        .chain(&mut arguments.ready_file)
        .chain(&mut arguments.state)
        .chain(&mut arguments.world)
        .chain(&mut arguments.admin_credentials_file)
        .chain(&mut arguments.request_log)
        .chain(&mut arguments.fault_file);
    for path in paths {
        *path = context.path(path);
    }
}

fn world(
    arguments: &Emulate,
    context: &Context,
    described: Option<WorldFile>,
    now: DateTime<Utc>,
) -> Result<World, Error> {
    let mut anchors = Vec::new();
    for anchor in &arguments.trust_anchor {
        anchors.push((
            anchor.arn.clone(),
            anchor.file.display().to_string(),
            material::bare_certificates(&anchor.file)?,
        ));
    }
    let crls = arguments
        .crl
        .iter()
        .map(|path| material::crl(path))
        .collect::<Result<_, _>>()?;
    let file = arguments
        .state
        .as_deref()
        .map(StateFile::open)
        .transpose()?;
    let plan = WorldPlan {
        anchors,
        crls,
        profiles: arguments.profile_arn.clone(),
        roles: arguments.role_arn.clone(),
        region: arguments.region.clone(),
        profile_duration: arguments.profile_duration,
        role_max_duration: arguments.role_max_duration,
        accepts_session_name: arguments.accept_role_session_name,
        disabled: arguments.disable.clone(),
        clock_window: TimeDelta::seconds(i64::from(arguments.clock_window)),
    };
    let world = World::made(plan, described, file.as_ref(), now)?;
    let world = with_trust_policies(world, &arguments.role_policy, context)?;
    let mut world = world
        .with_assumable(arguments.assumable_role.clone(), &arguments.external_id)?
        .with_session_seconds(arguments.session_seconds)
        .with_rate_limits(arguments.rate_limits);
    if let Some(file) = file {
        world = world.kept_in(file)?;
    }
    if let Some(path) = &arguments.admin_credentials_file {
        world = world.with_administrator(administrator::keys(path)?);
    }
    Ok(world)
}

/// Gives the roles their trust policies, and tells what is weak in them.
fn with_trust_policies(world: World, given: &[String], context: &Context) -> Result<World, Error> {
    let mut policies = Vec::new();
    for given in given {
        let (role, file) = world.policy_file(given)?;
        let path = context.path(Path::new(file));
        let material = store::read_bounded(&path, limits::MAX_TRUST_POLICY_FILE)?;
        let origin = path.display().to_string();
        let policy = PolicyText::read(&material).map_err(|source| WorldError::Policy {
            origin: origin.clone(),
            source,
        })?;
        for finding in policy.policy().lint() {
            let finding = printable(&finding.to_string(), 500);
            context.printer.warning(&format!("{origin}: {finding}"));
        }
        policies.push((role, policy));
    }
    Ok(world.with_trust_policies(&policies)?)
}

/// Where the TLS root goes: the given file, or one in a private directory that
/// is removed at the end.
fn root_file(
    arguments: &Emulate,
    context: &Context,
) -> Result<(PathBuf, Option<impl Sized + use<>>), Error> {
    if let Some(path) = &arguments.tls_root_file {
        return Ok((path.clone(), None));
    }
    let base = context
        .environment
        .get("TMPDIR")
        .map_or_else(|| Path::new("/tmp"), Path::new);
    let directory = store::temporary_directory(base, "windlass-emulate-")?;
    Ok((directory.path().join("root.pem"), Some(directory)))
}

fn announce(
    arguments: &Emulate,
    context: &Context,
    world: &World,
    url: &str,
    root_file: Option<&Path>,
) -> Result<(), Error> {
    let anchors = world.anchor_arns();
    let profiles = world.profile_arns();
    let roles = world.role_arns();
    if arguments.json {
        let mut object = json!({
            "endpoint": url,
            "region": world.region().as_str(),
            "caBundle": root_file,
            "trustAnchorArns": anchors,
            "profileArns": profiles,
            "roleArns": roles,
        });
        if let Some(seed) = arguments.seed {
            object["seed"] = seed.into();
        }
        return context.printer.json(&object);
    }
    let mut text = format!("endpoint          {url}\n");
    if let Some(path) = root_file {
        text.push_str(&format!("ca-bundle         {}\n", path.display()));
    }
    let lists = [
        ("trust-anchor-arn  ", anchors),
        ("profile-arn       ", profiles),
        ("role-arn          ", roles),
    ];
    for (label, arns) in lists {
        for arn in arns {
            text.push_str(&format!("{label}{arn}\n"));
        }
    }
    if let Some(seed) = arguments.seed {
        text.push_str(&format!("seed              {seed}\n"));
    }
    context.printer.data(&text)
}
