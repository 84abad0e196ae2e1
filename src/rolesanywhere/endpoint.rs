//! Where CreateSession is sent.

use std::fmt;

use reqwest::Url;

use super::Region;
use super::transport::is_loopback;

/// The regions for which AWS lists FIPS endpoints of Roles Anywhere (botocore
/// `endpoints.json`); elsewhere the host name is built but does not resolve.
const FIPS_REGIONS: [&str; 6] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "us-gov-east-1",
    "us-gov-west-1",
];

/// The service endpoint: HTTPS, or plain HTTP on loopback for the emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why there is no such endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Plain HTTP to another machine.
    #[error("http:// is allowed for loopback addresses only, and {host} is not one")]
    Cleartext {
        /// The host.
        host: String,
    },
    /// A custom endpoint together with FIPS or dual stack.
    #[error("a custom endpoint cannot be combined with FIPS or dual-stack endpoints")]
    Combined,
    /// No FIPS endpoint in that region.
    #[error("the region {region} has no FIPS endpoint; these have: {}", FIPS_REGIONS.join(", "))]
    NoFips {
        /// The region.
        region: Region,
    },
    /// Not a URL that can be called.
    #[error("'{url}' is not an endpoint: {reason}")]
    Url {
        /// What was given, without its user information.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Endpoint {
    /// The public endpoint of a region.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoFips`].
    pub fn of_region(region: &Region, fips: bool, dual_stack: bool) -> Result<Self, EndpointError> {
        if fips && !FIPS_REGIONS.contains(&region.as_str()) {
            return Err(EndpointError::NoFips {
                region: region.clone(),
            });
        }
        let service = if fips {
            "rolesanywhere-fips"
        } else {
            "rolesanywhere"
        };
        Self::of_service(service, region, dual_stack)
    }

    /// The endpoint of STS in a region (botocore's endpoint rules for `sts`).
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoFips`].
    pub fn of_sts(region: &Region, fips: bool, dual_stack: bool) -> Result<Self, EndpointError> {
        let partition = region.partition();
        // In GovCloud the ordinary endpoint is the FIPS one.
        let service = if fips && (dual_stack || partition.name() != "aws-us-gov") {
            "sts-fips"
        } else {
            "sts"
        };
        if fips && !FIPS_REGIONS.contains(&region.as_str()) {
            return Err(EndpointError::NoFips {
                region: region.clone(),
            });
        }
        Self::of_service(service, region, dual_stack)
    }

    fn of_service(service: &str, region: &Region, dual_stack: bool) -> Result<Self, EndpointError> {
        let partition = region.partition();
        let suffix = if dual_stack {
            partition.dual_stack_suffix()
        } else {
            partition.dns_suffix()
        };
        let text = format!("https://{service}.{region}.{suffix}");
        Url::parse(&text).map(Self).map_err(|_| EndpointError::Url {
            url: text,
            reason: "the region makes no host name",
        })
    }

    /// A custom endpoint. A base path is kept in the URL; it is no part of what
    /// is signed.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Url`] for anything but an http or https URL without
    /// user, query and fragment; [`EndpointError::Cleartext`] for http to a
    /// host that is not on loopback.
    pub fn custom(text: &str) -> Result<Self, EndpointError> {
        let wrong = |reason| EndpointError::Url {
            // A URL may carry a password before the host, or a token behind it.
            url: text
                .rsplit('@')
                .next()
                .and_then(|rest| rest.split(['?', '#']).next())
                .map(|shown| crate::text::printable(shown, 200))
                .unwrap_or_default(),
            reason,
        };
        let url = Url::parse(text).map_err(|_| {
            wrong("write a URL such as https://vpce-123.rolesanywhere.us-east-1.vpce.amazonaws.com")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the scheme must be https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not carry a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must not carry a query or a fragment"));
        }
        let endpoint = Self(url);
        if endpoint.0.scheme() == "http" && !endpoint.is_loopback() {
            return Err(EndpointError::Cleartext {
                host: endpoint.authority(),
            });
        }
        Ok(endpoint)
    }

    /// Whether the host is a loopback address or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.0.host_str().unwrap_or_default())
    }

    /// The value of the `Host` header: with the port when it is not the
    /// scheme's default.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The URL of an operation: base path, `path` and query together.
    #[must_use]
    pub fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.0.clone();
        let base = self.0.path().trim_end_matches('/');
        url.set_path(&format!("{base}{path}"));
        url.set_query((!query.is_empty()).then_some(query));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(region: &str, fips: bool, dual: bool) -> String {
        Endpoint::of_region(&region.parse().unwrap(), fips, dual)
            .map_or_else(|error| error.to_string(), |endpoint| endpoint.to_string())
    }

    #[test]
    fn hosts_of_every_partition() {
        for (region, plain, dual) in [
            (
                "eu-central-1",
                "eu-central-1.amazonaws.com",
                "eu-central-1.api.aws",
            ),
            (
                "cn-north-1",
                "cn-north-1.amazonaws.com.cn",
                "cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                "us-gov-east-1",
                "us-gov-east-1.amazonaws.com",
                "us-gov-east-1.api.aws",
            ),
            (
                "us-iso-east-1",
                "us-iso-east-1.c2s.ic.gov",
                "us-iso-east-1.api.aws.ic.gov",
            ),
            (
                "us-isob-east-1",
                "us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1.api.aws.scloud",
            ),
            (
                "eu-isoe-west-1",
                "eu-isoe-west-1.cloud.adc-e.uk",
                "eu-isoe-west-1.api.cloud-aws.adc-e.uk",
            ),
            (
                "us-isof-south-1",
                "us-isof-south-1.csp.hci.ic.gov",
                "us-isof-south-1.api.aws.hci.ic.gov",
            ),
            (
                "eusc-de-east-1",
                "eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1.api.amazonwebservices.eu",
            ),
        ] {
            assert_eq!(
                of(region, false, false),
                format!("https://rolesanywhere.{plain}")
            );
            assert_eq!(
                of(region, false, true),
                format!("https://rolesanywhere.{dual}")
            );
        }
        assert_eq!(
            of("us-gov-west-1", true, false),
            "https://rolesanywhere-fips.us-gov-west-1.amazonaws.com"
        );
        assert!(of("eu-west-1", true, false).contains("has no FIPS endpoint"));
    }

    #[test]
    fn hosts_of_sts() {
        for (region, fips, dual, host) in [
            (
                "eu-central-1",
                false,
                false,
                "sts.eu-central-1.amazonaws.com",
            ),
            ("eu-central-1", false, true, "sts.eu-central-1.api.aws"),
            ("us-east-1", true, false, "sts-fips.us-east-1.amazonaws.com"),
            ("us-east-1", true, true, "sts-fips.us-east-1.api.aws"),
            (
                "us-gov-west-1",
                true,
                false,
                "sts.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                false,
                false,
                "sts.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-iso-east-1",
                false,
                false,
                "sts.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "eusc-de-east-1",
                false,
                false,
                "sts.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let endpoint = Endpoint::of_sts(&region.parse().unwrap(), fips, dual).unwrap();
            assert_eq!(endpoint.to_string(), format!("https://{host}"));
        }
        assert!(Endpoint::of_sts(&"eu-west-1".parse().unwrap(), true, false).is_err());
    }

    #[test]
    fn custom_endpoints_keep_port_and_base_path() {
        let endpoint = Endpoint::custom("https://127.0.0.1:8443/base/").unwrap();
        assert_eq!(endpoint.authority(), "127.0.0.1:8443");
        assert_eq!(
            endpoint.url("/sessions", "a=b").as_str(),
            "https://127.0.0.1:8443/base/sessions?a=b"
        );
        assert_eq!(Endpoint::custom("https://h:443").unwrap().authority(), "h");
        assert_eq!(
            Endpoint::custom("http://[::1]:80").unwrap().authority(),
            "[::1]"
        );
    }

    #[test]
    fn unsafe_and_senseless_endpoints_are_refused() {
        for bad in [
            "http://rolesanywhere.us-east-1.amazonaws.com",
            "ftp://h",
            "h",
            "https://user:secret@h",
            "https://h?x=y",
        ] {
            let message = Endpoint::custom(bad).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(Endpoint::custom("http://localhost:1").is_ok());
    }
}
