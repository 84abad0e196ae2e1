//! Keys in a TPM 2.0, spoken to directly: no TPM library is linked or loaded,
//! so that a statically linked program can use them.
//!
//! A key is either a `TSS2 PRIVATE KEY` file, which only its TPM can unwrap, or
//! a handle in the TPM. A signature opens the TPM, loads what it needs, signs,
//! gives everything back and closes the TPM, so that nothing is held while a
//! program waits for its next signature: a TPM has room for three keys.
//!
//! A password is proved in a salted HMAC session and never crosses the bus.
//! The crate for these structures, `tpm2-protocol`, needs a later compiler than
//! this one in the versions that are looked after; eight commands are needed.

mod area;
mod code;
mod command;
mod device;
mod handle;
mod session;
mod template;
mod tss2;
mod wire;

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::limits;
use crate::secret::Secret;

use self::area::{Area, Signing};
use self::command::{Failure, Loaded, RawSignature, ToSign};
use self::device::Conversation;
use self::session::{Password, SaltKey, Session};
use self::tss2::{KeyFile, Parent};
use self::wire::{alg, rh};

use super::ecdsa::signature_der;
use super::{Error, Hash, PublicKey, Scheme, Signer};

pub use self::device::TpmDevice;
pub use self::handle::TpmHandle;

/// What is known about a TPM key's password before the first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpmPassword {
    /// The key's file says that it has one. Where a person can be asked, ask,
    /// and take no answer for none: `tpm2_encodeobject` up to tpm2-tools 5.7
    /// writes this field inverted.
    Expected,
    /// The key's file says that it has none, or nothing says anything. Give one
    /// that was configured, but ask nobody.
    Possible,
}

/// A key in a TPM.
pub struct TpmKey {
    origin: String,
    device: TpmDevice,
    place: Place,
    password: Option<Secret>,
    signing: Signing,
    // A TPM serves one conversation at a time.
    turn: Mutex<()>,
}

/// Takes the content of a `TSS2 PRIVATE KEY` PEM block (a DER TPMKey of "ASN.1
/// Specification for TPM 2.0 Key Files"). `origin` is what messages call it.
///
/// The key is described by the file alone, so that the TPM is only opened and
/// closed again: whether it takes the key shows in the first signature.
/// `password` is asked once.
///
/// # Errors
///
/// [`Error::Damaged`] and [`Error::Unsupported`] for the file,
/// [`Error::TpmDevice`] when the TPM cannot be opened, and what `password`
/// gives.
pub fn open_tss2(
    der: &[u8],
    origin: &str,
    device: &TpmDevice,
    password: &mut dyn FnMut(TpmPassword) -> Result<Option<Secret>, Error>,
) -> Result<TpmKey, Error> {
    let file = tss2::read(der, origin)?;
    let area = Area::read(&file.public).ok_or_else(|| Error::Damaged {
        origin: origin.to_owned(),
        form: "TSS2",
    })?;
    let signing = area.signing(origin)?;
    device.open()?;
    let password = password(if file.empty_auth {
        TpmPassword::Possible
    } else {
        TpmPassword::Expected
    })?;
    Ok(TpmKey {
        origin: origin.to_owned(),
        device: device.clone(),
        place: Place::File(file),
        password,
        signing,
        turn: Mutex::new(()),
    })
}

/// Takes a key that is in the TPM, by its handle; its public half is read from
/// the TPM. `password` is asked once; without one the empty password is used,
/// and the TPM counts it when that is wrong.
///
/// # Errors
///
/// [`Error::TpmNoKey`] when there is nothing at the handle,
/// [`Error::Unsupported`] for a key that cannot sign, [`Error::TpmDevice`],
/// [`Error::TpmTimeout`], [`Error::TpmAnswer`] and [`Error::TpmRefused`] for the
/// TPM, and what `password` gives.
pub fn open_tpm_handle(
    handle: TpmHandle,
    device: &TpmDevice,
    password: &mut dyn FnMut(TpmPassword) -> Result<Option<Secret>, Error>,
) -> Result<TpmKey, Error> {
    let origin = handle.to_string();
    let mut talk = device.open()?;
    let (area, _) = command::read_public(&mut talk, handle.number())
        .map_err(|failure| explain(failure, &talk, &Step::Find(&origin)))?;
    drop(talk);
    Ok(TpmKey {
        signing: area.signing(&origin)?,
        origin,
        device: device.clone(),
        place: Place::Handle(handle),
        password: password(TpmPassword::Possible)?,
        turn: Mutex::new(()),
    })
}

impl Signer for TpmKey {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn public_key(&self) -> &PublicKey {
        &self.signing.public_key
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Error> {
        let algorithm = self.signing.public_key.algorithm();
        // Only SHA-256 is asked of a TPM: it is what requests are signed with.
        let fits = match scheme {
            Scheme::DeterministicEcdsa(Hash::Sha256) => self.signing.scheme == alg::ECDSA,
            Scheme::RsaPkcs1(Hash::Sha256) => self.signing.scheme == alg::RSASSA,
            Scheme::EcdsaSha256 => true,
            _ => false,
        };
        if !fits || !self.signing.public_key.fits(scheme) {
            return Err(Error::SchemeMismatch { algorithm, scheme });
        }
        if self.signing.restricted && message.len() > limits::MAX_TPM_HASH {
            return Err(Error::Unsupported {
                origin: self.origin.clone(),
                found: format!(
                    "a restricted TPM key, which signs at most {} bytes at once",
                    limits::MAX_TPM_HASH
                ),
            });
        }
        let signature = {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            encode(self.sign_in_tpm(message)?)
        };
        // A TPM that is faulty, or has another key by now, must not be
        // believed.
        Some(signature)
            .filter(|signature| self.signing.public_key.verify(scheme, message, signature))
            .ok_or_else(|| Error::TpmAnswer {
                device: self.device.path().to_owned(),
                reason: "its signature is not that of the key",
            })
    }
}

impl std::fmt::Debug for TpmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TpmKey({}, {:?})", self.origin, self.public_key())
    }
}

impl TpmKey {
    fn sign_in_tpm(&self, message: &[u8]) -> Result<RawSignature, Error> {
        let password = self.password.as_ref().filter(|given| {
            // The empty password is the one that needs no session.
            given.expose().iter().any(|octet| *octet != 0)
        });
        let given = password.is_some();
        let mut talk = self.device.open()?;
        let says_none = match &self.place {
            Place::File(file) => file.empty_auth,
            Place::Handle(_) => false,
        };
        // Who says that it is empty is believed.
        if self.password.is_none() && !says_none && self.signing.counted {
            self.may_guess(&mut talk)?;
        }
        let (key, session) = match &self.place {
            Place::File(file) => self.load(&mut talk, file, password)?,
            Place::Handle(handle) => {
                let (_, key) = command::read_public(&mut talk, handle.number())
                    .map_err(|failure| self.explain(failure, &talk, Step::Find))?;
                let session = self.session(&mut talk, None, password)?;
                (key, session)
            }
        };
        let (digest, ticket) = if self.signing.restricted {
            command::hash(&mut talk, message)
                .map_err(|failure| self.explain(failure, &talk, Step::Hash))?
        } else {
            let digest = Sha256::digest(message);
            let wide = area::padded(self.signing.digest_length, &digest);
            (wide.unwrap_or_default(), command::no_ticket())
        };
        let what = ToSign {
            digest: &digest,
            scheme: (self.signing.scheme, self.signing.hash),
            ticket: &ticket,
        };
        // What is still loaded is given back when the conversation ends.
        command::sign(&mut talk, &key, session.as_ref(), &what)
            .map_err(|failure| self.explain(failure, &talk, |origin| Step::Sign { origin, given }))
    }

    /// Whether the empty password may be tried although the file says that the
    /// key has another one, as some tools write it of keys that have none. A
    /// program that runs every few minutes must not lock the TPM for everyone,
    /// so such attempts take at most half of those that the TPM allows.
    fn may_guess(&self, talk: &mut Conversation) -> Result<(), Error> {
        let (counted, most) = command::wrong_passwords(talk)
            .map_err(|failure| self.explain(failure, talk, |_| Step::Count))?;
        if counted < most / 2 {
            return Ok(());
        }
        Err(Error::TpmPasswordMissing {
            origin: self.origin.clone(),
        })
    }

    /// Loads the file's key below its parent, and starts a session for its
    /// password, salted with the parent where that is of the right kind.
    fn load(
        &self,
        talk: &mut Conversation,
        file: &KeyFile,
        password: Option<&Secret>,
    ) -> Result<(Loaded, Option<Session>), Error> {
        let hierarchy = match file.parent {
            Parent::Hierarchy(hierarchy) => hierarchy,
            Parent::Loaded(parent) => {
                let salt_key = match password {
                    None => None,
                    Some(_) => {
                        let (area, parent) = command::read_public(talk, parent.number())
                            .map_err(|failure| self.explain(failure, talk, Step::Parent))?;
                        salt_key(parent.handle, &area)
                    }
                };
                let key = command::load(talk, parent.number(), &file.private, &file.public)
                    .map_err(|failure| self.explain(failure, talk, Step::Load))?;
                let session = self.session(talk, salt_key, password)?;
                return Ok((key, session));
            }
        };
        let (parent, area, key) = self.load_below_primary(talk, file, hierarchy)?;
        let salt_key = salt_key(parent, &area);
        // The parent goes as soon as it has served, before another one comes.
        if salt_key.is_some() {
            let session = self.session(talk, salt_key, password)?;
            talk.flush(parent)?;
            Ok((key, session))
        } else {
            talk.flush(parent)?;
            let session = self.session(talk, None, password)?;
            Ok((key, session))
        }
    }

    /// Makes the hierarchy's primary key and loads the file's key below it. Of
    /// the two kinds of primary key the one is taken that has wrapped the file's.
    fn load_below_primary(
        &self,
        talk: &mut Conversation,
        file: &KeyFile,
        hierarchy: u32,
    ) -> Result<(u32, Area, Loaded), Error> {
        let templates: &[fn() -> Vec<u8>] = match file.rsa_parent {
            Some(true) => &[template::rsa_storage],
            Some(false) => &[template::ec_storage],
            None => &[template::ec_storage, template::rsa_storage],
        };
        let mut foreign = code::INTEGRITY;
        for template in templates {
            let (parent, area) = command::create_primary(talk, hierarchy, &template())
                .map_err(|failure| self.explain(failure, talk, |_| Step::Primary(hierarchy)))?;
            match command::load(talk, parent, &file.private, &file.public) {
                Ok(key) => return Ok((parent, area, key)),
                Err(Failure::Refused(code)) if code::base(code) == code::INTEGRITY => {
                    foreign = code;
                    talk.flush(parent)?;
                }
                Err(failure) => return Err(self.explain(failure, talk, Step::Load)),
            }
        }
        Err(self.explain(Failure::Refused(foreign), talk, Step::Load))
    }

    /// A session that proves the password, if there is one. Where no key to
    /// salt with is at hand, a primary of the null hierarchy serves: anyone may
    /// make it, and it costs no room afterwards.
    fn session(
        &self,
        talk: &mut Conversation,
        salt_key: Option<SaltKey>,
        password: Option<&Secret>,
    ) -> Result<Option<Session>, Error> {
        let Some(secret) = password else {
            return Ok(None);
        };
        let password = Password {
            secret,
            name_algorithm: self.signing.name_algorithm,
        };
        let (salt_key, made) = match salt_key {
            Some(salt_key) => (salt_key, None),
            None => {
                let template = template::ec_storage();
                let (handle, area) = command::create_primary(talk, rh::NULL, &template)
                    .map_err(|failure| self.explain(failure, talk, |_| Step::Primary(rh::NULL)))?;
                let made = self::salt_key(handle, &area)
                    .ok_or_else(|| talk.not_understood(device::MALFORMED))?;
                (made, Some(handle))
            }
        };
        let session = command::start_session(talk, &salt_key, &password)
            .map_err(|failure| self.explain(failure, talk, |_| Step::Session))?;
        if let Some(handle) = made {
            talk.flush(handle)?;
        }
        Ok(Some(session))
    }

    fn explain<'a>(
        &'a self,
        failure: Failure,
        talk: &Conversation,
        step: impl FnOnce(&'a str) -> Step<'a>,
    ) -> Error {
        explain(failure, talk, &step(&self.origin))
    }
}

/// Where the private half is.
enum Place {
    File(KeyFile),
    Handle(TpmHandle),
}

/// What was being done when the TPM refused, with the key's origin.
#[derive(Clone, Copy)]
enum Step<'a> {
    Count,
    Find(&'a str),
    Hash(&'a str),
    Load(&'a str),
    Parent(&'a str),
    Primary(u32),
    Session,
    Sign { origin: &'a str, given: bool },
}

/// Turns a refusal into what it means at this step.
fn explain(failure: Failure, talk: &Conversation, step: &Step<'_>) -> Error {
    let code = match failure {
        Failure::Conversation(error) => return error,
        Failure::Refused(code) => code,
    };
    let device = talk.path().to_owned();
    match (code::base(code), *step) {
        (code::LOCKOUT, _) => Error::TpmLockout { device },
        (code::AUTH_FAIL | code::BAD_AUTH, Step::Sign { origin, given }) => {
            let origin = origin.to_owned();
            if given {
                Error::TpmPasswordWrong { origin }
            } else {
                Error::TpmPasswordMissing { origin }
            }
        }
        (code::INTEGRITY, Step::Load(origin)) => Error::TpmForeignKey {
            origin: origin.to_owned(),
            device,
        },
        (code::HANDLE | code::REFERENCE_H0, Step::Find(origin)) => Error::TpmNoKey {
            origin: origin.to_owned(),
            device,
        },
        (_, step) => Error::TpmRefused {
            device,
            action: match step {
                Step::Count => "say how many wrong passwords it has counted".to_owned(),
                Step::Find(origin) => format!("show the key {origin}"),
                Step::Hash(origin) => format!("hash for the restricted key {origin}"),
                Step::Load(origin) => format!("load {origin} below its parent"),
                Step::Parent(origin) => format!("show the parent of {origin}"),
                Step::Primary(hierarchy) => {
                    format!("make the primary key of the {} hierarchy", name(hierarchy))
                }
                Step::Session => "start a session for the password".to_owned(),
                Step::Sign { origin, .. } => format!("sign with {origin}"),
            },
            words: code::words(code),
            code,
        },
    }
}

const fn name(hierarchy: u32) -> &'static str {
    match hierarchy {
        rh::OWNER => "owner",
        rh::ENDORSEMENT => "endorsement",
        rh::PLATFORM => "platform",
        _ => "null",
    }
}

fn salt_key(handle: u32, area: &Area) -> Option<SaltKey> {
    Some(SaltKey {
        handle,
        point: area.salting_point()?,
    })
}

/// The signature as it stands in requests.
fn encode(signature: RawSignature) -> Vec<u8> {
    match signature {
        RawSignature::Ecdsa(r, s) => signature_der(&r, &s),
        RawSignature::Rsassa(octets) => octets,
    }
}
