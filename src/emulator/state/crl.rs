//! Revocation lists that were imported.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::pki::{self, Crl};

use super::head::{Head, Kind, Resource};

/// An imported revocation list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct RevocationList {
    /// Id, name and so on.
    pub(in crate::emulator) head: Head,
    /// The id of the trust anchor that it is for.
    pub(in crate::emulator) anchor: String,
    /// The list.
    pub(in crate::emulator) data: CrlData,
}

impl Resource for RevocationList {
    const KIND: Kind = Kind::Crl;

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

/// A list, with the bytes in which it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(in crate::emulator) struct CrlData(Arc<Read>);

#[derive(Debug)]
struct Read {
    bytes: Vec<u8>,
    list: Crl,
}

impl CrlData {
    /// Reads PEM or DER.
    ///
    /// # Errors
    ///
    /// [`pki::Error`] for what is no whole revocation list.
    pub(in crate::emulator) fn read(bytes: Vec<u8>) -> Result<Self, pki::Error> {
        let list = Crl::read(&bytes, "crlData")?;
        Ok(Self(Arc::new(Read { bytes, list })))
    }

    /// A list that was read elsewhere.
    pub(in crate::emulator) fn of(list: Crl) -> Self {
        let bytes = list.to_pem().into_bytes();
        Self(Arc::new(Read { bytes, list }))
    }

    /// The list.
    pub(in crate::emulator) fn list(&self) -> &Crl {
        &self.0.list
    }

    /// The bytes in base64.
    pub(in crate::emulator) fn base64(&self) -> String {
        STANDARD.encode(&self.0.bytes)
    }
}

impl TryFrom<String> for CrlData {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| "the list is not base64".to_owned())?;
        Self::read(bytes).map_err(|error| error.to_string())
    }
}

impl From<CrlData> for String {
    fn from(data: CrlData) -> Self {
        data.base64()
    }
}
