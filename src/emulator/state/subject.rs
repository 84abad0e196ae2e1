//! Who has asked for sessions: one record a subject name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::pki::{Certificate, encode_pem};

use super::State;
use super::head::{Head, Kind, Resource};
use crate::emulator::world::uuid;
use crate::limits;

/// A subject that has asked for a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct Subject {
    /// Id, times and so on; its name is the distinguished name.
    pub(in crate::emulator) head: Head,
    /// When it asked last.
    pub(in crate::emulator) last_seen_at: DateTime<Utc>,
    /// Its certificates, the one that was seen last behind the others.
    pub(in crate::emulator) credentials: Vec<SeenCertificate>,
    /// What it said about itself, the last behind the others.
    #[serde(default)]
    pub(in crate::emulator) instance_properties: Vec<SeenProperties>,
}

/// A certificate of a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct SeenCertificate {
    /// When it was used last.
    pub(in crate::emulator) seen_at: DateTime<Utc>,
    /// Its serial number in decimal.
    pub(in crate::emulator) serial_number: String,
    /// Its issuer.
    pub(in crate::emulator) issuer: String,
    /// PEM.
    pub(in crate::emulator) certificate: String,
    /// Whether the session was refused.
    pub(in crate::emulator) failed: bool,
}

/// What a request said about the instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct SeenProperties {
    /// When it was said.
    pub(in crate::emulator) seen_at: DateTime<Utc>,
    /// Names and values.
    pub(in crate::emulator) properties: BTreeMap<String, String>,
    /// Whether the session was refused.
    pub(in crate::emulator) failed: bool,
}

impl Resource for Subject {
    const KIND: Kind = Kind::Subject;

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

/// A request for a session by somebody whose certificate is trusted.
pub(in crate::emulator) struct Visit<'a> {
    /// The certificate.
    pub(in crate::emulator) leaf: &'a Certificate,
    /// What the request said about the instance.
    pub(in crate::emulator) properties: BTreeMap<String, String>,
    /// Whether the session was refused.
    pub(in crate::emulator) failed: bool,
    /// When.
    pub(in crate::emulator) at: DateTime<Utc>,
}

/// The id of a certificate's subject: always the same for one name.
pub(in crate::emulator) fn subject_id(leaf: &Certificate) -> String {
    uuid(leaf.subject().der())
}

impl State {
    /// Writes down who has asked. The subject that has not been seen for the
    /// longest time makes room when there are too many.
    pub(in crate::emulator) fn see(&mut self, visit: Visit<'_>) {
        let id = subject_id(visit.leaf);
        let found = self.subjects.iter().position(|known| known.head.id == id);
        let mut subject = match found {
            Some(index) => self.subjects.remove(index),
            None => {
                let name = visit.leaf.subject().to_string();
                let number = self.take_number();
                Subject {
                    head: Head::new(id, number, name, visit.at),
                    last_seen_at: visit.at,
                    credentials: Vec::new(),
                    instance_properties: Vec::new(),
                }
            }
        };
        subject.visit(visit);
        if found.is_none() && self.subjects.len() >= limits::MAX_EMULATED_SUBJECTS {
            let oldest = (0..self.subjects.len())
                .min_by_key(|index| self.subjects.get(*index).map(|known| known.last_seen_at));
            if let Some(index) = oldest {
                self.subjects.remove(index);
            }
        }
        let at = found.unwrap_or(self.subjects.len());
        self.subjects.insert(at, subject);
    }
}

impl Subject {
    fn visit(&mut self, visit: Visit<'_>) {
        self.last_seen_at = visit.at;
        self.head.updated_at = visit.at;
        let certificate = encode_pem([visit.leaf]);
        self.credentials
            .retain(|known| known.certificate != certificate);
        self.credentials.push(SeenCertificate {
            seen_at: visit.at,
            serial_number: visit.leaf.serial().decimal(),
            issuer: visit.leaf.issuer().to_string(),
            certificate,
            failed: visit.failed,
        });
        keep_last(&mut self.credentials);
        if !visit.properties.is_empty() {
            self.instance_properties
                .retain(|known| known.properties != visit.properties);
            self.instance_properties.push(SeenProperties {
                seen_at: visit.at,
                properties: visit.properties,
                failed: visit.failed,
            });
            keep_last(&mut self.instance_properties);
        }
    }
}

/// A host that renews for years does not fill the memory.
fn keep_last<T>(seen: &mut Vec<T>) {
    let surplus = seen.len().saturating_sub(limits::MAX_EMULATED_SIGHTINGS);
    seen.drain(..surplus);
}
