//! Making tokens, and running a test again beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use windlass::key::PublicKey;

use crate::harness::{Run, Sandbox, capture};

use super::MESSAGE;

/// The PIN of every token; distinctive, so that it can be looked for.
pub const PIN: &str = "pin-4711-pin";

/// Says in the second process where the first one has made the tokens.
const DIRECTORY: &str = "WINDLASS_TEST_TOKENS";

/// A directory with tokens of SoftHSM, key pairs and certificates.
pub(super) struct Tokens {
    directory: PathBuf,
}

/// Runs `prepare`, then the test of this name again in a process of its own,
/// where `check` runs beside what was prepared.
pub(super) fn with(name: &str, prepare: impl FnOnce(&Tokens), check: impl FnOnce(&Tokens)) {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        check(&Tokens {
            directory: directory.into(),
        });
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "softhsm2.conf",
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            sandbox.path("tokens").display()
        ),
    );
    fs::create_dir(sandbox.path("tokens")).unwrap();
    let tokens = Tokens {
        directory: sandbox.root().to_owned(),
    };
    prepare(&tokens);
    let mut command = tokens.command("timeout");
    command
        .arg("120")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(DIRECTORY, sandbox.root());
    let run = capture(&mut command);
    assert!(
        run.code == 0 && run.stdout.contains("1 passed"),
        "{}\n{}",
        run.stdout,
        run.stderr
    );
}

impl Tokens {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Adds a line to SoftHSM's configuration.
    pub(super) fn configure(&self, line: &str) {
        let path = self.path("softhsm2.conf");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}{line}\n")).unwrap();
    }

    /// Makes an initialised token.
    pub(super) fn token(&self, label: &str) {
        let so = ["--so-pin", "security-officer"];
        let arguments = ["--init-token", "--free", "--label", label, "--pin", PIN];
        self.ok(self.command("softhsm2-util").args(arguments).args(so));
    }

    /// Makes a key pair of a type and a certificate for it, in files.
    pub(super) fn pair(&self, name: &str, kind: &str) {
        let options: &[&str] = match kind {
            "rsa" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "p256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "p384" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "p521" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            other => panic!("{other}"),
        };
        let file = |form: &str| format!("{name}.{form}");
        let openssl = || self.command("openssl");
        self.ok(openssl()
            .arg("genpkey")
            .args(options)
            .args(["-out", &file("key")]));
        self.ok(openssl()
            .args(["req", "-x509", "-new", "-days", "30", "-outform", "DER"])
            .args(["-key", &file("key"), "-out", &file("der")])
            .args(["-subj", &format!("/CN={name}")]));
        self.ok(openssl()
            .args(["pkey", "-in", &file("key"), "-pubout"])
            .args(["-outform", "DER", "-out", &file("pub")]));
    }

    /// Puts the private and the public key into a token.
    pub(super) fn import_key(&self, token: &str, name: &str, id: &str, label: &str) {
        let key = format!("{name}.key");
        self.ok(self
            .command("softhsm2-util")
            .args(["--import", &key, "--token", token, "--label", label])
            .args(["--id", id, "--pin", PIN, "--force"]));
    }

    /// Puts the certificate into a token.
    pub(super) fn import_certificate(&self, token: &str, name: &str, id: &str, label: &str) {
        let file = format!("{name}.der");
        let object = ["--write-object", &file, "--type", "cert"];
        self.pkcs11_tool(
            token,
            &[&object[..], &["--id", id, "--label", label]].concat(),
        );
    }

    /// Runs OpenSC's tool, logged in to a token.
    pub(super) fn pkcs11_tool(&self, token: &str, arguments: &[&str]) {
        self.ok(self
            .command("pkcs11-tool")
            .arg("--module")
            .arg(library())
            .args(["--token-label", token, "--login", "--pin", PIN])
            .args(arguments));
    }

    /// The certificate of a pair.
    pub(super) fn der(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(&format!("{name}.der"))).unwrap()
    }

    /// The public key of a pair.
    pub(super) fn public_key(&self, name: &str) -> PublicKey {
        let spki = fs::read(self.path(&format!("{name}.pub"))).unwrap();
        PublicKey::from_spki(&spki).unwrap()
    }

    /// What openssl says of a signature over the tests' message.
    pub(super) fn openssl_verifies(&self, name: &str, hash: &str, signature: &[u8]) -> bool {
        fs::write(self.path("message"), MESSAGE).unwrap();
        fs::write(self.path("signature"), signature).unwrap();
        let public = format!("{name}.pub");
        let run = capture(
            self.command("openssl")
                .args(["dgst", &format!("-{hash}"), "-keyform", "DER"])
                .args(["-verify", &public, "-signature", "signature", "message"]),
        );
        run.code == 0
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .env_clear()
            .env("HOME", &self.directory)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command
    }

    fn ok(&self, command: &mut Command) -> Run {
        let run = capture(command);
        assert_eq!(run.code, 0, "{command:?}: {run:#?}");
        run
    }
}

/// Does something to the only token as its user, past the code under test.
pub(super) fn as_user(act: impl FnOnce(&Session)) {
    let module = Pkcs11::new(library()).unwrap();
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(arguments).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_rw_session(slot).unwrap();
    let pin = AuthPin::from(PIN.to_owned());
    session.login(UserType::User, Some(&pin)).unwrap();
    act(&session);
    drop(session);
    module.finalize().unwrap();
}

/// Makes a key pair in the only token, with these attributes of the halves.
pub(super) fn generate(
    mechanism: &Mechanism<'_>,
    public: &[Attribute],
    private: &[Attribute],
    label: &str,
) {
    let common = [
        Attribute::Token(true),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
    ];
    let public = [&common[..], public, &[Attribute::Verify(true)]].concat();
    let private = [&common[..], private, &[Attribute::Sign(true)]].concat();
    as_user(|session| {
        session
            .generate_key_pair(mechanism, &public, &private)
            .unwrap();
    });
}

/// SoftHSM's library, where Debian and others have it.
pub fn library() -> PathBuf {
    let candidates = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
    ];
    let found = candidates.iter().map(Path::new).find(|path| path.exists());
    found
        .expect("SoftHSM is missing: run scripts/setup-test first")
        .to_owned()
}
