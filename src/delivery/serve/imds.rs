//! The EC2 instance metadata service, version 2 alone (EC2 user guide, "Use the
//! Instance Metadata Service"): a token first, and then what SDKs look for.

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::clock::rfc3339;
use crate::limits;

use super::answer::{self, Answer};
use super::route::{Metadata, Route};
use super::site::{Profile, Site};

const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// `PUT /latest/api/token`
pub(super) fn token(site: &Site, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    if site.imds().is_none() {
        return switched_off();
    }
    let Some(seconds) = life(headers) else {
        let longest = limits::MAX_IMDS_TOKEN_SECONDS;
        return answer::problem(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            &format!("the header {TTL} has to be a number from 1 to {longest}"),
        );
    };
    let Some(token) = site.tokens().issue(seconds, now) else {
        return answer::problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "the operating system gives no random numbers",
        );
    };
    let mut answer = answer::text(token);
    // Rust's and Go's SDKs refuse a token without it.
    answer::set(&mut answer, TTL, HeaderValue::from(seconds));
    answer
}

/// Everything that asks for a token first.
pub(super) fn get(site: &Site, route: &Route, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    let Some(profile) = site.imds() else {
        return switched_off();
    };
    let left = headers
        .get(TOKEN)
        .and_then(|token| site.tokens().seconds_left(token.as_bytes(), now));
    let Some(left) = left else {
        return answer::problem(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "a token is missing, unknown or has ended; PUT /latest/api/token gives one",
        );
    };
    let mut answer = with_token(profile, route, now);
    answer::set(&mut answer, TTL, HeaderValue::from(left));
    answer
}

fn with_token(profile: &Profile, route: &Route, now: DateTime<Utc>) -> Answer {
    match route {
        Route::Roles => answer::text(profile.role.role_name().to_owned()),
        Route::Credentials { role, extended } if role == profile.role.role_name() => {
            match profile.documents(now) {
                Ok(documents) if *extended => {
                    answer::json(StatusCode::OK, documents.extended.clone())
                }
                Ok(documents) => answer::json(StatusCode::OK, documents.imds.clone()),
                Err(reason) => answer::unavailable(&reason),
            }
        }
        Route::Metadata(metadata) => metadata_of(profile, *metadata, now),
        _ => answer::not_found(),
    }
}

fn metadata_of(profile: &Profile, metadata: Metadata, now: DateTime<Utc>) -> Answer {
    let region = profile.region.as_str();
    match metadata {
        Metadata::Index(list) => answer::text(list),
        Metadata::Region => answer::text(region.to_owned()),
        // botocore cuts off the last letter to get the region. Which zone it is
        // said to be means nothing: this host is in none.
        Metadata::Zone => answer::text(format!("{region}a")),
        // Go's SDK takes the region from it. It bears no signature.
        Metadata::Identity => answer::text(
            json!({ "accountId": profile.role.account(), "region": region }).to_string(),
        ),
        Metadata::IamInfo => match profile.session(now) {
            Ok(session) => answer::json(
                StatusCode::OK,
                json!({
                    "Code": "Success",
                    "LastUpdated": rfc3339(session.obtained),
                    "RoleArn": session.role.as_str(),
                })
                .to_string(),
            ),
            Err(reason) => answer::unavailable(&reason),
        },
    }
}

/// For how long a token is asked for.
fn life(headers: &HeaderMap) -> Option<u32> {
    let mut given = headers.get_all(TTL).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    let digits = only.to_str().ok()?;
    if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse().ok()?;
    (1..=limits::MAX_IMDS_TOKEN_SECONDS)
        .contains(&seconds)
        .then_some(seconds)
}

fn switched_off() -> Answer {
    answer::problem(
        StatusCode::FORBIDDEN,
        "Forbidden",
        "the instance metadata service is switched off here (--no-imds)",
    )
}
