//! Keys in a TPM 2.0: made by other people's tools in a software TPM, used here
//! without any of their libraries, and judged by ring and OpenSSL.

mod devices;
mod fake;
mod hostile;
pub mod software;

use windlass::key::{self, Hash, KeyAlgorithm, Scheme, Signer, TpmPassword, open_tss2};

use self::fake::Relay;
use self::software::{MESSAGE, SoftwareTpm, secret, sign};

/// `[0] TRUE`, as most tools write it.
const EMPTY_AUTH: &[u8] = &[0xa0, 3, 1, 1, 0xff];
const OWNER: u32 = 0x4000_0001;

#[test]
fn keys_of_the_openssl_provider_sign() {
    let tpm = SoftwareTpm::new();
    for (options, algorithm) in [
        ("-algorithm EC -pkeyopt group:P-256", KeyAlgorithm::EcP256),
        ("-algorithm EC -pkeyopt group:P-384", KeyAlgorithm::EcP384),
        ("-algorithm EC -pkeyopt group:P-521", KeyAlgorithm::EcP521),
        (
            "-algorithm RSA -pkeyopt bits:2048",
            KeyAlgorithm::Rsa { bits: 2048 },
        ),
        (
            "-algorithm RSA -pkeyopt bits:3072",
            KeyAlgorithm::Rsa { bits: 3072 },
        ),
    ] {
        tpm.genpkey("key.pem", options);
        let key = tpm.open(&tpm.der("key.pem"), None).unwrap();
        assert_eq!(key.public_key().algorithm(), algorithm);
        assert_eq!(key.origin(), "key.pem");
        // The same public key as the provider sees.
        let theirs = tpm.run(
            "openssl pkey -provider tpm2 -provider default -propquery ?provider=tpm2 -in key.pem -pubout",
        );
        assert_eq!(
            pem::parse(theirs).unwrap().contents(),
            key.public_key().spki()
        );
        let signature = sign(&key).unwrap();
        tpm.openssl_verifies(&key, &signature);
    }
    tpm.assert_empty();
}

#[test]
fn passwords_open_key_files_and_wrong_ones_are_told_apart() {
    let tpm = SoftwareTpm::new();
    for kind in ["EC -pkeyopt group:P-256", "RSA -pkeyopt bits:2048"] {
        tpm.genpkey(
            "key.pem",
            &format!("-algorithm {kind} -pkeyopt user-auth:abc"),
        );
        let der = tpm.der("key.pem");
        let signature = sign(&tpm.open(&der, Some("abc")).unwrap()).unwrap();
        tpm.openssl_verifies(&tpm.open(&der, None).unwrap(), &signature);

        tpm.run("tpm2_dictionarylockout -s -n 4 -t 1000 -l 1000");
        tpm.run("tpm2_dictionarylockout -c");
        // The empty one is tried, but not so often that the TPM is locked.
        for counted in [1, 2, 2, 2, 2] {
            let missing = sign(&tpm.open(&der, None).unwrap());
            assert!(
                matches!(missing, Err(key::Error::TpmPasswordMissing { .. })),
                "{missing:?}"
            );
            assert_eq!(tpm.wrong_passwords(), counted);
        }
        let wrong = sign(&tpm.open(&der, Some("abd")).unwrap());
        assert!(
            matches!(wrong, Err(key::Error::TpmPasswordWrong { .. })),
            "{wrong:?}"
        );
        assert_eq!(tpm.wrong_passwords(), 3);
        // Who says that there is none is believed once more.
        let none = sign(&tpm.open(&der, Some("")).unwrap());
        assert!(
            matches!(none, Err(key::Error::TpmPasswordMissing { .. })),
            "{none:?}"
        );
        assert_eq!(tpm.wrong_passwords(), 4);
        tpm.run("tpm2_dictionarylockout -c");
    }
    tpm.assert_empty();
}

/// A password has room for a digest. The TSS hashes longer ones.
#[test]
fn passwords_of_every_length_are_those_of_other_tools() {
    let tpm = SoftwareTpm::new();
    tpm.persistent_parent("-G ecc");
    for length in [1, 32, 33, 63] {
        let password = "x".repeat(length);
        tpm.create("key", "0x81000001", &format!("-G ecc -p {password}"));
        let der = tpm.wrapped("key", &[], 0x8100_0001);
        sign(&tpm.open(&der, Some(&password)).unwrap()).unwrap();
    }
    let password = "y".repeat(64);
    tpm.genpkey(
        "key.pem",
        &format!("-algorithm RSA -pkeyopt bits:2048 -pkeyopt user-auth:{password}"),
    );
    sign(&tpm.open(&tpm.der("key.pem"), Some(&password)).unwrap()).unwrap();
}

#[test]
fn a_password_is_asked_for_only_where_the_file_says_so() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("open.pem", "-algorithm EC -pkeyopt group:P-256");
    tpm.genpkey(
        "closed.pem",
        "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:abc",
    );
    for (name, expected) in [
        ("open.pem", TpmPassword::Possible),
        ("closed.pem", TpmPassword::Expected),
    ] {
        let mut asked = Vec::new();
        open_tss2(&tpm.der(name), name, &tpm.device(), &mut |known| {
            asked.push(known);
            Ok(secret(Some("abc")))
        })
        .unwrap();
        assert_eq!(asked, [expected], "{name}");
    }
}

#[test]
fn key_files_below_a_persistent_parent_sign_whatever_they_say_of_passwords() {
    for (parent, key) in [
        ("-G ecc", "-G ecc"),
        ("-G rsa", "-G ecc:ecdsa-sha256"),
        ("-G rsa", "-G rsa"),
    ] {
        let tpm = SoftwareTpm::new();
        tpm.persistent_parent(parent);
        tpm.create("open", "0x81000001", key);
        tpm.create("closed", "0x81000001", &format!("{key} -p abc"));
        for name in ["open", "closed"] {
            tpm.run(&format!(
                "tpm2_encodeobject -C 0x81000001 -u {name}.pub -r {name}.priv -o {name}.pem"
            ));
            // The tool leaves a session behind.
            tpm.run("tpm2_flushcontext -l");
            // This tool writes that the open one has a password, and with -p
            // that it has none.
            let password = (name == "closed").then_some("abc");
            let key = tpm
                .open(&tpm.der(&format!("{name}.pem")), password)
                .unwrap();
            let signature = sign(&key).unwrap();
            tpm.openssl_verifies(&key, &signature);
        }
        // The file says that there is no password.
        let stated = tpm.wrapped("closed", EMPTY_AUTH, 0x8100_0001);
        assert!(sign(&tpm.open(&stated, Some("abc")).unwrap()).is_ok());
        let missing = sign(&tpm.open(&stated, None).unwrap());
        assert!(
            matches!(missing, Err(key::Error::TpmPasswordMissing { .. })),
            "{missing:?}"
        );
        tpm.assert_empty();
    }
}

#[test]
fn primary_parents_of_both_kinds_and_of_every_hierarchy_are_found() {
    const RSA_PARENT: &[u8] = &[0xa5, 3, 1, 1, 0xff];
    const EC_PARENT: &[u8] = &[0xa5, 3, 1, 1, 0];
    let tpm = SoftwareTpm::new();
    let attributes =
        "-a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
    for (letter, hierarchy) in [
        ("o", OWNER),
        ("e", 0x4000_000b),
        ("p", 0x4000_000c),
        ("n", 0x4000_0007),
    ] {
        for kind in ["ecc", "rsa"] {
            tpm.run(&format!(
                "tpm2_createprimary -C {letter} -G {kind} {attributes} -c primary.ctx"
            ));
            tpm.create("key", "primary.ctx", "-G ecc -p abc");
            let (says, denies) = match kind {
                "rsa" => (RSA_PARENT, EC_PARENT),
                _ => (EC_PARENT, RSA_PARENT),
            };
            for options in [&[][..], says] {
                let der = tpm.wrapped("key", options, hierarchy);
                sign(&tpm.open(&der, Some("abc")).unwrap()).unwrap();
            }
            let der = tpm.wrapped("key", denies, hierarchy);
            let foreign = sign(&tpm.open(&der, Some("abc")).unwrap());
            assert!(
                matches!(foreign, Err(key::Error::TpmForeignKey { .. })),
                "{foreign:?}"
            );
            tpm.assert_empty();
        }
    }
}

#[test]
fn persistent_keys_sign_by_their_handle() {
    let tpm = SoftwareTpm::new();
    tpm.persistent_parent("-G ecc");
    for (handle, options, password) in [
        ("0x81000010", "-G ecc", None),
        ("0x81000011", "-G ecc -p abc", Some("abc")),
        ("0x81000012", "-G rsa -p abc", Some("abc")),
    ] {
        tpm.run(&format!(
            "tpm2_create -C 0x81000001 -u k.pub -r k.priv -c k.ctx {options}"
        ));
        tpm.run(&format!("tpm2_evictcontrol -C o -c k.ctx {handle}"));
        tpm.run("tpm2_flushcontext -t");
        let key = tpm.open_handle(handle, password).unwrap();
        assert_eq!(key.origin(), format!("handle:{handle}"));
        let signature = sign(&key).unwrap();
        tpm.openssl_verifies(&key, &signature);
        if password.is_some() {
            let wrong = sign(&tpm.open_handle(handle, Some("abd")).unwrap());
            assert!(
                matches!(wrong, Err(key::Error::TpmPasswordWrong { .. })),
                "{wrong:?}"
            );
            let missing = sign(&tpm.open_handle(handle, None).unwrap());
            assert!(
                matches!(missing, Err(key::Error::TpmPasswordMissing { .. })),
                "{missing:?}"
            );
            tpm.run("tpm2_dictionarylockout -c");
        }
    }
    let nothing = tpm.open_handle("0x81000099", None);
    assert!(
        matches!(nothing, Err(key::Error::TpmNoKey { .. })),
        "{nothing:?}"
    );
    let parent = tpm.open_handle("0x81000001", None).err().unwrap();
    assert!(parent.to_string().contains("only decrypt"), "{parent}");
    tpm.assert_empty();
}

#[test]
fn many_signatures_by_several_threads_leave_nothing_in_the_tpm() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey(
        "key.pem",
        "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:abc",
    );
    let key = tpm.open(&tpm.der("key.pem"), Some("abc")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..8).for_each(|_| assert!(sign(&key).is_ok())));
        }
    });
    tpm.assert_empty();
}

#[test]
fn restricted_keys_sign_what_the_tpm_has_hashed() {
    let tpm = SoftwareTpm::new();
    tpm.persistent_parent("-G ecc");
    for kind in ["ecc:ecdsa-sha256:null", "rsa2048:rsassa-sha256:null"] {
        tpm.create(
            "key",
            "0x81000001",
            &format!(
                "-G {kind} -p abc -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"
            ),
        );
        let key = tpm
            .open(&tpm.wrapped("key", &[], 0x8100_0001), Some("abc"))
            .unwrap();
        let signature = sign(&key).unwrap();
        tpm.openssl_verifies(&key, &signature);
        assert!(key.sign(software::scheme(&key), &[7; 1024]).is_ok());
        let long = key.sign(software::scheme(&key), &[7; 1025]);
        assert!(
            matches!(long, Err(key::Error::Unsupported { .. })),
            "{long:?}"
        );
    }
    tpm.assert_empty();
}

#[test]
fn keys_that_are_fixed_to_a_scheme_sign_or_say_why_not() {
    let tpm = SoftwareTpm::new();
    tpm.persistent_parent("-G ecc");
    for (kind, refused) in [
        ("ecc384:ecdsa-sha384", None),
        ("ecc521:ecdsa-sha512", None),
        ("ecc521:ecdsa-sha384", None),
        ("ecc256:ecdsa-sha384", Some("fixed to ECDSA with SHA-384")),
        ("ecc256:ecdsa-sha1", Some("fixed to ECDSA with SHA-1")),
        (
            "rsa2048:rsapss-sha256:null",
            Some("fixed to RSAPSS with SHA-256"),
        ),
        ("rsa2048:rsassa-sha256", None),
        ("rsa2048:rsaes", Some("only decrypt")),
    ] {
        tpm.create("key", "0x81000001", &format!("-G {kind}"));
        let opened = tpm.open(&tpm.wrapped("key", EMPTY_AUTH, 0x8100_0001), None);
        match (opened, refused) {
            (Ok(key), None) => {
                let signature = sign(&key).unwrap();
                tpm.openssl_verifies(&key, &signature);
            }
            (Err(error), Some(words)) => {
                assert!(error.to_string().contains(words), "{kind}: {error}");
            }
            (other, _) => panic!("{kind}: {other:?}"),
        }
    }
}

#[test]
fn a_scheme_of_another_type_is_refused_before_the_tpm_is_asked() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", "-algorithm EC -pkeyopt group:P-256");
    let key = tpm.open(&tpm.der("key.pem"), None).unwrap();
    drop(tpm);
    for scheme in [Scheme::RsaPkcs1(Hash::Sha256), Scheme::EcdsaSha384] {
        assert!(matches!(
            key.sign(scheme, MESSAGE),
            Err(key::Error::SchemeMismatch { .. })
        ));
    }
}

#[test]
fn a_key_of_another_tpm_is_told_apart() {
    let (one, other) = (SoftwareTpm::new(), SoftwareTpm::new());
    one.genpkey("key.pem", "-algorithm EC -pkeyopt group:P-256");
    let error = sign(&other.open(&one.der("key.pem"), None).unwrap()).unwrap_err();
    assert!(
        matches!(error, key::Error::TpmForeignKey { .. }),
        "{error:?}"
    );
    other.assert_empty();
}

#[test]
fn a_locked_tpm_and_a_locked_hierarchy_are_named() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey(
        "key.pem",
        "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:abc",
    );
    tpm.run("tpm2_dictionarylockout -s -n 2 -t 1000 -l 1000");
    let wrong = tpm.open(&tpm.der("key.pem"), Some("abd")).unwrap();
    for _ in 0..2 {
        assert!(matches!(
            sign(&wrong),
            Err(key::Error::TpmPasswordWrong { .. })
        ));
    }
    let right = tpm.open(&tpm.der("key.pem"), Some("abc")).unwrap();
    let locked = sign(&right);
    assert!(
        matches!(locked, Err(key::Error::TpmLockout { .. })),
        "{locked:?}"
    );
    tpm.run("tpm2_dictionarylockout -c");
    sign(&right).unwrap();

    tpm.run("tpm2_changeauth -c o xyz");
    let error = sign(&right).unwrap_err().to_string();
    assert!(
        error.contains("primary key of the owner hierarchy"),
        "{error}"
    );
    tpm.assert_empty();
}

#[test]
fn a_tpm_that_others_have_filled_is_named() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey(
        "key.pem",
        "-algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:abc",
    );
    let key = tpm.open(&tpm.der("key.pem"), Some("abc")).unwrap();
    // TPM2_StartAuthSession of an HMAC session that is bound to nothing.
    let begin = [
        &[0x80, 1, 0, 0, 0, 59, 0, 0, 1, 0x76][..],
        &[0x40, 0, 0, 7, 0x40, 0, 0, 7, 0, 32],
        &[0; 32],
        &[0, 0, 0, 0, 0x10, 0, 0x0b],
    ]
    .concat();
    for (code, empty) in [(0x902, "-t"), (0x903, "-l")] {
        for _ in 0..3 {
            if code == 0x902 {
                tpm.run("tpm2_createprimary -c other.ctx");
            } else {
                Relay::new(&tpm.socket()).pass(&begin);
            }
        }
        match sign(&key) {
            Err(key::Error::TpmRefused {
                code: refused,
                words,
                ..
            }) => {
                assert_eq!(refused, code);
                assert!(words.contains("other programs"), "{words}");
            }
            other => panic!("{other:?}"),
        }
        tpm.run(&format!("tpm2_flushcontext {empty}"));
        sign(&key).unwrap();
    }
    tpm.assert_empty();
}

#[test]
fn a_tpm_that_nobody_has_started_says_so_and_is_not_started() {
    let made = SoftwareTpm::new();
    made.genpkey("key.pem", "-algorithm EC -pkeyopt group:P-256");
    let tpm = SoftwareTpm::with_flags("not-need-init");
    for _ in 0..2 {
        let error = sign(&tpm.open(&made.der("key.pem"), None).unwrap()).unwrap_err();
        assert!(
            matches!(error, key::Error::TpmRefused { code: 0x100, .. }),
            "{error:?}"
        );
    }
}
