//! `windlass key`

mod export_pkcs12;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::admission::{AttributeMapping, Principal, PrincipalTag, check_leaf};
use crate::cli::KeyShow;
use crate::clock::rfc3339;
use crate::key::{PublicKey, Signer};
use crate::pki::{Certificate, Sourced};
use crate::rolesanywhere::{Algorithm, TrustAnchorArn};
use crate::text::printable;

use super::identity::{self, Loaded};
use super::{Context, Error};

pub(super) use export_pkcs12::export_pkcs12;

/// Shows a key and what belongs to it.
pub(super) fn show(arguments: &KeyShow, context: &Context) -> Result<(), Error> {
    if let Some(arn) = arguments.trust_anchor_arn.as_ref()
        && arn.is_alias()
    {
        return Err(Error::AnchorAlias { arn: arn.clone() });
    }
    let trust_anchor = arguments.trust_anchor_arn.as_ref();
    let at = context.clock.now();
    let key_of = |signer: &dyn Signer| KeyFacts {
        origin: Some(signer.origin().to_owned()),
        public: signer.public_key().clone(),
    };
    let shown = match identity::load_any(&arguments.identity, context)? {
        Loaded::Certificate(leaf, chain) => Shown {
            key: KeyFacts {
                origin: None,
                public: leaf.certificate.public_key().clone(),
            },
            certificate: Some(CertificateFacts::of(&leaf, &chain, trust_anchor, at)),
        },
        Loaded::Identity(identity) => {
            let leaf = Sourced {
                origin: identity.leaf_origin().to_owned(),
                certificate: identity.leaf().clone(),
            };
            Shown {
                key: key_of(identity.signer()),
                certificate: Some(CertificateFacts::of(
                    &leaf,
                    identity.chain(),
                    trust_anchor,
                    at,
                )),
            }
        }
        Loaded::Key(signer) => Shown {
            key: key_of(signer.as_ref()),
            certificate: None,
        },
    };
    if arguments.json {
        context.printer.json(&shown.to_json())
    } else {
        context.printer.data(&shown.to_text())
    }
}

struct Shown {
    key: KeyFacts,
    certificate: Option<CertificateFacts>,
}

struct KeyFacts {
    origin: Option<String>,
    public: PublicKey,
}

struct CertificateFacts {
    origin: String,
    leaf: Certificate,
    chain: Vec<Certificate>,
    principal: Principal,
    condition: Option<Value>,
    /// Why Roles Anywhere would refuse it now, as far as the leaf alone tells.
    refused: Option<String>,
}

impl CertificateFacts {
    /// The members of the JSON form whose values AWS does not document for such
    /// a certificate.
    fn undocumented(&self) -> Vec<&'static str> {
        let mut members = Vec::new();
        if !self.principal.source_identity_documented {
            members.push("sourceIdentity");
        }
        if !self.principal.session_name_documented {
            members.push("roleSessionName");
        }
        members
    }

    fn of(
        leaf: &Sourced,
        chain: &[Certificate],
        trust_anchor: Option<&TrustAnchorArn>,
        at: DateTime<Utc>,
    ) -> Self {
        let certificate = leaf.certificate.clone();
        let principal = Principal::of(&certificate, &AttributeMapping::default());
        let out_of_date = if certificate.is_valid_at(at) {
            None
        } else if at < certificate.not_before() {
            Some("it is not valid yet".to_owned())
        } else {
            Some("it has expired".to_owned())
        };
        let refused = check_leaf(&certificate).err().map(|refusal| refusal.reason);
        Self {
            origin: leaf.origin.clone(),
            chain: chain.to_vec(),
            condition: condition(&principal, trust_anchor),
            principal,
            refused: out_of_date.or(refused),
            leaf: certificate,
        }
    }
}

impl Shown {
    fn algorithm(&self) -> Option<&'static str> {
        Algorithm::for_key(self.key.public.algorithm()).map(Algorithm::name)
    }

    fn to_json(&self) -> Value {
        let certificate = self.certificate.as_ref().map(|facts| {
            let leaf = &facts.leaf;
            let tags = |tags: &[PrincipalTag]| -> Value {
                let pairs = tags.iter().map(|tag| (tag.key.clone(), json!(tag.value)));
                Value::Object(pairs.collect())
            };
            json!({
                "origin": facts.origin,
                "subject": leaf.subject().to_string(),
                "issuer": leaf.issuer().to_string(),
                "serialNumber": leaf.serial().hex(),
                "serialNumberDecimal": leaf.serial().decimal(),
                "notBefore": rfc3339(leaf.not_before()),
                "notAfter": rfc3339(leaf.not_after()),
                "fingerprintSha256": leaf.fingerprint(),
                "refused": facts.refused,
                "chain": facts.chain.iter().map(|issuer| issuer.subject().to_string()).collect::<Vec<_>>(),
                "sourceIdentity": facts.principal.source_identity,
                "roleSessionName": facts.principal.session_name,
                "principalTags": tags(&facts.principal.tags),
                "tagsLeftOut": tags(&facts.principal.left_out),
                "tagsUndocumented": tags(&facts.principal.undocumented),
                "undocumented": facts.undocumented(),
                "condition": facts.condition,
            })
        });
        json!({
            "key": {
                "origin": self.key.origin,
                "type": self.key.public.algorithm().to_string(),
                "fingerprintSha256": self.key.public.fingerprint(),
                "signatureAlgorithm": self.algorithm(),
            },
            "certificate": certificate,
        })
    }

    fn to_text(&self) -> String {
        let safe = |text: &str| printable(text, 512);
        let mut text = format!(
            "key              {}\ntype             {}\nfingerprint      {}\nsigns as         {}\n",
            self.key
                .origin
                .as_deref()
                .map_or_else(|| "-".to_owned(), safe),
            self.key.public.algorithm(),
            self.key.public.fingerprint(),
            self.algorithm()
                .unwrap_or("nothing: Roles Anywhere has no algorithm for such a key"),
        );
        let Some(facts) = &self.certificate else {
            return text;
        };
        let leaf = &facts.leaf;
        text.push_str(&format!(
            "\ncertificate      {}\nsubject          {}\nissuer           {}\nserial number    {} ({})\nvalid            {} to {}\nfingerprint      {}\n",
            safe(&facts.origin),
            leaf.subject(),
            leaf.issuer(),
            leaf.serial(),
            leaf.serial().decimal(),
            rfc3339(leaf.not_before()),
            rfc3339(leaf.not_after()),
            leaf.fingerprint(),
        ));
        if let Some(reason) = &facts.refused {
            text.push_str(&format!("refused by AWS   {}\n", safe(reason)));
        }
        for issuer in &facts.chain {
            text.push_str(&format!("chain            {}\n", issuer.subject()));
        }
        text.push_str(&format!(
            "\nsource identity  {}{}\nsession name     {}{}\n",
            safe(&facts.principal.source_identity),
            if facts.principal.source_identity_documented {
                ""
            } else {
                " (perhaps: AWS does not say what such a CN becomes)"
            },
            facts.principal.session_name,
            if facts.principal.session_name_documented {
                ""
            } else {
                " (perhaps without the leading zero: AWS does not say)"
            },
        ));
        for tag in &facts.principal.tags {
            text.push_str(&format!(
                "principal tag    {} = {}\n",
                safe(&tag.key),
                safe(&tag.value)
            ));
        }
        for tag in &facts.principal.left_out {
            text.push_str(&format!(
                "no tag           {} = {} (its value cannot be a tag's)\n",
                safe(&tag.key),
                safe(&tag.value)
            ));
        }
        for tag in &facts.principal.undocumented {
            text.push_str(&format!(
                "perhaps a tag    {} = {} (AWS does not say how it calls this attribute)\n",
                safe(&tag.key),
                safe(&tag.value)
            ));
        }
        match &facts.condition {
            Some(condition) => {
                text.push_str(&format!("\n\"Condition\": {condition:#}\n"));
                if condition.get("ArnEquals").is_none() {
                    text.push_str("with --trust-anchor-arn it names the trust anchor too: another one may have a CA of the same name\n");
                }
            }
            None => text.push_str(
                "\nno condition: no CN, URI or DNS name of the certificate is a tag, so none would let in it alone\n",
            ),
        }
        text
    }
}

/// A condition for the role's trust policy that lets in this subject alone, by
/// the trust anchor where it is known: the subject's attributes, and where its
/// common name is no tag, the first URI or DNS name. `None` when neither is: the
/// rest of a name is what all of a CA's certificates have in common.
fn condition(principal: &Principal, trust_anchor: Option<&TrustAnchorArn>) -> Option<Value> {
    const IDENTIFYING: [&str; 3] = ["x509Subject/CN", "x509SAN/URI", "x509SAN/DNS"];
    let has = |key: &&str| principal.tags.iter().any(|tag| tag.key == *key);
    let identifying = IDENTIFYING.into_iter().find(has)?;
    let pairs = principal
        .tags
        .iter()
        .filter(|tag| {
            tag.key == identifying
                || tag.key == "x509Issuer/CN"
                || tag.key.starts_with("x509Subject/")
        })
        .map(|tag| (format!("aws:PrincipalTag/{}", tag.key), json!(tag.value)));
    let mut condition = json!({ "StringEquals": Value::Object(pairs.collect()) });
    if let Some(arn) = trust_anchor {
        condition["ArnEquals"] = json!({ "aws:SourceArn": arn.as_str() });
    }
    Some(condition)
}
