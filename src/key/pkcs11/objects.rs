//! Objects in a token: finding them, naming them, reading public keys.

use cryptoki::error::Error as CryptokiError;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use crate::der;
use crate::limits;

use super::super::PublicKey;
use super::slots::Connection;
use super::{ObjectKind, Pkcs11Error, Pkcs11Uri};

/// An object in a token, as far as it is told from others.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) handle: ObjectHandle,
    pub(super) kind: ObjectKind,
    pub(super) id: Vec<u8>,
    pub(super) label: Vec<u8>,
}

/// What an object must have to be found; `None` does not restrict.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) id: Option<&'a [u8]>,
    pub(super) label: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    /// The URI's `id` and `object`.
    pub(super) fn by(uri: &'a Pkcs11Uri) -> Self {
        Self {
            id: uri.id.as_deref(),
            label: uri.object.as_deref().map(str::as_bytes),
        }
    }
}

impl Connection {
    /// All objects of a class that are visible now and have what is wanted.
    pub(super) fn find(
        &self,
        kind: ObjectKind,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Object>, Pkcs11Error> {
        let found = self.find_some(kind, wanted, limits::MAX_TOKEN_OBJECTS + 1)?;
        if found.len() > limits::MAX_TOKEN_OBJECTS {
            return Err(Pkcs11Error::TooManyObjects {
                uri: self.uri.to_string(),
            });
        }
        Ok(found)
    }

    /// The same, but no more than so many of them.
    pub(super) fn find_some(
        &self,
        kind: ObjectKind,
        wanted: Wanted<'_>,
        most: usize,
    ) -> Result<Vec<Object>, Pkcs11Error> {
        let mut template = vec![Attribute::Class(class(kind))];
        template.extend(wanted.id.map(|id| Attribute::Id(id.to_vec())));
        template.extend(wanted.label.map(|label| Attribute::Label(label.to_vec())));
        let handles: Vec<ObjectHandle> = self
            .session
            .iter_objects(&template)
            .and_then(|found| found.take(most).collect())
            .map_err(|error| self.failed("search its objects", &error))?;
        handles
            .into_iter()
            .map(|handle| self.describe(handle, kind))
            .collect()
    }

    /// The certificate's DER, or `None` when the token holds only a reference.
    pub(super) fn certificate(&self, object: &Object) -> Result<Option<Vec<u8>>, Pkcs11Error> {
        let value = self.read(object.handle, AttributeType::Value)?;
        Ok(match value {
            Some(Attribute::Value(der)) => {
                (!der.is_empty() && der.len() <= limits::MAX_TOKEN_VALUE).then_some(der)
            }
            _ => None,
        })
    }

    /// The public half of a private key: of the key itself (RSA), or of the
    /// public key object with the same CKA_ID.
    pub(super) fn public_key(&self, private: &Object) -> Result<Option<PublicKey>, Pkcs11Error> {
        if let Some(own) = self.rsa_public_key(private)? {
            return Ok(Some(own));
        }
        if private.id.is_empty() {
            return Ok(None);
        }
        let wanted = Wanted {
            id: Some(&private.id),
            label: None,
        };
        for public in self.find(ObjectKind::Public, wanted)? {
            let found = match self.rsa_public_key(&public)? {
                None => self.ec_public_key(&public)?,
                rsa => rsa,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A key's boolean attribute; `None` when the token does not tell.
    pub(super) fn flag(
        &self,
        object: &Object,
        kind: AttributeType,
    ) -> Result<Option<bool>, Pkcs11Error> {
        Ok(match self.read(object.handle, kind)? {
            Some(Attribute::Private(value) | Attribute::AlwaysAuthenticate(value)) => Some(value),
            _ => None,
        })
    }

    /// The object's full URI.
    pub(super) fn uri_of(&self, object: &Object) -> Pkcs11Uri {
        Pkcs11Uri {
            id: (!object.id.is_empty()).then(|| object.id.clone()),
            object: String::from_utf8(object.label.clone())
                .ok()
                .filter(|label| !label.is_empty() && !label.contains('\0')),
            kind: Some(object.kind),
            ..self.token.uri(&self.uri)
        }
    }

    fn describe(&self, handle: ObjectHandle, kind: ObjectKind) -> Result<Object, Pkcs11Error> {
        let mut object = Object {
            handle,
            kind,
            id: Vec::new(),
            label: Vec::new(),
        };
        if let Some(Attribute::Id(id)) = self.read(handle, AttributeType::Id)? {
            object.id = id;
        }
        if let Some(Attribute::Label(label)) = self.read(handle, AttributeType::Label)? {
            object.label = label;
        }
        Ok(object)
    }

    /// Reads one attribute; `None` when the object has none, keeps it secret,
    /// or holds a value that the standard does not know.
    fn read(
        &self,
        handle: ObjectHandle,
        kind: AttributeType,
    ) -> Result<Option<Attribute>, Pkcs11Error> {
        match self.session.get_attributes(handle, &[kind]) {
            Ok(mut values) => Ok(values.pop()),
            Err(error @ CryptokiError::Pkcs11(..)) => Err(self.failed("read an attribute", &error)),
            Err(_) => Ok(None),
        }
    }

    fn has_key_type(&self, object: &Object, wanted: KeyType) -> Result<bool, Pkcs11Error> {
        let found = self.read(object.handle, AttributeType::KeyType)?;
        Ok(matches!(found, Some(Attribute::KeyType(found)) if found == wanted))
    }

    fn rsa_public_key(&self, object: &Object) -> Result<Option<PublicKey>, Pkcs11Error> {
        if !self.has_key_type(object, KeyType::RSA)? {
            return Ok(None);
        }
        let modulus = self.read(object.handle, AttributeType::Modulus)?;
        let exponent = self.read(object.handle, AttributeType::PublicExponent)?;
        Ok(match (modulus, exponent) {
            (Some(Attribute::Modulus(modulus)), Some(Attribute::PublicExponent(exponent))) => {
                rsa_key(&modulus, &exponent)
            }
            _ => None,
        })
    }

    fn ec_public_key(&self, object: &Object) -> Result<Option<PublicKey>, Pkcs11Error> {
        if !self.has_key_type(object, KeyType::EC)? {
            return Ok(None);
        }
        let curve = self.read(object.handle, AttributeType::EcParams)?;
        let point = self.read(object.handle, AttributeType::EcPoint)?;
        Ok(match (curve, point) {
            (Some(Attribute::EcParams(curve)), Some(Attribute::EcPoint(point))) => {
                ec_key(&curve, &point)
            }
            _ => None,
        })
    }
}

const fn class(kind: ObjectKind) -> ObjectClass {
    match kind {
        ObjectKind::Certificate => ObjectClass::CERTIFICATE,
        ObjectKind::Data => ObjectClass::DATA,
        ObjectKind::Private => ObjectClass::PRIVATE_KEY,
        ObjectKind::Public => ObjectClass::PUBLIC_KEY,
        ObjectKind::SecretKey => ObjectClass::SECRET_KEY,
    }
}

/// CKA_MODULUS and CKA_PUBLIC_EXPONENT are big-endian and unsigned (PKCS#11
/// v3.1 section 6.1.2).
fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    if modulus.len() > limits::MAX_RSA_BITS / 8 + 1 || exponent.len() > 32 {
        return None;
    }
    PublicKey::rsa(modulus, exponent)
}

/// CKA_EC_PARAMS is the curve's DER, CKA_EC_POINT an OCTET STRING with the
/// point (PKCS#11 v3.1 section 6.3.3); some tokens leave the OCTET STRING out.
fn ec_key(curve: &[u8], point: &[u8]) -> Option<PublicKey> {
    if point.len() > limits::MAX_TOKEN_VALUE || curve.len() > limits::MAX_TOKEN_VALUE {
        return None;
    }
    // An uncompressed point begins with the tag of an OCTET STRING, and its
    // second octet can pass for the length. The whole length tells them apart:
    // these are the points of P-256, P-384 and P-521.
    let bare = match der::read(point) {
        _ if matches!(point.len(), 65 | 97 | 133) => point,
        Some((element, [])) if element.tag == der::OCTET_STRING => element.content,
        _ => point,
    };
    PublicKey::ec(curve, bare)
}

#[cfg(test)]
mod tests {
    use super::super::super::KeyAlgorithm;
    use super::*;

    #[test]
    fn a_point_is_read_with_and_without_its_octet_string() {
        let curve = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        // 0x3f octets follow the second: it could be a length.
        let point = [&[4, 0x3f][..], &[9; 63]].concat();
        let wrapped = der::write(der::OCTET_STRING, &point);
        for form in [&point, &wrapped] {
            let key = ec_key(&curve, form).unwrap();
            assert_eq!(key.algorithm(), KeyAlgorithm::EcP256);
            assert_eq!(key.subject_public_key(), point);
        }
        assert!(ec_key(b"junk", &point).is_none());
    }

    #[test]
    fn an_rsa_modulus_may_have_leading_zeros() {
        let modulus = [&[0, 0x80][..], &[1; 255]].concat();
        let key = rsa_key(&modulus, &[1, 0, 1]).unwrap();
        assert_eq!(key.algorithm(), KeyAlgorithm::Rsa { bits: 2048 });
        assert!(rsa_key(&[], &[3]).is_none());
        assert!(rsa_key(&[1; 5000], &[3]).is_none());
    }
}
