//! What to do about an endpoint that cannot be called.

use crate::rolesanywhere::EndpointError;

pub(super) fn hint_endpoint(error: &EndpointError) -> Option<String> {
    let text = match error {
        EndpointError::Cleartext { .. } => "use https://",
        EndpointError::Combined => "leave out --endpoint, or --fips and --dual-stack",
        EndpointError::NoFips { .. } => "leave out --fips",
        EndpointError::Url { .. } => {
            "leave out --endpoint (and $AWS_ENDPOINT_URL) to call the region's own endpoint"
        }
    };
    Some(text.to_owned())
}
