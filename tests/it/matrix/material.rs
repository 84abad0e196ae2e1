//! The keys and certificates that all cases start from, made once.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::harness::{Sandbox, capture, client_script, tool};

use super::secrets::Secrets;

/// A passphrase that no code page has.
pub const WIDE_PASSPHRASE: &str = "Grüße-Пароль-密碼-😀-staple";

/// Files by their names, and what is known about them.
pub struct Material {
    files: BTreeMap<String, Vec<u8>>,
    names: BTreeMap<String, String>,
    pub secrets: Secrets,
}

impl Material {
    /// What tests/clients/identities.sh and ml_dsa_identities.py make, with
    /// `passphrase`, `wide` (a passphrase beyond ASCII) and `chain` (the
    /// intermediates).
    pub fn get() -> &'static Self {
        static MATERIAL: OnceLock<Material> = OnceLock::new();
        MATERIAL.get_or_init(Self::make)
    }

    /// Writes all of it into a sandbox.
    pub fn unpack(&self, sandbox: &Sandbox) {
        for (name, content) in &self.files {
            sandbox.write(name, content);
        }
    }

    /// The name of the certificate with this SHA-256.
    pub fn name_of(&self, fingerprint: &str) -> String {
        self.names
            .get(fingerprint)
            .cloned()
            .unwrap_or_else(|| format!("an unknown certificate {fingerprint}"))
    }

    fn make() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("wide", format!("{WIDE_PASSPHRASE}\n"));
        let mut shell = Command::new("sh");
        shell.arg(client_script("identities.sh"));
        let mut python = Command::new(tool("python"));
        python
            .arg(client_script("ml_dsa_identities.py"))
            .arg(sandbox.root());
        for mut command in [shell, python] {
            sandbox.scrub(&mut command);
            let run = capture(&mut command);
            assert_eq!(run.code, 0, "{run:#?}");
        }
        let intermediates = sandbox.read("issuing.crt") + &sandbox.read("policy.crt");
        sandbox.write("chain", intermediates);
        let files: BTreeMap<String, Vec<u8>> = fs::read_dir(sandbox.root())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        let mut names = BTreeMap::new();
        let (mut keys, mut certificates) = (Vec::new(), Vec::new());
        for (name, content) in &files {
            if let Some(name) = name.strip_suffix(".crt") {
                let der = pem::parse(content).unwrap().into_contents();
                names.insert(hex::encode(Sha256::digest(&der)), name.to_owned());
                certificates.push(der);
            } else if name.ends_with(".pem") && !name.contains("locked") {
                keys.push(pem::parse(content).unwrap().into_contents());
            }
        }
        Self {
            files,
            names,
            secrets: Secrets::new(&keys, &certificates),
        }
    }
}
