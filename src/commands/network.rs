//! The way to AWS: endpoints, proxies and TLS as options and environment say,
//! and what is told of an exchange on the way.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::cli::{Origin, ProxyArgs};
use crate::clock::off_by;
use crate::rolesanywhere::{
    Endpoint, EndpointError, Granted, NoProxy, Progress, Proxy, ProxyUrl, SUSPICIOUS_SKEW,
    TlsTrust, TransportSettings,
};

use super::{Context, Error, Printer, material};

/// The variables that name a proxy; the first that is set does.
pub(super) const PROXY_VARIABLES: [&str; 5] = [
    "WINDLASS_PROXY",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What options say about reaching AWS.
pub(super) struct Way<'a> {
    pub(super) proxy: &'a ProxyArgs,
    pub(super) ca_bundle: Option<&'a std::path::Path>,
    pub(super) no_verify_ssl: bool,
}

/// How requests to these endpoints are sent.
pub(super) fn transport_settings(
    way: &Way<'_>,
    endpoints: &[&Endpoint],
    context: &Context,
) -> Result<TransportSettings, Error> {
    let trust = if way.no_verify_ssl {
        context.printer.warning_once(
            "--no-verify-ssl: the server's certificate is not checked, whoever is in between can take the credentials",
        );
        TlsTrust::DangerousAnything
    } else {
        TlsTrust::Roots {
            additional: material::tls_roots(way.ca_bundle, context)?,
        }
    };
    // A variable that is of no use here must not be in the way.
    let remote = endpoints.iter().any(|endpoint| !endpoint.is_loopback());
    let proxy = match remote {
        true => proxy(way.proxy, context)?,
        false => None,
    };
    Ok(TransportSettings {
        trust,
        proxy,
        no_proxy: no_proxy(way.proxy, context),
        ..TransportSettings::default()
    })
}

/// The option's proxy, else that of the first variable that is set.
fn proxy(arguments: &ProxyArgs, context: &Context) -> Result<Option<Proxy>, Error> {
    let read = |origin: String, text: &str| match text.parse::<ProxyUrl>() {
        Ok(url) => Ok(Proxy { url, origin }),
        Err(source) => Err(Error::ProxyUrl { origin, source }),
    };
    if let Some(given) = &arguments.proxy {
        let text = given.secret();
        let origin = origin_of_option(context);
        let proxy = read(origin, text.expose_str().unwrap_or_default())?;
        if proxy.url.has_password() {
            context.printer.warning_once(
                "--proxy: others may read the password in it, in the list of processes or the config file; put the URL into $WINDLASS_PROXY",
            );
        }
        return Ok(Some(proxy));
    }
    PROXY_VARIABLES
        .into_iter()
        .find_map(|name| {
            let text = context.environment.get_str(name)?;
            Some(read(format!("${name}"), text))
        })
        .transpose()
}

/// Whether the option's proxy is one, wherever it would be used.
pub(super) fn check_option(arguments: &ProxyArgs, context: &Context) -> Result<(), Error> {
    match &arguments.proxy {
        Some(_) => proxy(arguments, context).map(drop),
        None => Ok(()),
    }
}

/// Where `--proxy` was given: on the command line, or behind it in a profile.
fn origin_of_option(context: &Context) -> String {
    let (invocation, environment) = (&context.invocation, &context.environment);
    let said = invocation.said(environment).unwrap_or_default();
    if said.iter().any(|(key, _)| key == "proxy") {
        return "--proxy".to_owned();
    }
    let profile = invocation.in_force(environment).ok();
    let profile = profile.and_then(|in_force| in_force.profile);
    profile
        .and_then(|profile| profile.line_of("proxy"))
        // A verb with several profiles is bound to none of them.
        .unwrap_or_else(|| "proxy in the config file".to_owned())
}

fn no_proxy(arguments: &ProxyArgs, context: &Context) -> NoProxy {
    let variable = || {
        ["NO_PROXY", "no_proxy"]
            .into_iter()
            .find_map(|name| context.environment.get_str(name))
    };
    arguments
        .no_proxy
        .clone()
        .or_else(|| variable().map(NoProxy::read))
        .unwrap_or_default()
}

/// Where a service is called.
pub(super) struct EndpointChoice<'a> {
    /// The option's URL.
    pub(super) option: Option<&'a str>,
    /// Where that stands.
    pub(super) origin: Origin,
    /// The variables that name one, the most specific first.
    pub(super) variables: [&'static str; 2],
    /// Whether FIPS or dual-stack endpoints are asked for, which a URL of one's
    /// own excludes.
    pub(super) special: bool,
}

impl EndpointChoice<'_> {
    /// The URL that was given, or the region's own by `regional`.
    pub(super) fn endpoint(
        &self,
        context: &Context,
        regional: impl FnOnce() -> Result<Endpoint, EndpointError>,
    ) -> Result<Endpoint, Error> {
        let given = self.option.map(|url| (None, url));
        let custom = given.or_else(|| {
            self.variables.into_iter().find_map(|name| {
                let url = context.environment.get_str(name)?;
                Some((Some(name), url))
            })
        });
        match custom {
            Some((None, _)) if self.special => Err(self.blamed(EndpointError::Combined)),
            Some(_) if self.special => Err(EndpointError::Combined.into()),
            Some((None, url)) => Endpoint::custom(url).map_err(|error| self.blamed(error)),
            Some((Some(name), url)) => Endpoint::custom(url).map_err(|error| Error::Variable {
                name,
                source: Box::new(error.into()),
            }),
            None => Ok(regional()?),
        }
    }

    /// An error about the option's URL. Those of what was typed name the value
    /// themselves.
    fn blamed(&self, error: EndpointError) -> Error {
        match &self.origin {
            Origin::Option { .. } => error.into(),
            origin @ Origin::Profile { .. } => Error::OfProfile {
                origin: origin.clone(),
                source: Box::new(error.into()),
            },
        }
    }
}

/// Tells of what happens on the way, to whoever asked for more.
pub(super) fn tell(printer: &Printer, progress: &Progress<'_>) {
    printer.note(&match progress {
        Progress::CorrectedClock { ahead } => format!(
            "this host's clock is {} the service's; asking again with its time",
            off_by(*ahead)
        ),
        Progress::Retry {
            error,
            attempts,
            pause,
        } => format!(
            "attempt {attempts} failed: {error}; trying again in {:.1} s",
            pause.as_secs_f64()
        ),
    });
}

/// What was last said of this host's clock. Whoever keeps sessions meets the
/// same at each refresh, off by some seconds more.
#[derive(Debug, Default)]
pub(super) struct ToldSkew(Mutex<Option<TimeDelta>>);

impl ToldSkew {
    /// Whether it is news that the clock is ahead by so much. That it is right
    /// again makes the next time one.
    fn is_news(&self, ahead: Option<TimeDelta>) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = match (ahead, *told) {
            (Some(ahead), Some(before)) => (ahead - before).abs() > SUSPICIOUS_SKEW,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_news || ahead.is_none() {
            *told = ahead;
        }
        is_news
    }
}

/// Warns of a clock that is wrong, although credentials came.
pub(super) fn warn_of_skew(context: &Context, granted: &Granted) {
    let ahead = granted.suspicious_skew();
    if let Some(ahead) = ahead.filter(|_| context.skew.is_news(ahead)) {
        context.printer.warning(&format!(
            "this host's clock is {} AWS's; fix its time service (chronyd, ntpd)",
            off_by(ahead)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_news_once_and_again_when_it_is_wrong_otherwise() {
        let told = ToldSkew::default();
        let news = |minutes: Option<i64>| told.is_news(minutes.map(TimeDelta::minutes));
        assert!(!news(None));
        assert!(news(Some(10)));
        // It drifts.
        assert!(!news(Some(11)) && !news(Some(13)) && !news(Some(9)));
        assert!(news(Some(-10)) && news(Some(60)));
        // It was set, and is wrong again.
        assert!(!news(None) && news(Some(60)));
    }
}
