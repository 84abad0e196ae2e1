//! A software TPM of its own for each test, and other people's tools on it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use windlass::der;
use windlass::key::{self, Hash, Scheme, Signer, TpmDevice, TpmKey, open_tpm_handle, open_tss2};
use windlass::secret::Secret;

use crate::harness::Sandbox;

/// What the tests sign; as long as a string to sign.
pub const MESSAGE: &[u8] = &[0x5a; 150];

/// A running swtpm; dropping it ends its process.
pub struct SoftwareTpm {
    pub sandbox: Sandbox,
    child: Child,
}

impl SoftwareTpm {
    /// Starts one as firmware would have.
    pub fn new() -> Self {
        Self::with_flags("not-need-init,startup-clear")
    }

    pub fn with_flags(flags: &str) -> Self {
        let sandbox = Sandbox::new();
        let mut command = Command::new("swtpm");
        sandbox.scrub(&mut command);
        let child = command
            .args(["socket", "--tpm2", "--tpmstate", "dir=.", "--flags", flags])
            .args(["--server", "type=unixio,path=tpm.sock"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swtpm is missing: run scripts/setup-test first");
        let tpm = Self { sandbox, child };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !tpm.socket().exists() {
            assert!(Instant::now() < deadline, "swtpm is not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        tpm
    }

    pub fn socket(&self) -> PathBuf {
        self.sandbox.path("tpm.sock")
    }

    pub fn device(&self) -> TpmDevice {
        TpmDevice::new(Some(&self.socket()))
    }

    /// Runs a program in the sandbox against this TPM, and expects success.
    pub fn run(&self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        let bridge = format!("cmd:socat - UNIX-CONNECT:{}", self.socket().display());
        let mut command = Command::new(words[0]);
        self.sandbox.scrub(&mut command);
        let output = command
            .args(&words[1..])
            .env("TPM2TOOLS_TCTI", &bridge)
            .env("TPM2OPENSSL_TCTI", &bridge)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}: run scripts/setup-test", words[0]));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes a key file with the OpenSSL provider.
    pub fn genpkey(&self, name: &str, options: &str) {
        self.run(&format!(
            "openssl genpkey -provider tpm2 -provider default -propquery ?provider=tpm2 {options} -out {name}"
        ));
    }

    /// Makes a storage key with tpm2-tools and puts it at 0x81000001.
    pub fn persistent_parent(&self, options: &str) {
        self.run(&format!("tpm2_createprimary -C o -c parent.ctx {options}"));
        self.run("tpm2_evictcontrol -C o -c parent.ctx 0x81000001");
        self.run("tpm2_flushcontext -t");
    }

    /// Makes the halves `name.pub` and `name.priv` of a key below a parent.
    pub fn create(&self, name: &str, parent: &str, options: &str) {
        self.run(&format!(
            "tpm2_create -C {parent} -u {name}.pub -r {name}.priv {options}"
        ));
        self.run("tpm2_flushcontext -t");
    }

    /// The key file's content from halves that `create` has made.
    pub fn wrapped(&self, name: &str, options: &[u8], parent: u32) -> Vec<u8> {
        let half = |kind| std::fs::read(self.sandbox.path(&format!("{name}.{kind}"))).unwrap();
        let number = [&[0][..], &parent.to_be_bytes()].concat();
        der::write_all(
            der::SEQUENCE,
            &[
                &[6, 6, 0x67, 0x81, 0x05, 0x0a, 1, 3],
                options,
                &der::write(der::INTEGER, &number),
                &der::write(der::OCTET_STRING, &half("pub")),
                &der::write(der::OCTET_STRING, &half("priv")),
            ],
        )
    }

    /// The content of a key file's PEM block.
    pub fn der(&self, name: &str) -> Vec<u8> {
        let block = pem::parse(self.sandbox.read(name)).unwrap();
        assert_eq!(block.tag(), "TSS2 PRIVATE KEY");
        block.contents().to_vec()
    }

    /// Opens a key file's content.
    pub fn open(&self, der: &[u8], password: Option<&str>) -> Result<TpmKey, key::Error> {
        open_tss2(der, "key.pem", &self.device(), &mut |_| {
            Ok(secret(password))
        })
    }

    /// Opens a key by its handle.
    pub fn open_handle(&self, handle: &str, password: Option<&str>) -> Result<TpmKey, key::Error> {
        open_tpm_handle(handle.parse().unwrap(), &self.device(), &mut |_| {
            Ok(secret(password))
        })
    }

    /// OpenSSL's judgement on a signature over [`MESSAGE`].
    pub fn openssl_verifies(&self, key: &TpmKey, signature: &[u8]) {
        let public = pem::encode(&pem::Pem::new("PUBLIC KEY", key.public_key().spki()));
        self.sandbox.write("public.pem", public);
        self.sandbox.write("message", MESSAGE);
        self.sandbox.write("signature", signature);
        let said = self.run("openssl dgst -sha256 -verify public.pem -signature signature message");
        assert!(said.contains("Verified OK"), "{said}");
    }

    /// No object and no session of ours may be left.
    pub fn assert_empty(&self) {
        for kind in ["handles-transient", "handles-loaded-session"] {
            assert_eq!(
                self.run(&format!("tpm2_getcap {kind}")).trim(),
                "",
                "{kind}"
            );
        }
    }

    /// How many wrong passwords the TPM has counted.
    pub fn wrong_passwords(&self) -> u32 {
        let properties = self.run("tpm2_getcap properties-variable");
        let (_, after) = properties.split_once("TPM2_PT_LOCKOUT_COUNTER: ").unwrap();
        let number = after.lines().next().unwrap().trim();
        u32::from_str_radix(number.trim_start_matches("0x"), 16).unwrap()
    }
}

impl Drop for SoftwareTpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The scheme in which such a key signs requests.
pub fn scheme(key: &TpmKey) -> Scheme {
    match key.public_key().algorithm() {
        key::KeyAlgorithm::Rsa { .. } => Scheme::RsaPkcs1(Hash::Sha256),
        _ => Scheme::DeterministicEcdsa(Hash::Sha256),
    }
}

/// Signs [`MESSAGE`] and verifies with ring, where ring knows the curve.
pub fn sign(key: &TpmKey) -> Result<Vec<u8>, key::Error> {
    let scheme = scheme(key);
    let signature = key.sign(scheme, MESSAGE)?;
    let known = key.public_key().algorithm() != key::KeyAlgorithm::EcP521;
    assert!(!known || key.public_key().verify(scheme, MESSAGE, &signature));
    Ok(signature)
}

pub fn secret(password: Option<&str>) -> Option<Secret> {
    password.map(|text| Secret::from(text.to_owned()))
}
