//! Rules for certificate revocation lists (RFC 5280 section 5).

use crate::clock::rfc3339;
use crate::der::Element;
use crate::limits;

use super::basics::{integer, is_negative, weak_signature, wrong_parameters};
use super::crl_entries::place;
use super::crl_view::CrlView;
use super::extensions::tell_duplicates;
use super::form::TimeForm;
use super::validity::is_needlessly_generalized;
use super::{Check, Level, Notes, REVOCATION, Rule, Source, TRUST_MODEL, oid, rule};

const EXTENSIONS: Source = Source::Standard("RFC 5280 section 5.2");
const NUMBER: Source = Source::Standard("RFC 5280 section 5.2.3");
const NEXT_UPDATE: Source = Source::Standard("RFC 5280 section 5.1.2.5");
const TIMES: Source = Source::Standard("RFC 5280 sections 5.1.2.4 to 5.1.2.6");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "crl_version",
        Source::Standard("RFC 5280 section 5.1.2.1"),
        "write version 2",
        Check::Crl(version),
    ),
    rule(
        Level::Error,
        "crl_signature_algorithms_differ",
        Source::Standard("RFC 5280 section 5.1.1.2"),
        "write the same algorithm, parameters included, inside and outside",
        Check::Crl(algorithms_differ),
    ),
    rule(
        Level::Error,
        "crl_signature_weak",
        TRUST_MODEL,
        "sign with SHA-256 or better",
        Check::Crl(signature_weak),
    ),
    rule(
        Level::Error,
        "crl_signature_parameters",
        Source::Standard("RFC 4055 section 5, RFC 5758 section 3.2"),
        "NULL for RSA with PKCS#1 v1.5, none for ECDSA, EdDSA and ML-DSA",
        Check::Crl(signature_parameters),
    ),
    rule(
        Level::Error,
        "crl_issuer_empty",
        Source::Standard("RFC 5280 section 5.1.2.3"),
        "name the CA",
        Check::Crl(issuer_empty),
    ),
    rule(
        Level::Error,
        "crl_time_form",
        TIMES,
        "write YYMMDDHHMMSSZ through 2049, YYYYMMDDHHMMSSZ from 2050 on",
        Check::Crl(time_form),
    ),
    rule(
        Level::Error,
        "crl_next_update_missing",
        NEXT_UPDATE,
        "say when the next list will be there at the latest",
        Check::Crl(next_update_missing),
    ),
    rule(
        Level::Error,
        "crl_update_order",
        NEXT_UPDATE,
        "let nextUpdate be later than thisUpdate",
        Check::Crl(update_order),
    ),
    rule(
        Level::Warning,
        "crl_expired",
        NEXT_UPDATE,
        "make a new list and import it",
        Check::Crl(expired),
    ),
    rule(
        Level::Warning,
        "crl_from_the_future",
        Source::Standard("RFC 5280 section 5.1.2.4"),
        "look at the clock of the CA, and of this host",
        Check::Crl(from_the_future),
    ),
    rule(
        Level::Error,
        "crl_authority_key_identifier_missing",
        Source::Standard("RFC 5280 section 5.2.1"),
        "write authorityKeyIdentifier with the keyIdentifier of the CA",
        Check::Crl(authority_missing),
    ),
    rule(
        Level::Error,
        "crl_number_missing",
        NUMBER,
        "number the lists, each higher than the one before",
        Check::Crl(number_missing),
    ),
    rule(
        Level::Error,
        "crl_number_critical",
        NUMBER,
        "mark cRLNumber as not critical",
        Check::Crl(number_critical),
    ),
    rule(
        Level::Error,
        "crl_number_form",
        NUMBER,
        "write a number from 0 on, of at most 20 octets",
        Check::Crl(number_form),
    ),
    rule(
        Level::Error,
        "crl_extension_duplicate",
        EXTENSIONS,
        "write each extension once",
        Check::Crl(extension_duplicate),
    ),
    rule(
        Level::Error,
        "crl_extension_unknown_critical",
        EXTENSIONS,
        "mark it as not critical, or leave it out",
        Check::Crl(unknown_critical),
    ),
    rule(
        Level::Error,
        "crl_idp_not_critical",
        Source::Standard("RFC 5280 section 5.2.5"),
        "mark issuingDistributionPoint as critical",
        Check::Crl(idp_not_critical),
    ),
    rule(
        Level::Error,
        "crl_delta_not_critical",
        Source::Standard("RFC 5280 section 5.2.4"),
        "mark deltaCRLIndicator as critical",
        Check::Crl(delta_not_critical),
    ),
    rule(
        Level::Error,
        "crl_partial",
        REVOCATION,
        "import a complete list, without issuingDistributionPoint and deltaCRLIndicator",
        Check::Crl(partial),
    ),
    rule(
        Level::Error,
        "crl_too_large",
        Source::RolesAnywhere("Roles Anywhere API reference, ImportCrl"),
        "revoke less and issue for shorter times; entries of expired certificates may go; or split the fleet between issuing CAs",
        Check::Crl(too_large),
    ),
];

fn version(view: &CrlView<'_>, notes: &mut Notes) {
    if view.version != 2 {
        notes.say("version", format!("the version is {}", view.version));
    }
}

fn algorithms_differ(view: &CrlView<'_>, notes: &mut Notes) {
    if view.inner_algorithm.encoded != view.outer_algorithm.encoded {
        notes.say(
            "signatureAlgorithm",
            "it differs from tbsCertList.signature",
        );
    }
}

fn signature_weak(view: &CrlView<'_>, notes: &mut Notes) {
    if let Some(name) = weak_signature(&view.outer_algorithm) {
        notes.say("signatureAlgorithm", format!("it is signed with {name}"));
    }
}

fn signature_parameters(view: &CrlView<'_>, notes: &mut Notes) {
    if let Some(wrong) = wrong_parameters(&view.outer_algorithm) {
        notes.say("signatureAlgorithm", wrong);
    }
}

fn issuer_empty(view: &CrlView<'_>, notes: &mut Notes) {
    if view.issuer.is_empty() {
        notes.say("issuer", "the issuer has no name");
    }
}

fn time_form(view: &CrlView<'_>, notes: &mut Notes) {
    let mut look = |place: String, time: &Element<'_>| {
        if TimeForm::of(time).moment().is_none() {
            notes.say(place, "the time is malformed, or not in UTC to the second");
        } else if is_needlessly_generalized(time) {
            notes.say(place, "GeneralizedTime is used before 2050");
        }
    };
    look("thisUpdate".to_owned(), &view.this_update);
    if let Some(time) = &view.next_update {
        look("nextUpdate".to_owned(), time);
    }
    for entry in &view.entries {
        look(place(entry), &entry.date);
    }
}

fn next_update_missing(view: &CrlView<'_>, notes: &mut Notes) {
    if view.next_update.is_none() {
        notes.say("nextUpdate", "the list does not say when it ends");
    }
}

fn next_update(view: &CrlView<'_>) -> Option<chrono::DateTime<chrono::Utc>> {
    TimeForm::of(view.next_update.as_ref()?).moment()
}

fn update_order(view: &CrlView<'_>, notes: &mut Notes) {
    let this = TimeForm::of(&view.this_update).moment();
    if let (Some(this), Some(next)) = (this, next_update(view))
        && next <= this
    {
        let text = format!("it is {}, thisUpdate {}", rfc3339(next), rfc3339(this));
        notes.say("nextUpdate", text);
    }
}

fn expired(view: &CrlView<'_>, notes: &mut Notes) {
    if let Some(next) = next_update(view).filter(|next| *next < view.at) {
        notes.say("nextUpdate", format!("it was {}", rfc3339(next)));
    }
}

fn from_the_future(view: &CrlView<'_>, notes: &mut Notes) {
    let this = TimeForm::of(&view.this_update).moment();
    if let Some(this) = this.filter(|this| *this > view.at) {
        notes.say("thisUpdate", format!("it is {}", rfc3339(this)));
    }
}

fn authority_missing(view: &CrlView<'_>, notes: &mut Notes) {
    let extension = view.extension(oid::AUTHORITY_KEY_IDENTIFIER);
    let parts = extension.and_then(super::view::Extension::elements);
    if !parts.is_some_and(|parts| parts.iter().any(|part| part.tag == 0x80)) {
        let message = "the list does not say which key signed it";
        notes.say("crlExtensions.authorityKeyIdentifier", message);
    }
}

const NUMBER_PLACE: &str = "crlExtensions.cRLNumber";

fn number_missing(view: &CrlView<'_>, notes: &mut Notes) {
    if view.extension(oid::CRL_NUMBER).is_none() {
        notes.say(NUMBER_PLACE, "the list has no number");
    }
}

fn number_critical(view: &CrlView<'_>, notes: &mut Notes) {
    if view
        .extension(oid::CRL_NUMBER)
        .is_some_and(|one| one.critical)
    {
        notes.say(NUMBER_PLACE, "it is critical");
    }
}

fn number_form(view: &CrlView<'_>, notes: &mut Notes) {
    if let Some(extension) = view.extension(oid::CRL_NUMBER)
        && integer(extension.value).is_none_or(|number| is_negative(number) || number.len() > 20)
    {
        notes.say(NUMBER_PLACE, "it is negative, too long or no number");
    }
}

fn extension_duplicate(view: &CrlView<'_>, notes: &mut Notes) {
    tell_duplicates(&view.extensions, notes);
}

fn unknown_critical(view: &CrlView<'_>, notes: &mut Notes) {
    for extension in &view.extensions {
        if extension.critical && oid::extension_name(extension.oid).is_none() {
            let place = format!("crlExtensions.{}", oid::shown(extension.oid));
            notes.say(place, "it is critical, and not of RFC 5280");
        }
    }
}

fn idp_not_critical(view: &CrlView<'_>, notes: &mut Notes) {
    not_critical(view, oid::ISSUING_DISTRIBUTION_POINT, notes);
}

fn delta_not_critical(view: &CrlView<'_>, notes: &mut Notes) {
    not_critical(view, oid::DELTA_CRL_INDICATOR, notes);
}

fn not_critical(view: &CrlView<'_>, id: &[u8], notes: &mut Notes) {
    if view.extension(id).is_some_and(|one| !one.critical) {
        let place = format!("crlExtensions.{}", oid::shown(id));
        notes.say(place, "it is not critical");
    }
}

fn partial(view: &CrlView<'_>, notes: &mut Notes) {
    for id in [oid::DELTA_CRL_INDICATOR, oid::ISSUING_DISTRIBUTION_POINT] {
        if view.extension(id).is_some() {
            let place = format!("crlExtensions.{}", oid::shown(id));
            notes.say(place, "the list is not a complete one");
        }
    }
}

fn too_large(view: &CrlView<'_>, notes: &mut Notes) {
    // As PEM, in lines of 64 characters.
    let characters = view.octets.div_ceil(3) * 4;
    let pem = characters + characters.div_ceil(64) + "-----BEGIN X509 CRL-----\n".len() * 2 - 2;
    if pem > limits::MAX_IMPORTED_CRL {
        let most = limits::MAX_IMPORTED_CRL;
        let message = format!("as PEM it has {pem} bytes, at most {most} are imported");
        notes.say("CertificateList", message);
    }
}
