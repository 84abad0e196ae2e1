//! The content of a `TSS2 PRIVATE KEY` PEM block: `TPMKey` of "ASN.1
//! Specification for TPM 2.0 Key Files" (draft-woodhouse-cert-best-practice).

use crate::der;
use crate::limits;

use super::super::Error;
use super::handle::TpmHandle;
use super::wire::{Reader, rh};

/// A key that a TPM has wrapped, with what is needed to load it.
pub(super) struct KeyFile {
    /// Whether the file says that the key has no password. Some tools write
    /// that wrongly, so it is only believed when no password is given.
    pub(super) empty_auth: bool,
    /// Below which key it is loaded.
    pub(super) parent: Parent,
    /// Whether a primary parent is RSA; files that do not say are tried as EC
    /// first.
    pub(super) rsa_parent: Option<bool>,
    /// The content of the TPM2B_PUBLIC: a TPMT_PUBLIC.
    pub(super) public: Vec<u8>,
    /// The content of the TPM2B_PRIVATE, which only the TPM can read.
    pub(super) private: Vec<u8>,
}

/// The key below which another one is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// The primary storage key of a hierarchy, made when it is needed.
    Hierarchy(u32),
    /// A key that is in the TPM.
    Loaded(TpmHandle),
}

/// Reads a TPMKey. `origin` is what messages call the file.
pub(super) fn read(der: &[u8], origin: &str) -> Result<KeyFile, Error> {
    let damaged = || Error::Damaged {
        origin: origin.to_owned(),
        form: "TSS2",
    };
    let parts = der::sequence(der).ok_or_else(damaged)?;
    let (kind, rest) = parts.split_first().ok_or_else(damaged)?;
    let unsupported = |found: &str| Error::Unsupported {
        origin: origin.to_owned(),
        found: found.to_owned(),
    };
    match (kind.tag, kind.content) {
        (der::OBJECT_IDENTIFIER, OID_LOADABLE) => {}
        (der::OBJECT_IDENTIFIER, OID_IMPORTABLE) => {
            return Err(unsupported(
                "an importable TPM key, which must first be imported below a parent of its TPM",
            ));
        }
        (der::OBJECT_IDENTIFIER, OID_SEALED) => {
            return Err(unsupported("data sealed by a TPM, not a key"));
        }
        _ => return Err(damaged()),
    }
    let split = rest
        .iter()
        .position(|part| part.tag & 0xe0 != CONTEXT)
        .ok_or_else(damaged)?;
    let (options, fixed) = rest.split_at_checked(split).ok_or_else(damaged)?;
    let [parent, public, private] = fixed else {
        return Err(damaged());
    };

    let mut empty_auth = false;
    let mut rsa_parent = None;
    for option in options {
        match option.tag ^ CONTEXT {
            0 => empty_auth = boolean(option.content).ok_or_else(damaged)?,
            // An empty list of conditions sets none.
            1 | 3 if is_empty_sequence(option.content) => {}
            1 | 3 => return Err(unsupported("a TPM key with a policy")),
            2 => return Err(unsupported("a TPM key that is wrapped with a secret")),
            // The description serves people only.
            4 => {}
            5 => rsa_parent = Some(boolean(option.content).ok_or_else(damaged)?),
            _ => return Err(unsupported("a TPM key file with fields of a later version")),
        }
    }
    let number = (parent.tag == der::INTEGER)
        .then(|| handle_number(parent.content))
        .flatten()
        .ok_or_else(damaged)?;
    let content = |part: &der::Element<'_>| {
        (part.tag == der::OCTET_STRING && part.content.len() <= limits::MAX_TPM_BLOB)
            .then(|| unwrap(part.content))
            .flatten()
    };
    Ok(KeyFile {
        empty_auth,
        parent: match number {
            rh::OWNER | rh::ENDORSEMENT | rh::PLATFORM | rh::NULL => Parent::Hierarchy(number),
            other => Parent::Loaded(TpmHandle::try_from(other).map_err(|_| {
                unsupported(&format!(
                    "a TPM key below 0x{other:08x}, which is neither a hierarchy nor a key"
                ))
            })?),
        },
        rsa_parent,
        public: content(public).ok_or_else(damaged)?,
        private: content(private).ok_or_else(damaged)?,
    })
}

/// A BOOLEAN. DER allows 0xff alone for true, but OpenSSL's engines and
/// providers for TPMs write 0x01.
fn boolean(content: &[u8]) -> Option<bool> {
    match der::read(content)? {
        (element, []) if element.tag == BOOLEAN => match element.content {
            [value] => Some(*value != 0),
            _ => None,
        },
        _ => None,
    }
}

fn is_empty_sequence(content: &[u8]) -> bool {
    der::sequence(content).is_some_and(|parts| parts.is_empty())
}

/// A handle as an INTEGER. Handles have the highest bit set, and where `long`
/// has 32 bits tools have written them as negative numbers of four octets.
fn handle_number(content: &[u8]) -> Option<u32> {
    let octets = match content {
        [0, rest @ ..] if rest.len() == 4 => rest,
        other => other,
    };
    Some(u32::from_be_bytes(octets.try_into().ok()?))
}

/// The content of a TPM2B that fills its OCTET STRING.
fn unwrap(octets: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(octets);
    let content = reader.sized()?;
    reader.end()?;
    (!content.is_empty()).then(|| content.to_vec())
}

/// Tag of BOOLEAN.
const BOOLEAN: u8 = 0x01;
/// Tag of a constructed, context-specific element, with the number 0.
const CONTEXT: u8 = 0xa0;
/// `2.23.133.10.1.3`, a key that its TPM can load, content octets.
const OID_LOADABLE: &[u8] = &[0x67, 0x81, 0x05, 0x0a, 0x01, 0x03];
/// `2.23.133.10.1.4`, a key that must be imported first, content octets.
const OID_IMPORTABLE: &[u8] = &[0x67, 0x81, 0x05, 0x0a, 0x01, 0x04];
/// `2.23.133.10.1.5`, sealed data, content octets.
const OID_SEALED: &[u8] = &[0x67, 0x81, 0x05, 0x0a, 0x01, 0x05];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(oid: &[u8], options: &[&[u8]], parent: &[u8]) -> Vec<u8> {
        der::write_all(
            der::SEQUENCE,
            &[
                &der::write(der::OBJECT_IDENTIFIER, oid),
                &options.concat(),
                &der::write(der::INTEGER, parent),
                &der::write(der::OCTET_STRING, &[0, 1, 7]),
                &der::write(der::OCTET_STRING, &[0, 2, 8, 9]),
            ],
        )
    }

    const OWNER: &[u8] = &[0x40, 0, 0, 1];

    fn refusal(der: &[u8]) -> String {
        read(der, "FILE").err().unwrap().to_string()
    }

    #[test]
    fn every_field_is_read() {
        let options: &[&[u8]] = &[
            &[0xa0, 3, 1, 1, 1],
            &[0xa1, 2, 0x30, 0],
            &[0xa4, 3, 0x0c, 1, b'x'],
            &[0xa5, 3, 1, 1, 0],
        ];
        let key = read(&file(OID_LOADABLE, options, OWNER), "FILE").unwrap();
        assert!(key.empty_auth);
        assert_eq!(key.rsa_parent, Some(false));
        assert_eq!(key.parent, Parent::Hierarchy(rh::OWNER));
        assert_eq!((key.public, key.private), (vec![7], vec![8, 9]));
    }

    #[test]
    fn parents_are_hierarchies_or_keys_in_either_sign() {
        let persistent = Parent::Loaded(TpmHandle::try_from(0x8100_0001).unwrap());
        for octets in [&[0, 0x81, 0, 0, 1][..], &[0x81, 0, 0, 1]] {
            let key = read(&file(OID_LOADABLE, &[], octets), "FILE").unwrap();
            assert_eq!(key.parent, persistent);
            assert!(!key.empty_auth && key.rsa_parent.is_none());
        }
        assert!(refusal(&file(OID_LOADABLE, &[], &[0x40, 0, 0, 9])).contains("0x40000009"));
        for wrong in [&[][..], &[1], &[1, 0x81, 0, 0, 1], &[0, 0, 0x81, 0, 0, 1]] {
            assert!(refusal(&file(OID_LOADABLE, &[], wrong)).contains("damaged"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(refusal(&file(OID_IMPORTABLE, &[], OWNER)).contains("importable"));
        assert!(refusal(&file(OID_SEALED, &[], OWNER)).contains("sealed"));
        for (option, words) in [
            (&[0xa1, 4, 0x30, 2, 0x30, 0][..], "policy"),
            (&[0xa3, 4, 0x30, 2, 0x30, 0], "policy"),
            (&[0xa2, 3, 4, 1, 0], "secret"),
            (&[0xa6, 2, 5, 0], "later version"),
        ] {
            let text = refusal(&file(OID_LOADABLE, &[option], OWNER));
            assert!(text.contains(words), "{text}");
        }
    }
}
