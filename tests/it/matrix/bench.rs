//! Running cases, each of which is a line: how its material is made, with which
//! options it is used, and what the verifier must then have seen.

use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Run, Sandbox, program, tool};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};

use super::material::Material;
use super::verifier::Verifier;

/// A case that must be granted a session.
pub struct Granted {
    name: String,
    recipe: String,
    options: String,
    /// The leaf and the chain header's certificates, as `p256 < issuing`.
    identity: String,
}

/// A case that must fail before anything is sent.
pub struct Refused {
    name: String,
    recipe: String,
    options: String,
    code: i32,
    complaint: String,
}

/// A case that is granted. The recipe is shell text that may write to `$o`; the
/// options are shell text too and may have redirections.
pub fn granted(
    name: impl Into<String>,
    recipe: impl Into<String>,
    options: impl Into<String>,
    identity: impl Into<String>,
) -> Granted {
    Granted {
        name: name.into(),
        recipe: recipe.into(),
        options: options.into(),
        identity: identity.into(),
    }
}

/// A case that is refused with this exit code and these words on stderr.
pub fn refused(
    name: impl Into<String>,
    recipe: impl Into<String>,
    options: impl Into<String>,
    code: i32,
    complaint: impl Into<String>,
) -> Refused {
    Refused {
        name: name.into(),
        recipe: recipe.into(),
        options: options.into(),
        code,
        complaint: complaint.into(),
    }
}

/// A directory with all material and a verifier.
pub struct Bench {
    pub sandbox: Sandbox,
    verifier: Verifier,
}

impl Bench {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        Material::get().unpack(&sandbox);
        let verifier = Verifier::start(&sandbox);
        Self { sandbox, verifier }
    }

    /// Runs the cases one after the other, and fails with all that went wrong.
    pub fn grants(&self, cases: impl IntoIterator<Item = Granted>) {
        let judge = |case: Granted| {
            self.granted(&case)
                .err()
                .map(|wrong| format!("{}: {wrong}", case.name))
        };
        let wrong: Vec<String> = cases.into_iter().filter_map(judge).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// As [`Bench::grants`], for cases that fail, of which none may send
    /// anything. `limit` bounds each of them. Many wait for a rotation that does
    /// not come, so several run at a time.
    pub fn refuses(&self, limit: Duration, cases: impl IntoIterator<Item = Refused>) {
        let cases: Vec<Refused> = cases.into_iter().collect();
        let next = AtomicUsize::new(0);
        let wrong = Mutex::new(Vec::new());
        let before = self.requests();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(reason) = self.refused(case, limit) {
                            let mut wrong = wrong.lock().unwrap();
                            wrong.push(format!("{}: {reason}", case.name));
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(self.requests(), before, "something was sent");
    }

    /// Makes the material and becomes the program.
    pub fn command(&self, name: &str, recipe: &str, options: &str) -> Command {
        let script = format!(
            "set -eu; umask 077; exec 8>&1 9>&2 >\"$o.log\" 2>&1\n\
             {recipe}\n\
             : >\"$o.begun\"; exec >&8 2>&9 8>&- 9>&-\n\
             exec timeout 60 '{}' credential-process --no-cache --trust-anchor-arn {TRUST_ANCHOR_ARN} \
             --profile-arn {PROFILE_ARN} --role-arn {ROLE_ARN} --endpoint {} {options}",
            program(),
            self.verifier.url()
        );
        let mut command = Command::new("sh");
        self.sandbox.scrub(&mut command);
        command
            .args(["-c", &script])
            .env("o", output_of(name))
            .env("PYTHON", tool("python"));
        command
    }

    /// Runs a case to its end and looks for secrets in what it printed.
    pub fn run(&self, name: &str, recipe: &str, options: &str) -> Run {
        let run = self.sandbox.finish(self.command(name, recipe, options));
        let secrets = &Material::get().secrets;
        secrets.scan(run.stdout.as_bytes(), name);
        secrets.scan(run.stderr.as_bytes(), name);
        run
    }

    /// How many requests the verifier has got.
    pub fn requests(&self) -> usize {
        self.verifier.seen().len()
    }

    /// Judges a run that must have printed the credentials of the newest
    /// request, and gives the request's identity.
    pub fn identity_of(&self, run: &Run) -> Result<String, String> {
        if run.code != 0 {
            return Err(format!("{run:#?}"));
        }
        let seen = self.verifier.seen().pop().ok_or("no request came")?;
        let document: Value = serde_json::from_str(&run.stdout)
            .map_err(|error| format!("stdout is not one JSON document: {error}: {run:#?}"))?;
        let expected = [
            ("AccessKeyId", seen["key_id"].as_str().unwrap()),
            ("SecretAccessKey", "made-up/secret+key"),
            ("SessionToken", "made-up/session+token=="),
        ];
        for (name, value) in expected {
            if document[name] != value || document["Version"] != 1 {
                return Err(format!("{name} is not {value}: {document}"));
            }
        }
        let named = |value: &Value| Material::get().name_of(value.as_str().unwrap());
        let leaf = named(&seen["leaf"]);
        let algorithm = match leaf.as_str() {
            name if name.starts_with("rsa") => "AWS4-X509-RSA-SHA256",
            name if name.starts_with("mldsa") => "AWS4-X509-MLDSA",
            _ => "AWS4-X509-ECDSA-SHA256",
        };
        if seen["verified"] != true || seen["algorithm"] != algorithm {
            return Err(format!("the verifier says: {seen}"));
        }
        let chain = seen["chain"].as_array().cloned().unwrap_or_default();
        let identity: Vec<String> = std::iter::once(leaf)
            .chain(chain.iter().map(named))
            .collect();
        Ok(identity.join(" < "))
    }

    fn granted(&self, case: &Granted) -> Result<(), String> {
        let before = self.requests();
        let run = self.run(&case.name, &case.recipe, &case.options);
        let identity = self.identity_of(&run).map_err(|wrong| {
            let recipe = self.sandbox.read(&format!("{}.log", output_of(&case.name)));
            format!("{wrong}\nits recipe said: {recipe}")
        })?;
        if identity != case.identity {
            return Err(format!("{identity} instead of {}", case.identity));
        }
        if !run.stderr.is_empty() {
            return Err(format!("it complained: {}", run.stderr));
        }
        match self.requests() - before {
            1 => Ok(()),
            count => Err(format!("{count} requests")),
        }
    }

    fn refused(&self, case: &Refused, limit: Duration) -> Result<(), String> {
        let output = output_of(&case.name);
        let run = self.run(&case.name, &case.recipe, &case.options);
        let begun = fs::metadata(self.sandbox.path(&format!("{output}.begun")))
            .and_then(|metadata| metadata.modified())
            .map_err(|_| self.sandbox.read(&format!("{output}.log")))?;
        let took = begun.elapsed().unwrap_or_default();
        let lines = |prefix: &str| {
            let lines = run.stderr.lines();
            lines.filter(|line| line.starts_with(prefix)).count()
        };
        let as_expected = run.code == case.code
            && run.stdout.is_empty()
            && run.stderr.contains(&case.complaint)
            && lines("error: ") == 1
            // What cannot be typed is answered by the option parser, in its way.
            && lines("hint: ") + lines("For more information, try '--help'.") == 1
            && !run.stderr.contains("panicked")
            && took < limit;
        if as_expected {
            Ok(())
        } else {
            Err(format!("after {took:?}: {run:#?}"))
        }
    }
}

/// What `$o` is in a case.
fn output_of(name: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            '-'
        }
    };
    format!("case-{}", name.chars().map(plain).collect::<String>())
}
