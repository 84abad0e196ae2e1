//! What a path means.

use percent_encoding::percent_decode_str;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `PUT /latest/api/token`
    Token,
    /// The list of role names, which has one.
    Roles,
    /// The credentials of the role of this name.
    Credentials { role: String, extended: bool },
    /// Something else that the metadata service tells.
    Metadata(Metadata),
    /// The rest below `/latest`, which asks for a token before it is not there.
    UnknownMetadata,
    /// The container endpoint, for the profile of this name.
    Container(String),
    /// `/healthz`
    Health,
    /// `/metrics`
    Metrics,
    /// Nothing.
    Unknown,
}

/// What the metadata service tells besides credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    /// A directory, as the list of what is in it.
    Index(&'static str),
    /// `meta-data/iam/info`
    IamInfo,
    /// `meta-data/placement/availability-zone`
    Zone,
    /// `meta-data/placement/region`
    Region,
    /// `dynamic/instance-identity/document`
    Identity,
}

const CREDENTIALS: &str = "meta-data/iam/security-credentials";
const EXTENDED: &str = "meta-data/iam/security-credentials-extended";

impl Route {
    /// Reads a path. Slashes at its end are ignored, and so are further ones at
    /// its beginning: endpoints are written with and without one.
    pub(super) fn of(path: &str) -> Self {
        let path = path.trim_matches('/');
        match path {
            "healthz" => return Self::Health,
            "metrics" => return Self::Metrics,
            "latest" => return Self::Metadata(Metadata::Index("dynamic\nmeta-data")),
            _ => {}
        }
        if let Some(name) = path.strip_prefix("profile/") {
            return decoded(name).map_or(Self::Unknown, Self::Container);
        }
        match path.strip_prefix("latest/") {
            Some(rest) => Self::below_latest(rest),
            None => Self::Unknown,
        }
    }

    fn below_latest(path: &str) -> Self {
        let index = match path {
            "api/token" => return Self::Token,
            CREDENTIALS | EXTENDED => return Self::Roles,
            "meta-data/iam/info" => return Self::Metadata(Metadata::IamInfo),
            "meta-data/placement/availability-zone" => return Self::Metadata(Metadata::Zone),
            "meta-data/placement/region" => return Self::Metadata(Metadata::Region),
            "dynamic/instance-identity/document" => {
                return Self::Metadata(Metadata::Identity);
            }
            "dynamic" => "instance-identity/",
            "dynamic/instance-identity" => "document",
            "meta-data" => "iam/\nplacement/",
            "meta-data/iam" => "info\nsecurity-credentials/",
            "meta-data/placement" => "availability-zone\nregion",
            _ => return Self::credentials(path).unwrap_or(Self::UnknownMetadata),
        };
        Self::Metadata(Metadata::Index(index))
    }

    fn credentials(path: &str) -> Option<Self> {
        let named = |directory: &str| path.strip_prefix(directory)?.strip_prefix('/');
        let (name, extended) = match (named(CREDENTIALS), named(EXTENDED)) {
            (Some(name), _) => (name, false),
            (None, Some(name)) => (name, true),
            (None, None) => return None,
        };
        decoded(name).map(|role| Self::Credentials { role, extended })
    }

    /// What it is called where requests are counted.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Roles => "role",
            Self::Credentials { .. } => "credentials",
            Self::Metadata(_) | Self::UnknownMetadata => "metadata",
            Self::Container(_) => "container",
            Self::Health => "healthz",
            Self::Metrics => "metrics",
            Self::Unknown => "unknown",
        }
    }

    /// Whether credentials, or what leads to them, are asked for.
    pub(super) const fn is_guarded(&self) -> bool {
        match self {
            Self::Token
            | Self::Roles
            | Self::Credentials { .. }
            | Self::Metadata(_)
            | Self::UnknownMetadata
            | Self::Container(_) => true,
            Self::Health | Self::Metrics | Self::Unknown => false,
        }
    }
}

/// One segment of a path, as it is meant.
fn decoded(segment: &str) -> Option<String> {
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_path_is_known() {
        let role = |role: &str, extended| Route::Credentials {
            role: role.to_owned(),
            extended,
        };
        for (path, route) in [
            ("/latest/api/token", Route::Token),
            ("//latest/api/token", Route::Token),
            ("/latest/meta-data/iam/security-credentials", Route::Roles),
            ("/latest/meta-data/iam/security-credentials/", Route::Roles),
            (
                "/latest/meta-data/iam/security-credentials-extended/",
                Route::Roles,
            ),
            (
                "/latest/meta-data/iam/security-credentials/backup",
                role("backup", false),
            ),
            (
                "/latest/meta-data/iam/security-credentials/a%3Db%2Bc/",
                role("a=b+c", false),
            ),
            (
                "/latest/meta-data/iam/security-credentials-extended/backup",
                role("backup", true),
            ),
            (
                "/latest/meta-data/iam/security-credentials/a/b",
                Route::UnknownMetadata,
            ),
            ("/latest/meta-data/ami-id", Route::UnknownMetadata),
            (
                "/latest/meta-data/placement/region/",
                Route::Metadata(Metadata::Region),
            ),
            ("/profile/web%201", Route::Container("web 1".to_owned())),
            ("/profile/", Route::Unknown),
            ("/profile/a/b", Route::Unknown),
            ("/healthz", Route::Health),
            ("/", Route::Unknown),
            ("*", Route::Unknown),
            ("/latestest", Route::Unknown),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
