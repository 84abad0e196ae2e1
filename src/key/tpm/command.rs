//! The TPM 2.0 commands that signing needs (TPM 2.0 Library, part 3).

use super::super::Error;
use super::area::Area;
use super::code;
use super::device::{Conversation, MALFORMED, frame};
use super::session::{Opening, Password, SaltKey, Session};
use super::wire::{Reader, Writer, alg, cc, length32, property, rh, st};

/// Why a command gave nothing.
pub(super) enum Failure {
    /// The conversation with the TPM failed.
    Conversation(Error),
    /// The TPM refused, with this response code.
    Refused(u32),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Conversation(error)
    }
}

/// An object that was loaded.
pub(super) struct Loaded {
    /// Its handle.
    pub(super) handle: u32,
    /// Its name: the algorithm and the digest of its public area.
    pub(super) name: Vec<u8>,
}

/// A signature as the TPM gives it.
pub(super) enum RawSignature {
    /// The two numbers, each without a fixed length.
    Ecdsa(Vec<u8>, Vec<u8>),
    /// As many octets as the modulus has.
    Rsassa(Vec<u8>),
}

/// What is to be signed.
pub(super) struct ToSign<'a> {
    /// The digest.
    pub(super) digest: &'a [u8],
    /// The signature scheme and its hash.
    pub(super) scheme: (u16, u16),
    /// A TPMT_TK_HASHCHECK.
    pub(super) ticket: &'a [u8],
}

/// TPM2_CreatePrimary: makes a hierarchy's primary key anew from its seed, so
/// that the same template gives the same key every time. The conversation
/// holds it; with it comes its public area.
pub(super) fn create_primary(
    talk: &mut Conversation,
    hierarchy: u32,
    template: &[u8],
) -> Result<(u32, Area), Failure> {
    // No password for it, no data, no creation PCRs.
    let parameters = Writer::default()
        .sized(&[0; 4])
        .sized(template)
        .sized(&[])
        .u32(0)
        .done();
    let command = Command {
        code: cc::CREATE_PRIMARY,
        handles: &[hierarchy],
        parameters: &parameters,
    };
    let (handle, out) = object(talk, &command)?;
    let area = (|| {
        let mut reader = Reader::new(&out);
        let area = Area::read(reader.sized()?)?;
        let _creation_data = reader.sized()?;
        let _creation_hash = reader.sized()?;
        ticket(&mut reader)?;
        let _name = reader.sized()?;
        reader.end()?;
        Some(area)
    })();
    match area {
        Some(area) => Ok((handle, area)),
        None => Err(talk.not_understood(MALFORMED).into()),
    }
}

/// TPM2_Load: loads a wrapped key below its parent, which is used without a
/// password. The conversation holds it.
pub(super) fn load(
    talk: &mut Conversation,
    parent: u32,
    private: &[u8],
    public: &[u8],
) -> Result<Loaded, Failure> {
    let command = Command {
        code: cc::LOAD,
        handles: &[parent],
        parameters: &Writer::default().sized(private).sized(public).done(),
    };
    let (handle, out) = object(talk, &command)?;
    let name = (|| {
        let mut reader = Reader::new(&out);
        let name = reader.sized()?.to_vec();
        reader.end()?;
        Some(name)
    })();
    match name {
        Some(name) => Ok(Loaded { handle, name }),
        None => Err(talk.not_understood(MALFORMED).into()),
    }
}

/// TPM2_ReadPublic: the public area of an object, and the object.
pub(super) fn read_public(talk: &mut Conversation, handle: u32) -> Result<(Area, Loaded), Failure> {
    let body = succeed(
        talk,
        &frame(st::NO_SESSIONS, cc::READ_PUBLIC, &handle.to_be_bytes()),
    )?;
    let parts = (|| {
        let mut reader = Reader::new(&body);
        let area = Area::read(reader.sized()?)?;
        let name = reader.sized()?.to_vec();
        let _qualified_name = reader.sized()?;
        reader.end()?;
        Some((area, Loaded { handle, name }))
    })();
    Ok(parts.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// TPM2_Hash: hashes `message` in the TPM, and gives the digest with the ticket
/// by which a restricted key recognises it.
pub(super) fn hash(talk: &mut Conversation, message: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let parameters = Writer::default()
        .sized(message)
        .u16(alg::SHA256)
        .u32(rh::OWNER)
        .done();
    let body = succeed(talk, &frame(st::NO_SESSIONS, cc::HASH, &parameters))?;
    let parts = (|| {
        let mut reader = Reader::new(&body);
        let digest = reader.sized()?.to_vec();
        let (tag, hierarchy, proof) = ticket(&mut reader)?;
        reader.end()?;
        let ticket = Writer::default().u16(tag).u32(hierarchy).sized(proof);
        Some((digest, ticket.done()))
    })();
    Ok(parts.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// TPM2_GetCapability of two properties: how many wrong passwords the TPM has
/// counted, and with how many it locks.
pub(super) fn wrong_passwords(talk: &mut Conversation) -> Result<(u32, u32), Failure> {
    let parameters = Writer::default()
        .u32(property::CAPABILITY)
        .u32(property::LOCKOUT_COUNTER)
        .u32(2)
        .done();
    let body = succeed(
        talk,
        &frame(st::NO_SESSIONS, cc::GET_CAPABILITY, &parameters),
    )?;
    let parts = (|| {
        let mut reader = Reader::new(&body);
        let _more = reader.u8()?;
        let shape = (reader.u32()?, reader.u32()?, reader.u32()?);
        let counted = reader.u32()?;
        let second = reader.u32()?;
        let most = reader.u32()?;
        reader.end()?;
        let asked = (property::CAPABILITY, 2, property::LOCKOUT_COUNTER);
        (shape == asked && second == property::MAX_AUTH_FAIL).then_some((counted, most))
    })();
    Ok(parts.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// The ticket that says that the TPM did not hash the digest itself.
pub(super) fn no_ticket() -> Vec<u8> {
    Writer::default()
        .u16(st::HASHCHECK)
        .u32(rh::NULL)
        .sized(&[])
        .done()
}

/// TPM2_StartAuthSession: a salted HMAC session that proves `password`. The
/// conversation holds it.
pub(super) fn start_session(
    talk: &mut Conversation,
    salt_key: &SaltKey,
    password: &Password<'_>,
) -> Result<Session, Failure> {
    let Some(opening) = Opening::new(salt_key) else {
        return Err(talk
            .not_understood("a session cannot be salted with its key")
            .into());
    };
    let mut body = Writer::default();
    for handle in opening.handles {
        body = body.u32(handle);
    }
    let body = body.raw(&opening.parameters).done();
    let out = succeed(talk, &frame(st::NO_SESSIONS, cc::START_AUTH_SESSION, &body))?;
    let mut reader = Reader::new(&out);
    let session = reader.u32().and_then(|handle| {
        talk.hold(handle);
        opening.opened(handle, reader.rest(), password)
    });
    Ok(session.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// TPM2_Sign, with a session that proves the key's password, or with none for
/// the empty password.
pub(super) fn sign(
    talk: &mut Conversation,
    key: &Loaded,
    session: Option<&Session>,
    what: &ToSign<'_>,
) -> Result<RawSignature, Failure> {
    let (scheme, hash) = what.scheme;
    let parameters = Writer::default()
        .sized(what.digest)
        .u16(scheme)
        .u16(hash)
        .raw(what.ticket)
        .done();
    let command = Command {
        code: cc::SIGN,
        handles: &[key.handle],
        parameters: &parameters,
    };
    let out = match session {
        None => {
            let body = authorized(talk, &command, &empty_password())?;
            parameters_without_session(talk, &body, 0)?
        }
        Some(session) => {
            let Some(proof) = session.prove(command.code, &key.name, command.parameters) else {
                return Err(talk.not_understood("there is no randomness").into());
            };
            let body = authorized(talk, &command, &proof.area)?;
            talk.release(session.handle);
            let (out, area) = parameters_of(talk, &body, 0)?;
            if !session.confirms(&proof, command.code, &out, &area) {
                return Err(talk
                    .not_understood("its answer is not confirmed by the session")
                    .into());
            }
            out
        }
    };
    let parts = (|| {
        let mut reader = Reader::new(&out);
        let answered = reader.u16()?;
        let _hash = reader.u16()?;
        let first = reader.sized()?.to_vec();
        let signature = match (scheme, answered) {
            (alg::RSASSA, alg::RSASSA) => RawSignature::Rsassa(first),
            (alg::ECDSA, alg::ECDSA) => RawSignature::Ecdsa(first, reader.sized()?.to_vec()),
            _ => return None,
        };
        reader.end()?;
        Some(signature)
    })();
    Ok(parts.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// A command, before its authorization.
struct Command<'a> {
    code: u32,
    handles: &'a [u32],
    parameters: &'a [u8],
}

/// Runs a command that gives a new object, with the empty password: the
/// object's handle, which the conversation holds, and the other parameters.
fn object(talk: &mut Conversation, command: &Command<'_>) -> Result<(u32, Vec<u8>), Failure> {
    let body = authorized(talk, command, &empty_password())?;
    let Some(handle) = Reader::new(&body).u32() else {
        return Err(talk.not_understood(MALFORMED).into());
    };
    talk.hold(handle);
    Ok((handle, parameters_without_session(talk, &body, 4)?))
}

/// Runs a command with the authorization of its first handle. The answer's
/// body, handle and authorizations included.
fn authorized(
    talk: &mut Conversation,
    command: &Command<'_>,
    authorization: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut body = Writer::default();
    for handle in command.handles {
        body = body.u32(*handle);
    }
    let body = body
        .u32(length32(authorization))
        .raw(authorization)
        .raw(command.parameters)
        .done();
    let answer = talk.transact(&frame(st::SESSIONS, command.code, &body))?;
    match answer.code {
        code::SUCCESS if answer.with_sessions => Ok(answer.body),
        code::SUCCESS => Err(talk.not_understood(MALFORMED).into()),
        code => Err(Failure::Refused(code)),
    }
}

/// Runs a command without authorization.
fn succeed(talk: &mut Conversation, command: &[u8]) -> Result<Vec<u8>, Failure> {
    let answer = talk.transact(command)?;
    match answer.code {
        code::SUCCESS => Ok(answer.body),
        code => Err(Failure::Refused(code)),
    }
}

/// The parameters and the authorizations of an answer's body, after so many
/// octets of handles.
fn parameters_of(
    talk: &Conversation,
    body: &[u8],
    handles: usize,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let parts = (|| {
        let mut reader = Reader::new(body);
        reader.take(handles)?;
        let length = usize::try_from(reader.u32()?).ok()?;
        let parameters = reader.take(length)?.to_vec();
        Some((parameters, reader.rest().to_vec()))
    })();
    Ok(parts.ok_or_else(|| talk.not_understood(MALFORMED))?)
}

/// The parameters of an answer whose command had the empty password.
fn parameters_without_session(
    talk: &Conversation,
    body: &[u8],
    handles: usize,
) -> Result<Vec<u8>, Failure> {
    let (parameters, area) = parameters_of(talk, body, handles)?;
    let whole = (|| {
        let mut reader = Reader::new(&area);
        let _nonce = reader.sized()?;
        let _attributes = reader.u8()?;
        let _proof = reader.sized()?;
        reader.end()
    })();
    whole.ok_or_else(|| talk.not_understood(MALFORMED))?;
    Ok(parameters)
}

/// A TPMT_TK_CREATION or TPMT_TK_HASHCHECK.
fn ticket<'a>(reader: &mut Reader<'a>) -> Option<(u16, u32, &'a [u8])> {
    Some((reader.u16()?, reader.u32()?, reader.sized()?))
}

/// The TPMS_AUTH_COMMAND of the empty password.
fn empty_password() -> Vec<u8> {
    Writer::default()
        .u32(rh::PASSWORD)
        .sized(&[])
        .u8(0)
        .sized(&[])
        .done()
}
