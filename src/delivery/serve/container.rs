//! The container credentials endpoint (AWS SDKs and Tools reference guide,
//! "Container credential provider"): one request, with a token in
//! `Authorization` as it stands in a file.

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};

use super::answer::{self, Answer};
use super::site::Site;
use super::tokens::same;

/// `GET /profile/NAME`
pub(super) fn get(site: &Site, name: &str, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    let Some(known) = site.authorization() else {
        return answer::problem(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "this endpoint has no token yet; start windlass serve with --token-file",
        );
    };
    let mut given = headers.get_all(AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => {
            return answer::problem(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "the Authorization header is missing; is AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE set?",
            );
        }
        (Some(given), None) if same(known, given.as_bytes()) => {}
        _ => {
            return answer::problem(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "the Authorization header is not this endpoint's token",
            );
        }
    }
    let Some(profile) = site.profile(name) else {
        return answer::problem(
            StatusCode::NOT_FOUND,
            "NotFound",
            "no profile of this name is served",
        );
    };
    match profile.documents(now) {
        Ok(documents) => answer::json(StatusCode::OK, documents.container.clone()),
        Err(reason) => answer::unavailable(&reason),
    }
}
