//! `windlass emulate`

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde_json::json;

use crate::admission::policy::TrustPolicy;
use crate::cli::Emulate;
use crate::clock::{Clock, FixedClock, SystemClock, rfc3339};
use crate::emulator::{
    Event, Faults, Listening, ServerTls, Service, World, WorldError, WorldPlan, serve,
};
use crate::limits;
use crate::pki;
use crate::store::{self, Readers};
use crate::text::printable;

use super::{Context, Error, Printer, material, ready, stop};

/// Builds the emulated account, listens, says where, and serves until it is
/// told to stop.
pub(super) fn run(mut arguments: Emulate, context: &Context) -> Result<(), Error> {
    expand_paths(&mut arguments, context);
    let world = world(&arguments, context)?;
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
    announce(&arguments, context, &world, &url, root_file.as_deref())?;
    let line = format!("{url}\n");
    let clock: Box<dyn Clock> = match arguments.at {
        Some(at) => Box::new(FixedClock(at)),
        None => Box::new(SystemClock),
    };
    let printer = context.printer.clone();
    let counted = arguments.count_requests;
    let log = Box::new(move |event| log(&printer, &event, counted));
    let faults = Faults::new(arguments.fault.clone(), arguments.fault_file.clone());
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
    serve(listening, tls.as_ref(), service, stop)?;
    if let Some(path) = &arguments.ready_file {
        ready::remove(path, line)?;
    }
    Ok(())
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
        .chain(&mut arguments.fault_file);
    for path in paths {
        *path = context.path(path);
    }
}

fn world(arguments: &Emulate, context: &Context) -> Result<World, Error> {
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
    let world = World::new(WorldPlan {
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
    })?;
    let world = with_trust_policies(world, &arguments.role_policy, context)?;
    Ok(world
        .with_assumable(arguments.assumable_role.clone(), &arguments.external_id)?
        .with_session_seconds(arguments.session_seconds))
}

/// Gives the roles their trust policies, and tells what is weak in them.
fn with_trust_policies(world: World, given: &[String], context: &Context) -> Result<World, Error> {
    let mut policies = Vec::new();
    for given in given {
        let (role, file) = world.policy_file(given)?;
        let path = context.path(Path::new(file));
        let material = store::read_bounded(&path, limits::MAX_TRUST_POLICY_FILE)?;
        let origin = path.display().to_string();
        let policy = TrustPolicy::read(&material).map_err(|source| WorldError::Policy {
            origin: origin.clone(),
            source,
        })?;
        for finding in policy.lint() {
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
    let anchors: Vec<&str> = world.anchor_arns().map(|arn| arn.as_str()).collect();
    let profiles: Vec<&str> = world.profile_arns().map(|arn| arn.as_str()).collect();
    let roles: Vec<&str> = world.role_arns().map(|arn| arn.as_str()).collect();
    if arguments.json {
        return context.printer.json(&json!({
            "endpoint": url,
            "region": world.region().as_str(),
            "caBundle": root_file,
            "trustAnchorArns": anchors,
            "profileArns": profiles,
            "roleArns": roles,
        }));
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
    context.printer.data(&text)
}

/// One line for each request, with the reason of a refusal.
fn log(printer: &Printer, event: &Event, counted: bool) {
    let line = match event {
        Event::Connection { reason } => format!("connection: {reason}"),
        Event::Held { request, seconds } => format!("{request} held for {seconds} s"),
        Event::Answered {
            request,
            status,
            subject,
            message,
            reason,
            operation,
            count,
        } => {
            let mut line = format!("{request} {status}");
            if let Some(subject) = subject {
                line.push_str(&format!(" [{}]", printable(subject, 200)));
            }
            if let Some(message) = message {
                line.push_str(&format!(" {}", printable(message, 300)));
            }
            if let Some(reason) = reason {
                line.push_str(&format!("; reason: {}", printable(reason, 1000)));
            }
            if counted {
                line.push_str(&format!(" ({operation} #{count})"));
            }
            line
        }
    };
    let now = rfc3339(SystemClock.now());
    printer.record(
        "answered",
        &format!("{now} {line}\n"),
        json!({ "request": line }),
    );
}
