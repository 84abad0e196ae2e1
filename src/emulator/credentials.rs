//! What CreateSession answers when it grants.

use serde_json::{Value, json};

use crate::admission::Principal;
use crate::clock::rfc3339;
use crate::pki::Certificate;
use crate::rolesanywhere::TrustAnchorArn;

use super::sessions::Session;
use super::world::uuid;

/// The body of the 201, as the user guide documents it. `None` never happens:
/// the secret is text.
pub(super) fn body(
    session: &Session,
    leaf: &Certificate,
    anchor: &TrustAnchorArn,
) -> Option<Value> {
    let subject_id = uuid(leaf.subject().der());
    Some(json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": session.principal(),
                "assumedRoleId": session.principal_id(),
            },
            "credentials": {
                "accessKeyId": session.key_id,
                "secretAccessKey": session.secret.expose_str()?,
                "sessionToken": session.token,
                "expiration": rfc3339(session.expiration),
            },
            "packedPolicySize": 0,
            "roleArn": session.role.as_str(),
            "sourceIdentity": Principal::of(leaf).source_identity,
        }],
        "subjectArn": format!(
            "arn:{}:rolesanywhere:{}:{}:subject/{subject_id}",
            session.role.partition().name(),
            anchor.region(),
            anchor.account(),
        ),
    }))
}
