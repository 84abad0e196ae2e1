//! What CreateSession answers when it grants.

use serde_json::{Value, json};

use crate::admission::{AttributeMapping, Principal};
use crate::clock::rfc3339;
use crate::pki::Certificate;
use crate::rolesanywhere::RoleArn;

use super::sessions::Session;

/// The body of the 201, as the user guide documents it. `None` never happens:
/// the secret is text.
pub(super) fn body(
    session: &Session,
    role: &RoleArn,
    leaf: &Certificate,
    subject_arn: &str,
) -> Option<Value> {
    Some(json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": session.principal(),
                "assumedRoleId": session.principal_id(),
            },
            "credentials": {
                "accessKeyId": session.key_id,
                "secretAccessKey": session.secret.expose_str()?,
                "sessionToken": session.token(),
                "expiration": rfc3339(session.expiration?),
            },
            "packedPolicySize": 0,
            "roleArn": role.as_str(),
            "sourceIdentity": Principal::of(leaf, &AttributeMapping::default()).source_identity,
        }],
        "subjectArn": subject_arn,
    }))
}
