//! What the options of a session mean.

use crate::cli::SessionArgs;
use crate::commands::network::{EndpointChoice, Way, transport_settings};
use crate::commands::{Context, Error, role_chain};
use crate::rolesanywhere::{
    ChainedDuration, Endpoint, Region, RoleChain, Target, TransportSettings,
};
use crate::text::printable;

/// What is done with the session before it is handed out.
pub(super) struct ChainPlan {
    pub(super) roles: RoleChain,
    pub(super) endpoint: Endpoint,
    /// How long the last session is to last.
    pub(super) duration: ChainedDuration,
}

/// Anchor, profile and role, which must fit together and with the region.
pub(super) fn target(arguments: &SessionArgs) -> Result<Target, Error> {
    let missing = |what, option| missing(arguments, what, option);
    let target = Target::new(
        arguments
            .trust_anchor_arn
            .clone()
            .ok_or_else(|| missing("trust anchor", "trust-anchor-arn"))?,
        arguments
            .profile_arn
            .clone()
            .ok_or_else(|| missing("Roles Anywhere profile", "profile-arn"))?,
        arguments
            .role_arn
            .clone()
            .ok_or_else(|| missing("role", "role-arn"))?,
    )?;
    if let Some(given) = &arguments.region {
        let (bare, _) = bare_region(given);
        let region: Region = bare.parse().map_err(|reason| Error::Value {
            origin: arguments.origin("region"),
            value: Some(printable(given, 400)),
            reason,
        })?;
        if &region != target.region() {
            return Err(Error::RegionMismatch {
                origin: arguments.origin("region"),
                trust_anchor: target.region().clone(),
                given: region,
            });
        }
    }
    Ok(target)
}

/// Something that is said neither by options nor by the profile, if there is one.
pub(in crate::commands) fn missing(
    arguments: &SessionArgs,
    what: &'static str,
    option: &'static str,
) -> Error {
    let profile = arguments.profile_behind.as_ref();
    Error::Missing {
        what,
        option,
        profile: profile.map(|profile| (profile.name.clone(), profile.path.clone())),
    }
}

/// `us-east-1-fips` and `fips-us-east-1` are old names for the FIPS endpoint;
/// the signature's scope carries the bare region.
fn bare_region(given: &str) -> (&str, bool) {
    let bare = given
        .strip_suffix("-fips")
        .or_else(|| given.strip_prefix("fips-"));
    (bare.unwrap_or(given), bare.is_some())
}

/// Which of the region's endpoints are wanted: FIPS, dual stack.
fn wanted(arguments: &SessionArgs, context: &Context) -> (bool, bool) {
    let named = arguments.region.as_deref();
    let fips = arguments.fips
        || named.is_some_and(|region| bare_region(region).1)
        || is_true(context, "AWS_USE_FIPS_ENDPOINT");
    let dual_stack = arguments.dual_stack || is_true(context, "AWS_USE_DUALSTACK_ENDPOINT");
    (fips, dual_stack)
}

/// Where CreateSession is sent.
pub(in crate::commands) fn endpoint(
    arguments: &SessionArgs,
    context: &Context,
    region: &Region,
) -> Result<Endpoint, Error> {
    let (fips, dual_stack) = wanted(arguments, context);
    EndpointChoice {
        option: arguments.endpoint.as_deref(),
        origin: arguments.origin("endpoint"),
        variables: ["AWS_ENDPOINT_URL_ROLESANYWHERE", "AWS_ENDPOINT_URL"],
        special: fips || dual_stack,
    }
    .endpoint(context, || Endpoint::of_region(region, fips, dual_stack))
}

/// The roles that are assumed with the session, if there are any.
pub(super) fn chain(
    arguments: &SessionArgs,
    context: &Context,
    target: &Target,
) -> Result<Option<ChainPlan>, Error> {
    let roles = role_chain::chain(arguments, target.role(), context)?;
    if roles.is_empty() {
        return Ok(None);
    }
    let (fips, dual_stack) = wanted(arguments, context);
    let endpoint = EndpointChoice {
        option: arguments.chain.sts_endpoint.as_deref(),
        origin: arguments.origin("sts_endpoint"),
        variables: ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"],
        special: fips || dual_stack,
    }
    .endpoint(context, || {
        Endpoint::of_sts(target.region(), fips, dual_stack)
    })?;
    Ok(Some(ChainPlan {
        roles,
        endpoint,
        duration: role_chain::duration(arguments)?,
    }))
}

/// How requests to these endpoints are sent.
pub(in crate::commands) fn transport(
    arguments: &SessionArgs,
    context: &Context,
    endpoints: &[&Endpoint],
) -> Result<TransportSettings, Error> {
    let way = Way {
        proxy: &arguments.proxy,
        ca_bundle: arguments.ca_bundle.as_deref(),
        no_verify_ssl: arguments.no_verify_ssl,
    };
    transport_settings(&way, endpoints, context)
}

/// AWS SDKs take `true` in any case for their switches.
fn is_true(context: &Context, name: &str) -> bool {
    context
        .environment
        .get_str(name)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
