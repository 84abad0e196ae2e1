//! Which library is loaded, and what is said when it is none.

use std::fs;
use std::path::{Path, PathBuf};

use windlass::key::{
    Hash, Pkcs11Error, Scheme, Signer, TokenOptions, open_token_key, token_certificates,
};

use super::tokens::{self, PIN, Tokens};
use super::{Asked, MESSAGE, token_error, uri};

fn one_certificate(tokens: &Tokens) {
    tokens.token("box");
    tokens.pair("web", "p256");
    tokens.import_certificate("box", "web", "01", "web");
}

fn search(text: &str, library: Option<PathBuf>) -> Result<usize, windlass::key::Error> {
    let options = TokenOptions {
        library,
        reuse_pin: false,
    };
    token_certificates(&uri(text), &options, &mut |_| Ok(None)).map(|found| found.named.len())
}

#[test]
fn the_library_is_named_in_four_ways() {
    let name = "pkcs11::modules::the_library_is_named_in_four_ways";
    tokens::with(name, one_certificate, |_| {
        let library = tokens::library();
        let shown = library.to_str().unwrap();
        let directory = library.parent().and_then(Path::to_str).unwrap();
        let wrong = || Some(PathBuf::from("/dev/null"));
        assert_eq!(search("pkcs11:", Some(library.clone())).unwrap(), 1);
        for (query, given) in [
            (format!("module-path={shown}"), wrong()),
            (
                format!("module-path={directory}&module-name=softhsm2"),
                wrong(),
            ),
            ("module-name=softhsm2".to_owned(), None),
            ("module-name=libsofthsm2.so".to_owned(), None),
            ("module-name=nonsense".to_owned(), Some(library.clone())),
        ] {
            let found = search(&format!("pkcs11:object=web?{query}"), given);
            assert_eq!(found.unwrap(), 1, "{query}");
        }
    });
}

#[test]
fn what_is_no_module_is_refused() {
    let name = "pkcs11::modules::what_is_no_module_is_refused";
    tokens::with(name, one_certificate, |tokens| {
        let text = tokens.path("text.so");
        fs::write(&text, "no library\n").unwrap();
        // A library that is loaded already, and is no PKCS#11 module.
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .find(|path| path.contains("/libc.so") || path.contains("/libc-"))
            .unwrap();
        for (path, reason) in [
            (text, "file too short"),
            (PathBuf::from(libc), "it has no function C_GetFunctionList"),
            (PathBuf::from("/does/not/exist.so"), "No such file"),
            (PathBuf::from("libsofthsm2.so"), "No such file"),
            (PathBuf::from("/usr/lib"), "it is not a file"),
        ] {
            match token_error(search("pkcs11:", Some(path.clone()))) {
                Pkcs11Error::Load {
                    path: named,
                    reason: found,
                } => {
                    assert!(found.contains(reason), "{}: {found}", path.display());
                    assert!(
                        named.ends_with(path.file_name().unwrap()),
                        "{}",
                        named.display()
                    );
                }
                other => panic!("{other}"),
            }
        }
        let error = token_error(search("pkcs11:?module-name=nonsense", None));
        assert_eq!(
            error.to_string(),
            "no PKCS#11 module 'nonsense' is installed in the usual directories"
        );
        // After all that the right one still loads.
        assert_eq!(search("pkcs11:", Some(tokens::library())).unwrap(), 1);
    });
}

/// p11-kit knows SoftHSM by the file that its package installs.
#[test]
fn without_a_name_the_proxy_is_loaded() {
    let name = "pkcs11::modules::without_a_name_the_proxy_is_loaded";
    tokens::with(
        name,
        |tokens| {
            one_certificate(tokens);
            tokens.pair("hidden", "rsa");
            tokens.import_key("box", "hidden", "02", "hidden");
            let public = ["--delete-object", "--type", "pubkey", "--id", "02"];
            tokens.pkcs11_tool("box", &public);
        },
        |_| {
            assert_eq!(search("pkcs11:token=box;object=web", None).unwrap(), 1);
            assert_eq!(search("pkcs11:object=web", None).unwrap(), 1);
            let asked = Asked::default();
            let key = open_token_key(
                &uri("pkcs11:object=hidden;type=private"),
                &TokenOptions::default(),
                None,
                asked.answering(Some(PIN)),
            );
            key.unwrap()
                .sign(Scheme::RsaPkcs1(Hash::Sha256), MESSAGE)
                .unwrap();
            assert_eq!(asked.labels(), ["box"]);
        },
    );
}
