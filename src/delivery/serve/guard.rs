//! Who is answered at all: against DNS rebinding, against proxies that hand
//! requests on, and by the user who asks.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::StatusCode;
use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

use super::answer::{Answer, problem};
use super::peer::Caller;
use super::route::Route;

/// The addresses that SDKs have built in for the metadata service and for the
/// container endpoints of ECS and EKS; a packet filter may lead them here.
const WELL_KNOWN: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Names that the `Host` header may have besides those of this host.
    pub hosts: Vec<String>,
    /// Users who may ask for credentials; with no group either, everybody.
    pub uids: BTreeSet<u32>,
    /// Groups that may, over UNIX sockets. A process counts by its effective group
    /// alone, which comes with the connection (`SO_PEERCRED`, unix(7)). Its other
    /// groups are in `SO_PEERGROUPS`, for which no library has a safe call, and
    /// `/proc` may speak of another process with the same number by the time it
    /// is read.
    pub gids: BTreeSet<u32>,
}

impl Guard {
    /// Whether users are told apart at all.
    pub(super) fn asks_for_user(&self) -> bool {
        !self.uids.is_empty() || !self.gids.is_empty()
    }

    /// Lets a request pass, or answers it.
    pub(super) fn admit(
        &self,
        request: &Parts,
        caller: &Caller,
        route: &Route,
    ) -> Result<(), Box<Answer>> {
        self.check_host(request, caller)?;
        if !route.is_guarded() {
            return Ok(());
        }
        self.check_user(request, caller)
    }

    /// Whether credentials may be asked for from there.
    pub(super) fn check_user(&self, request: &Parts, caller: &Caller) -> Result<(), Box<Answer>> {
        // EC2 does the same: a request that was handed on comes from elsewhere.
        if request.headers.contains_key("x-forwarded-for") {
            return Err(forbidden("requests that a proxy hands on are refused"));
        }
        if self.asks_for_user() && !self.knows(caller) {
            return Err(forbidden(
                "this user is not one of those who may ask for credentials here",
            ));
        }
        Ok(())
    }

    /// A page in a browser may lead a name of its own to this address, and then
    /// asks under that name. Nothing of the kind is possible over a UNIX socket.
    fn check_host(&self, request: &Parts, caller: &Caller) -> Result<(), Box<Answer>> {
        let Caller::Tcp { local, .. } = caller else {
            return Ok(());
        };
        let bad = || {
            Box::new(problem(
                StatusCode::BAD_REQUEST,
                "BadHost",
                "the request needs one valid Host header",
            ))
        };
        let mut named = Vec::new();
        named.extend(request.uri.authority().cloned());
        for value in request.headers.get_all(HOST) {
            let authority = value.to_str().ok().and_then(|text| text.parse().ok());
            named.push(authority.ok_or_else(bad)?);
        }
        if named.is_empty() {
            return Err(bad());
        }
        if named.iter().all(|name| self.is_ours(name, local.ip())) {
            Ok(())
        } else {
            Err(forbidden(
                "the Host header names another host; --allow-host admits a further name",
            ))
        }
    }

    fn is_ours(&self, authority: &Authority, local: IpAddr) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) => {
                let address = address.to_canonical();
                address.is_loopback()
                    || address == local.to_canonical()
                    || WELL_KNOWN.contains(&address)
                    || self.allows(literal)
            }
            Err(_) => host.eq_ignore_ascii_case("localhost") || self.allows(host),
        }
    }

    fn allows(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }

    fn knows(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Tcp { uid, .. } => uid.is_some_and(|uid| self.uids.contains(&uid)),
            Caller::Unix { uid, gid } => self.uids.contains(uid) || self.gids.contains(gid),
        }
    }
}

fn forbidden(message: &str) -> Box<Answer> {
    Box::new(problem(StatusCode::FORBIDDEN, "Forbidden", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(hosts: &[&str], uri: &str, local: &str) -> Option<u16> {
        let guard = Guard {
            hosts: vec!["creds.example".to_owned()],
            ..Guard::default()
        };
        let mut request = hyper::Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let caller = Caller::Tcp {
            peer: "127.0.0.1:5000".parse().unwrap(),
            local: format!("{local}:9911").parse().unwrap(),
            uid: None,
        };
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let refused = guard.admit(&parts, &caller, &Route::Health).err();
        refused.map(|answer| answer.status().as_u16())
    }

    #[test]
    fn only_names_of_this_host_are_answered() {
        for host in [
            "127.0.0.1:9911",
            "127.8.9.10",
            "localhost:9911",
            "LocalHost",
            "[::1]:9911",
            "169.254.169.254",
            "169.254.170.2",
            "[fd00:ec2::254]",
            "[fd00:ec2:0:0::254]:80",
            "[::ffff:127.0.0.1]:9911",
            "creds.example:80",
            "CREDS.example",
        ] {
            assert_eq!(admitted(&[host], "/healthz", "127.0.0.1"), None, "{host}");
        }
        for host in [
            "attacker.example:9911",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example",
            "localhost@attacker.example",
            "attacker.example@localhost",
            "10.0.0.1:9911",
            "0.0.0.0:9911",
            "creds.example.attacker.example",
        ] {
            assert_eq!(
                admitted(&[host], "/healthz", "127.0.0.1"),
                Some(403),
                "{host}"
            );
        }
        assert_eq!(admitted(&["10.0.0.1:9911"], "/healthz", "10.0.0.1"), None);
    }

    #[test]
    fn the_host_must_be_given_once_and_be_one() {
        assert_eq!(admitted(&[], "/healthz", "127.0.0.1"), Some(400));
        assert_eq!(admitted(&[""], "/healthz", "127.0.0.1"), Some(400));
        assert_eq!(admitted(&["a b"], "/healthz", "127.0.0.1"), Some(400));
        let both = ["localhost", "attacker.example"];
        assert_eq!(admitted(&both, "/healthz", "127.0.0.1"), Some(403));
        // The name in an absolute request counts too (RFC 9112 section 3.2.2).
        let absolute = "http://attacker.example/healthz";
        assert_eq!(admitted(&["localhost"], absolute, "127.0.0.1"), Some(403));
    }
}
