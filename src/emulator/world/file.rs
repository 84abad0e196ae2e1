//! An account that is described in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::uuid;
use crate::admission::{AttributeMapping, CertificateField};
use crate::emulator::faults::FaultScript;
use crate::emulator::state::{
    Alias, Bundle, CrlData, Head, Kind, Place, PolicyText, Profile, RevocationList, Role, Source,
    State, TrustAnchor, is_taken,
};
use crate::limits;
use crate::rolesanywhere::{Region, RoleArn, SessionDuration};
use crate::store::{self, read_bounded};

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldFileError {
    /// What is described cannot exist.
    #[error("{path}: {entry}: {reason}")]
    Entry {
        /// The file.
        path: PathBuf,
        /// What is described, as `trust_anchor main`.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It, or a file that it names, cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It is no TOML, or has other keys.
    #[error("{path}, line {line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// An account that is described in a TOML file, with all files that it names
/// read already.
#[derive(Debug)]
pub struct WorldFile {
    state: State,
    faults: Option<FaultScript>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    region: Option<String>,
    account: Option<String>,
    faults: Option<String>,
    #[serde(default)]
    trust_anchor: Vec<GivenAnchor>,
    #[serde(default)]
    profile: Vec<GivenProfile>,
    #[serde(default)]
    role: Vec<GivenRole>,
    #[serde(default)]
    crl: Vec<GivenCrl>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenAnchor {
    name: String,
    id: Option<String>,
    alias: Option<String>,
    enabled: Option<bool>,
    certificates: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenProfile {
    name: String,
    id: Option<String>,
    alias: Option<String>,
    enabled: Option<bool>,
    /// Names of roles of this account, or ARNs.
    roles: Vec<String>,
    duration: Option<u32>,
    #[serde(default)]
    accept_role_session_name: bool,
    mapping: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRole {
    /// With its path before it, if it has one.
    name: String,
    max_duration: Option<u32>,
    trust_policy: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCrl {
    name: String,
    id: Option<String>,
    alias: Option<String>,
    enabled: Option<bool>,
    file: PathBuf,
    /// The name of a trust anchor of this file.
    trust_anchor: String,
}

impl WorldFile {
    /// Reads the file, and those that it names, which are looked for where it is.
    /// Its resources were made at that time.
    ///
    /// # Errors
    ///
    /// [`WorldFileError`].
    pub fn read(path: &Path, at: DateTime<Utc>) -> Result<Self, WorldFileError> {
        let content = read_bounded(path, limits::MAX_FILE)?;
        let text = String::from_utf8_lossy(&content);
        let document: Document = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            WorldFileError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        Reader::read(path, document, at)
    }

    /// What happens to the first requests.
    #[must_use]
    pub fn faults(&self) -> Option<FaultScript> {
        self.faults.clone()
    }

    /// Where the account is.
    pub(super) const fn place(&self) -> &Place {
        &self.state.place
    }

    /// What exists in it.
    pub(super) fn into_state(self) -> State {
        self.state
    }
}

struct Reader<'a> {
    path: &'a Path,
    state: State,
    at: DateTime<Utc>,
}

/// The members that all resources have.
struct Common {
    kind: Kind,
    name: String,
    id: Option<String>,
    alias: Option<String>,
    enabled: Option<bool>,
}

impl Reader<'_> {
    fn read(
        path: &Path,
        document: Document,
        at: DateTime<Utc>,
    ) -> Result<WorldFile, WorldFileError> {
        let refuse = |entry: &str, reason: String| WorldFileError::Entry {
            path: path.to_owned(),
            entry: entry.to_owned(),
            reason,
        };
        let region = document.region.as_deref().unwrap_or("us-east-1");
        let region = region
            .parse::<Region>()
            .map_err(|reason| refuse("region", reason))?;
        let account = document.account.as_deref().unwrap_or("123456789012");
        if account.len() != 12 || !account.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(refuse("account", format!("'{account}' is not 12 digits")));
        }
        let faults = document.faults.as_deref().map(str::parse).transpose();
        let faults = faults.map_err(|reason| refuse("faults", reason))?;
        let account = account.to_owned();
        let mut reader = Reader {
            path,
            state: State::empty(Place { region, account }),
            at,
        };
        for given in document.role {
            reader.role(given)?;
        }
        for given in document.trust_anchor {
            reader.anchor(given)?;
        }
        for given in document.profile {
            reader.profile(given)?;
        }
        for given in document.crl {
            reader.crl(given)?;
        }
        Ok(WorldFile {
            state: reader.state,
            faults,
        })
    }

    fn refuse(&self, entry: &str, reason: impl ToString) -> WorldFileError {
        WorldFileError::Entry {
            path: self.path.to_owned(),
            entry: entry.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// A file beside the description, unless its path says more.
    fn content(&self, file: &Path, max: u64) -> Result<Vec<u8>, WorldFileError> {
        let directory = self.path.parent().unwrap_or_else(|| Path::new(""));
        Ok(read_bounded(&directory.join(file), max)?)
    }

    fn head(&mut self, common: Common, entry: &str) -> Result<Head, WorldFileError> {
        let alias = common.alias.map(Alias::try_from).transpose();
        let alias = alias.map_err(|error| self.refuse(entry, error))?;
        // The same at every start.
        let seed = format!("{} {}", common.kind.segment(), common.name);
        let id = common.id.unwrap_or_else(|| uuid(seed));
        let is_id = !id.is_empty() && id.bytes().all(|o| o.is_ascii_alphanumeric() || o == b'-');
        if !is_id {
            return Err(self.refuse(entry, format!("'{id}' is no id such as a UUID")));
        }
        let number = self.state.take_number();
        let mut head = Head::new(id, number, common.name, self.at);
        head.alias = alias;
        head.enabled = common.enabled.unwrap_or(true);
        Ok(head)
    }

    fn duration(
        &self,
        entry: &str,
        seconds: Option<u32>,
    ) -> Result<SessionDuration, WorldFileError> {
        let Some(seconds) = seconds else {
            return Ok(SessionDuration::default());
        };
        SessionDuration::try_from(seconds).map_err(|reason| self.refuse(entry, reason))
    }

    fn role_arn(&self, entry: &str, name: &str) -> Result<RoleArn, WorldFileError> {
        let place = &self.state.place;
        let partition = place.region.partition().name();
        let arn = format!("arn:{partition}:iam::{}:role/{name}", place.account);
        arn.parse().map_err(|error| self.refuse(entry, error))
    }

    fn role(&mut self, given: GivenRole) -> Result<(), WorldFileError> {
        let entry = format!("role {}", given.name);
        let arn = self.role_arn(&entry, &given.name)?;
        if self.state.role(arn.as_str()).is_some() {
            return Err(self.refuse(&entry, "it is described twice"));
        }
        let mut trust_policy = None;
        if let Some(file) = &given.trust_policy {
            let material = self.content(file, limits::MAX_TRUST_POLICY_FILE)?;
            let policy = PolicyText::read(&material);
            trust_policy = Some(policy.map_err(|error| self.refuse(&entry, error))?);
        }
        let max_duration = self.duration(&entry, given.max_duration)?;
        let mut role = Role::new(arn, max_duration, self.at);
        role.trust_policy = trust_policy;
        self.state.roles.push(role);
        Ok(())
    }

    fn anchor(&mut self, given: GivenAnchor) -> Result<(), WorldFileError> {
        let entry = format!("trust_anchor {}", given.name);
        let material = self.content(&given.certificates, limits::MAX_FILE)?;
        let text = String::from_utf8_lossy(&material).into_owned();
        let certificates = Bundle::try_from(text).map_err(|error| self.refuse(&entry, error))?;
        let common = Common {
            kind: Kind::TrustAnchor,
            name: given.name,
            id: given.id,
            alias: given.alias,
            enabled: given.enabled,
        };
        let head = self.head(common, &entry)?;
        if is_taken(&self.state.anchors, &head) {
            return Err(self.refuse(&entry, "its id or alias is another's"));
        }
        self.state.anchors.push(TrustAnchor {
            head,
            source: Source::Bundle { certificates },
            crl_dp_revocation_enabled: false,
            notifications: Vec::new(),
        });
        Ok(())
    }

    fn profile(&mut self, given: GivenProfile) -> Result<(), WorldFileError> {
        let entry = format!("profile {}", given.name);
        let mut role_arns = Vec::new();
        for role in &given.roles {
            role_arns.push(match role.starts_with("arn:") {
                true => role.clone(),
                false => self.role_arn(&entry, role)?.to_string(),
            });
        }
        let mapping = match given.mapping {
            None => AttributeMapping::default(),
            Some(fields) => self.mapping(&entry, fields)?,
        };
        let duration = self.duration(&entry, given.duration)?;
        let common = Common {
            kind: Kind::Profile,
            name: given.name,
            id: given.id,
            alias: given.alias,
            enabled: given.enabled,
        };
        let head = self.head(common, &entry)?;
        if is_taken(&self.state.profiles, &head) {
            return Err(self.refuse(&entry, "its id or alias is another's"));
        }
        self.state.profiles.push(Profile {
            head,
            role_arns,
            duration,
            accepts_session_name: given.accept_role_session_name,
            requires_instance_properties: false,
            mapping,
            session_policy: None,
            managed_policy_arns: Vec::new(),
        });
        Ok(())
    }

    fn mapping(
        &self,
        entry: &str,
        fields: BTreeMap<String, Vec<String>>,
    ) -> Result<AttributeMapping, WorldFileError> {
        let mut mapping = AttributeMapping::none();
        for (name, specifiers) in fields {
            let field = CertificateField::named(&name).ok_or_else(|| {
                self.refuse(
                    entry,
                    format!("'{name}' is none of x509Subject, x509Issuer, x509SAN"),
                )
            })?;
            let specifiers = specifiers.iter().map(|text| text.parse());
            let specifiers = specifiers.collect::<Result<_, String>>();
            mapping.put(
                field,
                specifiers.map_err(|reason| self.refuse(entry, reason))?,
            );
        }
        Ok(mapping)
    }

    fn crl(&mut self, given: GivenCrl) -> Result<(), WorldFileError> {
        let entry = format!("crl {}", given.name);
        let data = CrlData::read(self.content(&given.file, limits::MAX_FILE)?);
        let data = data.map_err(|error| self.refuse(&entry, error))?;
        let mut anchors = self.state.anchors.iter();
        let anchor = anchors.find(|anchor| anchor.head.name == given.trust_anchor);
        let anchor = anchor.map(|anchor| anchor.head.id.clone()).ok_or_else(|| {
            let name = &given.trust_anchor;
            self.refuse(&entry, format!("no trust_anchor has the name '{name}'"))
        })?;
        let common = Common {
            kind: Kind::Crl,
            name: given.name,
            id: given.id,
            alias: given.alias,
            enabled: given.enabled,
        };
        let head = self.head(common, &entry)?;
        if is_taken(&self.state.crls, &head) {
            return Err(self.refuse(&entry, "its id or alias is another's"));
        }
        self.state.crls.push(RevocationList { head, anchor, data });
        Ok(())
    }
}
