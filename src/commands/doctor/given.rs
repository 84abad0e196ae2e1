//! What is known of AWS's side, from files as the AWS CLI writes them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::admission::policy::TrustPolicy;
use crate::admission::{AttributeMapping, CertificateField, Profile};
use crate::cli::Doctor;
use crate::commands::{Context, DoctorError, Error};
use crate::limits;
use crate::pki::{Certificate, Crl, read_certificates};
use crate::rolesanywhere::{SessionDuration, TrustAnchorArn};
use crate::store::read_bounded;

use super::case::Case;
use super::finding::{Finding, Standing};

const GET_ANCHOR: &str = "aws rolesanywhere get-trust-anchor --trust-anchor-id ID";
const GET_PROFILE: &str = "aws rolesanywhere get-profile --profile-id ID";
const GET_ROLE: &str = "aws iam get-role --role-name NAME";
const LIST_CRLS: &str = "aws rolesanywhere list-crls";

/// What the files say.
#[derive(Default)]
pub(super) struct Given {
    pub(super) anchor: Option<GivenAnchor>,
    pub(super) profile: Option<Profile>,
    pub(super) role: Option<GivenRole>,
    /// The lists that are in force.
    pub(super) crls: Option<Vec<Crl>>,
    /// All lists of the files, until the session says which of them count.
    lists: Option<Vec<GivenList>>,
}

/// A list, and the trust anchor that it was imported for, where that is known.
struct GivenList {
    anchor: Option<String>,
    list: Crl,
}

/// A trust anchor, or its certificates alone.
pub(super) struct GivenAnchor {
    pub(super) arn: Option<TrustAnchorArn>,
    pub(super) enabled: Option<bool>,
    /// `None` of an anchor of AWS Private CA, whose certificates are elsewhere.
    pub(super) certificates: Option<Vec<Certificate>>,
}

/// A role, or its trust policy alone.
pub(super) struct GivenRole {
    pub(super) arn: Option<String>,
    pub(super) max_duration: Option<SessionDuration>,
    pub(super) trust_policy: TrustPolicy,
}

impl Given {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// Always a mistake of use: nothing was judged.
    pub(super) fn read(asked: &Doctor, context: &Context) -> Result<Self, Error> {
        Self::read_all(asked, context).map_err(|error| Error::Unread(Box::new(error)))
    }

    fn read_all(asked: &Doctor, context: &Context) -> Result<Self, Error> {
        let mut given = Self::default();
        if let Some(path) = &asked.trust_anchor_file {
            given.anchor = Some(anchor(path, &content(path, context)?)?);
        }
        if let Some(path) = &asked.profile_file {
            given.profile = Some(profile(path, &content(path, context)?)?);
        }
        if let Some(path) = &asked.role_file {
            given.role = Some(role(path, &content(path, context)?)?);
        }
        if let Some(path) = &asked.trust_policy_file {
            given.role = Some(GivenRole {
                arn: None,
                max_duration: None,
                trust_policy: policy(path, &content(path, context)?)?,
            });
        }
        let mut found = Vec::new();
        for path in &asked.crl_file {
            found.extend(lists(path, &content(path, context)?)?);
        }
        given.lists = (!asked.crl_file.is_empty()).then_some(found);
        Ok(given)
    }

    /// Takes the lists of the session's trust anchor: AWS judges by these alone.
    fn take_lists(&mut self, case: &Case<'_>) -> Option<Finding> {
        // The files have the anchor's own ARN, which an alias does not tell.
        let own = self.anchor.as_ref().and_then(|it| it.arn.as_ref());
        let asked = case.session.trust_anchor_arn.as_ref();
        let asked = asked.map(ToString::to_string);
        let wanted = own
            .map(ToString::to_string)
            .or_else(|| asked.filter(|arn| !arn.contains(":alias/")));
        let is_strange = |anchor: &String| wanted.as_ref().is_some_and(|wanted| wanted != anchor);
        let (mut taken, mut strange) = (Vec::new(), Vec::new());
        for given in self.lists.take()? {
            match given.anchor {
                Some(anchor) if is_strange(&anchor) => {
                    strange.push(("--crl-file".to_owned(), anchor));
                }
                _ => taken.push(given.list),
            }
        }
        self.crls = Some(taken);
        let what = "lists that were imported for other trust anchors do not count for this session";
        (!strange.is_empty())
            .then(|| Finding::new("files-of-aws", Standing::Well, what).shows_all(strange))
    }

    /// Puts aside what is about another resource than the session's, and says so.
    pub(super) fn put_strangers_aside(&mut self, case: &Case<'_>) -> Vec<Finding> {
        let session = case.session;
        let mut findings = Vec::new();
        let mut compare = |option: &str, of: Option<String>, wanted: Option<String>| {
            let (Some(of), Some(wanted)) = (of, wanted) else {
                return false;
            };
            // An alias does not tell which one it is.
            if of == wanted || wanted.contains(":alias/") {
                return false;
            }
            let what = format!(
                "the file of {option} is about another one than the session, and is not used"
            );
            findings.push(
                Finding::new("files-of-aws", Standing::Unknown, what)
                    .shows(option, of)
                    .shows("asked for", wanted),
            );
            true
        };
        let own = self.anchor.as_ref().and_then(|it| it.arn.as_ref());
        let wanted = session.trust_anchor_arn.as_ref().map(ToString::to_string);
        if compare("--trust-anchor-file", own.map(ToString::to_string), wanted) {
            self.anchor = None;
        }
        let own = self.profile.as_ref().map(|it| it.arn.to_string());
        let wanted = session.profile_arn.as_ref().map(ToString::to_string);
        if compare("--profile-file", own, wanted) {
            self.profile = None;
        }
        let own = self.role.as_ref().and_then(|it| it.arn.clone());
        let wanted = session.role_arn.as_ref().map(ToString::to_string);
        if compare("--role-file", own, wanted) {
            self.role = None;
        }
        findings.extend(self.take_lists(case));
        findings
    }
}

fn content(path: &Path, context: &Context) -> Result<Vec<u8>, Error> {
    Ok(read_bounded(&context.path(path), limits::MAX_FILE)?)
}

/// The JSON of a file, where it is an object.
fn json(content: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(content).ok()?;
    value.is_object().then_some(value)
}

/// The one thing that a command prints.
fn printed<'v>(
    path: &Path,
    value: Option<&'v Value>,
    name: &str,
    command: &'static str,
) -> Result<&'v Value, Error> {
    let found = value
        .and_then(|value| value.get(name))
        .filter(|it| it.is_object());
    found.ok_or_else(|| not_printed(path, command, &format!("it has no member {name}")))
}

fn not_printed(path: &Path, command: &'static str, reason: &str) -> Error {
    let (path, reason) = (path.to_owned(), reason.to_owned());
    DoctorError::NotPrinted {
        path,
        command,
        reason,
    }
    .into()
}

fn member(path: &Path, member: &'static str, reason: impl ToString) -> Error {
    let (path, reason) = (path.to_owned(), reason.to_string());
    DoctorError::Member {
        path,
        member,
        reason,
    }
    .into()
}

fn anchor(path: &Path, content: &[u8]) -> Result<GivenAnchor, Error> {
    let origin = path.display().to_string();
    let Some(value) = json(content) else {
        return Ok(GivenAnchor {
            arn: None,
            enabled: None,
            certificates: Some(read_certificates(content, &origin)?),
        });
    };
    let found = printed(path, Some(&value), "trustAnchor", GET_ANCHOR)?;
    let arn = found.get("trustAnchorArn").and_then(Value::as_str);
    let arn =
        arn.ok_or_else(|| not_printed(path, GET_ANCHOR, "it has no member trustAnchorArn"))?;
    let arn: TrustAnchorArn = arn
        .parse()
        .map_err(|error| member(path, "trustAnchorArn", error))?;
    let pem = found
        .pointer("/source/sourceData/x509CertificateData")
        .and_then(Value::as_str);
    let certificates = pem.map(|pem| read_certificates(pem.as_bytes(), &origin));
    Ok(GivenAnchor {
        arn: Some(arn),
        enabled: found.get("enabled").and_then(Value::as_bool),
        certificates: certificates.transpose()?,
    })
}

fn profile(path: &Path, content: &[u8]) -> Result<Profile, Error> {
    let value = json(content);
    let found = printed(path, value.as_ref(), "profile", GET_PROFILE)?;
    let flag = |name: &'static str| match found.get(name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(member(
            path,
            name,
            format!("{other} is neither true nor false"),
        )),
    };
    let lacks = |name: &str| not_printed(path, GET_PROFILE, &format!("it has no member {name}"));
    let arn = found
        .get("profileArn")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let seconds = found.get("durationSeconds");
    let seconds = seconds.ok_or_else(|| lacks("durationSeconds"))?;
    let roles = found.get("roleArns").and_then(Value::as_array);
    let roles = roles.ok_or_else(|| lacks("roleArns"))?;
    let role = |arn: &Value| {
        let text = arn.as_str().ok_or_else(|| format!("{arn} is no ARN"));
        let parsed = text.and_then(|text| text.parse().map_err(|error: _| format!("{error}")));
        parsed.map_err(|reason: String| member(path, "roleArns", reason))
    };
    Ok(Profile {
        arn: arn
            .parse()
            .map_err(|error| member(path, "profileArn", error))?,
        roles: roles.iter().map(role).collect::<Result<_, Error>>()?,
        duration: duration(path, "durationSeconds", seconds)?,
        // Both are false in a profile that was made without them.
        accepts_session_name: flag("acceptRoleSessionName")?.unwrap_or(false),
        require_instance_properties: flag("requireInstanceProperties")?.unwrap_or(false),
        mapping: mapping(path, found.get("attributeMappings"))?,
        enabled: flag("enabled")?.ok_or_else(|| lacks("enabled"))?,
    })
}

/// A number of seconds that a session may have.
fn duration(path: &Path, name: &'static str, value: &Value) -> Result<SessionDuration, Error> {
    let seconds = value
        .as_u64()
        .and_then(|seconds| u32::try_from(seconds).ok());
    seconds
        .ok_or_else(|| format!("{value} is no number of seconds"))
        .and_then(SessionDuration::try_from)
        .map_err(|reason| member(path, name, reason))
}

/// The mapping of a profile; without a member that of one that nobody has changed.
fn mapping(path: &Path, value: Option<&Value>) -> Result<AttributeMapping, Error> {
    let wrong = |reason: String| member(path, "attributeMappings", reason);
    let fields = match value {
        None | Some(Value::Null) => return Ok(AttributeMapping::default()),
        Some(Value::Array(fields)) => fields,
        Some(_) => return Err(wrong("it is no list".to_owned())),
    };
    let mut mapping = AttributeMapping::none();
    for field in fields {
        let name = field.get("certificateField").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let known = CertificateField::named(name)
            .ok_or_else(|| wrong(format!("the field '{name}' is not known")))?;
        let rules = field.get("mappingRules").and_then(Value::as_array);
        let specifiers = rules.into_iter().flatten().map(|rule| {
            let text = rule.get("specifier").and_then(Value::as_str);
            let text = text.ok_or_else(|| wrong("a rule has no specifier".to_owned()))?;
            text.parse().map_err(wrong)
        });
        mapping.put(known, specifiers.collect::<Result<_, Error>>()?);
    }
    Ok(mapping)
}

fn role(path: &Path, content: &[u8]) -> Result<GivenRole, Error> {
    let value = json(content);
    let found = printed(path, value.as_ref(), "Role", GET_ROLE)?;
    let seconds = found.get("MaxSessionDuration");
    let max_duration = seconds.map(|seconds| duration(path, "MaxSessionDuration", seconds));
    let arn = found.get("Arn").and_then(Value::as_str);
    let arn = arn.ok_or_else(|| not_printed(path, GET_ROLE, "it has no member Arn"))?;
    let Some(document) = found.get("AssumeRolePolicyDocument") else {
        return Err(not_printed(
            path,
            GET_ROLE,
            "it has no member AssumeRolePolicyDocument",
        ));
    };
    // The CLI decodes it, and other clients leave it percent-encoded.
    let text = match document {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(GivenRole {
        arn: Some(arn.to_owned()),
        max_duration: max_duration.transpose()?,
        trust_policy: policy(path, text.as_bytes())?,
    })
}

fn policy(path: &Path, text: &[u8]) -> Result<TrustPolicy, Error> {
    TrustPolicy::read(text).map_err(|source| {
        DoctorError::Policy {
            path: path.to_owned(),
            source,
        }
        .into()
    })
}

/// The lists of a file that are enabled; those of a PEM file are taken to be.
fn lists(path: &Path, content: &[u8]) -> Result<Vec<GivenList>, Error> {
    let origin = path.display().to_string();
    let read = |content: &[u8]| {
        let lists = Crl::read_each(content, &origin)?;
        lists.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let Some(value) = json(content) else {
        let bare = read(content)?.into_iter();
        return Ok(bare.map(|list| GivenList { anchor: None, list }).collect());
    };
    if value.get("nextToken").is_some_and(|token| !token.is_null()) {
        let reason = "it is one page of several (nextToken), and the others may have lists";
        return Err(not_printed(path, LIST_CRLS, reason));
    }
    let details: Vec<&Value> = match (value.get("crls"), value.get("crl")) {
        (Some(Value::Array(all)), _) => all.iter().collect(),
        (_, Some(one)) => vec![one],
        _ => return Err(not_printed(path, LIST_CRLS, "it has no member crls")),
    };
    let mut found = Vec::new();
    for detail in details {
        if detail.get("enabled").and_then(Value::as_bool) == Some(false) {
            continue;
        }
        let data = detail
            .get("crlData")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let data = STANDARD
            .decode(data)
            .map_err(|error| member(path, "crlData", error))?;
        let anchor = detail.get("trustAnchorArn").and_then(Value::as_str);
        found.extend(read(&data)?.into_iter().map(|list| GivenList {
            anchor: anchor.map(str::to_owned),
            list,
        }));
    }
    Ok(found)
}
