//! What to try when `windlass emulate` cannot run.

use crate::emulator::{ServerError, WorldError};

pub(super) fn hint_server(error: &ServerError) -> Option<String> {
    let fixed = |text: &str| Some(text.to_owned());
    match error {
        ServerError::Bind { .. } => fixed("try --listen 127.0.0.1:0 for any free port"),
        ServerError::NotLoopback { .. } => {
            fixed("use an address such as 127.0.0.1:0 with --listen")
        }
        ServerError::Runtime(_) => None,
    }
}

pub(super) fn hint_world(error: &WorldError) -> Option<String> {
    let fixed = |text: &str| Some(text.to_owned());
    match error {
        WorldError::AnchorNotCa { .. } => {
            fixed("give the CA's certificate, not a workload's, to --trust-anchor")
        }
        WorldError::AnchorTooLarge { .. } => {
            fixed("a trust anchor takes the CA certificates alone, not a whole bundle")
        }
        WorldError::DisabledUnknown { .. } => {
            fixed("give --disable an ARN of --trust-anchor or --profile-arn")
        }
        WorldError::Twice { .. } => {
            fixed("give each its own ARN; one anchor takes two certificates in one file")
        }
        WorldError::Region { .. } => fixed("give ARNs of one region, or the right --region"),
    }
}
