//! What to do about an emulator that cannot run.

use crate::emulator::{ServerError, StateError, WorldError, WorldFileError};

use super::store_error::hint_store;

pub(super) fn hint_world(error: &WorldError) -> Option<String> {
    let text = match error {
        WorldError::Account { .. } => "give ARNs of one account",
        WorldError::AnchorNotCa { .. } => {
            "give the CA's certificate, not a workload's, to --trust-anchor"
        }
        WorldError::AnchorTooLarge { .. } => {
            "a trust anchor takes the CA certificates alone, not a whole bundle"
        }
        WorldError::DisabledUnknown { .. } => {
            "give --disable an ARN of --trust-anchor or --profile-arn"
        }
        WorldError::Elsewhere { .. } => {
            "name the same region and account in --world, --region and the ARNs"
        }
        WorldError::ExternalIdUnknown { .. } => {
            "give --external-id as ARN=ID, with an ARN of --assumable-role"
        }
        WorldError::NoRandomness => return None,
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

pub(super) fn hint_state(error: &StateError) -> Option<String> {
    let text = match error {
        StateError::Damaged { .. } => {
            "it stays as it is; move it away for an empty account, or name another file with --state"
        }
        StateError::Elsewhere { .. } => {
            "leave out --region and ARNs of others, or name another file with --state"
        }
        StateError::InUse { .. } => "stop the other one, or name another file with --state",
        StateError::Store(error) => return hint_store(error),
        StateError::Version { .. } => {
            "use the windlass that wrote it, or name another file with --state"
        }
    };
    Some(text.to_owned())
}

pub(super) fn hint_world_file(error: &WorldFileError) -> Option<String> {
    let text = match error {
        WorldFileError::Entry { .. } | WorldFileError::Syntax { .. } => {
            "'windlass emulate --help' says under --world what such a file holds"
        }
        WorldFileError::Store(error) => return hint_store(error),
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
