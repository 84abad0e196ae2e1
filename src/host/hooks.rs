//! Programs that are told of a rotation: before the switch, and after it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::rfc3339;
use crate::limits;
use crate::pki::SerialNumber;
use crate::process::{CommandLine, Variable};

use super::bearing::Bearing;

/// When a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the new version is in force. A hook that fails then keeps it from
    /// being so, and those behind it are not run.
    Before,
    /// Afterwards. Each is run, whatever becomes of the others.
    After,
}

impl When {
    /// The word for it, as in `$WINDLASS_HOOK`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// What a hook is told, each in the variable that is named.
#[derive(Clone, Debug)]
pub struct HookFacts {
    /// `WINDLASS_HOOK_IDENTITY`: the identity's directory.
    pub identity: PathBuf,
    /// `WINDLASS_HOOK_VERSION`: the new version's name, as in `v0007`.
    pub version: String,
    /// `WINDLASS_HOOK_CERTIFICATE`: where the certificate is once the new version is in
    /// force, as services name it; `None` where it is not kept.
    pub certificate: Option<PathBuf>,
    /// `WINDLASS_HOOK_PRIVATE_KEY`: the same of the key.
    pub private_key: Option<PathBuf>,
    /// `WINDLASS_HOOK_CHAIN`: the same of the intermediates.
    pub chain: Option<PathBuf>,
    /// `WINDLASS_HOOK_FULLCHAIN`: the same of certificate and intermediates together.
    pub fullchain: Option<PathBuf>,
    /// `WINDLASS_HOOK_SERIAL`: the new certificate's serial number in lowercase hex.
    pub serial: SerialNumber,
    /// `WINDLASS_HOOK_OLD_SERIAL`: that of the certificate before; not set for the
    /// first.
    pub old_serial: Option<SerialNumber>,
    /// `WINDLASS_HOOK_NOT_AFTER`: when the new certificate ends, RFC 3339 in UTC.
    pub not_after: DateTime<Utc>,
}

impl HookFacts {
    fn variables(&self, when: When) -> [(&'static str, Option<OsString>); 10] {
        let text = |text: String| Some(OsString::from(text));
        let path = |path: &Option<PathBuf>| path.clone().map(PathBuf::into_os_string);
        [
            ("WINDLASS_HOOK", text(when.name().to_owned())),
            ("WINDLASS_HOOK_IDENTITY", Some(self.identity.clone().into())),
            ("WINDLASS_HOOK_VERSION", text(self.version.clone())),
            ("WINDLASS_HOOK_CERTIFICATE", path(&self.certificate)),
            ("WINDLASS_HOOK_PRIVATE_KEY", path(&self.private_key)),
            ("WINDLASS_HOOK_CHAIN", path(&self.chain)),
            ("WINDLASS_HOOK_FULLCHAIN", path(&self.fullchain)),
            ("WINDLASS_HOOK_SERIAL", text(self.serial.hex())),
            (
                "WINDLASS_HOOK_OLD_SERIAL",
                self.old_serial.map(|serial| OsString::from(serial.hex())),
            ),
            ("WINDLASS_HOOK_NOT_AFTER", text(rfc3339(self.not_after))),
        ]
    }
}

/// A hook from run to run, whatever its place among the others: a hash of its
/// words, which may be sensitive.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HookId(String);

impl std::fmt::Display for HookId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which hooks are run.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All.
    All,
    /// These, as far as they are still wanted.
    Only(&'a [HookId]),
}

/// What became of one hook, for the state file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct HookOutcome {
    /// Which hook.
    pub id: HookId,
    /// Its program, and where there are several its place among them; arguments may
    /// be sensitive.
    pub program: String,
    /// Why it failed, in words; `None` where it did not.
    pub failure: Option<String>,
    /// What that means for what is done next; `None` where it did not fail, and
    /// where another run has seen it.
    #[serde(skip)]
    pub bearing: Option<Bearing>,
    /// The end of what it said on stdout and stderr, without control characters.
    pub output: String,
}

/// Who is told.
pub trait Hooks {
    /// The hooks of this moment in their order, as they are asked for now.
    fn wanted(&self, when: When) -> Vec<HookId>;

    /// Runs the hooks of this moment in their order, and gives the outcome of each
    /// that was run.
    fn run(&self, when: When, which: Which<'_>, facts: &HookFacts) -> Vec<HookOutcome>;
}

/// Hooks that are programs.
#[derive(Clone, Debug)]
pub struct CommandHooks {
    /// Those before the switch, in their order.
    pub before: Vec<CommandLine>,
    /// Those after it.
    pub after: Vec<CommandLine>,
    /// Longest that each may take.
    pub deadline: Duration,
    /// Variables that are for this program alone: a passphrase, a key.
    pub withheld: Vec<String>,
}

impl Default for CommandHooks {
    fn default() -> Self {
        Self {
            before: Vec::new(),
            after: Vec::new(),
            deadline: limits::HOOK_DEADLINE,
            withheld: Vec::new(),
        }
    }
}

impl CommandHooks {
    fn of(&self, when: When) -> &[CommandLine] {
        match when {
            When::Before => &self.before,
            When::After => &self.after,
        }
    }

    /// Tells one hook. It is called by this name.
    fn tell(&self, hook: &CommandLine, name: String, variables: &[Variable<'_>]) -> HookOutcome {
        let told = hook.tell(variables, self.deadline, limits::MAX_HOOK_OUTPUT);
        let failure = told.ended.err();
        HookOutcome {
            id: HookId::of(hook),
            program: name,
            bearing: failure.as_ref().map(Bearing::of_command),
            failure: failure.map(|failure| failure.to_string()),
            output: told.output,
        }
    }
}

impl Hooks for CommandHooks {
    fn wanted(&self, when: When) -> Vec<HookId> {
        self.of(when).iter().map(HookId::of).collect()
    }

    fn run(&self, when: When, which: Which<'_>, facts: &HookFacts) -> Vec<HookOutcome> {
        let hooks = self.of(when);
        let values = facts.variables(when);
        let withheld = self.withheld.iter().map(|name| (name.as_str(), None));
        let told = values.iter().map(|(name, value)| (*name, value.as_deref()));
        let variables: Vec<(&str, Option<&OsStr>)> = withheld.chain(told).collect();
        let mut outcomes = Vec::new();
        for (index, hook) in hooks.iter().enumerate() {
            if let Which::Only(ids) = which
                && !ids.contains(&HookId::of(hook))
            {
                continue;
            }
            // Two that are called by one shell would be one in all that is told.
            let name = match hooks.len() {
                1 => hook.program().to_owned(),
                all => format!("{} ({} of {all})", hook.program(), index + 1),
            };
            let outcome = self.tell(hook, name, &variables);
            let stops = when == When::Before && outcome.failure.is_some();
            outcomes.push(outcome);
            if stops {
                break;
            }
        }
        outcomes
    }
}

impl HookId {
    fn of(hook: &CommandLine) -> Self {
        let mut hash = Sha256::new();
        for word in hook.words() {
            // No argument holds a zero.
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        Self(hex::encode(&digest[..8]))
    }
}

#[cfg(test)]
mod tests;
