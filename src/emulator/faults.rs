//! Bad days on demand: what happens to which request.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use crate::limits;
use crate::store::read_with_metadata;

/// How the answer to a request is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// In what the service says.
    Session(SpoiltSession),
    /// On its way.
    Wire(SpoiltWire),
}

/// What is wrong with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoiltSession {
    /// A refusal without a reason.
    Denied,
    /// A set of credentials that is empty.
    Empty,
    /// Credentials that have ended.
    Expired,
    /// A session that lasts so many percent of the time that was asked for, but
    /// no less than the least that can be asked for.
    Short(u8),
}

/// What comes in place of the service's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoiltWire {
    /// A page in place of data.
    Html,
    /// The connection is reset, and nothing answered.
    Reset,
    /// Out of order, with this status, and when to come back in seconds.
    Status(u16, Option<u32>),
    /// Half of the answer, and then the end of the connection.
    Truncated,
}

/// What happens to one request. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// How long the answer is put off.
    pub slow: Duration,
    /// How far the service's clock is ahead of the right time, in its `Date` and
    /// in its judgement.
    pub skew: TimeDelta,
    /// How the answer is spoilt.
    pub spoilt: Option<Spoilt>,
}

impl FromStr for Fault {
    type Err = String;

    /// Kinds that happen together, with `+` between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = Self::default();
        for kind in text.split('+').map(str::trim) {
            fault.add(kind)?;
        }
        Ok(fault)
    }
}

impl Fault {
    /// What is wrong with the session.
    pub(super) const fn session(&self) -> Option<SpoiltSession> {
        match self.spoilt {
            Some(Spoilt::Session(spoilt)) => Some(spoilt),
            _ => None,
        }
    }

    /// What comes in place of the answer.
    pub(super) const fn wire(&self) -> Option<SpoiltWire> {
        match self.spoilt {
            Some(Spoilt::Wire(spoilt)) => Some(spoilt),
            _ => None,
        }
    }

    fn add(&mut self, kind: &str) -> Result<(), String> {
        let (name, value) = match kind.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (kind, None),
        };
        let spoilt = match (name, value) {
            ("ok", None) => return Ok(()),
            ("slow", Some(seconds)) => {
                self.slow = seconds
                    .parse()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .filter(|slow| *slow < limits::SERVER_CONNECTION_DEADLINE)
                    .ok_or_else(|| format!("'{kind}': write slow:SECONDS, below 120"))?;
                return Ok(());
            }
            ("skew", Some(seconds)) => {
                self.skew = seconds
                    .parse::<i32>()
                    .map(|seconds| TimeDelta::seconds(i64::from(seconds)))
                    .map_err(|_| format!("'{kind}': write skew:SECONDS, such as skew:-1200"))?;
                return Ok(());
            }
            ("denied", None) => Spoilt::Session(SpoiltSession::Denied),
            ("empty", None) => Spoilt::Session(SpoiltSession::Empty),
            ("expired", None) => Spoilt::Session(SpoiltSession::Expired),
            ("html", None) => Spoilt::Wire(SpoiltWire::Html),
            ("reset", None) => Spoilt::Wire(SpoiltWire::Reset),
            ("truncated", None) => Spoilt::Wire(SpoiltWire::Truncated),
            ("429" | "500" | "503", value) => {
                let after = value
                    .map(str::parse)
                    .transpose()
                    .map_err(|_| format!("'{kind}': write {name}:SECONDS for Retry-After"))?;
                let status = name.parse().map_err(|_| kind.to_owned())?;
                Spoilt::Wire(SpoiltWire::Status(status, after))
            }
            _ => {
                return Err(format!(
                    "'{kind}' is no fault: ok, 429, 500, 503 (with :SECONDS for Retry-After), slow:SECONDS, \
                     skew:SECONDS, reset, truncated, html, empty, expired, denied"
                ));
            }
        };
        if self.spoilt.replace(spoilt).is_some() {
            return Err(format!("'{kind}': an answer can be spoilt in one way only"));
        }
        Ok(())
    }
}

/// What happens to the first requests, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript(Vec<(Fault, u32)>);

impl FromStr for FaultScript {
    type Err = String;

    /// `FAULT[*COUNT]`, with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let step = |text: &str| {
            let (fault, count) = match text.rsplit_once('*') {
                Some((fault, count)) => (fault, count.trim().parse().ok()),
                None => (text, Some(1)),
            };
            let count = count
                .filter(|count| *count > 0)
                .ok_or_else(|| format!("'{text}': behind * stands how often"))?;
            Ok((fault.trim().parse()?, count))
        };
        text.split(',')
            .map(step)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Where faults come from: a script that is used up, then a file.
#[derive(Debug, Default)]
pub struct Faults {
    script: Mutex<FaultScript>,
    file: Option<PathBuf>,
}

impl Faults {
    /// The script comes first; what stands in the file happens once it is used
    /// up, to every request, as long as it stands there.
    #[must_use]
    pub fn new(script: Option<FaultScript>, file: Option<PathBuf>) -> Self {
        Self {
            script: Mutex::new(script.unwrap_or_default()),
            file,
        }
    }

    /// What happens to the next request.
    ///
    /// # Errors
    ///
    /// A sentence about a file that holds no fault. One that is missing or
    /// empty means that nothing happens.
    pub(super) fn next(&self) -> Result<Fault, String> {
        if let Some(fault) = self.scripted() {
            return Ok(fault);
        }
        let Some(path) = &self.file else {
            return Ok(Fault::default());
        };
        let content = read_with_metadata(path, limits::MAX_FAULT_FILE);
        // Another kind of file would make every request wait.
        let content = content.map(|(content, _)| content).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        match text.trim() {
            "" => Ok(Fault::default()),
            text => text
                .parse()
                .map_err(|error| format!("{}: {error}", path.display())),
        }
    }

    fn scripted(&self) -> Option<Fault> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, count) = script.0.first_mut()?;
        let fault = fault.clone();
        *count -= 1;
        if *count == 0 {
            script.0.remove(0);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_up_in_order() {
        let script = "503*2,slow:0.5+429:3,ok,skew:-1200".parse().unwrap();
        let faults = Faults::new(Some(script), None);
        let next = || faults.next().unwrap();
        for _ in 0..2 {
            assert_eq!(next().wire(), Some(SpoiltWire::Status(503, None)));
        }
        let both = next();
        assert_eq!(both.slow, Duration::from_millis(500));
        assert_eq!(both.wire(), Some(SpoiltWire::Status(429, Some(3))));
        assert_eq!(next(), Fault::default());
        assert_eq!(next().skew, TimeDelta::minutes(-20));
        assert_eq!(next(), Fault::default());
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for bad in [
            "",
            "504",
            "503*",
            "503*0",
            "slow",
            "slow:-1",
            "slow:1e9",
            "skew:x",
            "429:x",
            "reset+html",
            "ok:1",
        ] {
            assert!(bad.parse::<FaultScript>().is_err(), "{bad}");
        }
    }
}
