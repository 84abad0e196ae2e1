//! `windlass ca issue`

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::authority::{
    self, Authority, Delivery, IssueRequest, Issued, Preview, Refusal, Refusals, RequestedKey,
};
use crate::cli::{CaIssue, OccasionArgs, PassphraseArgs};
use crate::clock::rfc3339;
use crate::commands::{Context, Error};
use crate::pki::{Certificate, encode_pem};

use super::occasion::{actor, occasion};
use super::outside::check_outside;
use super::unlock::unlock;

/// What is to be issued, and where it goes.
pub(super) struct Order<'a> {
    pub(super) directory: PathBuf,
    pub(super) request: IssueRequest,
    /// `None` in a dry run.
    pub(super) target: Option<Target>,
    /// What a request asks for in vain; `None` without a request.
    pub(super) ignored: Option<Vec<String>>,
    pub(super) passphrase: &'a PassphraseArgs,
    pub(super) occasion: &'a OccasionArgs,
    pub(super) json: bool,
}

/// Where a certificate goes.
pub(super) struct Target {
    pub(super) delivery: Delivery,
    /// `None` for the standard output.
    pub(super) path: Option<PathBuf>,
}

/// Issues a certificate and says where its files are.
pub(in crate::commands) fn issue(arguments: &CaIssue, context: &Context) -> Result<(), Error> {
    let common_name = match (&arguments.batch.batch, &arguments.cn) {
        (None, Some(name)) => name.clone(),
        (None, None) => {
            return Err(Error::Missing {
                what: "common name",
                option: "cn",
                profile: None,
            });
        }
        (Some(file), _) => return super::batch::issue(arguments, file, context),
    };
    let out = arguments.out.as_deref().map(|out| context.path(out));
    if let Some(out) = &out {
        check_outside(out, &context.path(&arguments.ca.dir))?;
    }
    // First, so that an occupied directory is refused before anybody is asked.
    let target = match &out {
        Some(out) if !arguments.terms.dry_run => Some(Target {
            delivery: Delivery::directory(out)?,
            path: Some(out.clone()),
        }),
        _ => None,
    };
    Order {
        directory: context.path(&arguments.ca.dir),
        request: IssueRequest {
            common_name,
            organization: arguments.names.organization.clone(),
            organizational_units: arguments.names.ou.clone(),
            names: arguments.names.san.clone(),
            key: RequestedKey::New(arguments.key_type),
            days: arguments.terms.days,
            profile: arguments.terms.profile.clone(),
            request_id: None,
        },
        target,
        ignored: None,
        passphrase: &arguments.passphrase,
        occasion: &arguments.occasion,
        json: arguments.json,
    }
    .carry_out(context)
}

/// Opens the CA with its key.
pub(super) fn open(
    directory: &Path,
    passphrase: &PassphraseArgs,
    context: &Context,
) -> Result<Authority, Error> {
    let authority = Authority::open(directory, &unlock(directory, passphrase, context)?)?;
    warn_of_end(authority.ending(context.clock.now()), context);
    Ok(authority)
}

/// Of the end of the CA, where it is near.
pub(super) fn warn_of_end(end: Option<DateTime<Utc>>, context: &Context) {
    if let Some(end) = end {
        context.printer.warning(&format!(
            "the CA itself ends on {}, sooner than the longest life that it gives: no certificate outlives it, and hosts need the next CA before",
            rfc3339(end)
        ));
    }
}

impl Order<'_> {
    /// Issues, or says what would be issued, and prints it.
    pub(super) fn carry_out(self, context: &Context) -> Result<(), Error> {
        let actor = actor(context);
        let occasion = occasion(&actor, self.occasion, context);
        let random = SystemRandom::new();
        let Some(target) = self.target else {
            let authority = Authority::open_to_look(&self.directory)?;
            let foreseen = authority.preview(&self.request, &occasion, &random);
            if let (Err(error), true) = (&foreseen, self.json) {
                foretell_refusal(error, &self.request, context)?;
            }
            let preview = foreseen?;
            warn_clamped(&preview.certificate, preview.clamped, context);
            return foretell(&self.request, &preview, self.ignored, self.json, context);
        };
        let authority = open(&self.directory, self.passphrase, context)?;
        let issued = authority.issue(&self.request, target.delivery, &occasion, &random)?;
        warn_clamped(&issued.certificate, issued.clamped, context);
        if let Some(error) = &issued.unrecorded {
            context.printer.warning(&format!(
                "the inventory lists the certificate, but could not note its delivery: {error}"
            ));
        }
        let Some(path) = target.path else {
            let chain = encode_pem([&issued.certificate, authority.issuing()]);
            if !self.json {
                return context.printer.data(&chain);
            }
            let mut shown = as_json(&issued.certificate);
            shown["ignored"] = self.ignored.into();
            shown["fullchainPem"] = chain.into();
            return context.printer.json(&shown);
        };
        let files = files_of(&path, &self.request.key);
        if self.json {
            let mut shown = as_json(&issued.certificate);
            if let (Some(fields), Some(ignored)) = (shown.as_object_mut(), self.ignored) {
                fields.insert("ignored".to_owned(), ignored.into());
            }
            for (key, _, path) in &files {
                shown[*key] = json!(path);
            }
            return context.printer.json(&shown);
        }
        context.printer.data(&as_text(&issued, &files))
    }
}

fn warn_clamped(certificate: &Certificate, clamped: bool, context: &Context) {
    if clamped {
        context.printer.warning(&format!(
            "the certificate ends with its CA, on {}, not after the days that were asked for",
            rfc3339(certificate.not_after()),
        ));
    }
}

/// JSON key, words and path of each file that is delivered.
fn files_of(path: &Path, key: &RequestedKey) -> Vec<(&'static str, &'static str, PathBuf)> {
    if !path.is_dir() {
        return vec![("fullchainFile", "with chain", path.to_owned())];
    }
    let file = |name: &str| path.join(name);
    let private = match key {
        RequestedKey::New(_) => Some(("privateKeyFile", "private key", file("key.pem"))),
        RequestedKey::Given(_) => None,
    };
    let certificates = [
        ("certificateFile", "certificate", file("cert.pem")),
        ("chainFile", "", file("chain.pem")),
        ("fullchainFile", "with chain", file("fullchain.pem")),
    ];
    private.into_iter().chain(certificates).collect()
}

pub(super) fn as_json(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "subjectAlternativeNames": certificate.alternative_names(),
        "serialNumber": certificate.serial().hex(),
        "notBefore": rfc3339(certificate.not_before()),
        "notAfter": rfc3339(certificate.not_after()),
        "fingerprintSha256": certificate.fingerprint(),
    })
}

fn as_text(issued: &Issued, files: &[(&str, &str, PathBuf)]) -> String {
    let certificate = &issued.certificate;
    let mut text = format!(
        "issued a certificate to {}\n\
         serial number  {}\n\
         valid          {} to {}\n",
        certificate.subject(),
        certificate.serial(),
        rfc3339(certificate.not_before()),
        rfc3339(certificate.not_after()),
    );
    for (_, words, path) in files.iter().filter(|(_, words, _)| !words.is_empty()) {
        text.push_str(&format!("{words:<14} {}\n", path.display()));
    }
    text
}

/// Prints for programs what refuses, where something does: the error says it to
/// people.
fn foretell_refusal(
    error: &authority::Error,
    request: &IssueRequest,
    context: &Context,
) -> Result<(), Error> {
    let refusals = match error {
        authority::Error::Refused(refusals) => refusals_as_json(refusals),
        authority::Error::KeyRefused {
            fingerprint,
            reason,
        } => json!([{ "rule": "key", "asked": fingerprint, "reason": reason }]),
        _ => return Ok(()),
    };
    context.printer.json(&json!({
        "dryRun": true,
        "allowed": false,
        "profile": request.profile,
        "refusals": refusals,
    }))
}

/// Everything that the policy has against a certificate.
pub(super) fn refusals_as_json(refusals: &Refusals) -> Value {
    let row = |refusal: &Refusal| {
        json!({
            "rule": refusal.rule,
            "asked": refusal.value,
            "reason": refusal.reason,
        })
    };
    refusals.iter().map(row).collect()
}

/// Prints what would be issued, and what the policy says of it.
fn foretell(
    request: &IssueRequest,
    preview: &Preview,
    ignored: Option<Vec<String>>,
    json: bool,
    context: &Context,
) -> Result<(), Error> {
    let certificate = &preview.certificate;
    let is_new = matches!(request.key, RequestedKey::New(_));
    let key = certificate.public_key();
    if json {
        return context.printer.json(&json!({
            "dryRun": true,
            "allowed": true,
            "profile": preview.profile,
            "subject": certificate.subject().to_string(),
            "issuer": certificate.issuer().to_string(),
            "subjectAlternativeNames": certificate.alternative_names(),
            "notBefore": rfc3339(certificate.not_before()),
            "notAfter": rfc3339(certificate.not_after()),
            "clamped": preview.clamped,
            "keyAlgorithm": key.algorithm().to_string(),
            "newKey": is_new,
            "keyFingerprintSha256": (!is_new).then(|| key.fingerprint()),
            "basicConstraints": { "ca": certificate.is_ca() },
            "keyUsage": ["digitalSignature"],
            "extendedKeyUsage": certificate.extended_key_usage(),
            "ignored": ignored,
        }));
    }
    let mut text = format!(
        "would issue a certificate to {}\n\
         issuer         {}\n\
         valid          {} to {}\n\
         key            {}{}\n\
         for            client authentication, digital signatures, no CA\n",
        certificate.subject(),
        certificate.issuer(),
        rfc3339(certificate.not_before()),
        rfc3339(certificate.not_after()),
        key.algorithm(),
        if is_new { ", new" } else { "" },
    );
    for name in certificate.alternative_names() {
        text.push_str(&format!("name           {name}\n"));
    }
    let policy = match &preview.profile {
        Some(name) => format!("allowed by profile {name}"),
        None => "allowed; there is no ca.toml".to_owned(),
    };
    text.push_str(&format!("policy         {policy}\nnothing was issued\n"));
    context.printer.data(&text)
}
