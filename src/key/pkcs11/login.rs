//! PINs: where one comes from, and telling it to the token at most once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::error::{Error as CryptokiError, RvError};
use cryptoki::session::UserType;
use cryptoki::types::RawAuthPin;

use crate::environment::Environment;
use crate::secret::Secret;

use super::super::{Error, PassphraseSource, Source};
use super::module::reason;
use super::pin_source::source_path;
use super::slots::Connection;
use super::{PinWarning, Pkcs11Error, Pkcs11Uri};

/// How a login went that has not failed.
pub(super) enum Login {
    /// The user is logged in, with this PIN if one was needed.
    Done(Option<Secret>),
    /// A PIN is needed and none is to be had.
    NoPin,
}

impl Connection {
    /// Logs the user in, unless that is done or the token needs none. The PIN
    /// is the URI's `pin-value`, else the content of its `pin-source`, else
    /// what `ask` gives for the token's label.
    pub(super) fn login(
        &self,
        ask: &mut dyn FnMut(&str) -> Result<Option<Secret>, Error>,
    ) -> Result<Login, Error> {
        if !self.token.login_required || self.is_logged_in()? {
            return Ok(Login::Done(None));
        }
        if self.token.protected_path {
            self.authenticate(UserType::User, None)?;
            return Ok(Login::Done(None));
        }
        // A locked token is not worth a PIN.
        if self.token_info()?.user_pin_locked() {
            return Err(self.locked().into());
        }
        let Some(pin) = self.pin(ask)? else {
            return Ok(Login::NoPin);
        };
        self.authenticate(UserType::User, Some(&pin))?;
        Ok(Login::Done(Some(pin)))
    }

    /// A PIN from where the URI says, else from `ask`.
    pub(super) fn pin(
        &self,
        ask: &mut dyn FnMut(&str) -> Result<Option<Secret>, Error>,
    ) -> Result<Option<Secret>, Error> {
        let pin = if let Some(value) = &self.uri.pin_value {
            Some(value.copy())
        } else if let Some(source) = &self.uri.pin_source {
            Some(read_source(source)?)
        } else {
            ask(&self.shown_label())?
        };
        Ok(pin.filter(|pin| !pin.expose().is_empty()))
    }

    /// Tells the token a PIN; without one it is typed at the token.
    pub(super) fn authenticate(
        &self,
        user: UserType,
        pin: Option<&Secret>,
    ) -> Result<(), Pkcs11Error> {
        if pin.is_some_and(|pin| self.was_refused(pin)) {
            return Err(self.wrong(PinWarning::NotTriedAgain));
        }
        let answer = match pin {
            None => self.session.login(user, None),
            Some(pin) => {
                let raw = RawAuthPin::new(Box::new(pin.expose().to_vec()));
                self.session.login_with_raw(user, &raw)
            }
        };
        let error = match answer {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let CryptokiError::Pkcs11(value, _) = &error else {
            return Err(self.failed("log in", &error));
        };
        match value {
            RvError::UserAlreadyLoggedIn => Ok(()),
            RvError::PinLocked => Err(self.locked()),
            RvError::PinIncorrect => {
                if let Some(pin) = pin {
                    self.remember_refused(pin);
                }
                Err(self.wrong(self.warning()))
            }
            RvError::PinExpired | RvError::PinInvalid | RvError::PinLenRange => {
                Err(Pkcs11Error::PinUnusable {
                    token: self.shown_label(),
                    reason: reason(&error),
                })
            }
            _ => Err(self.failed("log in", &error)),
        }
    }

    pub(super) fn missing_pin(&self) -> Pkcs11Error {
        Pkcs11Error::PinMissing {
            token: self.shown_label(),
        }
    }

    pub(super) fn shown_label(&self) -> String {
        crate::text::printable(&self.token.label, 64)
    }

    /// What the token's flags say after a wrong PIN.
    fn warning(&self) -> PinWarning {
        match self.token_info() {
            Ok(info) if info.user_pin_locked() => PinWarning::Locked,
            Ok(info) if info.user_pin_final_try() => PinWarning::FinalTry,
            Ok(info) if info.user_pin_count_low() => PinWarning::CountLow,
            _ => PinWarning::Wrong,
        }
    }

    fn wrong(&self, warning: PinWarning) -> Pkcs11Error {
        Pkcs11Error::PinWrong {
            token: self.shown_label(),
            warning,
        }
    }

    fn locked(&self) -> Pkcs11Error {
        Pkcs11Error::PinLocked {
            token: self.shown_label(),
        }
    }

    fn was_refused(&self, pin: &Secret) -> bool {
        let token = self.token_name();
        refused()
            .iter()
            .any(|(name, wrong)| *name == token && wrong.expose() == pin.expose())
    }

    fn remember_refused(&self, pin: &Secret) {
        // A token takes far fewer wrong ones than this in a row.
        const MOST: usize = 64;
        let mut refused = refused();
        if refused.len() < MOST {
            refused.push((self.token_name(), pin.copy()));
        }
    }

    fn token_name(&self) -> String {
        self.token.uri(&Pkcs11Uri::default()).to_string()
    }
}

/// The PINs that tokens have refused in this process. A service that renews its
/// credentials would lock a token within minutes if it tried a wrong one again.
fn refused() -> MutexGuard<'static, Vec<(String, Secret)>> {
    static REFUSED: Mutex<Vec<(String, Secret)>> = Mutex::new(Vec::new());
    REFUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a `pin-source` (RFC 7512 section 2.4): the absolute path of a file, or
/// a `file:` URI (RFC 8089) of this host. One trailing line ending is dropped.
fn read_source(source: &str) -> Result<Secret, Error> {
    let failed = |reason: &str| {
        Error::from(Pkcs11Error::PinSource {
            path: crate::text::printable(source, 200),
            reason: reason.to_owned(),
        })
    };
    let path = source_path(source).map_err(failed)?;
    PassphraseSource::Source(Source::File(path))
        .read(&Environment::default())
        .map_err(|error| match error {
            Error::Passphrase { reason, .. } => failed(&reason),
            other => other,
        })
}
