//! Where the keys of a CA are: encrypted in its directory, or in a device that a
//! small file there names.
//!
//! `issuing/device.json` and `root/device.json` are JSON objects:
//!
//! | member | meaning |
//! |---|---|
//! | `version` | 1 |
//! | `key` | `pkcs11:URI` or `handle:0xHHHHHHHH`; without it the key is in `key.pem` beside |
//! | `pkcs11Module` | the token's library, when the URI does not name it |
//! | `reusePin` | whether a key that wants its PIN for every signature is given it again |
//! | `tpmDevice` | the TPM, when it is not the machine's own |
//!
//! Without the file the key is in `key.pem`: encrypted PKCS#8, or a key that is
//! of use in its TPM alone (`TSS2 PRIVATE KEY`). A PIN never stands in either.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::key::{
    self, Access, KeyAlgorithm, KeySource, Loader, Material, Passphrase, PassphraseSource,
    Permissions, Pkcs11Uri, PublicKey, Signer, Source, TokenOptions, TpmDevice,
};
use crate::limits;
use crate::secret::Secret;
use crate::store;

use super::layout::{DEVICE, KEY};
use super::{AuthorityName, Error, OwnAuthority, Role, check_alone, read_ca_file};

/// The version of the file that names a device.
const VERSION: u32 = 1;

/// Least size of an RSA key that signs certificates, in bits.
const LEAST_RSA_BITS: usize = 2048;

/// What opens the keys of a CA.
#[derive(Clone, Debug)]
pub struct Unlock<'a> {
    environment: &'a Environment,
    /// The PIN or password of a device, when anything is said about one.
    said: Passphrase,
    /// The passphrase of a file.
    asked: Passphrase,
}

impl<'a> Unlock<'a> {
    /// With what was said. A key file's passphrase is asked for on the terminal
    /// when nothing was, and `prompt` is what that shows; a device may need
    /// nothing, or its URI says where the PIN is.
    #[must_use]
    pub fn new(
        said: Option<PassphraseSource>,
        prompt: String,
        environment: &'a Environment,
    ) -> Self {
        let terminal = PassphraseSource::Terminal {
            prompt,
            confirm: false,
        };
        let asked = Passphrase::new(Some(said.clone().unwrap_or(terminal)), environment);
        Self {
            environment,
            said: match said {
                Some(_) => asked.clone(),
                None => Passphrase::default(),
            },
            asked,
        }
    }

    /// Reads the passphrase of a key file now, or asks for it.
    ///
    /// # Errors
    ///
    /// [`key::Error`] when that fails.
    pub fn ask(&self) -> Result<(), key::Error> {
        self.asked.get().map(drop)
    }

    /// Reads a passphrase that comes from a descriptor; see
    /// [`Passphrase::read_descriptor`].
    pub(super) fn read_descriptor(&self) -> Result<(), key::Error> {
        self.asked.read_descriptor()
    }

    /// The passphrase of a key file: it is read now if it was not.
    ///
    /// # Errors
    ///
    /// [`key::Error`] when that fails.
    pub fn passphrase(&self) -> Result<Option<Secret>, key::Error> {
        self.asked.get()
    }

    /// A loader for a key of the CA, with what is said about its device.
    fn loader(&self, device: &Device) -> Loader<'a> {
        Loader::new(Access {
            environment: self.environment,
            passphrase: self.said.clone(),
            // No key file that others could use is opened through it.
            permissions: Permissions::Any,
            tokens: TokenOptions {
                library: device.pkcs11_module.clone(),
                reuse_pin: device.reuse_pin,
            },
            tpm: TpmDevice::new(device.tpm_device.as_deref()),
        })
    }
}

/// How a device is reached.
#[derive(Clone, Debug, Default)]
pub struct DeviceOptions {
    /// The token's library, absolute.
    pub pkcs11_module: Option<PathBuf>,
    /// Whether a key that wants its PIN for every signature is given it again.
    pub reuse_pin: bool,
    /// The TPM: an absolute path, or `swtpm:port=N`.
    pub tpm_device: Option<PathBuf>,
}

/// The file that says where a key is.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Device {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pkcs11_module: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reuse_pin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tpm_device: Option<PathBuf>,
}

/// A key in a device, opened to become that of a new CA.
pub struct DeviceKey {
    signer: Box<dyn Signer>,
    device: Device,
    /// The key file that is of use in its TPM alone.
    file: Option<Zeroizing<Vec<u8>>>,
}

impl DeviceKey {
    /// Opens a key that is in a token or a TPM already.
    ///
    /// # Errors
    ///
    /// [`Error::KeyUnfit`] for a key in a file that anybody with its passphrase
    /// could copy, for a URI with the PIN in it and for a type of key that signs
    /// no certificates; [`Error::Key`] when it cannot be opened.
    pub fn open(
        source: &KeySource,
        options: &DeviceOptions,
        unlock: &Unlock<'_>,
    ) -> Result<Self, Error> {
        let unfit = |reason| Error::KeyUnfit {
            origin: source.to_string(),
            reason,
        };
        let file = match source {
            KeySource::Material(place) => {
                let content = place.read(unlock.environment, limits::MAX_FILE)?.bytes;
                let material = Material::read(&content, &place.to_string(), || Ok(None))?;
                if !material.is_tpm_key() {
                    return Err(unfit("it is no key of a device"));
                }
                Some(content)
            }
            KeySource::Token(uri) => {
                if matches!(uri.as_ref(), Ok(uri) if uri.has_pin_value()) {
                    return Err(unfit("its URI has the PIN in it, which would be kept"));
                }
                None
            }
            KeySource::Tpm(_) => None,
        };
        let device = Device {
            version: VERSION,
            key: file.is_none().then(|| source.to_string()),
            pkcs11_module: options.pkcs11_module.clone(),
            reuse_pin: options.reuse_pin,
            tpm_device: options.tpm_device.clone(),
        };
        let signer = unlock.loader(&device).open(source, None)?;
        if !signs_certificates(signer.public_key()) {
            return Err(unfit(
                "a CA's key is EC P-256 or P-384, or RSA with 2048 bits or more",
            ));
        }
        Ok(Self {
            signer,
            device,
            file,
        })
    }

    /// The key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// The files that lead to it.
    pub(super) fn files(&self) -> Result<KeyFiles, Error> {
        let json = serde_json::to_vec_pretty(&self.device).map_err(|error| Error::KeyPlace {
            path: DEVICE.into(),
            reason: error.to_string(),
        })?;
        let key = self.file.clone().map(|content| (KEY, content));
        Ok(key.into_iter().chain([(DEVICE, json.into())]).collect())
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.signer.origin())
    }
}

/// Name, in the directory of its certificate, and content of the files of a key.
pub(super) type KeyFiles = Vec<(&'static str, Zeroizing<Vec<u8>>)>;

/// Whether it can be the key of an authority here.
pub(super) fn signs_certificates(key: &PublicKey) -> bool {
    match key.algorithm() {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => true,
        KeyAlgorithm::Rsa { bits } => bits >= LEAST_RSA_BITS,
        _ => false,
    }
}

/// Opens the key of one of the CA's authorities, which must be that of its
/// certificate.
pub(super) fn open_own_key(
    directory: &Path,
    authority: &OwnAuthority,
    unlock: &Unlock<'_>,
) -> Result<Box<dyn Signer>, Error> {
    // Before a library is loaded that a file there names.
    check_alone(directory)?;
    let (name, certificate) = (authority.name, &authority.certificate);
    if !has_key(directory, name) && name.role() == Role::Root {
        return Err(Error::RootApart {
            path: directory.to_owned(),
        });
    }
    let place = name.directory(directory);
    let device = read_device(&place.join(DEVICE))?;
    let path = match &device.key {
        Some(_) => place.join(DEVICE),
        None => directory.join(name.key_file()),
    };
    let key = match device.key.as_deref().map(str::parse::<KeySource>) {
        Some(Ok(source @ (KeySource::Token(_) | KeySource::Tpm(_)))) => {
            check_module(&source, &device)?;
            unlock
                .loader(&device)
                .open(&source, Some(certificate.public_key()))?
        }
        Some(Ok(KeySource::Material(_))) => {
            return Err(Error::KeyPlace {
                path,
                reason: "key is neither pkcs11:URI nor handle:0xHHHHHHHH".to_owned(),
            });
        }
        Some(Err(reason)) => return Err(Error::KeyPlace { path, reason }),
        None => open_file(directory, name, &device, unlock)?,
    };
    if key.public_key() != certificate.public_key() {
        return Err(Error::CaKeyMismatch { path });
    }
    Ok(key)
}

/// Whether anything here leads to the key of an authority: a root's may be
/// elsewhere.
pub(super) fn has_key(directory: &Path, name: AuthorityName) -> bool {
    let place = name.directory(directory);
    [KEY, DEVICE].iter().any(|file| place.join(file).exists())
}

/// Where the key of an authority is, in words, as far as can be seen without its
/// passphrase or device.
///
/// # Errors
///
/// [`Error::Incomplete`] or [`Error::Store`] when its file is not there or cannot
/// be read, [`Error::KeyPlace`] for a description that cannot be understood,
/// [`Error::CaKeyNotEncrypted`] and [`Error::Key`] for a file that is no key of a
/// CA.
pub(super) fn look_at_key(directory: &Path, name: AuthorityName) -> Result<&'static str, Error> {
    let path = name.directory(directory).join(DEVICE);
    let device = read_device(&path)?;
    match device.key.as_deref().map(str::parse::<KeySource>) {
        Some(Ok(KeySource::Token(_))) => return Ok("in a token"),
        Some(Ok(KeySource::Tpm(_))) => return Ok("in a TPM"),
        Some(Ok(KeySource::Material(_))) => {
            let reason = "key is neither pkcs11:URI nor handle:0xHHHHHHHH".to_owned();
            return Err(Error::KeyPlace { path, reason });
        }
        Some(Err(reason)) => return Err(Error::KeyPlace { path, reason }),
        None => {}
    }
    let path = directory.join(name.key_file());
    let content = Zeroizing::new(read_ca_file(directory, &name.key_file())?);
    let origin = path.display().to_string();
    if Material::read(&content, &origin, || Ok(None))?.is_tpm_key() {
        return Ok("a file for its TPM");
    }
    match key::open_software(&content, &origin, || Ok(None)) {
        Ok(_) => Err(Error::CaKeyNotEncrypted { path }),
        Err(key::Error::Encrypted { .. }) => Ok("an encrypted file"),
        Err(error) => Err(error.into()),
    }
}

/// Checks that nobody else can write the library that is loaded.
fn check_module(source: &KeySource, device: &Device) -> Result<(), Error> {
    let named = match source {
        KeySource::Token(uri) => uri.as_ref().as_ref().ok().and_then(Pkcs11Uri::module_path),
        KeySource::Material(_) | KeySource::Tpm(_) => None,
    };
    match named.or(device.pkcs11_module.as_deref()) {
        // That there is none is told where it is loaded.
        Some(path) if path.exists() => Ok(store::check_trusted(path)?),
        _ => Ok(()),
    }
}

/// The encrypted key file of an authority; `None` when its key is in a device.
pub(super) fn key_file(directory: &Path, name: AuthorityName) -> Result<Option<Vec<u8>>, Error> {
    if read_device(&name.directory(directory).join(DEVICE))?
        .key
        .is_some()
    {
        return Ok(None);
    }
    let content = read_ca_file(directory, &name.key_file())?;
    let origin = directory.join(name.key_file()).display().to_string();
    let is_tpm_key =
        Material::read(&content, &origin, || Ok(None)).is_ok_and(|found| found.is_tpm_key());
    Ok((!is_tpm_key).then_some(content))
}

/// Opens the key in the CA's directory.
fn open_file(
    directory: &Path,
    name: AuthorityName,
    device: &Device,
    unlock: &Unlock<'_>,
) -> Result<Box<dyn Signer>, Error> {
    let path = directory.join(name.key_file());
    let origin = path.display().to_string();
    let content = Zeroizing::new(read_ca_file(directory, &name.key_file())?);
    if Material::read(&content, &origin, || Ok(None)).is_ok_and(|found| found.is_tpm_key()) {
        let source = KeySource::Material(Source::File(path));
        return Ok(unlock.loader(device).open(&source, None)?);
    }
    let encrypted = Cell::new(false);
    let key = key::open_software(&content, &origin, || {
        encrypted.set(true);
        unlock.asked.get()
    })?;
    if !encrypted.get() {
        return Err(Error::CaKeyNotEncrypted { path });
    }
    Ok(Box::new(key))
}

/// The PKCS#11 module that such a file names, for a message.
pub(super) fn module_of(path: &Path) -> Option<String> {
    let device = read_device(path).ok()?;
    let module = device.pkcs11_module.map(|path| path.display().to_string());
    let named = || {
        let (_, module) = device.key.as_deref()?.split_once("module-path=")?;
        module.split(['&', ';']).next().map(ToOwned::to_owned)
    };
    let module = module.or_else(named)?;
    Some(crate::text::printable(&module, 200))
}

/// Reads the file that says where a key is; without one it is beside it.
fn read_device(path: &Path) -> Result<Device, Error> {
    let content = match store::read_with_metadata(path, limits::MAX_FILE) {
        Ok((content, _)) => content,
        Err(error) if error.is_not_found() => return Ok(Device::default()),
        Err(error) => return Err(error.into()),
    };
    let refused = |reason| Error::KeyPlace {
        path: path.to_owned(),
        reason,
    };
    let device: Device =
        serde_json::from_slice(&content).map_err(|error| refused(error.to_string()))?;
    if device.version != VERSION {
        return Err(refused(format!(
            "its version is {}, and this program knows {VERSION}",
            device.version
        )));
    }
    Ok(device)
}
