//! What is printed while it serves: what clients need, what the keepers met,
//! and with --verbose each request.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock, rfc3339};
use crate::commands::printer::{Incident, Level};
use crate::commands::reminders::{Reminders, Telling};
use crate::commands::{Printer, ready};
use crate::delivery::serve::{Hooks, LogEntry, Notice, Socket};
use crate::text::{UNRESERVED, printable};

/// What clients have to know.
pub(super) struct Announcement {
    /// The URL of the first TCP socket.
    url: Option<String>,
    sockets: Vec<PathBuf>,
    profiles: Vec<String>,
    imds: Option<String>,
    token_file: Option<PathBuf>,
}

impl Announcement {
    pub(super) fn new(
        sockets: &[Socket],
        profiles: Vec<String>,
        imds: Option<String>,
        token_file: Option<PathBuf>,
    ) -> Self {
        let url = sockets.iter().find_map(|socket| match socket {
            Socket::Tcp { address, .. } => {
                let mut address = *address;
                // Where it listens on all addresses, clients of this host use
                // loopback.
                if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
                    address.set_ip(Ipv4Addr::LOCALHOST.into());
                } else if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
                    address.set_ip(Ipv6Addr::LOCALHOST.into());
                }
                Some(format!("http://{address}"))
            }
            Socket::Unix { .. } => None,
        });
        let paths = sockets.iter().filter_map(|socket| match socket {
            Socket::Unix { path, .. } => path.clone(),
            Socket::Tcp { .. } => None,
        });
        Self {
            url,
            sockets: paths.collect(),
            profiles,
            imds,
            token_file,
        }
    }

    /// Each profile with its container URI, where there is one.
    fn container_uris(&self) -> Vec<(&str, Option<String>)> {
        let uri = |name: &str| {
            let url = self.url.as_ref()?;
            Some(format!(
                "{url}/profile/{}",
                utf8_percent_encode(name, UNRESERVED)
            ))
        };
        self.profiles
            .iter()
            .map(|name| (name.as_str(), uri(name)))
            .collect()
    }

    fn imds(&self) -> Option<(&str, &str)> {
        let profile = self.imds.as_ref()?;
        Some((profile, self.url.as_ref()?))
    }

    fn json(&self) -> Value {
        let profiles: Vec<_> = self
            .container_uris()
            .into_iter()
            .map(|(name, uri)| json!({ "profile": name, "containerUri": uri }))
            .collect();
        let imds = self.imds();
        json!({
            "endpoint": self.url,
            "imdsEndpoint": imds.map(|(_, url)| url),
            "imdsProfile": imds.map(|(profile, _)| profile),
            "unixSockets": self.sockets,
            "tokenFile": self.token_file,
            "profiles": profiles,
        })
    }

    /// As people copy it into the environment of their programs: no name makes a
    /// line of its own.
    fn text(&self) -> String {
        let safe = |text: &str| printable(text, usize::MAX);
        let mut text = String::new();
        for path in &self.sockets {
            text.push_str(&format!(
                "# UNIX socket {}\n",
                safe(&path.to_string_lossy())
            ));
        }
        if let Some((profile, url)) = self.imds() {
            let profile = safe(profile);
            text.push_str(&format!(
                "# {profile}, as instance metadata:\nAWS_EC2_METADATA_SERVICE_ENDPOINT={url}\n"
            ));
        }
        if let Some(file) = &self.token_file {
            for (name, uri) in self.container_uris() {
                let Some(uri) = uri else { continue };
                let name = safe(name);
                text.push_str(&format!(
                    "# {name}, as container credentials:\n\
                     AWS_CONTAINER_CREDENTIALS_FULL_URI={uri}\n\
                     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={}\n",
                    safe(&file.to_string_lossy())
                ));
            }
        }
        text
    }
}

/// Tells of what happens while it serves.
pub(super) struct Told {
    printer: Printer,
    /// What was last said about each profile that is not well.
    said: Mutex<BTreeMap<String, Reminders>>,
    /// What happened before it was ready. When it never is, the error says why,
    /// and says it once.
    held: Mutex<Option<Vec<(String, Notice)>>>,
}

impl Told {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            printer,
            said: Mutex::default(),
            held: Mutex::new(Some(Vec::new())),
        }
    }

    /// It is ready: what was held back is told.
    pub(super) fn begin(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (profile, notice) in held.take().into_iter().flatten() {
            self.kept(&profile, &notice);
        }
    }

    pub(super) fn log(&self, entry: LogEntry) {
        match entry {
            LogEntry::Session { profile, notice } => {
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                match held.as_mut() {
                    Some(held) => held.push((profile, notice)),
                    None => self.kept(&profile, &notice),
                }
            }
            LogEntry::Connection { reason } => self.printer.tell(&Incident {
                level: Level::Note,
                kind: "connection",
                message: &reason,
                cause: None,
                hint: None,
            }),
            LogEntry::Answered {
                caller,
                request,
                status,
            } => {
                let now = rfc3339(SystemClock.now());
                let line = format!("{now} {caller} {request} {status}\n");
                let fields = json!({ "caller": caller, "request": request, "status": status });
                self.printer.record("answered", &line, fields);
            }
        }
    }

    /// An outage is said once and then every ten minutes, and not at every try;
    /// its end is said too.
    fn kept(&self, profile: &str, notice: &Notice) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = printable(profile, 80);
        let printer = self.printer.of_profile(profile);
        match notice {
            Notice::Granted => {
                let (level, kind, message) = if said.remove(profile).is_some() {
                    let message = format!("the profile {shown} gets sessions again");
                    (Level::News, "recovered", message)
                } else {
                    let message = format!("a new session for {shown}");
                    (Level::Done, "delivered", message)
                };
                printer.tell(&Incident {
                    level,
                    kind,
                    message: &message,
                    cause: None,
                    hint: None,
                });
            }
            Notice::Failed(failure) => {
                let reminders = said.entry(profile.to_owned()).or_default();
                let telling = reminders.of(failure.cause, SystemClock.now());
                let hint = failure.hint.as_deref();
                printer.tell(&Incident {
                    level: if telling.is_some() {
                        Level::Warning
                    } else {
                        Level::Note
                    },
                    kind: "failed",
                    message: &format!("no new session for {shown}: {}", failure.message),
                    cause: Some(failure.cause),
                    hint: hint.filter(|_| telling != Some(Telling::Reminder)),
                });
            }
        }
    }
}

/// Prints as it goes.
pub(super) struct Reporter {
    told: Told,
    announcement: Announcement,
    ready_file: Option<PathBuf>,
    as_json: bool,
}

impl Reporter {
    pub(super) fn new(
        printer: Printer,
        announcement: Announcement,
        ready_file: Option<PathBuf>,
        as_json: bool,
    ) -> Self {
        Self {
            told: Told::new(printer),
            announcement,
            ready_file,
            as_json,
        }
    }

    /// What the ready file holds.
    pub(super) fn ready_line(&self) -> String {
        let url = self.announcement.url.clone();
        let socket = || {
            let path = self.announcement.sockets.first()?;
            Some(format!("unix:{}", path.display()))
        };
        format!("{}\n", url.or_else(socket).unwrap_or_default())
    }
}

impl Hooks for Reporter {
    fn ready(&self) -> io::Result<()> {
        let printer = &self.told.printer;
        if self.as_json {
            printer
                .data(&format!("{}\n", self.announcement.json()))
                .map_err(io::Error::other)?;
        } else {
            printer.record("ready", &self.announcement.text(), self.announcement.json());
        }
        self.told.begin();
        // Who waits for the file finds what was said before.
        printer.flush();
        match &self.ready_file {
            Some(path) => ready::write(path, &self.ready_line()),
            None => Ok(()),
        }
    }

    fn log(&self, entry: LogEntry) {
        self.told.log(entry);
    }

    fn logs_requests(&self) -> bool {
        self.told.printer.is_verbose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_makes_a_line_of_its_own() {
        let name = "a\nAWS_CONTAINER_CREDENTIALS_FULL_URI=http://evil/\u{1b}[2J";
        let announcement = Announcement {
            url: Some("http://127.0.0.1:9911".to_owned()),
            sockets: vec![PathBuf::from(format!("/run/{name}"))],
            profiles: vec![name.to_owned()],
            imds: Some(name.to_owned()),
            token_file: Some(PathBuf::from(format!("/run/{name}"))),
        };
        let text = announcement.text();
        assert!(!text.contains('\u{1b}'), "{text}");
        let uris = text
            .lines()
            .filter(|line| line.starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI="));
        assert_eq!(uris.count(), 1, "{text}");
    }
}
