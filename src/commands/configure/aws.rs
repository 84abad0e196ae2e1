//! The line in AWS's config file, and what else may stand beside it.

use std::path::{Path, PathBuf};

use crate::commands::{Context, Error};
use crate::delivery::ini::{Document, Place, ProfileName, Refusal};
use crate::delivery::static_key;
use crate::store;

/// The key whose value is the command line.
pub(super) const KEY: &str = "credential_process";

/// Keys of a profile whose credentials SDKs take before those of a process, or
/// that lead to other ones (AWS SDKs and Tools reference guide, "Standardized
/// credential providers"; botocore's chain).
const OTHERS: [&str; 10] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "sso_account_id",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// How this program is called, by a path that stays the same when it is
/// replaced by a newer one: as it was typed, not what a symbolic link leads to.
pub(in crate::commands) fn program(context: &Context) -> Result<PathBuf, Error> {
    let itself = Path::new("/proc/self/exe");
    let running = std::fs::canonicalize(itself).map_err(|source| store::Error::Io {
        path: itself.to_owned(),
        action: store::Action::Find,
        source,
    })?;
    let typed = Path::new(context.invocation.program());
    let is_it = |path: &PathBuf| std::fs::canonicalize(path).is_ok_and(|real| real == running);
    let named = if typed.components().count() > 1 {
        std::path::absolute(typed).ok()
    } else {
        let path = context.environment.get("PATH").unwrap_or_default();
        // As std::env::split_paths does, which is for main alone.
        let directories = path.as_encoded_bytes().split(|octet| *octet == b':');
        directories
            .filter_map(|directory| std::str::from_utf8(directory).ok())
            .map(|directory| Path::new(directory).join(typed))
            .find(|path| path.is_absolute() && is_it(path))
    };
    Ok(named.filter(is_it).unwrap_or(running))
}

/// The command line, quoted so that botocore (which splits it as a shell does)
/// and a shell (which other SDKs run it by) read the same words.
pub(super) fn line(program: &Path, profile: &str, config: Option<&Path>) -> Result<String, Error> {
    let mut words = vec![text(program)?, "credential-process", "--profile", profile];
    if let Some(config) = config {
        words.extend(["--config", text(config)?]);
    }
    shlex::try_join(words).map_err(|_| Error::NoCommandLine {
        path: program.to_owned(),
    })
}

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::NoCommandLine {
        path: path.to_owned(),
    })
}

/// What stands in the two files beside the line, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conflicts {
    /// What SDKs take first, or may.
    pub(super) preferred: Vec<String>,
    /// The line of another program, which would be replaced.
    pub(super) replaced: Option<String>,
}

impl Conflicts {
    /// Whether nothing stands there.
    pub(super) fn is_empty(&self) -> bool {
        self.preferred.is_empty() && self.replaced.is_none()
    }

    /// Both kinds.
    pub(super) fn all(&self) -> Vec<String> {
        let preferred = self.preferred.iter();
        preferred.chain(&self.replaced).cloned().collect()
    }
}

/// What stands in the two files that goes before the line, or would be replaced
/// by it.
pub(super) fn conflicts(
    (config_path, config): (&Path, &[u8]),
    (credentials_path, credentials): (&Path, &[u8]),
    profile: &ProfileName,
    line: &str,
) -> Result<Conflicts, Error> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        |reason: Refusal| Error::SharedFile { path, reason }
    };
    let mut found = Conflicts::default();
    let document = Document::read(config).map_err(refused(config_path))?;
    let section = document
        .section(Place::Config, profile)
        .map_err(refused(config_path))?;
    if let Some(section) = section {
        let shown = config_path.display();
        for (key, number) in section.keys().filter(|(key, _)| OTHERS.contains(key)) {
            found
                .preferred
                .push(format!("{key} on line {number} of {shown}"));
        }
        if let Some(entry) = section.entry(KEY)
            && !is_ours(entry.value(), line)
        {
            let number = entry.number();
            found.replaced = Some(format!(
                "{KEY} of another program on line {number} of {shown}"
            ));
        }
    }
    let shown = credentials_path.display();
    if let Some(number) = static_key(credentials, profile).map_err(refused(credentials_path))? {
        found
            .preferred
            .push(format!("an access key on line {number} of {shown}"));
    }
    let document = Document::read(credentials).map_err(refused(credentials_path))?;
    let section = document
        .section(Place::Credentials, profile)
        .map_err(refused(credentials_path))?;
    // botocore prefers what stands in the credentials file.
    if let Some(entry) = section.and_then(|section| section.entry(KEY))
        && entry.value() != line.as_bytes()
    {
        let number = entry.number();
        found
            .preferred
            .push(format!("{KEY} on line {number} of {shown}"));
    }
    Ok(found)
}

/// Whether a command line calls this program, perhaps under another path.
fn is_ours(value: &[u8], line: &str) -> bool {
    if value.is_empty() || value == line.as_bytes() {
        return true;
    }
    let words = std::str::from_utf8(value).ok().and_then(shlex::split);
    let program = words.and_then(|words| words.into_iter().next());
    program.is_some_and(|program| {
        Path::new(&program)
            .file_name()
            .is_some_and(|name| name == "windlass")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_read_by_a_shell_and_by_botocore_as_it_is_meant() {
        for (program, profile, expected) in [
            (
                "/usr/bin/windlass",
                "backup",
                "/usr/bin/windlass credential-process --profile backup",
            ),
            (
                "/opt/my tools/windlass",
                "a b",
                "'/opt/my tools/windlass' credential-process --profile 'a b'",
            ),
            (
                "/opt/it's/$x/windlass",
                "a",
                "\"/opt/it's/\"'$x/windlass' credential-process --profile a",
            ),
        ] {
            let line = line(Path::new(program), profile, None).unwrap();
            let words = shlex::split(&line).unwrap();
            assert_eq!(words, [program, "credential-process", "--profile", profile]);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn other_credentials_are_found_by_name_and_line() {
        let name: ProfileName = "a".parse().unwrap();
        let find = |config: &str, credentials: &str| {
            let (c, k) = (Path::new("c"), Path::new("k"));
            conflicts(
                (c, config.as_bytes()),
                (k, credentials.as_bytes()),
                &name,
                "/w x",
            )
            .unwrap()
            .all()
        };
        assert_eq!(find("", ""), [""; 0]);
        assert_eq!(
            find(
                "[profile b]\nrole_arn = 1\n",
                "[b]\naws_access_key_id = 1\n"
            ),
            [""; 0]
        );
        let ours = "[profile a]\nregion = x\ncredential_process = '/o t/windlass' y\n";
        assert_eq!(find(ours, "[a]\ncredential_process = /w x\n"), [""; 0]);
        assert_eq!(
            find(
                "[profile a]\nsource_profile = b\nSSO_Session: s\ncredential_process = /bin/other\n",
                "[a]\naws_access_key_id = 1\ncredential_process = /bin/x\n"
            ),
            [
                "source_profile on line 2 of c",
                "sso_session on line 3 of c",
                "an access key on line 2 of k",
                "credential_process on line 3 of k",
                "credential_process of another program on line 4 of c",
            ]
        );
    }
}
