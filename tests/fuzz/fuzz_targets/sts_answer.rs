//! Answers of STS: credentials that are taken from one are whole and text, and an
//! error says nothing of an answer of success. The first byte chooses the status.
#![no_main]

use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use windlass::rolesanywhere::Reply;
use windlass::secret::Secret;

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let statuses = [200, 200, 200, 403, 400, 429, 503, 302];
    let status = statuses[usize::from(*choice) % statuses.len()];
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let reply = Reply {
        host: "sts.example:443".to_owned(),
        status,
        content_type: Some("text/xml".to_owned()),
        error_type: None,
        request_id: None,
        emulator_reason: None,
        date: None,
        retry_after: None,
        body: Secret::new(body.to_vec()),
    };
    match reply.assumed_role(now, None) {
        Ok(credentials) => {
            assert_eq!(status, 200);
            assert!(!credentials.access_key_id.is_empty());
            assert!(!credentials.secret_access_key.expose().is_empty());
            assert!(!credentials.session_token.expose().is_empty());
            assert!(credentials.expiration > now);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 4096, "{}", text.len());
            assert!(!text.contains('\u{1b}'), "a control character is shown");
        }
    }
});
