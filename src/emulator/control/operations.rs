//! The operations, as the service's model has them (Roles Anywhere, version
//! 2018-05-10).

use serde_json::Value;

use super::call::Call;
use super::refused::Refused;
use super::shape::Member;
use super::shapes::{self, optional, required};
use super::{anchors, crls, notifications, profiles, subjects, tags};
use crate::emulator::state::State;

/// An operation of the control plane.
#[derive(Debug)]
pub(super) struct Operation {
    /// Its name.
    pub(super) name: &'static str,
    /// The HTTP method.
    pub(super) method: &'static str,
    /// The path; a segment in braces holds a member.
    pub(super) path: &'static str,
    /// The status of success.
    pub(super) status: u16,
    /// What a request may hold, wherever it stands.
    pub(super) members: &'static [Member],
    /// What it does.
    pub(super) run: Run,
}

/// What an operation does.
#[derive(Debug)]
pub(super) enum Run {
    /// It changes what exists.
    Change(fn(&Call<'_>, &mut State) -> Result<Value, Refused>),
    /// It shows what exists.
    Read(fn(&Call<'_>, &State) -> Result<Value, Refused>),
}

use Run::{Change, Read};

const fn operation(
    name: &'static str,
    (method, path): (&'static str, &'static str),
    status: u16,
    members: &'static [Member],
    run: Run,
) -> Operation {
    Operation {
        name,
        method,
        path,
        status,
        members,
        run,
    }
}

/// A page of a list.
const PAGE: &[Member] = &[
    optional("nextToken", &shapes::NEXT_TOKEN),
    optional("pageSize", &shapes::INTEGER),
];

/// A trust anchor, by its id, its ARN or its alias ARN.
const ANCHOR: &[Member] = &[required("trustAnchorId", &shapes::ANCHOR_ID)];

/// A profile, by its id, its ARN or its alias ARN.
const PROFILE: &[Member] = &[required("profileId", &shapes::PROFILE_ID)];

/// A revocation list, by its id, its ARN or its alias ARN.
const CRL: &[Member] = &[required("crlId", &shapes::CRL_ID)];

/// All operations.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "CreateProfile",
        ("POST", "/profiles"),
        201,
        &[
            required("name", &shapes::NAME),
            required("roleArns", &shapes::ROLE_ARNS),
            optional("requireInstanceProperties", &shapes::BOOLEAN),
            optional("sessionPolicy", &shapes::ANY_TEXT),
            optional("managedPolicyArns", &shapes::MANAGED_POLICIES),
            optional("durationSeconds", &shapes::DURATION),
            optional("enabled", &shapes::BOOLEAN),
            optional("tags", &shapes::TAGS),
            optional("acceptRoleSessionName", &shapes::BOOLEAN),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(profiles::create),
    ),
    operation(
        "CreateTrustAnchor",
        ("POST", "/trustanchors"),
        201,
        &[
            required("name", &shapes::NAME),
            required("source", &shapes::SOURCE),
            optional("enabled", &shapes::BOOLEAN),
            optional("crlDpRevocationEnabled", &shapes::BOOLEAN),
            optional("tags", &shapes::TAGS),
            optional("notificationSettings", &shapes::NOTIFICATIONS),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(anchors::create),
    ),
    operation(
        "DeleteAttributeMapping",
        ("DELETE", "/profiles/{profileId}/mappings"),
        200,
        &[
            required("profileId", &shapes::PROFILE_ID),
            required("certificateField", &shapes::FIELD),
            optional("specifiers", &shapes::SPECIFIERS),
        ],
        Change(profiles::delete_mapping),
    ),
    operation(
        "DeleteCrl",
        ("DELETE", "/crl/{crlId}"),
        200,
        CRL,
        Change(crls::delete),
    ),
    operation(
        "DeleteProfile",
        ("DELETE", "/profile/{profileId}"),
        200,
        PROFILE,
        Change(profiles::delete),
    ),
    operation(
        "DeleteTrustAnchor",
        ("DELETE", "/trustanchor/{trustAnchorId}"),
        200,
        ANCHOR,
        Change(anchors::delete),
    ),
    operation(
        "DisableCrl",
        ("POST", "/crl/{crlId}/disable"),
        200,
        CRL,
        Change(crls::disable),
    ),
    operation(
        "DisableProfile",
        ("POST", "/profile/{profileId}/disable"),
        200,
        PROFILE,
        Change(profiles::disable),
    ),
    operation(
        "DisableTrustAnchor",
        ("POST", "/trustanchor/{trustAnchorId}/disable"),
        200,
        ANCHOR,
        Change(anchors::disable),
    ),
    operation(
        "EnableCrl",
        ("POST", "/crl/{crlId}/enable"),
        200,
        CRL,
        Change(crls::enable),
    ),
    operation(
        "EnableProfile",
        ("POST", "/profile/{profileId}/enable"),
        200,
        PROFILE,
        Change(profiles::enable),
    ),
    operation(
        "EnableTrustAnchor",
        ("POST", "/trustanchor/{trustAnchorId}/enable"),
        200,
        ANCHOR,
        Change(anchors::enable),
    ),
    operation("GetCrl", ("GET", "/crl/{crlId}"), 200, CRL, Read(crls::get)),
    operation(
        "GetProfile",
        ("GET", "/profile/{profileId}"),
        200,
        PROFILE,
        Read(profiles::get),
    ),
    operation(
        "GetSubject",
        ("GET", "/subject/{subjectId}"),
        200,
        &[required("subjectId", &shapes::UUID)],
        Read(subjects::get),
    ),
    operation(
        "GetTrustAnchor",
        ("GET", "/trustanchor/{trustAnchorId}"),
        200,
        ANCHOR,
        Read(anchors::get),
    ),
    operation(
        "ImportCrl",
        ("POST", "/crls"),
        201,
        &[
            required("name", &shapes::NAME),
            required("crlData", &shapes::CRL_DATA),
            optional("enabled", &shapes::BOOLEAN),
            optional("tags", &shapes::TAGS),
            required("trustAnchorArn", &shapes::ANCHOR_ARN),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(crls::import),
    ),
    operation("ListCrls", ("GET", "/crls"), 200, PAGE, Read(crls::list)),
    operation(
        "ListProfiles",
        ("GET", "/profiles"),
        200,
        PAGE,
        Read(profiles::list),
    ),
    operation(
        "ListSubjects",
        ("GET", "/subjects"),
        200,
        PAGE,
        Read(subjects::list),
    ),
    operation(
        "ListTagsForResource",
        ("GET", "/ListTagsForResource"),
        200,
        &[required("resourceArn", &shapes::RESOURCE_ARN)],
        Read(tags::list),
    ),
    operation(
        "ListTrustAnchors",
        ("GET", "/trustanchors"),
        200,
        PAGE,
        Read(anchors::list),
    ),
    operation(
        "PutAttributeMapping",
        ("PUT", "/profiles/{profileId}/mappings"),
        200,
        &[
            required("profileId", &shapes::PROFILE_ID),
            required("certificateField", &shapes::FIELD),
            required("mappingRules", &shapes::MAPPING_RULES),
        ],
        Change(profiles::put_mapping),
    ),
    operation(
        "PutNotificationSettings",
        ("PATCH", "/put-notifications-settings"),
        200,
        &[
            required("trustAnchorId", &shapes::UUID),
            required("notificationSettings", &shapes::NOTIFICATIONS),
        ],
        Change(notifications::put),
    ),
    operation(
        "ResetNotificationSettings",
        ("PATCH", "/reset-notifications-settings"),
        200,
        &[
            required("trustAnchorId", &shapes::UUID),
            required("notificationSettingKeys", &shapes::NOTIFICATION_KEYS),
        ],
        Change(notifications::reset),
    ),
    operation(
        "TagResource",
        ("POST", "/TagResource"),
        201,
        &[
            required("resourceArn", &shapes::RESOURCE_ARN),
            required("tags", &shapes::TAGS),
        ],
        Change(tags::add),
    ),
    operation(
        "UntagResource",
        ("POST", "/UntagResource"),
        200,
        &[
            required("resourceArn", &shapes::RESOURCE_ARN),
            required("tagKeys", &shapes::TAG_KEYS),
        ],
        Change(tags::remove),
    ),
    operation(
        "UpdateCrl",
        ("PATCH", "/crl/{crlId}"),
        200,
        &[
            required("crlId", &shapes::CRL_ID),
            optional("name", &shapes::NAME),
            optional("crlData", &shapes::CRL_DATA),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(crls::update),
    ),
    operation(
        "UpdateProfile",
        ("PATCH", "/profile/{profileId}"),
        200,
        &[
            required("profileId", &shapes::PROFILE_ID),
            optional("name", &shapes::NAME),
            optional("sessionPolicy", &shapes::NEW_SESSION_POLICY),
            optional("roleArns", &shapes::ROLE_ARNS),
            optional("managedPolicyArns", &shapes::MANAGED_POLICIES),
            optional("durationSeconds", &shapes::DURATION),
            optional("acceptRoleSessionName", &shapes::BOOLEAN),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(profiles::update),
    ),
    operation(
        "UpdateTrustAnchor",
        ("PATCH", "/trustanchor/{trustAnchorId}"),
        200,
        &[
            required("trustAnchorId", &shapes::ANCHOR_ID),
            optional("name", &shapes::NAME),
            optional("source", &shapes::SOURCE),
            optional("crlDpRevocationEnabled", &shapes::BOOLEAN),
            optional("aliasName", &shapes::ALIAS),
        ],
        Change(anchors::update),
    ),
];
