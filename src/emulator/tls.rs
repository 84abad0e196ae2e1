//! The emulator's throw-away TLS identity: a root of its own and a server
//! certificate under it, made at start and never written but for the root.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::key::{self, KeyType, Signer};
use crate::pki::{
    AttributeType, Certificate, DistinguishedName, GeneralName, IssuerRef, Kind, SerialNumber,
    Template, encode_pem,
};
use crate::random;

/// Why no TLS identity could be made.
#[derive(Debug, thiserror::Error)]
#[error("no TLS certificate could be made for the emulator")]
pub struct TlsSetupError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A server configuration and the root that vouches for it.
pub struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    root: Certificate,
}

impl ServerTls {
    /// Makes a root and a certificate for `localhost`, `127.0.0.1`, `::1` and
    /// `address`, valid for ten years.
    ///
    /// # Errors
    ///
    /// [`TlsSetupError`].
    pub fn generate(address: IpAddr, at: DateTime<Utc>) -> Result<Self, TlsSetupError> {
        let root_key = key::generate(KeyType::P256, "the emulator's root key").map_err(failed)?;
        let server_key = key::generate(KeyType::P256, "the emulator's TLS key").map_err(failed)?;
        let name = |common: &str| {
            DistinguishedName::build(&[
                (AttributeType::Organization, "windlass emulator"),
                (AttributeType::CommonName, common),
            ])
        };
        let (root_name, server_name) = (name("throw-away TLS root"), name("localhost"));
        let identifier = root_key.key.public_key().key_identifier();
        let issuer = IssuerRef {
            name: &root_name,
            signer: &root_key.key,
            key_identifier: &identifier,
        };
        let (not_before, not_after) = (at - TimeDelta::days(1), at + TimeDelta::days(3653));
        let mut addresses = vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        if !addresses.contains(&address) {
            addresses.push(address);
        }
        let names = std::iter::once(GeneralName::Dns("localhost".to_owned()))
            .chain(addresses.into_iter().map(GeneralName::Ip))
            .collect();
        let root = Template {
            subject: &root_name,
            public_key: root_key.key.public_key(),
            serial: &serial()?,
            not_before,
            not_after,
            kind: Kind::Root,
        }
        .sign(&issuer)
        .map_err(failed)?;
        let server = Template {
            subject: &server_name,
            public_key: server_key.key.public_key(),
            serial: &serial()?,
            not_before,
            not_after,
            kind: Kind::TlsServer { names },
        }
        .sign(&issuer)
        .map_err(failed)?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(failed)?
                .with_no_client_auth()
                .with_single_cert(
                    vec![CertificateDer::from(server.der().to_vec())],
                    PrivatePkcs8KeyDer::from(server_key.pkcs8.expose().to_vec()).into(),
                )
                .map_err(failed)?;
        Ok(Self {
            config: Arc::new(config),
            root,
        })
    }

    /// The root, as PEM, for the client's `--ca-bundle`.
    #[must_use]
    pub fn root_pem(&self) -> String {
        encode_pem([&self.root])
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerTls(root {})", self.root.fingerprint())
    }
}

fn serial() -> Result<SerialNumber, TlsSetupError> {
    let mut bytes = random::octets::<16>().ok_or_else(|| failed("no randomness"))?;
    bytes[0] = 0x7f;
    SerialNumber::from_magnitude(&bytes).ok_or_else(|| failed("no randomness"))
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsSetupError {
    TlsSetupError(error.into())
}
