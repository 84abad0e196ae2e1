//! Reading and verifying an ordinary SigV4 signature, with code of its own: the
//! client signs with another library.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::secret::Secret;

use super::caller::Scope;
use super::canonical::{canonical_path, canonical_request};
use super::request::{DATE_FORM, Received};
use super::sessions::Session;
use super::signature::lowercase_hex;

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
    /// Service, region and time.
    pub(super) scope: Scope<'a>,
    /// Whose signature it is to be.
    pub(super) session: &'a Session,
    /// How far the client's time may be off.
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
        let fields: Vec<(&str, &str)> = fields
            .split(',')
            .map(|field| {
                let parts = field.trim().split_once('=');
                parts.ok_or("Authorization has a field without =")
            })
            .collect::<Result<_, _>>()?;
        if fields.len() != 3 {
            return Err("Authorization has other fields than its three".to_owned());
        }
        let field = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted);
            let value = found.map(|(_, value)| *value);
            value.ok_or_else(|| format!("Authorization does not have {wanted} once"))
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [key_id, day, region, service, terminator] = scope.as_slice() else {
            return Err("Credential is not KEY/DATE/REGION/SERVICE/aws4_request".to_owned());
        };
        let signed_names: Vec<String> = field("SignedHeaders")?
            .split(';')
            .map(str::to_owned)
            .collect();
        // SigV4 sorts them, and has each once.
        if !signed_names.is_sorted_by(|one, next| one < next) {
            return Err("SignedHeaders is not sorted".to_owned());
        }
        request.single("host")?;
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
        check_content(request)?;
        let (date, date_text) = request.amz_date()?;
        Ok(Self {
            key_id: (*key_id).to_owned(),
            day: (*day).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            terminator: (*terminator).to_owned(),
            signed_names,
            signature: lowercase_hex(field("Signature")?)?,
            date_text,
            date,
        })
    }

    /// Verifies scope, clock and signature.
    ///
    /// # Errors
    ///
    /// AWS's own sentence.
    pub(super) fn verify(&self, request: &Received, expected: &Expected<'_>) -> Result<(), String> {
        self.check_scope(expected.scope)?;
        self.check_date(expected.scope.now, expected.window)?;
        let names: Vec<&str> = self.signed_names.iter().map(String::as_str).collect();
        let path = canonical_path(&request.path);
        let canonical = canonical_request(request, &path, &names)?;
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

    fn check_scope(&self, expected: Scope<'_>) -> Result<(), String> {
        let wrong = if self.region != expected.region.as_str() {
            return Err(format!(
                "Credential should be scoped to a valid region, not '{}'.",
                self.region
            ));
        } else if self.service != expected.service {
            return Err(format!(
                "Credential should be scoped to correct service: '{}'.",
                expected.service
            ));
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
            "AWS4-HMAC-SHA256\n{}\n{}/{}/{}/aws4_request\n{}",
            self.date_text,
            self.day,
            self.region,
            self.service,
            hex::encode(Sha256::digest(canonical))
        );
        let key = [b"AWS4", secret.expose()].concat();
        [&self.day, &self.region, &self.service, "aws4_request"]
            .iter()
            .try_fold(key, |key, part| {
                Some(mac(&key, part)?.finalize().into_bytes().to_vec())
            })
            .and_then(|key| mac(&key, &string_to_sign))
            .is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
    }
}

/// What a header says of the body is true (`X-Amz-Content-Sha256`).
fn check_content(request: &Received) -> Result<(), String> {
    const NAME: &str = "x-amz-content-sha256";
    if request.values(NAME).next().is_none() {
        return Ok(());
    }
    let told = request.single(NAME)?;
    let is_hash = told == hex::encode(Sha256::digest(&request.body));
    (is_hash || told == "UNSIGNED-PAYLOAD")
        .then_some(())
        .ok_or_else(|| "x-amz-content-sha256 is not the hash of the body".to_owned())
}

fn mac(key: &[u8], message: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20260115/us-east-1/iam/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=0a";

    fn read(authorization: &str, more: &[(&str, &str)]) -> Result<HmacClaim, String> {
        let own = [
            ("authorization", authorization),
            ("host", "127.0.0.1"),
            ("x-amz-date", "20260115T120000Z"),
        ];
        let headers = own.iter().chain(more);
        HmacClaim::read(&Received {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: b"Action=GetRole".to_vec(),
        })
    }

    #[test]
    fn a_signature_is_written_in_one_way() {
        assert_eq!(read(RIGHT, &[]).unwrap().signature, [10]);
        for (old, new) in [
            ("=0a", "=0A"),
            ("=0a", "=0a, Extra=1"),
            ("=0a", "=0a, Signature=0a"),
            ("=0a", "=0a,"),
            (", Signature=0a", ""),
            ("host;x-amz-date", "x-amz-date;host"),
            ("host;x-amz-date", "host;host;x-amz-date"),
            ("host;x-amz-date", "host"),
            ("host;x-amz-date", "x-amz-date"),
        ] {
            let changed = RIGHT.replace(old, new);
            assert_ne!(changed, RIGHT, "{new}");
            assert!(read(&changed, &[]).is_err(), "{changed}");
        }
    }

    #[test]
    fn headers_say_one_thing_and_the_truth() {
        for more in [
            ("host", "example.com"),
            ("x-amz-date", "20260115T120000Z"),
            ("authorization", RIGHT),
            ("x-amz-security-token", "not signed"),
        ] {
            assert!(read(RIGHT, &[more]).is_err(), "{more:?}");
        }
        let signed = RIGHT.replace("host;", "host;x-amz-content-sha256;");
        let name = "x-amz-content-sha256";
        let hash = hex::encode(Sha256::digest("Action=GetRole"));
        assert!(read(&signed, &[(name, &hash)]).is_ok());
        for other in [&"0".repeat(64), &hash.to_uppercase(), ""] {
            assert!(read(&signed, &[(name, other)]).is_err(), "{other}");
        }
        assert!(read(&signed, &[(name, &hash), (name, &hash)]).is_err());
    }
}
