//! The rules, one a file. Their order is that in which AWS is taken to look, which it
//! has not published: it fits every answer that was published, and gives away least.

mod action_assume_role;
mod action_set_source_identity;
mod action_tag_session;
mod anchor_basic_constraints;
mod anchor_certificates;
mod anchor_disabled;
mod anchor_key_usage;
mod anchor_region;
mod anchor_unknown;
mod certificate_form;
mod certificate_policies;
mod chain_length;
mod chain_to_anchor;
mod clock_skew;
mod condition_issuer;
mod condition_other;
mod condition_san;
mod condition_session_name;
mod condition_source_account;
mod condition_source_arn;
mod condition_source_identity;
mod condition_subject;
mod critical_extensions;
mod crl_foreign;
mod crl_size;
mod crl_stale;
mod duration_range;
mod duration_role_maximum;
mod extended_key_usage;
mod instance_properties;
mod intermediates_missing;
mod issuer_form;
mod issuer_validity;
mod leaf_ca;
mod leaf_empty_subject;
mod leaf_key;
mod leaf_key_usage;
mod leaf_signature_hash;
mod leaf_validity;
mod leaf_version;
mod name_constraints;
mod packed_size;
mod path_length;
mod profile_account;
mod profile_disabled;
mod profile_region;
mod profile_unknown;
mod profile_without_roles;
mod request_region;
mod revoked;
mod role_account;
mod role_not_in_profile;
mod role_partition;
mod role_unknown;
mod session_name_form;
mod session_name_not_accepted;
mod signature;
mod source_identity_form;
mod tag_characters;
mod tag_length;
mod tag_second_san;
mod tag_unmapped;
mod trust_policy_deny;
mod trust_policy_principal;

use super::rule::Rule;

/// Every rule.
pub const RULES: &[&Rule] = &[
    // While trust anchors and revocation lists are made.
    &anchor_basic_constraints::RULE,
    &anchor_key_usage::RULE,
    &anchor_certificates::RULE,
    &crl_size::RULE,
    &crl_foreign::RULE,
    // The request by itself.
    &chain_length::RULE,
    &duration_range::RULE,
    &session_name_form::RULE,
    &instance_properties::RULE,
    // The trust anchor.
    &anchor_region::RULE,
    &anchor_unknown::RULE,
    &anchor_disabled::RULE,
    // The signature.
    &request_region::RULE,
    &clock_skew::RULE,
    &signature::RULE,
    // The certificate by itself.
    &leaf_version::RULE,
    &leaf_ca::RULE,
    &leaf_key_usage::RULE,
    &leaf_key::RULE,
    &leaf_signature_hash::RULE,
    &leaf_empty_subject::RULE,
    // Its path to the trust anchor.
    &leaf_validity::RULE,
    &intermediates_missing::RULE,
    &chain_to_anchor::RULE,
    &issuer_form::RULE,
    &issuer_validity::RULE,
    &path_length::RULE,
    &name_constraints::RULE,
    &certificate_policies::RULE,
    &extended_key_usage::RULE,
    &critical_extensions::RULE,
    &certificate_form::RULE,
    // Revocation.
    &revoked::RULE,
    &crl_stale::RULE,
    // The profile.
    &profile_region::RULE,
    &profile_account::RULE,
    &profile_unknown::RULE,
    &profile_disabled::RULE,
    &profile_without_roles::RULE,
    // The role, as the profile has it.
    &role_partition::RULE,
    &role_account::RULE,
    &role_not_in_profile::RULE,
    // What is asked for.
    &session_name_not_accepted::RULE,
    &duration_role_maximum::RULE,
    // What STS says.
    &role_unknown::RULE,
    &trust_policy_principal::RULE,
    &action_assume_role::RULE,
    &action_tag_session::RULE,
    &action_set_source_identity::RULE,
    &trust_policy_deny::RULE,
    &tag_characters::RULE,
    &tag_length::RULE,
    &tag_second_san::RULE,
    &tag_unmapped::RULE,
    &condition_source_arn::RULE,
    &condition_source_account::RULE,
    &condition_subject::RULE,
    &condition_issuer::RULE,
    &condition_san::RULE,
    &condition_source_identity::RULE,
    &condition_session_name::RULE,
    &condition_other::RULE,
    &source_identity_form::RULE,
    &packed_size::RULE,
];
