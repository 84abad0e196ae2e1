//! A verb shows the options that it reads, and no other: each that is shown is
//! tried where it matters, and has an effect.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Run, Sandbox, testdata};
use crate::issuer::openssl;
use crate::workload::Workload;

/// Options of every verb, which are tested as such.
const COMMON: [&str; 6] = [
    "debug",
    "error-format",
    "help",
    "log-file",
    "syslog",
    "verbose",
];

/// What takes a token, of which the tests below pkcs11/ have several.
const WITH_A_TOKEN: &[&str] = if cfg!(feature = "pkcs11") {
    &["reuse-pin"]
} else {
    &["reuse-pin", "pkcs11-lib"]
};

/// An option, the run in which it matters, and what the run then says, which it
/// does not say without the option.
type Trial = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const DATA: &[Trial] = &[
    ("--identity no-such", "", "the identity no-such cannot be read"),
    ("--certificate no-such", "", "no-such cannot be read"),
    ("--cert-selector file://no-such", "--certificate fullchain.pem", "no-such cannot be read"),
    #[cfg(feature = "pkcs11")]
    ("--pkcs11-lib no-such", "--certificate pkcs11:object=x", "no-such"),
    ("--passphrase-from env:NONE", "--certificate sealed.p12", "NONE"),
    ("--passphrase-file no-such", "--certificate sealed.p12", "no-such"),
    ("--passphrase-fd 77", "--certificate sealed.p12", "77"),
    ("--passphrase-env NONE", "--certificate sealed.p12", "NONE"),
    ("--passphrase-credential none", "--certificate sealed.p12", "none"),
    ("--pkcs8-password wrong", "--certificate sealed.p12", "does not open"),
];

#[rustfmt::skip]
const SIGN: &[Trial] = &[
    ("--identity no-such", "", "the identity no-such cannot be read"),
    ("--private-key no-such", "", "no-such cannot be read"),
    ("--certificate no-such", "--private-key key.pem", "no-such cannot be read"),
    ("--cert-selector file://no-such", "--private-key key.pem", "no-such cannot be read"),
    ("--use-latest-expiring-certificate", "--certificate two.pem --cert-selector file://both", "holds no private key"),
    #[cfg(feature = "pkcs11")]
    ("--pkcs11-lib no-such", "--private-key pkcs11:object=x", "no-such"),
    ("--signer-command no-such", "--certificate fullchain.pem", "the command no-such failed"),
    ("--signer-input nothing", "--certificate fullchain.pem --signer-command cat", "invalid value 'nothing'"),
    ("--tpm-device no-such", "--private-key handle:0x81000001", "no-such"),
    ("--allow-insecure-key-permissions", "--private-key open.pem", "\""),
    ("--tpm-key-password wrong", "--private-key sealed.pem", "does not open"),
    ("--no-tpm-key-password", "--private-key sealed.pem", "does not open"),
    ("--passphrase-from env:NONE", "--private-key sealed.pem", "NONE"),
    ("--passphrase-file no-such", "--private-key sealed.pem", "no-such"),
    ("--passphrase-fd 77", "--private-key sealed.pem", "77"),
    ("--passphrase-env NONE", "--private-key sealed.pem", "NONE"),
    ("--passphrase-credential none", "--private-key sealed.pem", "none"),
    ("--pkcs8-password wrong", "--private-key sealed.pem", "does not open"),
    ("--digest SHA3", "--private-key key.pem", "invalid value 'SHA3'"),
    ("--format xml", "--private-key key.pem", "invalid value 'xml'"),
];

const WHOLE: &str = "--certificate fullchain.pem --private-key key.pem";

#[rustfmt::skip]
const EXPORT: &[Trial] = &[
    ("--identity no-such", "", "the identity no-such cannot be read"),
    ("--certificate no-such", "--private-key key.pem", "no-such cannot be read"),
    ("--cert-selector file://no-such", WHOLE, "no-such cannot be read"),
    #[cfg(feature = "pkcs11")]
    ("--pkcs11-lib no-such", "--certificate pkcs11:object=x --private-key key.pem", "no-such"),
    ("--private-key no-such", "--certificate fullchain.pem", "no-such cannot be read"),
    ("--intermediates no-such", WHOLE, "no-such cannot be read"),
    ("--root root.pem", WHOLE, "Root"),
    ("--allow-insecure-key-permissions", "--certificate fullchain.pem --private-key open.pem", "belongs to none"),
    ("--out other.p12", WHOLE, "wrote other.p12"),
    ("--force", "--certificate fullchain.pem --private-key key.pem --out other.p12", "wrote other.p12"),
    ("--name another", WHOLE, "name           another"),
    ("--legacy", WHOLE, "3DES"),
    ("--new-passphrase-from env:NONE", WHOLE, "NONE"),
    ("--new-passphrase-file no-such", WHOLE, "no-such"),
    ("--passphrase-from env:NONE", "--private-key sealed.pem", "NONE"),
    ("--passphrase-file no-such", "--private-key sealed.pem", "no-such"),
    ("--passphrase-fd 77", "--private-key sealed.pem", "77"),
    ("--passphrase-env NONE", "--private-key sealed.pem", "NONE"),
    ("--passphrase-credential none", "--private-key sealed.pem", "none"),
    ("--json", WHOLE, "friendlyName"),
];

/// What a run needs that is about another option.
fn completed(verb: &str, line: &str) -> String {
    let mut line = line.to_owned();
    if verb == "key export-pkcs12" {
        for (option, more) in [
            ("--out", " --out out.p12 --force"),
            ("--new-passphrase", " --new-passphrase-file passphrase"),
        ] {
            if !line.contains(option) {
                line.push_str(more);
            }
        }
    }
    line
}

/// Files for all trials.
fn prepare() -> Workload {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let read = |name: &str| fs::read(testdata(name)).unwrap();
    sandbox.write("sealed.pem", read("keys/p256-encrypted.pem"));
    sandbox.write("open.pem", read("keys/p256.pem"));
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(sandbox.path("open.pem"), mode).unwrap();
    let both = [read("certs/leaf.pem"), read("certs/leaf-p384.pem")].concat();
    sandbox.write("two.pem", both);
    let both = r#"[{"Key": "x509Issuer", "Value": "CN=Test Root,O=Example Corp"}]"#;
    sandbox.write("both", both);
    let export = "pkcs12 -export -in fullchain.pem -inkey key.pem -passout pass:x -out sealed.p12";
    openssl(sandbox, &export.split(' ').collect::<Vec<_>>());
    fs::set_permissions(sandbox.path("sealed.p12"), PermissionsExt::from_mode(0o600)).unwrap();
    workload
}

fn run(sandbox: &Sandbox, line: &str) -> Run {
    sandbox.run(&line.split_whitespace().collect::<Vec<_>>())
}

/// The long options that a verb's help shows.
fn shown(sandbox: &Sandbox, verb: &str) -> BTreeSet<String> {
    let help = run(sandbox, &format!("{verb} -h")).stdout;
    let lines = help.lines().map(str::trim_start);
    let options = lines.filter(|line| line.starts_with('-'));
    let names = options.filter_map(|line| line.split_once("--")?.1.split([' ', '[', '=']).next());
    names.map(str::to_owned).collect()
}

#[test]
fn each_option_that_a_verb_shows_has_an_effect() {
    let workload = prepare();
    let sandbox = &workload.sandbox;
    for (verb, trials) in [
        ("read-certificate-data", DATA),
        ("sign-string", SIGN),
        ("key export-pkcs12", EXPORT),
    ] {
        let mut untried = shown(sandbox, verb);
        assert!(untried.len() > 10, "{untried:?}");
        for name in COMMON.iter().chain(WITH_A_TOKEN) {
            untried.remove(*name);
        }
        untried.remove("version");
        for (option, rest, says) in trials {
            let of = |line: &str| run(sandbox, &format!("{verb} {}", completed(verb, line)));
            let (with, without) = (of(&format!("{rest} {option}")), of(rest));
            let said = |run: &Run| format!("{}{}", run.stdout, run.stderr).contains(says);
            assert!(said(&with), "{verb} {option}: {with:#?}");
            assert!(!said(&without), "{verb} {rest}: {without:#?}");
            let name = option.split(' ').next().unwrap().trim_start_matches("--");
            untried.remove(name);
        }
        assert!(
            untried.is_empty(),
            "{verb} shows what no trial reads: {untried:?}"
        );
    }
}

#[test]
fn what_a_verb_does_not_read_it_does_not_take() {
    let sandbox = Sandbox::new();
    for line in [
        "read-certificate-data --certificate c --private-key k",
        "read-certificate-data --certificate c --signer-command s",
        "read-certificate-data --certificate c --tpm-device t",
        "read-certificate-data --certificate c --intermediates i",
        "sign-string --private-key k --intermediates i",
    ] {
        let run = run(&sandbox, line);
        assert_eq!(run.code, 2, "{line}: {run:#?}");
        assert!(
            run.stderr.contains("unexpected argument"),
            "{line}: {run:#?}"
        );
    }
}
