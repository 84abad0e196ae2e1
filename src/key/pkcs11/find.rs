//! Finding the certificate and the private key that a URI names.

use cryptoki::object::AttributeType;

use crate::limits;
use crate::secret::Secret;

use super::super::{Error, PublicKey};
use super::login::Login;
use super::module::Module;
use super::objects::{Object, Wanted};
use super::sign::TokenKey;
use super::slots::{Connection, connect};
use super::{
    AskPin, Listing, ObjectKind, Pkcs11Error, Pkcs11Uri, TokenCertificate, TokenCertificates,
    TokenOptions,
};

/// Finds the certificates that a URI names, and the others of the same token.
///
/// Certificates are public objects as a rule. Only when none is found so, and
/// one token alone could hide it, the user is logged in, if a PIN is to be had.
///
/// # Errors
///
/// [`Error::Pkcs11`] when the module, the token or such a certificate is not
/// there, or when the PIN is wrong; whatever `ask` gives.
pub fn token_certificates(
    uri: &Pkcs11Uri,
    options: &TokenOptions,
    ask: &mut dyn FnMut(&str) -> Result<Option<Secret>, Error>,
) -> Result<TokenCertificates, Error> {
    expect_kind(uri, &[ObjectKind::Certificate])?;
    let module = Module::open(uri, options.library.as_deref())?;
    let connections = connect(&module, uri)?;
    let mut found = certificates(&connections, uri)?;
    if found.named.is_empty()
        && let [only] = hiding(&connections).as_slice()
        && matches!(only.login(ask)?, Login::Done(_))
    {
        found = certificates(&connections, uri)?;
    }
    if found.named.is_empty() {
        return Err(not_found(&connections, uri, ObjectKind::Certificate)?.into());
    }
    Ok(found)
}

/// Opens the private key that a URI names.
///
/// The URI may be the key's own, or its certificate's (`type=cert`, or no
/// type): then the key is found by the certificate's CKA_ID, else by its label.
/// When the public key of a `certificate` is given, only the key that belongs
/// to it is taken, and it stands in for a public key that the token lacks.
///
/// `ask` is kept for keys that want a PIN for every signature.
///
/// # Errors
///
/// [`Error::Pkcs11`] when the module, the token or such a key is not there,
/// when several fit, or when the PIN is missing or wrong;
/// [`Error::Unsupported`] when the key is of a type that cannot be used;
/// whatever `ask` gives.
pub fn open_token_key(
    uri: &Pkcs11Uri,
    options: &TokenOptions,
    certificate: Option<&PublicKey>,
    mut ask: AskPin,
) -> Result<TokenKey, Error> {
    expect_kind(uri, &[ObjectKind::Private, ObjectKind::Certificate])?;
    let module = Module::open(uri, options.library.as_deref())?;
    let connection = only_token(connect(&module, uri)?, uri)?;
    let mut pin = None;
    let found = find_key(&connection, uri, certificate)?;
    let found = match found {
        // Some tokens show private keys before the login but use none.
        Found::Key(key, public) if is_usable_now(&connection, &key)? => Found::Key(key, public),
        before => match connection.login(&mut ask)? {
            Login::Done(with) => {
                pin = with;
                find_key(&connection, uri, certificate)?
            }
            Login::NoPin if matches!(before, Found::Mismatch) => before,
            Login::NoPin => return Err(connection.missing_pin().into()),
        },
    };
    match found {
        Found::Key(key, Some(public)) => {
            let pin = pin.filter(|_| options.reuse_pin);
            TokenKey::new(connection, &key, public, pin, ask)
        }
        Found::Key(key, None) => Err(Pkcs11Error::PublicKeyUnknown {
            uri: connection.uri_of(&key).to_string(),
        }
        .into()),
        Found::Mismatch => Err(Pkcs11Error::KeyMismatch {
            uri: uri.to_string(),
        }
        .into()),
        Found::Nothing => Err(not_found(&[connection], uri, ObjectKind::Private)?.into()),
    }
}

fn expect_kind(uri: &Pkcs11Uri, wanted: &[ObjectKind]) -> Result<(), Pkcs11Error> {
    match (uri.kind, wanted.first()) {
        (Some(found), Some(first)) if !wanted.contains(&found) => Err(Pkcs11Error::Kind {
            uri: uri.to_string(),
            wanted: *first,
            found,
        }),
        _ => Ok(()),
    }
}

/// The certificates of these tokens; the others only of tokens that have one
/// that is named.
fn certificates(
    connections: &[Connection],
    uri: &Pkcs11Uri,
) -> Result<TokenCertificates, Pkcs11Error> {
    let mut found = TokenCertificates {
        named: Vec::new(),
        others: Vec::new(),
    };
    for connection in connections {
        let read = |objects: Vec<Object>| -> Result<Vec<TokenCertificate>, Pkcs11Error> {
            let mut read = Vec::new();
            for object in objects {
                if let Some(der) = connection.certificate(&object)? {
                    let uri = connection.uri_of(&object);
                    read.push(TokenCertificate { der, uri });
                }
            }
            Ok(read)
        };
        let named = connection.find(ObjectKind::Certificate, Wanted::by(uri))?;
        if named.is_empty() {
            continue;
        }
        let mut others = connection.find_some(
            ObjectKind::Certificate,
            Wanted::default(),
            limits::MAX_TOKEN_OBJECTS,
        )?;
        others.retain(|other| !named.iter().any(|named| named.handle == other.handle));
        found.named.extend(read(named)?);
        found.others.extend(read(others)?);
    }
    Ok(found)
}

/// The one token in which the key is to be looked for. A PIN is told to one
/// token only, so when several fit, what they show without one must decide, or
/// that only one of them could hide the key.
fn only_token(mut connections: Vec<Connection>, uri: &Pkcs11Uri) -> Result<Connection, Error> {
    if connections.len() > 1 {
        let mut seen = Vec::new();
        for connection in &connections {
            seen.push(Seen {
                shows: shows(connection, uri)?,
                hides: connection.token.login_required,
            });
        }
        let mut fitting = fitting(&seen).into_iter();
        if !fitting.clone().any(|fits| fits) {
            return Err(not_found(&connections, uri, ObjectKind::Private)?.into());
        }
        connections.retain(|_| fitting.next() == Some(true));
    }
    let none = Pkcs11Uri::default();
    let tokens = Listing::new(
        connections
            .iter()
            .map(|connection| connection.token.uri(&none).to_string()),
    );
    match (connections.pop(), connections.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Pkcs11Error::AmbiguousToken {
            uri: uri.to_string(),
            tokens,
        }
        .into()),
    }
}

/// What is seen of a token without a PIN.
#[derive(Clone, Copy)]
struct Seen {
    /// Something that the URI names.
    shows: bool,
    /// That there may be more after a login.
    hides: bool,
}

/// Which of several tokens may be meant: those that show something, else those
/// that could hide it. A store of public certificates does neither.
fn fitting(seen: &[Seen]) -> Vec<bool> {
    let any_shows = seen.iter().any(|token| token.shows);
    seen.iter()
        .map(|token| if any_shows { token.shows } else { token.hides })
        .collect()
}

/// The tokens that show more after a login.
fn hiding(connections: &[Connection]) -> Vec<&Connection> {
    connections
        .iter()
        .filter(|connection| connection.token.login_required)
        .collect()
}

/// Whether a token shows, without a login, anything that the URI names.
fn shows(connection: &Connection, uri: &Pkcs11Uri) -> Result<bool, Pkcs11Error> {
    for kind in [
        ObjectKind::Certificate,
        ObjectKind::Public,
        ObjectKind::Private,
    ] {
        if !connection.find(kind, Wanted::by(uri))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a search for a private key gave.
enum Found {
    /// The key, with its public half if that is known.
    Key(Object, Option<PublicKey>),
    /// Keys, but none of them is the certificate's.
    Mismatch,
    Nothing,
}

fn find_key(
    connection: &Connection,
    uri: &Pkcs11Uri,
    certificate: Option<&PublicKey>,
) -> Result<Found, Pkcs11Error> {
    let mut mismatch = false;
    let mut steps: Vec<Step> = Vec::new();
    if uri.kind != Some(ObjectKind::Certificate) {
        steps.push(Step::Named);
    }
    if uri.kind != Some(ObjectKind::Private) {
        steps.extend([Step::ByIdentifier, Step::ByLabel]);
    }
    for step in steps {
        let keys = step.keys(connection, uri)?;
        match choose(connection, keys, uri, certificate)? {
            Found::Nothing => {}
            Found::Mismatch => mismatch = true,
            key @ Found::Key(..) => return Ok(key),
        }
    }
    Ok(if mismatch {
        Found::Mismatch
    } else {
        Found::Nothing
    })
}

/// The ways from a URI to a private key, in this order.
#[derive(Clone, Copy)]
enum Step {
    /// The URI is the key's own.
    Named,
    /// It is the certificate's, and the key has the same CKA_ID.
    ByIdentifier,
    /// It is the certificate's, and the key has the same CKA_LABEL.
    ByLabel,
}

impl Step {
    fn keys(self, connection: &Connection, uri: &Pkcs11Uri) -> Result<Vec<Object>, Pkcs11Error> {
        if matches!(self, Self::Named) {
            return connection.find(ObjectKind::Private, Wanted::by(uri));
        }
        let certificates = connection.find(ObjectKind::Certificate, Wanted::by(uri))?;
        let own = match self {
            Self::ByIdentifier => uri.id.clone(),
            _ => uri.object.clone().map(String::into_bytes),
        };
        let mut names: Vec<Vec<u8>> = certificates
            .into_iter()
            .map(|certificate| match self {
                Self::ByIdentifier => certificate.id,
                _ => certificate.label,
            })
            .chain(own)
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut keys = Vec::new();
        for name in &names {
            let wanted = match self {
                Self::ByIdentifier => Wanted {
                    id: Some(name),
                    label: None,
                },
                _ => Wanted {
                    id: None,
                    label: Some(name),
                },
            };
            keys.extend(connection.find(ObjectKind::Private, wanted)?);
        }
        Ok(keys)
    }
}

/// Takes the one key that is meant, and never one of several.
fn choose(
    connection: &Connection,
    keys: Vec<Object>,
    uri: &Pkcs11Uri,
    certificate: Option<&PublicKey>,
) -> Result<Found, Pkcs11Error> {
    let any = !keys.is_empty();
    let mut sure = Vec::new();
    let mut possible = Vec::new();
    for key in keys {
        let public = connection.public_key(&key)?;
        match (certificate, public) {
            (None, public) => sure.push((key, public)),
            (Some(wanted), Some(public)) if public == *wanted => sure.push((key, Some(public))),
            (Some(_), Some(_)) => {}
            // Signatures are verified, so a wrong guess does no harm.
            (Some(wanted), None) => possible.push((key, Some(wanted.clone()))),
        }
    }
    let mut left = if sure.is_empty() { possible } else { sure };
    match (left.pop(), left.is_empty()) {
        (None, _) if any => Ok(Found::Mismatch),
        (None, _) => Ok(Found::Nothing),
        (Some((key, public)), true) => Ok(Found::Key(key, public)),
        (last, _) => Err(Pkcs11Error::Ambiguous {
            uri: uri.to_string(),
            matches: Listing::new(
                left.iter()
                    .chain(&last)
                    .map(|(key, _)| connection.uri_of(key).to_string()),
            ),
        }),
    }
}

/// Whether a key can be used without a login, or the user is logged in.
fn is_usable_now(connection: &Connection, key: &Object) -> Result<bool, Pkcs11Error> {
    Ok(!connection.token.login_required
        || connection.flag(key, AttributeType::Private)? == Some(false)
        || connection.is_logged_in()?)
}

/// The error that says what there is instead.
fn not_found(
    connections: &[Connection],
    uri: &Pkcs11Uri,
    wanted: ObjectKind,
) -> Result<Pkcs11Error, Pkcs11Error> {
    let mut held = Vec::new();
    let mut searched = Vec::new();
    for connection in connections {
        let visible = if connection.token.login_required && !connection.is_logged_in()? {
            " without a login"
        } else {
            ""
        };
        searched.push(format!(
            "the token '{}' shows{visible}",
            connection.shown_label()
        ));
        let most = limits::MAX_TOKEN_OBJECTS;
        for object in connection.find_some(wanted, Wanted::default(), most)? {
            held.push(connection.uri_of(&object).to_string());
        }
    }
    Ok(Pkcs11Error::NotFound {
        uri: uri.to_string(),
        wanted,
        searched: searched.join(" and "),
        held: Listing::new(held),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_shows_comes_before_those_that_hide() {
        let fit = |seen: &[(bool, bool)]| {
            let seen: Vec<Seen> = seen
                .iter()
                .map(|&(shows, hides)| Seen { shows, hides })
                .collect();
            fitting(&seen)
        };
        assert_eq!(fit(&[(true, false), (false, true)]), [true, false]);
        assert_eq!(fit(&[(false, false), (false, true)]), [false, true]);
        assert_eq!(fit(&[(false, true), (false, true)]), [true, true]);
        assert_eq!(fit(&[(true, true), (true, false)]), [true, true]);
        assert_eq!(fit(&[(false, false), (false, false)]), [false, false]);
    }
}
