//! What is served: the profiles with their sessions, the tokens, and the way
//! from a request to its answer. No sockets here.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::watch;

use crate::clock::rfc3339;
use crate::rolesanywhere::{Region, RoleArn};
use crate::secret::Secret;

use super::super::{Provider, Session};
use super::answer::{self, Answer};
use super::documents::Documents;
use super::guard::Guard;
use super::metrics::{self, Requests};
use super::peer::Caller;
use super::route::Route;
use super::tokens::Tokens;
use super::view::{Health, View};
use super::{container, imds};

/// A profile to be served.
pub struct Served {
    /// Its name, as it stands in `/profile/NAME`.
    pub name: String,
    /// The role whose sessions come: the last one of a chain.
    pub role: RoleArn,
    /// The region of its trust anchor.
    pub region: Region,
    /// Who gets its sessions.
    pub provider: Arc<dyn Provider>,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Served({})", self.name)
    }
}

/// What is served, and to whom. Each profile's name is there once.
#[derive(Debug)]
pub struct Offer {
    /// The profile of the metadata service, which has its container URI too;
    /// `None` switches the metadata service off.
    pub imds: Option<Served>,
    /// The other profiles.
    pub others: Vec<Served>,
    /// The token of the container endpoint.
    pub authorization: Option<Secret>,
    /// Who may ask.
    pub guard: Guard,
    /// Whether systemd is told how it is. A server beside a command leaves that
    /// to the command.
    pub tells_systemd: bool,
}

/// One profile as requests see it.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) role: RoleArn,
    pub(super) region: Region,
    latest: watch::Sender<Arc<Published>>,
}

/// A profile, and who gets its sessions.
pub(super) type Supplied = (Arc<Profile>, Arc<dyn Provider>);

/// A state of a profile, with its documents.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) view: View,
    documents: Option<Arc<Documents>>,
}

impl Profile {
    /// Puts a new state in the place of the old one. The lock is held for the
    /// exchange of two pointers.
    pub(super) fn publish(&self, view: &View) {
        let before = self.latest();
        let unchanged = match (&before.view.session, &view.session) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        let documents = if unchanged {
            before.documents.clone()
        } else {
            let session = view.session.as_ref();
            session
                .and_then(|session| Documents::of(session))
                .map(Arc::new)
        };
        self.latest.send_replace(Arc::new(Published {
            view: view.clone(),
            documents,
        }));
    }

    /// The latest state.
    pub(super) fn latest(&self) -> Arc<Published> {
        Arc::clone(&self.latest.borrow())
    }

    /// Waits until the first try has come to an end, and gives the state then.
    pub(super) async fn first_try(&self) -> Arc<Published> {
        let mut receiver = self.latest.subscribe();
        let tried = |state: &Arc<Published>| {
            let tally = &state.view.tally;
            tally.granted + tally.failed > 0
        };
        match receiver.wait_for(tried).await {
            Ok(state) => Arc::clone(&state),
            // The sender is this value's own.
            Err(_) => self.latest(),
        }
    }

    /// The documents of the session, as long as it is good, or the reason.
    pub(super) fn documents(&self, now: DateTime<Utc>) -> Result<Arc<Documents>, String> {
        let state = self.latest();
        match (state.view.current(now), &state.documents) {
            (Some(_), Some(documents)) => Ok(Arc::clone(documents)),
            (Some(_), None) => Err("the credentials that came are not text".to_owned()),
            (None, _) => Err(reason(&state.view, now)),
        }
    }

    /// The session, as long as it is good, or the reason.
    pub(super) fn session(&self, now: DateTime<Utc>) -> Result<Arc<Session>, String> {
        let state = self.latest();
        match state.view.current(now) {
            Some(session) => Ok(Arc::clone(session)),
            None => Err(reason(&state.view, now)),
        }
    }
}

fn reason(view: &View, now: DateTime<Utc>) -> String {
    match view.health(now) {
        Health::Degraded(reason) | Health::Unavailable(reason) => reason,
        Health::Good => "the session has just ended".to_owned(),
    }
}

/// Everything that answering needs.
#[derive(Debug)]
pub(super) struct Site {
    profiles: Vec<Arc<Profile>>,
    imds: Option<Arc<Profile>>,
    authorization: Option<Secret>,
    guard: Guard,
    tokens: Tokens,
    pub(super) requests: Requests,
}

impl Site {
    /// Takes the offer apart: what requests see, and who gets each profile's
    /// sessions.
    pub(super) fn new(offer: Offer) -> (Self, Vec<Supplied>) {
        let apart = |served: Served| {
            let profile = Profile {
                name: served.name,
                role: served.role,
                region: served.region,
                latest: watch::Sender::default(),
            };
            (Arc::new(profile), served.provider)
        };
        let imds = offer.imds.map(apart);
        let of_imds = imds.as_ref().map(|(profile, _)| Arc::clone(profile));
        let others = offer.others.into_iter().map(apart);
        let all: Vec<_> = imds.into_iter().chain(others).collect();
        let site = Self {
            profiles: all.iter().map(|(profile, _)| Arc::clone(profile)).collect(),
            imds: of_imds,
            authorization: offer.authorization,
            guard: offer.guard,
            tokens: Tokens::default(),
            requests: Requests::default(),
        };
        (site, all)
    }

    /// The profiles, that of the metadata service first.
    pub(super) fn profiles(&self) -> &[Arc<Profile>] {
        &self.profiles
    }

    /// The profile of this name.
    pub(super) fn profile(&self, name: &str) -> Option<&Profile> {
        let mut profiles = self.profiles.iter().map(Arc::as_ref);
        profiles.find(|profile| profile.name == name)
    }

    /// The metadata service's profile, unless it is switched off.
    pub(super) fn imds(&self) -> Option<&Profile> {
        self.imds.as_deref()
    }

    /// The container endpoint's token.
    pub(super) const fn authorization(&self) -> Option<&Secret> {
        self.authorization.as_ref()
    }

    /// Whether users are told apart.
    pub(super) fn asks_for_user(&self) -> bool {
        self.guard.asks_for_user()
    }

    /// The metadata service's tokens.
    pub(super) const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Answers a request from memory.
    pub(super) fn answer(&self, request: &Parts, caller: &Caller, now: DateTime<Utc>) -> Answer {
        let route = Route::of(request.uri.path());
        let mut answer = match self.guard.admit(request, caller, &route) {
            Ok(()) => self.route(request, caller, &route, now),
            Err(refused) => *refused,
        };
        // Nothing that SDKs do in a row: it must not hold a place.
        if answer.status().is_client_error() || !route.is_guarded() {
            answer::set(&mut answer, CONNECTION, HeaderValue::from_static("close"));
        }
        self.requests.count(route.label(), answer.status());
        answer
    }

    fn route(&self, request: &Parts, caller: &Caller, route: &Route, now: DateTime<Utc>) -> Answer {
        let headers = &request.headers;
        match (route, &request.method) {
            (Route::Token, &Method::PUT) => imds::token(self, headers, now),
            (Route::Token, _) => answer::method_not_allowed("PUT"),
            (Route::Unknown, _) => answer::not_found(),
            (_, method) if method != Method::GET && method != Method::HEAD => {
                answer::method_not_allowed("GET, HEAD")
            }
            (Route::Container(name), _) => container::get(self, name, headers, now),
            (Route::Health, _) => {
                let reasons = self.guard.check_user(request, caller).is_ok();
                self.health(now, reasons)
            }
            (Route::Metrics, _) => metrics::get(self, now),
            (
                Route::Roles
                | Route::Credentials { .. }
                | Route::Metadata(_)
                | Route::UnknownMetadata,
                _,
            ) => imds::get(self, route, headers, now),
        }
    }

    /// `GET /healthz`: 200 as long as every profile has credentials. Why one is
    /// not well names paths and ARNs, and is for those who may ask for
    /// credentials.
    fn health(&self, now: DateTime<Utc>, reasons: bool) -> Answer {
        let mut worst = "ok";
        let mut profiles = Vec::new();
        for profile in &self.profiles {
            let state = profile.latest();
            let (status, reason) = match state.view.health(now) {
                Health::Good => ("ok", None),
                Health::Degraded(reason) => ("degraded", Some(reason)),
                Health::Unavailable(reason) => ("unavailable", Some(reason)),
            };
            worst = match (worst, status) {
                ("unavailable", _) | (_, "unavailable") => "unavailable",
                ("degraded", _) | (_, "degraded") => "degraded",
                _ => "ok",
            };
            let session = state.view.current(now);
            let mut shown = json!({ "profile": profile.name, "status": status });
            if let Some(session) = session {
                shown["expiration"] = rfc3339(session.credentials.expiration).into();
            }
            if let Some(reason) = reason.filter(|_| reasons) {
                shown["reason"] = reason.into();
            }
            profiles.push(shown);
        }
        let status = if worst == "unavailable" {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        let body = json!({ "status": worst, "profiles": profiles });
        answer::json(status, body.to_string())
    }
}
