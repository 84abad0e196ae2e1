//! That two fingerprints are the same, of which one came another way.

use std::fs::File;
use std::io::{IsTerminal, Read};

use crate::authority;
use crate::commands::{Context, Error};

/// The longest answer that is read, in octets.
const MOST: usize = 100;

/// A fingerprint that somebody has to have seen elsewhere.
pub(super) struct Confirm<'a> {
    /// Of what it is.
    pub(super) what: &'a str,
    /// SHA-256, lowercase hex.
    pub(super) found: &'a str,
    /// The option that gives it.
    pub(super) option: &'static str,
    /// What was given by that.
    pub(super) given: Option<&'a str>,
    /// What a person is told before the question.
    pub(super) shown: &'a str,
}

impl Confirm<'_> {
    /// Compares with what was given, or wants a yes on the terminal.
    pub(super) fn ask(&self, context: &Context) -> Result<(), Error> {
        if let Some(given) = self.given {
            return match given == self.found {
                true => Ok(()),
                false => Err(Error::Authority(authority::Error::OtherFingerprint {
                    what: self.what.to_owned(),
                    found: self.found.to_owned(),
                    given: given.to_owned(),
                })),
            };
        }
        let unconfirmed = |declined| Error::Unconfirmed {
            what: self.what.to_owned(),
            option: self.option,
            declined,
        };
        let terminal = File::open("/dev/tty").ok();
        let Some(terminal) = terminal.filter(|_| std::io::stderr().is_terminal()) else {
            return Err(unconfirmed(false));
        };
        context.printer.raw(&format!(
            "{}Is this the SHA-256 that was shown there? Type yes to go on: ",
            self.shown
        ));
        match answer(terminal).trim() {
            "yes" => Ok(()),
            _ => Err(unconfirmed(true)),
        }
    }
}

/// One line, octet by octet: what is typed after it is somebody else's to read.
fn answer(mut terminal: File) -> String {
    let mut line = Vec::new();
    let mut octet = [0];
    while line.len() < MOST && matches!(terminal.read(&mut octet), Ok(1)) && octet != *b"\n" {
        line.extend(octet);
    }
    String::from_utf8_lossy(&line).into_owned()
}
