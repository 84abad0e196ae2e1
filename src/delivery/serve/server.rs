//! Running it: keepers beside the request path, connections on one thread,
//! systemd told, and an end in order.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use sd_notify::NotifyState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::limits;
use crate::serving::{self, Bounds, Sharing, Slots, Stop};
use crate::text::printable;

use super::super::{Prospect, Provider};
use super::Error;
use super::answer::Answer;
use super::peer::{Caller, Holders};
use super::site::{Offer, Profile, Site};
use super::sockets::Socket;
use super::view::{Health, Keeping, Notice, keep};

/// Something that the log should know.
#[derive(Clone, Debug)]
pub enum LogEntry {
    /// A request was answered.
    Answered {
        /// Who asked.
        caller: String,
        /// The method and the path.
        request: String,
        /// The HTTP status.
        status: u16,
    },
    /// A connection could not be served.
    Connection {
        /// What went wrong.
        reason: String,
    },
    /// A keeper asked for a session.
    Session {
        /// The profile.
        profile: String,
        /// What came of it.
        notice: Notice,
    },
}

/// What the caller does at the moments that matter.
pub trait Hooks: Send + Sync {
    /// Every profile has been tried once, and requests are answered.
    ///
    /// # Errors
    ///
    /// Any, which ends the server.
    fn ready(&self) -> io::Result<()>;

    /// Something for the log. It is called on the thread that answers, and on
    /// those of the keepers.
    fn log(&self, entry: LogEntry);

    /// Whether answered requests belong into the log.
    fn logs_requests(&self) -> bool;
}

/// Everything that a connection needs.
struct Shared {
    site: Site,
    clock: Arc<dyn Clock>,
    hooks: Arc<dyn Hooks>,
    slots: Slots,
    holders: Holders,
    stop: watch::Receiver<bool>,
}

/// Serves until `stop` resolves, and lets then finish what is being answered.
///
/// `stop` is called once the runtime exists, so that it can listen for signals.
///
/// # Errors
///
/// [`Error::NoSession`] when the first try of every profile was refused in a
/// way that lasts; [`Error::Runtime`].
pub fn run(
    offer: Offer,
    sockets: Vec<Socket>,
    clock: Arc<dyn Clock>,
    hooks: Arc<dyn Hooks>,
    stop: impl FnOnce() -> io::Result<Stop>,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(async move {
        let mut stop = stop().map_err(Error::Runtime)?;
        let tells_systemd = offer.tells_systemd;
        let (site, profiles) = Site::new(offer);
        let (stopping, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            site,
            clock,
            hooks,
            slots: Slots::new(limits::MAX_SERVE_CONNECTIONS),
            holders: Holders::default(),
            stop: stopped,
        });
        for socket in sockets {
            let accepting = accept(socket, &shared).map_err(Error::Runtime)?;
            tokio::spawn(accepting);
        }
        let mut kept = Vec::new();
        for (profile, provider) in profiles {
            kept.push(start(&shared, profile, provider).map_err(Error::Runtime)?);
        }
        let begun = tokio::select! {
            begun = begin(&shared) => begun,
            () = &mut stop => {
                stopping.send_replace(true);
                return Ok(());
            }
        };
        begun?;
        if tells_systemd {
            tokio::select! {
                () = tell_systemd(&shared) => {}
                () = stop => {}
            }
            let _ = sd_notify::notify(&[NotifyState::Stopping]);
        } else {
            stop.await;
        }
        stopping.send_replace(true);
        // Those who ask again later find the port closed.
        let _ = tokio::time::timeout(limits::SERVE_DRAIN_DEADLINE, shared.slots.all_free()).await;
        drop(kept);
        Ok(())
    })
}

/// Starts the keeper of one profile.
fn start(
    shared: &Arc<Shared>,
    profile: Arc<Profile>,
    provider: Arc<dyn Provider>,
) -> io::Result<Keeping> {
    let hooks = Arc::clone(&shared.hooks);
    let clock = Arc::clone(&shared.clock);
    let name = profile.name.clone();
    keep(&name, provider, clock, move |view, notice| {
        profile.publish(view);
        if let Some(notice) = notice {
            hooks.log(LogEntry::Session {
                profile: profile.name.clone(),
                notice,
            });
        }
    })
}

/// Waits for the first try of each profile. When none got a session and waiting
/// does not help, it is better to say so at once; a service manager sees it.
async fn begin(shared: &Shared) -> Result<(), Error> {
    let mut lasting = Vec::new();
    for profile in shared.site.profiles() {
        let state = profile.first_try().await;
        if let (None, Some(failure)) = (&state.view.session, &state.view.failure)
            && failure.cause.prospect() == Prospect::Lasting
        {
            lasting.push((profile.name.clone(), failure.as_ref().clone()));
        }
    }
    if lasting.len() == shared.site.profiles().len()
        && let Some((profile, failure)) = lasting.into_iter().next()
    {
        return Err(Error::NoSession { profile, failure });
    }
    shared.hooks.ready().map_err(Error::Runtime)
}

/// Says to systemd that requests are answered, then how the profiles stand, and
/// keeps its watchdog quiet from the thread that answers (sd_notify(3)). Where
/// there is no systemd, it says it to nobody.
async fn tell_systemd(shared: &Shared) {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let half = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    let tick = half.unwrap_or(limits::KEEPER_TICK).min(limits::KEEPER_TICK);
    let mut said = String::new();
    loop {
        let status = status(&shared.site, shared.clock.as_ref());
        if status != said {
            let _ = sd_notify::notify(&[NotifyState::Status(&status)]);
            said = status;
        }
        if half.is_some() {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(tick.max(Duration::from_millis(1))).await;
    }
}

/// One line about all profiles.
fn status(site: &Site, clock: &dyn Clock) -> String {
    let now = clock.now();
    let ill: Vec<String> = site
        .profiles()
        .iter()
        .filter_map(|profile| match profile.latest().view.health(now) {
            Health::Good => None,
            Health::Degraded(reason) | Health::Unavailable(reason) => {
                Some(format!("{}: {reason}", profile.name))
            }
        })
        .collect();
    let count = site.profiles().len();
    let well = count - ill.len();
    let mut line = format!("{well} of {count} profiles are well");
    for reason in ill {
        line.push_str(&format!("; {}", printable(&reason, 200)));
    }
    line
}

/// Accepts from one socket until it is time to stop.
fn accept(
    socket: Socket,
    shared: &Arc<Shared>,
) -> io::Result<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let shared = Arc::clone(shared);
    let mut stop = shared.stop.clone();
    let accepting: Pin<Box<dyn Future<Output = ()> + Send>> = match socket {
        Socket::Tcp { listener, .. } => {
            let listener = TcpListener::from_std(listener)?;
            Box::pin(accept_tcp(listener, shared))
        }
        Socket::Unix { listener, .. } => {
            let listener = UnixListener::from_std(listener)?;
            Box::pin(accept_unix(listener, shared))
        }
    };
    Ok(Box::pin(async move {
        tokio::select! {
            () = accepting => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }))
}

async fn accept_tcp(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let accepted = shared.slots.next(
            |context| listener.poll_accept(context),
            |error| lost(&shared, error),
        );
        let ((stream, _), slot) = accepted.await;
        // Else the end of an answer waits for the client's delayed
        // acknowledgement of its beginning, some 40 ms.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _slot = slot;
            match Caller::of_tcp(&stream, shared.site.asks_for_user()).await {
                Ok(caller) => connection(stream, caller, shared).await,
                // It went away before anything was read.
                Err(error) => lost(&shared, &error),
            }
        });
    }
}

async fn accept_unix(listener: UnixListener, shared: Arc<Shared>) {
    loop {
        let accepted = shared.slots.next(
            |context| listener.poll_accept(context),
            |error| lost(&shared, error),
        );
        let ((stream, _), slot) = accepted.await;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _slot = slot;
            match Caller::of_unix(&stream) {
                Ok(caller) => connection(stream, caller, shared).await,
                Err(error) => lost(&shared, &error),
            }
        });
    }
}

fn lost(shared: &Shared, error: &io::Error) {
    shared.hooks.log(LogEntry::Connection {
        reason: error.to_string(),
    });
}

async fn connection<S>(stream: S, caller: Caller, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let most = limits::MAX_SERVE_CONNECTIONS_OF_USER;
    let Some(_holder) = shared.holders.take(caller.uid(), most) else {
        shared.hooks.log(LogEntry::Connection {
            reason: format!("{caller}: this user holds {most} connections already"),
        });
        return;
    };
    let bounds = Bounds {
        head: limits::MAX_SERVE_HEAD,
        headers: limits::MAX_SERVE_HEADERS,
        read: limits::SERVE_READ_DEADLINE,
        connection: limits::SERVE_CONNECTION_DEADLINE,
        drain: limits::SERVE_DRAIN_DEADLINE,
    };
    let sharing = Some(Sharing {
        slots: &shared.slots,
        read: limits::SERVE_CROWDED_READ_DEADLINE,
        requests: limits::MAX_SERVE_REQUESTS,
    });
    let stop = shared.stop.clone();
    let served = serving::connection(stream, bounds, sharing, stop, |request| {
        std::future::ready(Ok::<_, Infallible>(respond(request, &caller, &shared)))
    });
    if let Err(error) = served.await {
        shared.hooks.log(LogEntry::Connection {
            reason: format!("{caller}: {}", printable(&error.to_string(), 200)),
        });
    }
}

/// Answers one request. Its body, which no request here has, is not read: with
/// one the connection ends after the answer.
fn respond(request: Request<Incoming>, caller: &Caller, shared: &Shared) -> Answer {
    let (head, _) = request.into_parts();
    let answer = shared.site.answer(&head, caller, shared.clock.now());
    if shared.hooks.logs_requests() {
        // The query is left out: nothing here has one, and who puts a secret
        // there by mistake does not find it in a log.
        shared.hooks.log(LogEntry::Answered {
            caller: caller.to_string(),
            request: format!("{} {}", head.method, printable(head.uri.path(), 120)),
            status: answer.status().as_u16(),
        });
    }
    answer
}
