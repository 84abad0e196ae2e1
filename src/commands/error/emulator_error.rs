//! What to do about an emulator that cannot run.

use crate::emulator::{ServerError, WorldError};

pub(super) fn hint_world(error: &WorldError) -> Option<String> {
    let text = match error {
        WorldError::AnchorNotCa { .. } => {
            "give the CA's certificate, not a workload's, to --trust-anchor"
        }
        WorldError::AnchorTooLarge { .. } => {
            "a trust anchor takes the CA certificates alone, not a whole bundle"
        }
        WorldError::DisabledUnknown { .. } => {
            "give --disable an ARN of --trust-anchor or --profile-arn"
        }
        WorldError::ExternalIdUnknown { .. } => {
            "give --external-id as ARN=ID, with an ARN of --assumable-role"
        }
        WorldError::Policy { .. } => {
            "give what 'aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument' prints"
        }
        WorldError::PolicyTwice { .. } => "give each role one --role-policy",
        WorldError::PolicyRoleUnknown { .. } => {
            "give --role-policy as ARN=FILE with an ARN of --role-arn, or a file alone for all roles"
        }
        WorldError::Twice { .. } => {
            "give each its own ARN; one anchor takes two certificates in one file"
        }
        WorldError::Region { .. } => "give ARNs of one region, or the right --region",
    };
    Some(text.to_owned())
}

pub(super) fn hint_server(error: &ServerError) -> Option<String> {
    let text = match error {
        ServerError::Bind { .. } => "try --listen 127.0.0.1:0 for any free port",
        ServerError::NotLoopback { .. } => "use an address such as 127.0.0.1:0 with --listen",
        ServerError::Runtime(_) => return None,
    };
    Some(text.to_owned())
}
