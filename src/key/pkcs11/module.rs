//! Finding, loading, initialising and finalising a PKCS#11 module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as CryptokiError, RvError};

use super::{Pkcs11Error, Pkcs11Uri};

/// A loaded and initialised module. C_Finalize is called when the last user of
/// the same library drops it.
#[derive(Debug)]
pub(super) struct Module {
    path: PathBuf,
    context: Pkcs11,
}

impl Module {
    /// Loads the module that the URI's `module-path` names, else `library`,
    /// else the URI's `module-name`, else the p11-kit proxy.
    pub(super) fn open(uri: &Pkcs11Uri, library: Option<&Path>) -> Result<Arc<Self>, Pkcs11Error> {
        let path = locate(uri, library)?;
        // One library has one state in a process, whatever it is called.
        let path = path.canonicalize().map_err(|error| Pkcs11Error::Load {
            path,
            reason: error.to_string(),
        })?;
        let mut loaded = loaded();
        if let Some(known) = loaded.get_mut(&path) {
            known.users += 1;
            let context = known.context.clone();
            return Ok(Arc::new(Self { path, context }));
        }
        let context = Pkcs11::new(&path).map_err(|error| Pkcs11Error::Load {
            path: path.clone(),
            reason: match error {
                CryptokiError::LibraryLoading(error) => error.to_string(),
                CryptokiError::MissingSymbol(symbol) => format!("it has no function {symbol}"),
                other => reason(&other),
            },
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let finalize = match context.initialize(arguments) {
            Ok(()) => true,
            // It is part of another one that is loaded, such as the proxy;
            // who has initialised it finalises it.
            Err(CryptokiError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => false,
            Err(error) => {
                return Err(Pkcs11Error::Module {
                    path,
                    action: "initialise",
                    reason: reason(&error),
                });
            }
        };
        let entry = Loaded {
            context: context.clone(),
            finalize,
            users: 1,
        };
        loaded.insert(path.clone(), entry);
        Ok(Arc::new(Self { path, context }))
    }

    pub(super) const fn context(&self) -> &Pkcs11 {
        &self.context
    }

    /// The error for a function of this module that has failed.
    pub(super) fn failed(&self, action: &'static str, error: &CryptokiError) -> Pkcs11Error {
        Pkcs11Error::Module {
            path: self.path.clone(),
            action,
            reason: reason(error),
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let mut loaded = loaded();
        let Some(entry) = loaded.get_mut(&self.path) else {
            return;
        };
        entry.users -= 1;
        if entry.users == 0
            && let Some(last) = loaded.remove(&self.path)
            && last.finalize
        {
            // Nobody is left to whom a failure could matter.
            drop(last.context.finalize());
        }
    }
}

/// A return value as the standard writes it, `CKR_PIN_INCORRECT`; the words of
/// the standard for it are paragraphs long.
pub(super) fn reason(error: &CryptokiError) -> String {
    let CryptokiError::Pkcs11(value, _) = error else {
        return error.to_string();
    };
    let name = format!("{value:?}");
    let mut shown = "CKR".to_owned();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            shown.push('_');
        }
        shown.push(character.to_ascii_uppercase());
    }
    shown
}

struct Loaded {
    context: Pkcs11,
    finalize: bool,
    users: usize,
}

/// The modules in use. The lock is held over C_Initialize and C_Finalize, so
/// that one thread's end cannot meet another's beginning.
fn loaded() -> MutexGuard<'static, BTreeMap<PathBuf, Loaded>> {
    static LOADED: Mutex<BTreeMap<PathBuf, Loaded>> = Mutex::new(BTreeMap::new());
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where distributions have shared libraries.
const LIBRARY_DIRECTORIES: [&str; 9] = [
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib/i386-linux-gnu",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
    "/lib64",
];

/// Where modules stand below those: p11-kit's own directory, SoftHSM's, none.
const MODULE_DIRECTORIES: [&str; 3] = ["pkcs11", "softhsm", ""];

const PROXY: &str = "p11-kit-proxy.so";

fn locate(uri: &Pkcs11Uri, library: Option<&Path>) -> Result<PathBuf, Pkcs11Error> {
    let name = uri.module_name.as_deref();
    if let Some(path) = &uri.module_path {
        // RFC 7512 section 2.3: a directory goes with a name.
        return match name {
            Some(name) if path.is_dir() => named(std::iter::once(path.clone()), name),
            _ => file(path),
        };
    }
    if let Some(path) = library {
        return file(path);
    }
    let usual = LIBRARY_DIRECTORIES.iter().map(Path::new);
    if let Some(name) = name {
        let below = |directory: &'static Path| {
            MODULE_DIRECTORIES
                .iter()
                .map(move |sub| directory.join(sub))
        };
        return named(usual.flat_map(below), name);
    }
    usual
        .map(|directory| directory.join(PROXY))
        .find(|path| path.is_file())
        .ok_or(Pkcs11Error::NoModule)
}

/// A path that names a file. The dynamic linker would search for a bare name
/// in its own directories, and must not.
fn file(path: &Path) -> Result<PathBuf, Pkcs11Error> {
    let failed = |reason: String| Pkcs11Error::Load {
        path: path.to_owned(),
        reason,
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(path.to_owned()),
        Ok(_) => Err(failed("it is not a file".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A library by its name, which RFC 7512 gives without `lib` and without `.so`.
fn named(directories: impl Iterator<Item = PathBuf>, name: &str) -> Result<PathBuf, Pkcs11Error> {
    let missing = || Pkcs11Error::ModuleName {
        name: crate::text::printable(name, 80),
    };
    if name.is_empty() || name.contains('/') {
        return Err(missing());
    }
    directories
        .flat_map(|directory| {
            [
                format!("lib{name}.so"),
                format!("{name}.so"),
                name.to_owned(),
            ]
            .map(|file| directory.join(file))
        })
        .find(|path| path.is_file())
        .ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn return_values_are_named_as_in_the_standard() {
        let error = CryptokiError::Pkcs11(RvError::PinIncorrect, Function::Login);
        assert_eq!(reason(&error), "CKR_PIN_INCORRECT");
    }

    #[test]
    fn a_module_name_is_no_path() {
        for name in ["", "../evil", "/usr/lib/x"] {
            let uri = Pkcs11Uri {
                module_name: Some(name.to_owned()),
                ..Pkcs11Uri::default()
            };
            let located = locate(&uri, None);
            assert!(
                matches!(located, Err(Pkcs11Error::ModuleName { .. })),
                "{located:?}"
            );
        }
    }
}
