//! The one path of every workload certificate from what was asked for to what is
//! stored: judged by the policy, reserved, built, signed and verified. Issuing
//! with a new key, signing a request, batches and dry runs differ in what
//! surrounds it.

use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::SecureRandom;
use serde_json::json;

use crate::key::{PublicKey, Signer};
use crate::pki::{
    self, Certificate, DistinguishedName, IssuerRef, Kind, PathQuery, Policy, Revocation,
    SerialNumber, Template, validate_path,
};
use crate::store::{self, Reservation, Writer};

use super::judge::{SMALL_EXPONENT, judge};
use super::known_key::{is_compromised, is_own};
use super::policy::{Profile, Refusal, Refusals};
use super::record::issue_facts;
use super::subject::TagValue;
use super::tally::Tally;
use super::{Action, Authority, Error, IssueRequest, Occasion, RequestedKey, draw_serial};

/// How often another serial number is drawn when one is taken. Chance never
/// needs the second; a broken random source is noticed.
const SERIAL_ATTEMPTS: usize = 3;

/// A certificate between request and signature.
pub(super) struct Draft<'a> {
    pub(super) request: &'a IssueRequest,
    pub(super) profile: &'a Profile,
    subject: DistinguishedName,
    public_key: PublicKey,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// Whether it ends earlier than asked for, with the issuer.
    pub(super) clamped: bool,
    /// The name under which nothing is issued twice.
    pub(super) request_id: Option<String>,
}

/// What signs: everything of a CA that threads can share.
#[derive(Clone, Copy)]
pub(super) struct Press<'a> {
    root: &'a Certificate,
    issuing: &'a Certificate,
    key: &'a dyn Signer,
    /// Now.
    at: DateTime<Utc>,
}

/// Why nothing was signed.
pub(super) struct NotSigned {
    /// Whether the issuer's key was used.
    pub(super) is_key_used: bool,
    pub(super) error: Error,
}

/// A transaction in which serial numbers are reserved. While it lasts nobody else
/// reserves any, so that limits which were counted once hold until its end.
pub(super) struct Reserver<'a> {
    authority: &'a Authority,
    pub(super) writer: Writer<'a>,
    is_policy_noted: bool,
    tallies: Vec<Tally<'a>>,
}

impl Authority {
    /// What the policy says, and whether the key may be certified. Nothing is
    /// written.
    pub(super) fn judge<'a>(&'a self, request: &IssueRequest) -> Result<&'a Profile, Error> {
        let profile = self.policy.profile(request.profile.as_deref())?;
        let algorithm = match &request.key {
            RequestedKey::New(key_type) => key_type.algorithm(),
            RequestedKey::Given(key) => key.algorithm(),
        };
        let mut refusals = profile.judge(request, algorithm);
        let subject = subject_of(request);
        if [self.issuing(), self.root()]
            .iter()
            .any(|own| *own.subject() == subject)
        {
            refusals.push(Refusal::own_name(&subject.to_string()));
        }
        if let Some(refusals) = Refusals::of(refusals) {
            return Err(Error::Refused(refusals));
        }
        if let RequestedKey::Given(key) = &request.key {
            self.judge_key(key)?;
        }
        Ok(profile)
    }

    fn judge_key(&self, key: &PublicKey) -> Result<(), Error> {
        let fingerprint = key.fingerprint();
        let reason = if let Some(flaw) = key.flaw() {
            flaw
        } else if key.has_small_exponent() {
            SMALL_EXPONENT.to_owned()
        } else if is_own(&self.inventory, key)? {
            "it is a key of this CA itself".to_owned()
        } else if is_compromised(&self.inventory, key)? {
            "a certificate of it was revoked because the key was compromised".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::KeyRefused {
            fingerprint,
            reason,
        })
    }

    /// Fixes everything but the serial number.
    pub(super) fn draft<'a>(
        &self,
        request: &'a IssueRequest,
        profile: &'a Profile,
        public_key: PublicKey,
        at: DateTime<Utc>,
    ) -> Result<Draft<'a>, Error> {
        let days = request.days.unwrap_or_else(|| profile.days());
        let (not_after, clamped) = self.end_of(days, at)?;
        let backdate = TimeDelta::seconds(i64::from(profile.backdate()));
        Ok(Draft {
            request,
            profile,
            subject: subject_of(request),
            public_key,
            not_before: self.begin_of(at, backdate),
            not_after,
            clamped,
            request_id: request.request_id.clone(),
        })
    }

    pub(super) fn press(&self, at: DateTime<Utc>) -> Press<'_> {
        Press {
            root: self.root(),
            issuing: self.issuing(),
            key: self.issuing_key.as_ref(),
            at,
        }
    }

    pub(super) fn reserver(&self) -> Result<Reserver<'_>, Error> {
        Ok(Reserver {
            authority: self,
            writer: self.write()?,
            is_policy_noted: false,
            tallies: Vec::new(),
        })
    }

    /// Puts a refusal into the audit log; every other outcome passes through.
    pub(super) fn logged<T>(
        &self,
        outcome: Result<T, Error>,
        request: &IssueRequest,
        occasion: &Occasion<'_>,
    ) -> Result<T, Error> {
        let (rules, reason) = match &outcome {
            Err(Error::Refused(refusals)) => (refusals.rules(), refusals.to_string()),
            Err(Error::KeyRefused { reason, .. }) => (vec!["key"], reason.clone()),
            _ => return outcome,
        };
        let detail = json!({
            "rule": rules.first(),
            "rules": rules,
            "refused": reason,
            "subject": subject_of(request).to_string(),
            "subjectAlternativeNames": shown_names(request),
            "profile": request.profile,
            "requestId": request.request_id,
        });
        let mut writer = self.inventory.write()?;
        occasion.log(&mut writer, Action::Refuse, None, &detail)?;
        writer.commit()?;
        outcome
    }

    /// Settles that nothing was handed out under reserved serial numbers, with
    /// the reason, in one transaction.
    pub(super) fn abandon<'b>(
        &self,
        serials: impl IntoIterator<Item = &'b [u8]>,
        why: &str,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let mut writer = self.inventory.write()?;
        for serial in serials {
            abandon_in(&mut writer, serial, why, occasion)?;
        }
        Ok(writer.commit()?)
    }
}

/// Settles that nothing was handed out under one reserved serial number.
pub(super) fn abandon_in(
    writer: &mut Writer<'_>,
    serial: &[u8],
    why: &str,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    writer.abandon(serial, occasion.at)?;
    let detail = json!({ "error": why });
    occasion.log(writer, Action::Abandon, Some(serial), &detail)
}

impl<'a> Reserver<'a> {
    /// Reserves a new serial number with everything that will be signed. When
    /// the transaction is committed, the reservation survives a power cut.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when a limit is reached; what was reserved before in
    /// the transaction stays.
    pub(super) fn reserve(
        &mut self,
        draft: &Draft<'a>,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<SerialNumber, Error> {
        self.note_policy(occasion)?;
        let tally = self.count(draft.profile, occasion)?;
        let names = shown_names(draft.request);
        let issuing = self.authority.issuing();
        // The instance byte is that of the issuing certificate's own serial.
        let instance = *issuing.serial().magnitude().first().unwrap_or(&1);
        let mut attempts = 0;
        loop {
            let serial = draw_serial(random, instance)?;
            let reserved = self.writer.reserve(&Reservation {
                serial: serial.magnitude(),
                kind: store::Kind::Leaf,
                issuer_key_id: &issuing.key_identifier(),
                subject: &draft.subject.to_string(),
                common_name: draft.request.common_name.as_str(),
                names: &names,
                key_fingerprint: &draft.public_key.fingerprint(),
                not_before: draft.not_before,
                not_after: draft.not_after,
                at: occasion.at,
                profile: draft.profile.name(),
                requester: Some(occasion.actor),
                request_id: draft.request_id.as_deref(),
            });
            attempts += 1;
            match reserved {
                Ok(()) => {
                    if let Some(tally) = tally.and_then(|index| self.tallies.get_mut(index)) {
                        tally.add_one();
                    }
                    return Ok(serial);
                }
                Err(store::Error::SerialTaken { .. }) if attempts < SERIAL_ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Judges the limits, if the profile has any, and says where its tally is.
    fn count(
        &mut self,
        profile: &'a Profile,
        occasion: &Occasion<'_>,
    ) -> Result<Option<usize>, Error> {
        let Some(name) = profile.name() else {
            return Ok(None);
        };
        if profile.per_day().is_none() && profile.valid().is_none() {
            return Ok(None);
        }
        let known = self.tallies.iter().position(|tally| tally.is_of(name));
        let index = known.unwrap_or(self.tallies.len());
        if known.is_none() {
            self.tallies.push(self.authority.tally(profile, occasion)?);
        }
        if let Some(tally) = self.tallies.get(index) {
            Authority::judge_limits(profile, tally, occasion.actor)?;
        }
        Ok(Some(index))
    }

    /// Says in the log that another policy holds than when was issued last.
    fn note_policy(&mut self, occasion: &Occasion<'_>) -> Result<(), Error> {
        if self.is_policy_noted {
            return Ok(());
        }
        self.is_policy_noted = true;
        let policy = &self.authority.policy;
        let before = self.authority.inventory.policy_digest()?;
        if before.as_deref().unwrap_or_default() == policy.digest() {
            return Ok(());
        }
        let shown = |digest: &str| (!digest.is_empty()).then(|| digest.to_owned());
        let detail = json!({
            "digestSha256": shown(policy.digest()),
            "digestBefore": before.as_deref().and_then(shown),
            "profiles": policy.names(),
        });
        occasion.log(&mut self.writer, Action::Policy, None, &detail)?;
        Ok(self.writer.set_policy_digest(policy.digest())?)
    }
}

impl Press<'_> {
    /// Builds and judges what would be signed, with a signature of zeros.
    pub(super) fn preview(
        &self,
        draft: &Draft<'_>,
        serial: &SerialNumber,
    ) -> Result<Certificate, Error> {
        self.with(draft, serial, |template, issuer| {
            judge(&template.build(issuer)?, self.at)
        })
    }

    /// Builds, judges, signs and verifies.
    pub(super) fn sign(
        &self,
        draft: &Draft<'_>,
        serial: &SerialNumber,
    ) -> Result<Certificate, NotSigned> {
        let failed = |is_key_used| move |error| NotSigned { is_key_used, error };
        let unused = |error: pki::Error| failed(false)(error.into());
        self.with(draft, serial, |template, issuer| {
            let to_be_signed = template.build(issuer).map_err(unused)?;
            let preview = judge(&to_be_signed, self.at).map_err(failed(false))?;
            to_be_signed
                .sign_judged(preview)
                .map_err(|error| failed(true)(error.into()))
        })
    }

    fn with<T>(
        &self,
        draft: &Draft<'_>,
        serial: &SerialNumber,
        make: impl FnOnce(&Template<'_>, &IssuerRef<'_>) -> T,
    ) -> T {
        let key_identifier = self.issuing.key_identifier();
        let issuer = IssuerRef {
            name: self.issuing.subject(),
            signer: self.key,
            key_identifier: &key_identifier,
        };
        let template = Template {
            subject: &draft.subject,
            public_key: &draft.public_key,
            serial,
            not_before: draft.not_before,
            not_after: draft.not_after,
            kind: Kind::Leaf {
                names: draft.request.names.clone(),
            },
        };
        make(&template, &issuer)
    }

    /// Whether what was signed leads to the root.
    pub(super) fn check_path(&self, certificate: &Certificate) -> Result<(), Error> {
        validate_path(&PathQuery {
            leaf: certificate,
            intermediates: std::slice::from_ref(self.issuing),
            anchors: std::slice::from_ref(self.root),
            revocation: Revocation::Unchecked,
            at: self.at,
            policy: Policy::RolesAnywhere,
        })
        .map(drop)
        .map_err(Error::Path)
    }
}

/// A signed certificate with what is said of it where it is stored: made ready
/// before the inventory is locked.
pub(super) struct Product {
    pub(super) certificate: Certificate,
    fingerprint: String,
    /// The facts of its entry in the log, a JSON object.
    detail: String,
}

impl Product {
    pub(super) fn of(draft: &Draft<'_>, certificate: Certificate, actor: &str) -> Self {
        let fingerprint = certificate.fingerprint();
        // With the requester it says all that the certificate does not.
        let further = [
            ("requester", Some(actor)),
            ("profile", draft.profile.name()),
            ("requestId", draft.request_id.as_deref()),
        ];
        let further: Vec<(&str, &str)> = further
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        Self {
            detail: issue_facts(&certificate, &fingerprint, &further).to_string(),
            certificate,
            fingerprint,
        }
    }

    /// Stores it under its reserved serial number, with its entry in the log.
    pub(super) fn store_in(
        &self,
        writer: &mut Writer<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let serial = self.certificate.serial().magnitude();
        let encoded = self.certificate.der();
        writer.store(serial, encoded, &self.fingerprint, occasion.at)?;
        occasion.log_written(writer, Action::Issue, Some(serial), &self.detail)
    }
}

pub(super) fn shown_names(request: &IssueRequest) -> Vec<String> {
    request.names.iter().map(ToString::to_string).collect()
}

pub(super) fn subject_of(request: &IssueRequest) -> DistinguishedName {
    let units = request.organizational_units.iter();
    DistinguishedName::of_workload(
        request.organization.as_ref().map(TagValue::as_str),
        units.map(TagValue::as_str),
        request.common_name.as_str(),
    )
}
