//! Requests in another form, each signed anew by a key that may: what is signed
//! must be what is judged, and in the one form that the protocol has.

use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use sha2::{Digest, Sha256};
use windlass::emulator::{Outcome, Received};

use super::Vector;

/// A request that is signed as it stands, with no question asked.
struct Forgery {
    request: Received,
    algorithm: &'static str,
    /// The scope's serial number, date, region, service and end.
    scope: [String; 5],
    /// `SignedHeaders`.
    signed: Vec<String>,
}

impl Forgery {
    fn new(vector: &Vector) -> Self {
        let mut request = vector.received();
        request.headers.retain(|(name, _)| name != "authorization");
        let signed = vector.string("signed_headers");
        let scope = [
            "291",
            "20260115",
            "us-east-1",
            "rolesanywhere",
            "aws4_request",
        ];
        Self {
            request,
            algorithm: "AWS4-X509-ECDSA-SHA256",
            scope: scope.map(str::to_owned),
            signed: signed.split(';').map(str::to_owned).collect(),
        }
    }

    fn signed_without(mut self, name: &str) -> Self {
        self.signed.retain(|other| other != name);
        self
    }

    fn signed_with(mut self, name: &str) -> Self {
        self.signed.push(name.to_owned());
        self.signed.sort();
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.request
            .headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    fn replaced(mut self, name: &str, value: &str) -> Self {
        for (other, old) in &mut self.request.headers {
            if other == name {
                *old = value.as_bytes().to_vec();
            }
        }
        self
    }

    fn scope(mut self, part: usize, value: &str) -> Self {
        self.scope[part] = value.to_owned();
        self
    }

    fn query(mut self, more: &str) -> Self {
        let mut pairs: Vec<&str> = self.request.query.split('&').chain([more]).collect();
        // The sorting of SigV4 is by name and then by value.
        pairs.sort_by_key(|pair| pair.split_once('=').unwrap());
        self.request.query = pairs.join("&");
        self
    }

    fn body(mut self, text: &str) -> Self {
        self.request.body = text.as_bytes().to_vec();
        self
    }

    /// Signs it, and gives what the emulator answers.
    fn judged(mut self, vector: &Vector) -> Outcome {
        let key = SecretKey::from_pkcs8_pem(&vector.text("key.pem")).unwrap();
        let mut lines = vec![
            self.request.method.clone(),
            "/sessions".to_owned(),
            self.request.query.clone(),
        ];
        let mut present = self.signed.clone();
        present.dedup();
        for name in &present {
            let values: Vec<String> = self
                .request
                .values(&name.to_lowercase())
                .map(|value| String::from_utf8(value.to_vec()).unwrap())
                .collect();
            lines.push(format!("{name}:{}", values.join(",")));
        }
        lines.push(String::new());
        lines.push(self.signed.join(";"));
        lines.push(hex::encode(Sha256::digest(&self.request.body)));
        let date = String::from_utf8(self.request.values("x-amz-date").next().unwrap().to_vec());
        let string_to_sign = format!(
            "{}\n{}\n{}\n{}",
            self.algorithm,
            date.unwrap(),
            self.scope[1..].join("/"),
            hex::encode(Sha256::digest(lines.join("\n"))),
        );
        let signature: Signature = SigningKey::from(key).sign(string_to_sign.as_bytes());
        let authorization = format!(
            "{} Credential={}, SignedHeaders={}, Signature={}",
            self.algorithm,
            self.scope.join("/"),
            self.signed.join(";"),
            hex::encode(signature.to_der()),
        );
        self = self.header("authorization", &authorization);
        vector.world().answer(&self.request, vector.at())
    }
}

fn vector() -> Vector {
    Vector::all().remove(1)
}

fn forge(vector: &Vector) -> Forgery {
    Forgery::new(vector)
}

/// Without this, everything below would be refused for any reason.
#[test]
fn a_forgery_that_changes_nothing_is_granted() {
    let vector = vector();
    for forgery in [
        forge(&vector),
        forge(&vector).header("x-other", "not signed"),
        forge(&vector)
            .header("x-other", "signed")
            .signed_with("x-other"),
        forge(&vector)
            .header("x-other", "a")
            .header("x-other", "b")
            .signed_with("x-other"),
        forge(&vector).body(r#"{"durationSeconds":900,"unknown":1}"#),
    ] {
        let outcome = forgery.judged(&vector);
        assert_eq!(outcome.status, 201, "{outcome:?}");
    }
}

#[test]
fn what_must_be_signed_is_signed_in_one_form() {
    let vector = vector();
    let other_leaf = Vector::all().remove(2);
    let other_leaf = other_leaf.context["headers"]["x-amz-x509"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut listed_twice = forge(&vector);
    listed_twice.signed.push("x-amz-x509".to_owned());
    let mut upper_case = forge(&vector);
    for name in &mut upper_case.signed {
        if name == "host" {
            *name = "Host".to_owned();
        }
    }
    let mut rsa = forge(&vector);
    rsa.algorithm = "AWS4-X509-RSA-SHA256";
    let mut hmac = forge(&vector);
    hmac.algorithm = "AWS4-HMAC-SHA256";
    let mut get = forge(&vector);
    get.request.method = "GET".to_owned();
    let cases = [
        ("host unsigned", forge(&vector).signed_without("host")),
        (
            "content type unsigned",
            forge(&vector).signed_without("content-type"),
        ),
        ("date unsigned", forge(&vector).signed_without("x-amz-date")),
        (
            "certificate unsigned",
            forge(&vector).signed_without("x-amz-x509"),
        ),
        ("a name twice", listed_twice),
        ("a name in upper case", upper_case),
        (
            "a header that is not there",
            forge(&vector).signed_with("x-none"),
        ),
        ("an empty name", forge(&vector).signed_with("")),
        ("two hosts", forge(&vector).header("host", "example.com")),
        (
            "two content types",
            forge(&vector).header("content-type", "application/json"),
        ),
        (
            "two dates",
            forge(&vector).header("x-amz-date", "20260115T120000Z"),
        ),
        (
            "two certificates",
            forge(&vector).header("x-amz-x509", &other_leaf),
        ),
        (
            "two authorizations",
            forge(&vector).header("authorization", "AWS4-X509-ECDSA-SHA256 x=y"),
        ),
        (
            "a chain unsigned",
            forge(&vector).header("x-amz-x509-chain", &other_leaf),
        ),
        (
            "two chains",
            forge(&vector)
                .header("x-amz-x509-chain", &other_leaf)
                .header("x-amz-x509-chain", &other_leaf)
                .signed_with("x-amz-x509-chain"),
        ),
        (
            "a chain of six",
            forge(&vector)
                .header("x-amz-x509-chain", &[other_leaf.as_str(); 6].join(","))
                .signed_with("x-amz-x509-chain"),
        ),
        (
            "another certificate",
            forge(&vector).replaced("x-amz-x509", &other_leaf),
        ),
        ("a serial number in hex", forge(&vector).scope(0, "123")),
        (
            "a serial number in hex with 0x",
            forge(&vector).scope(0, "0x123"),
        ),
        (
            "a zero before the serial number",
            forge(&vector).scope(0, "0291"),
        ),
        (
            "a plus before the serial number",
            forge(&vector).scope(0, "+291"),
        ),
        ("no serial number", forge(&vector).scope(0, "")),
        ("another date", forge(&vector).scope(1, "20260114")),
        ("another region", forge(&vector).scope(2, "eu-west-1")),
        (
            "a region in upper case",
            forge(&vector).scope(2, "US-EAST-1"),
        ),
        ("another service", forge(&vector).scope(3, "sts")),
        ("another end", forge(&vector).scope(4, "aws4")),
        ("RSA's algorithm", rsa),
        ("a secret key's algorithm", hmac),
    ];
    for (what, forgery) in cases {
        let outcome = forgery.judged(&vector);
        assert_eq!(outcome.status, 403, "{what}: {outcome:?}");
        assert_eq!(outcome.body["message"], "Invalid signature", "{what}");
    }
    assert_eq!(get.judged(&vector).status, 404);
}

/// A parameter that stands in two places means one thing or nothing.
#[test]
fn what_is_given_twice_is_refused() {
    let vector = vector();
    let profile = "arn%3Aaws%3Arolesanywhere%3Aus-east-1%3A123456789012%3Aprofile%2F";
    let other = format!("profileArn={profile}66666666-7777-4888-9999-bbbbbbbbbbbb");
    let other_role = "arn:aws:iam::123456789012:role/admin";
    let cases = [
        ("two profiles", forge(&vector).query(&other)),
        (
            "two roles",
            forge(&vector).query("roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fadmin"),
        ),
        (
            "the same role twice",
            forge(&vector)
                .query("roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fworkloads%2Fapp-role"),
        ),
        (
            "another role in the body",
            forge(&vector).body(&format!(r#"{{"roleArn":"{other_role}"}}"#)),
        ),
        (
            "a member twice",
            forge(&vector).body(r#"{"durationSeconds":900,"durationSeconds":3600}"#),
        ),
        (
            "a member twice, once escaped",
            forge(&vector).body(r#"{"durationSeconds":900,"\u0064urationSeconds":3600}"#),
        ),
        (
            "text behind the body",
            forge(&vector).body(r#"{"durationSeconds":900}{}"#),
        ),
        ("a body that is a list", forge(&vector).body("[]")),
        ("a body that is no UTF-8", {
            let mut forgery = forge(&vector);
            forgery.request.body = b"{\"a\":\"\xff\"}".to_vec();
            forgery
        }),
        ("a byte order mark", forge(&vector).body("\u{feff}{}")),
    ];
    for (what, forgery) in cases {
        let outcome = forgery.judged(&vector);
        assert_eq!(outcome.status, 400, "{what}: {outcome:?}");
        assert_eq!(outcome.error_type, Some("ValidationException"), "{what}");
    }
}

/// Paths that a proxy might take for the same one are others.
#[test]
fn the_path_has_one_form() {
    let vector = vector();
    for path in [
        "/sessions/",
        "//sessions",
        "/./sessions",
        "/x/../sessions",
        "/Sessions",
        "/%73essions",
        "/sessions;a",
        "/sessions%20",
        "*",
        "",
    ] {
        let mut forgery = forge(&vector);
        forgery.request.path = path.to_owned();
        let outcome = forgery.judged(&vector);
        assert_eq!(outcome.status, 404, "{path}: {outcome:?}");
    }
}
