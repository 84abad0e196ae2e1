//! Tokens: which are there, which fit a URI, and sessions with one.

use std::sync::Arc;

use cryptoki::error::Error as CryptokiError;
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, SessionState};
use cryptoki::slot::{Slot, TokenInfo};

use super::module::Module;
use super::{Listing, Pkcs11Error, Pkcs11Uri};

/// An initialised token in its slot.
#[derive(Clone, Debug)]
pub(super) struct Token {
    slot: Slot,
    pub(super) label: String,
    manufacturer: String,
    model: String,
    serial: String,
    pub(super) login_required: bool,
    /// The PIN is typed at the token itself.
    pub(super) protected_path: bool,
}

/// A session with a token; it ends when it is dropped, and the login with it.
pub(super) struct Connection {
    // Declared first: it is closed before the module is finalised.
    pub(super) session: Session,
    pub(super) token: Token,
    /// The URI that led here.
    pub(super) uri: Pkcs11Uri,
    module: Arc<Module>,
}

/// Sessions with the tokens that fit the URI; at least one.
pub(super) fn connect(
    module: &Arc<Module>,
    uri: &Pkcs11Uri,
) -> Result<Vec<Connection>, Pkcs11Error> {
    let mut connections = Vec::new();
    let mut present = Vec::new();
    let library_fits = library_fits(module, uri)?;
    let slots = module
        .context()
        .get_slots_with_token()
        .map_err(|error| module.failed("list its slots", &error))?;
    for slot in slots {
        // A token that has just been drawn, or that answers nothing, is none.
        let Ok(info) = module.context().get_token_info(slot) else {
            continue;
        };
        // SoftHSM always shows one that is not initialised.
        if !info.token_initialized() {
            continue;
        }
        let token = Token::new(slot, &info);
        if library_fits && token.fits(uri) && slot_fits(module, slot, uri) {
            let session = module
                .context()
                .open_ro_session(slot)
                .map_err(|error| module.failed("open a session", &error))?;
            connections.push(Connection {
                session,
                token,
                uri: uri.clone(),
                module: Arc::clone(module),
            });
        } else {
            present.push(token.uri(&Pkcs11Uri::default()).to_string());
        }
    }
    if connections.is_empty() {
        return Err(Pkcs11Error::NoToken {
            uri: uri.to_string(),
            present: Listing::new(present),
        });
    }
    Ok(connections)
}

impl Token {
    fn new(slot: Slot, info: &TokenInfo) -> Self {
        // Fields are padded with spaces, by some tokens with zeros.
        let text = |field: &str| field.trim_end_matches(['\0', ' ']).to_owned();
        Self {
            slot,
            label: text(info.label()),
            manufacturer: text(info.manufacturer_id()),
            model: text(info.model()),
            serial: text(info.serial_number()),
            login_required: info.login_required(),
            protected_path: info.protected_authentication_path(),
        }
    }

    fn fits(&self, uri: &Pkcs11Uri) -> bool {
        same(uri.token.as_deref(), &self.label)
            && same(uri.manufacturer.as_deref(), &self.manufacturer)
            && same(uri.model.as_deref(), &self.model)
            && same(uri.serial.as_deref(), &self.serial)
    }

    /// The URI with everything that tells this token from others.
    pub(super) fn uri(&self, base: &Pkcs11Uri) -> Pkcs11Uri {
        Pkcs11Uri {
            token: Some(self.label.clone()),
            manufacturer: Some(self.manufacturer.clone()),
            model: Some(self.model.clone()),
            serial: Some(self.serial.clone()),
            ..base.clone()
        }
    }
}

impl Connection {
    /// The token's state now: its flags change with every wrong PIN.
    pub(super) fn token_info(&self) -> Result<TokenInfo, Pkcs11Error> {
        self.module
            .context()
            .get_token_info(self.token.slot)
            .map_err(|error| self.failed("describe its token", &error))
    }

    pub(super) fn mechanisms(&self) -> Result<Vec<MechanismType>, Pkcs11Error> {
        self.module
            .context()
            .get_mechanism_list(self.token.slot)
            .map_err(|error| self.failed("list its mechanisms", &error))
    }

    /// Whether the user is logged in, by this session or by another one: a
    /// login counts for all sessions of a program with a token.
    pub(super) fn is_logged_in(&self) -> Result<bool, Pkcs11Error> {
        let info = self
            .session
            .get_session_info()
            .map_err(|error| self.failed("describe its session", &error))?;
        Ok(matches!(
            info.session_state(),
            SessionState::RoUser | SessionState::RwUser
        ))
    }

    pub(super) fn failed(&self, action: &'static str, error: &CryptokiError) -> Pkcs11Error {
        self.module.failed(action, error)
    }
}

/// Whether an attribute that may be absent allows this value.
fn same(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.trim_end_matches(' ') == found)
}

fn library_fits(module: &Module, uri: &Pkcs11Uri) -> Result<bool, Pkcs11Error> {
    if uri.library_manufacturer.is_none()
        && uri.library_description.is_none()
        && uri.library_version.is_none()
    {
        return Ok(true);
    }
    let info = module
        .context()
        .get_library_info()
        .map_err(|error| module.failed("describe itself", &error))?;
    let version = info.library_version();
    let version = (version.major(), version.minor());
    Ok(
        same(uri.library_manufacturer.as_deref(), info.manufacturer_id())
            && same(
                uri.library_description.as_deref(),
                info.library_description(),
            )
            && uri.library_version.is_none_or(|wanted| wanted == version),
    )
}

fn slot_fits(module: &Module, slot: Slot, uri: &Pkcs11Uri) -> bool {
    if uri.slot_id.is_some_and(|wanted| wanted != slot.id()) {
        return false;
    }
    if uri.slot_description.is_none() && uri.slot_manufacturer.is_none() {
        return true;
    }
    module.context().get_slot_info(slot).is_ok_and(|info| {
        same(uri.slot_description.as_deref(), info.slot_description())
            && same(uri.slot_manufacturer.as_deref(), info.manufacturer_id())
    })
}
