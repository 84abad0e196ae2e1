//! Reading and verifying an ordinary SigV4 signature, with code of its own: the
//! client signs with another library.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::rolesanywhere::Region;
use crate::secret::Secret;

use super::canonical::canonical_request;
use super::request::{DATE_FORM, Received};
use super::sessions::Session;

/// What the headers claim, decoded but not verified.
#[derive(Debug)]
pub(super) struct HmacClaim {
    /// Whose signature it is to be.
    pub(super) key_id: String,
    day: String,
    region: String,
    service: String,
    terminator: String,
    signed_names: Vec<String>,
    signature: Vec<u8>,
    date_text: String,
    date: DateTime<Utc>,
}

/// What a signature is held against.
pub(super) struct Expected<'a> {
    /// The region of the service.
    pub(super) region: &'a Region,
    /// Whose signature it is to be.
    pub(super) session: &'a Session,
    /// The service's time.
    pub(super) now: DateTime<Utc>,
    /// How far the client's may be off.
    pub(super) window: TimeDelta,
}

impl HmacClaim {
    /// Decodes `Authorization` and the date.
    ///
    /// # Errors
    ///
    /// A sentence that says what is malformed.
    pub(super) fn read(request: &Received) -> Result<Self, String> {
        let authorization = request.single("authorization")?;
        let fields = authorization
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or("Authorization is not AWS4-HMAC-SHA256")?;
        let field = |wanted: &str| {
            let mut found = fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='))
                .filter(|(name, _)| *name == wanted);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok(value),
                _ => Err(format!("Authorization does not have {wanted} once")),
            }
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [key_id, day, region, service, terminator] = scope.as_slice() else {
            return Err("Credential is not KEY/DATE/REGION/SERVICE/aws4_request".to_owned());
        };
        let signed_names: Vec<String> = field("SignedHeaders")?
            .split(';')
            .map(str::to_owned)
            .collect();
        for required in ["host", "x-amz-date"] {
            if !signed_names.iter().any(|name| name == required) {
                return Err(format!("the header {required} is not signed"));
            }
        }
        // Every x-amz- header must be covered (AWS, "Create a canonical
        // request").
        let unsigned = request.headers.iter().find(|(name, _)| {
            name.starts_with("x-amz-") && !signed_names.iter().any(|signed| signed == name)
        });
        if let Some((name, _)) = unsigned {
            return Err(format!("the header {name} is not signed"));
        }
        let (date, date_text) = request.amz_date()?;
        Ok(Self {
            key_id: (*key_id).to_owned(),
            day: (*day).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            terminator: (*terminator).to_owned(),
            signed_names,
            signature: hex::decode(field("Signature")?)
                .map_err(|_| "Signature is not hex".to_owned())?,
            date_text,
            date,
        })
    }

    /// Verifies scope, clock and signature.
    ///
    /// # Errors
    ///
    /// STS's own sentence.
    pub(super) fn verify(&self, request: &Received, expected: &Expected<'_>) -> Result<(), String> {
        self.check_scope(expected.region)?;
        self.check_date(expected.now, expected.window)?;
        let names: Vec<&str> = self.signed_names.iter().map(String::as_str).collect();
        let canonical = canonical_request(request, &request.path, &names)?;
        if self.is_signature_of(&canonical, &expected.session.secret) {
            Ok(())
        } else {
            Err(
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. \
                 Consult the service documentation for details."
                    .to_owned(),
            )
        }
    }

    fn check_scope(&self, region: &Region) -> Result<(), String> {
        let wrong = if self.region != region.as_str() {
            return Err(format!(
                "Credential should be scoped to a valid region, not '{}'.",
                self.region
            ));
        } else if self.service != "sts" {
            "Credential should be scoped to correct service: 'sts'."
        } else if self.terminator != "aws4_request" {
            "Credential should be scoped with a valid terminator: 'aws4_request'."
        } else if self.day != self.date_text[..8] {
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."
        } else {
            return Ok(());
        };
        Err(wrong.to_owned())
    }

    fn check_date(&self, now: DateTime<Utc>, window: TimeDelta) -> Result<(), String> {
        let shown = |time: DateTime<Utc>| time.format(DATE_FORM).to_string();
        let minutes = window.num_minutes();
        let (earliest, latest) = (now - window, now + window);
        if self.date < earliest {
            return Err(format!(
                "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
                self.date_text,
                shown(earliest),
                shown(now)
            ));
        }
        if self.date > latest {
            return Err(format!(
                "Signature not yet current: {} is still later than {} ({} + {minutes} min.)",
                self.date_text,
                shown(latest),
                shown(now)
            ));
        }
        Ok(())
    }

    fn is_signature_of(&self, canonical: &str, secret: &Secret) -> bool {
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256\n{}\n{}/{}/sts/aws4_request\n{}",
            self.date_text,
            self.day,
            self.region,
            hex::encode(Sha256::digest(canonical))
        );
        let key = [b"AWS4", secret.expose()].concat();
        [&self.day, &self.region, "sts", "aws4_request"]
            .iter()
            .try_fold(key, |key, part| {
                Some(mac(&key, part)?.finalize().into_bytes().to_vec())
            })
            .and_then(|key| mac(&key, &string_to_sign))
            .is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
    }
}

fn mac(key: &[u8], message: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message.as_bytes());
    Some(mac)
}
