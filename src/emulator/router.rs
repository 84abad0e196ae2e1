//! Which service a request is for: they all answer on one port.

use super::control;
use super::iam;
use super::request::Received;

/// A service of the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// The control plane of Roles Anywhere.
    Control,
    /// IAM.
    Iam,
    /// CreateSession, and whatever is nobody's.
    Sessions,
    /// STS.
    Sts,
}

impl Destination {
    /// By the path, and where services have the same one, by what the signature
    /// says.
    pub(super) fn of(request: &Received) -> Self {
        match request.path.as_str() {
            "/sessions" => Self::Sessions,
            // Every service of the query protocol has this path.
            "/" if iam::is_for(request) => Self::Iam,
            "/" if request.signed_service() != Some("rolesanywhere") => Self::Sts,
            path if control::is_path(path) => Self::Control,
            _ => Self::Sessions,
        }
    }

    /// Whether it speaks XML.
    pub(super) const fn speaks_xml(self) -> bool {
        match self {
            Self::Control | Self::Sessions => false,
            Self::Iam | Self::Sts => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, authorization: Option<&str>) -> Destination {
        let authorization = authorization.map(|value| value.as_bytes().to_vec());
        Destination::of(&Received {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: authorization
                .map(|value| ("authorization".to_owned(), value))
                .into_iter()
                .collect(),
            body: Vec::new(),
        })
    }

    #[test]
    fn a_path_or_a_scope_names_the_service() {
        let signed = "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(of("/", Some(signed)), Destination::Sts);
        let iam = signed.replace("/sts/", "/iam/");
        assert_eq!(of("/", Some(&iam)), Destination::Iam);
        let elsewhere = signed.replace("/sts/", "/rolesanywhere/");
        assert_eq!(of("/", Some(&elsewhere)), Destination::Sessions);
        assert_eq!(of("/", None), Destination::Sts);
        assert_eq!(of("/sessions", None), Destination::Sessions);
        assert_eq!(of("/crl/x/enable", None), Destination::Control);
        assert_eq!(of("/crl/x/other", None), Destination::Sessions);
        assert_eq!(of("/other", None), Destination::Sessions);
    }
}
