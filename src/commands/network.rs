//! The way to AWS: endpoints, proxies and TLS as options and environment say,
//! and what is told of an exchange on the way.

use crate::cli::{Origin, ProxyArgs};
use crate::clock::off_by;
use crate::rolesanywhere::{
    Endpoint, EndpointError, Granted, NoProxy, Progress, ProxyUrl, TlsTrust, TransportSettings,
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
        context.printer.warning(
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
fn proxy(arguments: &ProxyArgs, context: &Context) -> Result<Option<ProxyUrl>, Error> {
    let read = |origin: String, text: &str| {
        text.parse::<ProxyUrl>()
            .map_err(|source| Error::ProxyUrl { origin, source })
    };
    if let Some(given) = &arguments.proxy {
        let text = given.secret();
        let proxy = read("--proxy".to_owned(), text.expose_str().unwrap_or_default())?;
        if proxy.has_password() {
            context.printer.warning(
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

/// Warns of a clock that is wrong, although credentials came.
pub(super) fn warn_of_skew(printer: &Printer, granted: &Granted) {
    if let Some(ahead) = granted.suspicious_skew() {
        printer.warning(&format!(
            "this host's clock is {} AWS's; fix its time service (chronyd, ntpd)",
            off_by(ahead)
        ));
    }
}
