//! OpenSSL, Java's keytool, NSS, GnuTLS and windlass itself, with the right
//! passphrase and with a wrong one. Python's cryptography judges beside this.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use crate::harness::{Run, Sandbox, capture};

use super::{NEW, blocks, export_workload, with_ca};

/// Another passphrase than that of the file.
const WRONG: &str = "an entirely other phrase";

const NAMES: [&str; 2] = ["web", "rsa"];

const SCHEMES: [&[&str]; 2] = [&[], &["--legacy"]];

fn run(sandbox: &Sandbox, line: &str, secret: &[&str]) -> Run {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    sandbox.scrub(&mut command);
    // Where Java and GnuTLS take text from arguments and files.
    command.env("LC_ALL", "C.UTF-8");
    capture(command.args(words).args(secret))
}

/// What all judges look at, made once: `web` and `rsa` with a file in either form,
/// each by the name of its workload, and in `wrong` a wrong passphrase.
fn with_files() -> (Sandbox, Vec<(String, String)>) {
    static MADE: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    let file = |name: &str, scheme: &[&str]| format!("{name}{}.p12", scheme.concat());
    let made = MADE.get_or_init(|| {
        let sandbox = with_ca();
        sandbox.issue("rsa", &["--key-type", "rsa2048"]);
        let mut paths = vec!["ca/trust-anchor.pem".to_owned()];
        for name in NAMES {
            paths.extend(["key.pem", "fullchain.pem"].map(|it| format!("{name}/{it}")));
            for scheme in SCHEMES {
                let file = file(name, scheme);
                let out = ["--out", &file, "--root", "ca/trust-anchor.pem"];
                export_workload(&sandbox, name, &[&out[..], scheme].concat());
                paths.push(file);
            }
        }
        let read = |path: String| (path.clone(), fs::read(sandbox.path(&path)).unwrap());
        paths.into_iter().map(read).collect()
    });
    let sandbox = Sandbox::new();
    for (path, content) in made {
        fs::create_dir_all(sandbox.path(path).parent().unwrap()).unwrap();
        sandbox.write(path, content);
    }
    sandbox.write("new", format!("{NEW}\n"));
    sandbox.write("wrong", format!("{WRONG}\n"));
    let files = NAMES.map(|name| SCHEMES.map(|scheme| (name.to_owned(), file(name, scheme))));
    (sandbox, files.concat())
}

#[test]
fn openssl_reads_both_forms() {
    let (sandbox, files) = with_files();
    for (name, file) in files {
        let open = |passphrase: &str| {
            let line = format!("openssl pkcs12 -in {file} -noenc -passin file:{passphrase}");
            run(&sandbox, &line, &[])
        };
        let opened = open("new");
        assert_eq!(opened.code, 0, "{opened:#?}");
        let found = pem::parse_many(&opened.stdout).unwrap();
        let der = |label: &str| -> Vec<String> {
            let found = found.iter().filter(|block| block.tag() == label);
            found.map(|block| hex::encode(block.contents())).collect()
        };
        assert_eq!(
            der("PRIVATE KEY"),
            blocks(&sandbox, &format!("{name}/key.pem"))
        );
        let root = blocks(&sandbox, "ca/trust-anchor.pem");
        let chain = blocks(&sandbox, &format!("{name}/fullchain.pem"));
        assert_eq!(der("CERTIFICATE"), [chain, root].concat());
        // The key and its certificate, and no other, are linked and named.
        let lines = |begin: &str| -> Vec<&str> {
            let lines = opened.stdout.lines().map(str::trim);
            lines.filter(|line| line.starts_with(begin)).collect()
        };
        let ids = lines("localKeyID: ");
        assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
        assert_eq!(
            lines("friendlyName: "),
            vec![format!("friendlyName: {name}"); 2]
        );
        let refused = open("wrong");
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(refused.stderr.contains("invalid password"), "{refused:#?}");
    }
}

#[test]
fn each_part_is_encrypted_as_it_is_said() {
    let (sandbox, _) = with_files();
    for (file, parts) in [
        (
            "web.p12",
            [
                "MAC: sha256, Iteration 300000",
                "PKCS7 Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 300000, PRF hmacWithSHA256",
                "Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 300000, PRF hmacWithSHA256",
            ],
        ),
        (
            "web--legacy.p12",
            [
                "MAC: sha1, Iteration 300000",
                "PKCS7 Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 300000",
                "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 300000",
            ],
        ),
    ] {
        let line = format!("openssl pkcs12 -in {file} -info -noout -passin file:new");
        let shown = run(&sandbox, &line, &[]).stderr;
        for part in parts {
            assert!(shown.lines().any(|line| line == part), "{part}: {shown}");
        }
        // Nothing of what is public can be read in it either.
        let bytes = fs::read(sandbox.path(file)).unwrap();
        for text in [&b"Example Corp"[..], b"\0w\0e\0b"] {
            let shows = bytes.windows(text.len()).any(|window| window == text);
            // The name of the key stands beside it.
            assert_eq!(shows, text[0] == 0, "{file}");
        }
    }
}

#[test]
fn javas_keytool_reads_both_forms() {
    let (sandbox, files) = with_files();
    for (name, file) in files {
        let list = |passphrase: &str| {
            let line =
                format!("keytool -list -v -storetype PKCS12 -keystore {file} -storepass:file");
            run(&sandbox, &line, &[passphrase])
        };
        let listed = list("new");
        assert_eq!(listed.code, 0, "{listed:#?}");
        for line in [
            &format!("Alias name: {name}"),
            "Entry type: PrivateKeyEntry",
            "Certificate chain length: 3",
        ] {
            assert!(
                listed.stdout.lines().any(|shown| shown == line),
                "{listed:#?}"
            );
        }
        let refused = list("wrong");
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(
            refused.stdout.contains("password was incorrect"),
            "{refused:#?}"
        );
    }
    // Listing opens the certificates alone.
    let import = "keytool -importkeystore -srcstoretype PKCS12 -srckeystore web.p12 -srcstorepass:file new -destkeystore java.p12 -deststorepass:file new";
    let imported = run(&sandbox, import, &[]);
    assert_eq!(imported.code, 0, "{imported:#?}");
    let read = "openssl pkcs12 -in java.p12 -noenc -nocerts -passin file:new";
    let read = run(&sandbox, read, &[]).stdout;
    let key = pem::parse(&read).unwrap();
    assert_eq!(
        [hex::encode(key.contents())][..],
        blocks(&sandbox, "web/key.pem")[..]
    );
}

#[test]
fn nss_reads_both_forms() {
    let (sandbox, files) = with_files();
    for (name, file) in files {
        let database = format!("nss-{file}");
        fs::create_dir(sandbox.path(&database)).unwrap();
        let line = format!("certutil -N --empty-password -d {database}");
        assert_eq!(run(&sandbox, &line, &[]).code, 0);
        let import = |passphrase: &str| {
            let line = format!("pk12util -i {file} -d {database} -w {passphrase}");
            run(&sandbox, &line, &[])
        };
        let refused = import("wrong");
        assert_ne!(refused.code, 0, "{refused:#?}");
        assert!(
            refused.stderr.contains("SEC_ERROR_BAD_PASSWORD"),
            "{refused:#?}"
        );
        let imported = import("new");
        assert_eq!(imported.code, 0, "{imported:#?}");
        // The key is that of the certificate of this name.
        let keys = run(&sandbox, &format!("certutil -K -d {database}"), &[]).stdout;
        assert!(keys.trim_end().ends_with(&name), "{keys}");
        let listed = run(&sandbox, &format!("certutil -L -d {database}"), &[]).stdout;
        assert_eq!(listed.matches(" CA - Example Corp").count(), 2, "{listed}");
    }
}

#[test]
fn gnutls_reads_both_forms() {
    let (sandbox, files) = with_files();
    for (name, file) in files {
        let read = |passphrase: &str| {
            let line = format!("certtool --p12-info --inder --infile {file} --password");
            run(&sandbox, &line, &[passphrase])
        };
        let found = read(NEW);
        assert_eq!(found.code, 0, "{found:#?}");
        assert!(!found.stderr.contains("rror"), "{found:#?}");
        let named = format!("\tFriendly name: {name}\n");
        assert_eq!(found.stdout.matches(&named).count(), 2, "{found:#?}");
        assert_eq!(
            found.stdout.matches("BEGIN CERTIFICATE").count(),
            3,
            "{found:#?}"
        );
        // It shows the key as it is encrypted.
        let key = found
            .stdout
            .find("-----BEGIN ENCRYPTED PRIVATE KEY")
            .unwrap();
        sandbox.write("encrypted.pem", &found.stdout[key..]);
        let decrypt =
            "openssl pkcs8 -in encrypted.pem -provider legacy -provider default -passin file:new";
        let key = pem::parse(run(&sandbox, decrypt, &[]).stdout).unwrap();
        assert_eq!(
            [hex::encode(key.contents())][..],
            blocks(&sandbox, &format!("{name}/key.pem"))[..]
        );
        let refused = read(WRONG);
        assert_ne!(refused.code, 0, "{refused:#?}");
    }
}

#[test]
fn windlass_reads_both_forms() {
    let (sandbox, files) = with_files();
    for (name, file) in files {
        let show = ["key", "show", "--certificate", &file, "--passphrase-file"];
        let shown = sandbox.ok(&[&show[..], &["new"]].concat());
        assert!(shown.stdout.contains(&format!("CN={name}\n")), "{shown:#?}");
        assert!(
            shown.stdout.contains("chain            O=Example Corp"),
            "{shown:#?}"
        );
        let refused = sandbox.run(&[&show[..], &["wrong"]].concat());
        assert_eq!(refused.code, 4, "{refused:#?}");
        assert!(
            refused.stderr.contains("the passphrase does not open"),
            "{refused:#?}"
        );
    }
}

/// A passphrase that no code page has. Java takes none beyond ASCII, of which the
/// program warns.
#[test]
fn a_passphrase_beyond_ascii_opens_the_file_almost_everywhere() {
    let sandbox = with_ca();
    let wide = "Grüße-Пароль-密碼-😀-staple";
    sandbox.write("wide", format!("{wide}\n"));
    for scheme in SCHEMES {
        let wide_file = ["--new-passphrase-file", "wide", "--force"];
        let made = export_workload(&sandbox, "web", &[&wide_file[..], scheme].concat());
        assert!(
            made.stderr
                .starts_with("warning: the passphrase is not ASCII"),
            "{made:#?}"
        );
        assert_eq!(made.stderr.lines().count(), 1);
        for (line, secret) in [
            (
                "openssl pkcs12 -in out.p12 -noout -passin file:wide",
                &[][..],
            ),
            (
                "certtool --p12-info --inder --infile out.p12 --password",
                &[wide],
            ),
            ("pk12util -l out.p12 -w wide", &[]),
        ] {
            let opened = run(&sandbox, line, secret);
            assert_eq!(opened.code, 0, "{line}: {opened:#?}");
            assert!(!opened.stderr.contains("rror"), "{line}: {opened:#?}");
        }
        let java = "keytool -list -storetype PKCS12 -keystore out.p12 -storepass:file wide";
        assert_eq!(run(&sandbox, java, &[]).code, 1);
        let show = ["key", "show", "--certificate", "out.p12"];
        sandbox.ok(&[&show[..], &["--passphrase-file", "wide"]].concat());
    }
}
