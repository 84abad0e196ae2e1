//! `windlass exec --serve`: an endpoint for one command, for as long as that
//! runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::cli::SessionArgs;
use crate::clock::SystemClock;
use crate::commands::{Context, Error, ServeError};
use crate::delivery::serve::{Guard, Hooks, LogEntry, Offer, listen, run as serve_until};
use crate::delivery::{Launch, NotStarted, Running, Signals, start};
use crate::secret::Secret;
use crate::serving::Stop;

use super::hooks::Told;
use super::{served, token};

/// The profile's name in the URL; the command has only one.
const PROFILE: &str = "exec";

/// The usual TTL of packets.
const HOPS: u8 = 64;

/// Starts the command once there is a session, and serves until it has ended.
pub(in crate::commands) fn beside(
    launch: Launch,
    session: &SessionArgs,
    context: &Context,
) -> Result<(), Error> {
    let token = token::fresh()?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = listen(any_port, HOPS).map_err(ServeError::from)?;
    let address = socket.address().unwrap_or(any_port);
    let beside = Arc::new(Beside {
        launch,
        uri: format!("http://{address}/profile/{PROFILE}"),
        token: token.copy(),
        told: Told::new(context.printer.clone()),
        state: Mutex::default(),
        started: Notify::new(),
    });
    let profile = served(
        PROFILE.to_owned(),
        session.clone(),
        context.lasting_of(PROFILE),
    )?;
    context.printer.queue();
    let offer = Offer {
        imds: None,
        others: vec![profile],
        authorization: Some(token),
        guard: Guard::default(),
        tells_systemd: false,
    };
    let hooks: Arc<dyn Hooks> = beside.clone();
    let until_it_ends = Arc::clone(&beside);
    let stop = || {
        let signals = Signals::take()?;
        let ended: Stop = Box::pin(until_it_ends.end(signals));
        Ok(ended)
    };
    let outcome = serve_until(offer, vec![socket], Arc::new(SystemClock), hooks, stop);
    let ended = std::mem::take(&mut *beside.state());
    match (ended, outcome) {
        (State::Ended(Ok(status)), _) => Err(Error::Ended { status }),
        (State::Ended(Err(source)), _) => Err(Error::Daemon(source)),
        (State::NotStarted(error), _) => Err(error.into()),
        (_, outcome) => Ok(outcome.map_err(ServeError::from)?),
    }
}

/// The command beside the server.
struct Beside {
    launch: Launch,
    uri: String,
    token: Secret,
    told: Told,
    state: Mutex<State>,
    started: Notify,
}

/// How far the command is.
#[derive(Default)]
enum State {
    #[default]
    Waiting,
    Running(Running),
    NotStarted(NotStarted),
    Ended(io::Result<u8>),
}

impl Beside {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the command has ended.
    async fn end(self: Arc<Self>, signals: Signals) {
        self.started.notified().await;
        let state = std::mem::take(&mut *self.state());
        let ended = match state {
            State::Running(running) => State::Ended(running.end(signals).await),
            other => other,
        };
        *self.state() = ended;
    }
}

impl Hooks for Beside {
    fn ready(&self) -> io::Result<()> {
        self.told.begin();
        *self.state() = match start(&self.launch, &self.uri, &self.token) {
            Ok(running) => State::Running(running),
            Err(error) => State::NotStarted(error),
        };
        self.started.notify_one();
        Ok(())
    }

    fn log(&self, entry: LogEntry) {
        self.told.log(entry);
    }

    /// The command's own output is what somebody reads.
    fn logs_requests(&self) -> bool {
        false
    }
}
