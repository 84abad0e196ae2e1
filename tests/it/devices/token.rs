//! A token of SoftHSM with whatever a test puts into it, and the program that
//! is told where it is.

use std::fs;
use std::process::Command;

use crate::harness::{Run, Sandbox, capture};
use crate::issuer::{self, AUTHORITY, LEAF, Wanted};
use crate::pkcs11::tokens::{PIN, library};

/// The options that give the PIN.
pub const PIN_FILE: [&str; 2] = ["--passphrase-file", "pin"];

/// How a URI names the token in what the program prints.
pub const BOX: &str = "model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=[SERIAL];token=box";

/// A sandbox with one token, labelled `box`.
pub struct Token {
    pub sandbox: Sandbox,
}

impl Token {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let tokens = sandbox.path("tokens");
        fs::create_dir(&tokens).unwrap();
        sandbox.write(
            "softhsm2.conf",
            format!(
                "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
                tokens.display()
            ),
        );
        sandbox.write("pin", format!("{PIN}\n"));
        sandbox.write("wrong", "pin-0815-pin\n");
        let token = Self { sandbox };
        token.tool("softhsm2-util", &init("box"));
        token
    }

    /// Adds a second token.
    pub fn and(&self, label: &str) {
        self.tool("softhsm2-util", &init(label));
    }

    /// Makes the certificates `one`, `two` below it, and below that the leaves
    /// `ec` and `rsa`.
    pub fn make_certificates(&self) {
        issuer::root(&self.sandbox);
        for (name, key, extensions, issuer, serial) in [
            ("one", "issuing", AUTHORITY, "root", "3001"),
            ("two", "p384", AUTHORITY, "one", "3002"),
            ("ec", "p256", LEAF, "two", "3003"),
            ("rsa", "rsa2048", LEAF, "two", "3004"),
            ("stranger", "p256-other", AUTHORITY, "root", "3005"),
        ] {
            let subject = format!("/O=Example Corp/CN={name}");
            issuer::issue(
                &self.sandbox,
                Wanted {
                    name,
                    key,
                    subject: &subject,
                    serial,
                    extensions,
                    issuer,
                },
            );
        }
    }

    /// Puts `NAME.key` into the token.
    pub fn put_key(&self, name: &str, id: &str) {
        self.tool(
            "softhsm2-util",
            &[
                ["--import", &format!("{name}.key"), "--token", "box"].as_slice(),
                &["--label", name, "--id", id, "--pin", PIN],
            ]
            .concat(),
        );
    }

    /// Puts `NAME.pem` into the token, for everybody to see.
    pub fn put_certificate(&self, name: &str, id: &str) {
        self.put(name, id, &[]);
    }

    /// Puts `NAME.pem` into the token, for its user to see.
    pub fn put_private_certificate(&self, name: &str, id: &str) {
        self.put(name, id, &["--private"]);
    }

    fn put(&self, name: &str, id: &str, options: &[&str]) {
        let (pem, der) = (format!("{name}.pem"), format!("{name}.der"));
        issuer::openssl(
            &self.sandbox,
            &["x509", "-in", &pem, "-outform", "DER", "-out", &der],
        );
        self.tool(
            "pkcs11-tool",
            &[
                ["--module", library().to_str().unwrap()].as_slice(),
                &["--token-label", "box", "--login", "--pin", PIN],
                &["--write-object", &der, "--type", "cert"],
                &["--id", id, "--label", name],
                options,
            ]
            .concat(),
        );
    }

    /// A token with both leaves and their keys, their issuers, the root, and a
    /// certificate that belongs to nobody's chain.
    pub fn full() -> Self {
        let token = Self::new();
        token.make_certificates();
        for (name, id) in [("ec", "01"), ("rsa", "02")] {
            token.put_key(name, id);
            token.put_certificate(name, id);
        }
        for (name, id) in [("stranger", "10"), ("two", "11"), ("root", "12")] {
            token.put_certificate(name, id);
        }
        token.put_certificate("one", "13");
        token
    }

    /// The program under test, told where the token is and which module has it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command
            .env("SOFTHSM2_CONF", self.sandbox.path("softhsm2.conf"))
            .env("WINDLASS_PKCS11_LIB", library())
            .args(arguments);
        command
    }

    /// Runs it. Nothing that it prints holds the PIN, and the token's serial
    /// number, which is random, is replaced.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finish(self.command(arguments))
    }

    /// As [`Token::run`] for a prepared command.
    pub fn finish(&self, command: Command) -> Run {
        let mut run = self.sandbox.finish(command);
        for output in [&mut run.stdout, &mut run.stderr] {
            assert!(!output.contains(PIN), "PIN in output: {output}");
            *output = without_serial(output);
        }
        run
    }

    fn tool(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        self.sandbox.scrub(&mut command);
        command.env("SOFTHSM2_CONF", self.sandbox.path("softhsm2.conf"));
        let run = capture(command.args(arguments));
        assert_eq!(run.code, 0, "{program} {arguments:?}: {run:#?}");
    }
}

fn init(label: &str) -> [&str; 8] {
    let so = "security-officer";
    [
        "--init-token",
        "--free",
        "--label",
        label,
        "--pin",
        PIN,
        "--so-pin",
        so,
    ]
}

fn without_serial(text: &str) -> String {
    const BEGIN: &str = ";serial=";
    let mut parts = text.split(BEGIN);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        shown.push_str(BEGIN);
        shown.push_str("[SERIAL]");
        shown.push_str(&part[digits..]);
    }
    shown
}
