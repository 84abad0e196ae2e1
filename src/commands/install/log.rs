//! Where the log is: who could exchange it there, and as whom logrotate puts it away.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::installation::{Rotated, UserName};
use crate::store::is_unmapped;

use super::accounts::Accounts;
use super::asked::below;

/// The place of a log.
pub(super) struct LogPlace<'a> {
    path: &'a Path,
    /// The directories that there are, the nearest first.
    above: Vec<(PathBuf, Metadata)>,
    /// Whether its own directory is one of them.
    is_there: bool,
    user: &'a UserName,
    accounts: &'a Accounts,
}

impl<'a> LogPlace<'a> {
    /// On the host whose files are below `root`: where the files are made, the same path
    /// may be anybody's.
    pub(super) fn new(
        path: &'a Path,
        root: &Path,
        user: &'a UserName,
        accounts: &'a Accounts,
    ) -> Self {
        let directory = below(root, path.parent().unwrap_or(path));
        let real = std::fs::canonicalize(&directory).ok();
        let real = real.filter(|_| root == Path::new("/"));
        let all = directory
            .ancestors()
            .chain(real.iter().flat_map(|real| real.ancestors()));
        let above = all.filter(|above| above.starts_with(root));
        let above =
            above.filter_map(|above| Some((above.to_owned(), std::fs::metadata(above).ok()?)));
        Self {
            above: above.collect(),
            is_there: directory.is_dir(),
            path,
            user,
            accounts,
        }
    }

    /// The rule for it. As root logrotate acts only where root alone decides what is
    /// there: others could lead it elsewhere.
    pub(super) fn rule(&self) -> Rotated {
        Rotated {
            path: self.path.to_owned(),
            su: self.su(),
        }
    }

    fn su(&self) -> Option<(String, String)> {
        let own = || {
            let user = self.accounts.user(self.user)?;
            let group = self.word(self.accounts.group_name(user.gid), user.gid);
            (user.uid != 0).then(|| (self.user.as_str().to_owned(), group))
        };
        let nearest = self.above.first().filter(|_| self.is_there);
        if let Some((_, found)) = nearest
            && (is_others(found) || found.mode() & 0o020 != 0 && found.gid() != 0)
        {
            let user = match is_others(found) {
                true => self.word(self.accounts.user_name(found.uid()), found.uid()),
                // It refuses such a directory unless it is told as whom to act.
                false => self.user.as_str().to_owned(),
            };
            let group = self.word(self.accounts.group_name(found.gid()), found.gid());
            return Some((user, group));
        }
        let other = self.above.iter().find(|(_, found)| is_others(found));
        if let Some((_, found)) = other {
            let user = self.word(self.accounts.user_name(found.uid()), found.uid());
            let group = self.word(self.accounts.group_name(found.gid()), found.gid());
            return Some((user, group));
        }
        match self.is_there && !self.above.iter().any(|(_, found)| is_writable(found)) {
            true => None,
            // Whoever makes the directory makes it for that user.
            false => own(),
        }
    }

    /// A name as logrotate reads it, which parts words at blanks.
    fn word(&self, name: String, number: u32) -> String {
        match name.contains(char::is_whitespace) {
            true => number.to_string(),
            false => name,
        }
    }

    /// What there is to be said of it: who else could have the service write elsewhere.
    pub(super) fn flaw(&self) -> Option<String> {
        let own = self.accounts.user(self.user).map(|user| user.uid);
        let is_bad = |(at, (_, found)): &(usize, &(PathBuf, Metadata))| {
            let is_strangers = is_others(found) && Some(found.uid()) != own;
            let is_nearest = *at == 0 && self.is_there;
            let is_everybodys = found.mode() & 0o002 != 0;
            is_strangers || is_everybodys && (is_nearest || found.mode() & 0o1000 == 0)
        };
        let (_, (directory, found)) = self.above.iter().enumerate().find(is_bad)?;
        let whose = match is_others(found) && Some(found.uid()) != own {
            true => format!("belongs to '{}'", self.accounts.user_name(found.uid())),
            false => format!(
                "is everybody's to write to (mode {:04o})",
                found.mode() & 0o7777
            ),
        };
        Some(format!(
            "--log-file {}: {} {whose}, and who can put something in its place decides where '{}' writes; name a file in a directory of root's, as below /var/log",
            self.path.display(),
            directory.display(),
            self.user.as_str(),
        ))
    }
}

fn is_others(found: &Metadata) -> bool {
    found.uid() != 0 && !is_unmapped(found.uid())
}

/// Whether members of a group, or everybody, can exchange what is in it.
fn is_writable(found: &Metadata) -> bool {
    let mode = found.mode();
    let is_sticky = mode & 0o1000 != 0;
    (mode & 0o002 != 0 || mode & 0o020 != 0 && found.gid() != 0) && !is_sticky
}
