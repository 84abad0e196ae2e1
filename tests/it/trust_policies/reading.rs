//! Which documents are trust policies, and what is said of the others.

use serde_json::json;
use windlass::admission::policy::{PolicyError, PolicyRule, TrustPolicy};
use windlass::limits;

use super::{allowing, policy};

#[test]
fn documents_are_read_as_they_are_printed_and_as_the_api_gives_them() {
    let document = json!({ "Version": "2012-10-17", "Statement": allowing(&json!({
        "StringEquals": { "aws:PrincipalTag/x509Subject/CN": "100% web+1" } })) });
    let plain = document.to_string();
    let pretty = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let encoded = percent_encoding::utf8_percent_encode(&pretty, windlass::text::UNRESERVED);
    let expected = policy(&document);
    for text in [
        &pretty,
        &encoded.to_string(),
        &format!(" {}\n", encoded.to_string().to_lowercase()),
    ] {
        let read = TrustPolicy::read(text.as_bytes());
        // Lower case is the text's affair, but not that of the escapes.
        if text.contains("Version") {
            assert_eq!(read.as_ref(), Ok(&expected), "{text}");
        } else {
            assert!(matches!(read, Err(PolicyError::Missing { .. })), "{text}");
        }
    }
    assert_eq!(TrustPolicy::read(plain.as_bytes()), Ok(expected));
}

#[test]
fn what_iam_would_not_store_is_refused_with_its_place() {
    let statement = allowing(&json!({})).to_string();
    let with = |from: &str, to: &str| {
        let changed = statement.replace(from, to);
        assert_ne!(changed, statement, "{from}");
        format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statement},{changed}]}}")
    };
    let cases = [
        ("".to_owned(), "it is not JSON"),
        (
            "[]".to_owned(),
            "the top level of the document is [], not an object",
        ),
        ("{}".to_owned(), "the document has no Statement"),
        ("{\"Statement\":[]} x".to_owned(), "it is not JSON"),
        ("%7B%22Statement%22%3A%5B%5D".to_owned(), "it is not JSON"),
        ("%FF%FE".to_owned(), "not text in UTF-8"),
        (
            "{\"Statement\":[],\"Version\":\"2012-10-18\"}".to_owned(),
            "Version of the document is \"2012-10-18\", not 2012-10-17 or 2008-10-17",
        ),
        (
            "{\"Statement\":[],\"Version\":20121017}".to_owned(),
            "Version of the document is 20121017",
        ),
        (
            "{\"Statement\":[],\"Id\":7}".to_owned(),
            "Id of the document is 7, not a text",
        ),
        (
            "{\"Statement\":\"x\"}".to_owned(),
            "Statement of the document is \"x\"",
        ),
        (
            "{\"Statement\":[7]}".to_owned(),
            "statement 1 of the document is 7",
        ),
        (
            "{\"Statement\":[],\"Statement\":[]}".to_owned(),
            "the document has the member 'Statement' twice",
        ),
        (
            "{\"Statement\":[],\"statement\":[]}".to_owned(),
            "the document has the member 'statement' twice",
        ),
        (
            with("\"Effect\":\"Allow\",", ""),
            "statement 2 has no Effect",
        ),
        (
            with("\"Allow\"", "\"allow\""),
            "Effect of statement 2 is \"allow\", not Allow or Deny",
        ),
        (
            with(
                "\"Effect\":\"Allow\"",
                "\"Effect\":\"Deny\",\"Effect\":\"Allow\"",
            ),
            "statement 2 has the member 'Effect' twice",
        ),
        (
            with("\"Effect\":", "\"Sid\":7,\"Effect\":"),
            "Sid of statement 2 is 7",
        ),
        (
            with("\"Effect\":\"Allow\"", "\"Sid\":\"Web\",\"Effect\":null"),
            "Effect of statement 2 (Web) is null",
        ),
        (
            with("\"Principal\":", "\"Who\":"),
            "statement 2 has no Principal",
        ),
        (
            with("\"Effect\":", "\"NotPrincipal\":\"*\",\"Effect\":"),
            "statement 2 has both Principal and NotPrincipal",
        ),
        (
            with("{\"Service\":\"rolesanywhere.amazonaws.com\"}", "\"x\""),
            "Principal of statement 2 is \"x\"",
        ),
        (
            with("{\"Service\":\"rolesanywhere.amazonaws.com\"}", "{}"),
            "Principal of statement 2 is {}",
        ),
        (
            with("\"rolesanywhere.amazonaws.com\"", "[]"),
            "Principal.Service of statement 2 is []",
        ),
        (
            with("\"rolesanywhere.amazonaws.com\"", "\"a\",\"Service\":\"b\""),
            "Principal of statement 2 has the member 'Service' twice",
        ),
        (with("\"Action\":", "\"Act\":"), "statement 2 has no Action"),
        (
            with("\"Effect\":", "\"NotAction\":\"*\",\"Effect\":"),
            "statement 2 has both Action and NotAction",
        ),
        (
            with("\"sts:TagSession\"", "7"),
            "Action of statement 2 is 7",
        ),
        (
            with("\"Condition\":{}", "\"Condition\":[]"),
            "Condition of statement 2 is []",
        ),
        (
            with("\"Condition\":{}", "\"Condition\":{\"Bool\":7}"),
            "Condition.Bool of statement 2 is 7",
        ),
        (
            with("\"Condition\":{}", "\"Condition\":{\"Bool\":{\"a:b\":{}}}"),
            "Condition.Bool.a:b of statement 2 is {}",
        ),
        (
            with(
                "\"Condition\":{}",
                "\"Condition\":{\"Bool\":{\"a:b\":[null]}}",
            ),
            "Condition.Bool.a:b of statement 2 is null",
        ),
        (
            with(
                "\"Condition\":{}",
                "\"Condition\":{\"Bool\":{},\"Bool\":{}}",
            ),
            "Condition of statement 2 has the member 'Bool' twice",
        ),
        (
            with(
                "\"Condition\":{}",
                "\"Condition\":{\"Bool\":{\"a:b\":true,\"A:B\":false}}",
            ),
            "Condition.Bool of statement 2 has the member 'A:B' twice",
        ),
    ];
    for (document, expected) in cases {
        let error = TrustPolicy::read(document.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{document}\n{error}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let of_size = |size: usize| {
        let document = "{\"Statement\":[],\"Id\":\"\"}";
        let id = "x".repeat(size - document.len());
        document
            .replace("\"\"", &format!("\"{id}\""))
            .replace(',', " ,\n")
    };
    let max = limits::MAX_TRUST_POLICY;
    assert!(TrustPolicy::read(of_size(max).as_bytes()).is_ok());
    assert_eq!(
        TrustPolicy::read(of_size(max + 1).as_bytes()),
        Err(PolicyError::Size {
            characters: max + 1,
            max
        })
    );
    // More than the default quota is told, since IAM may store it.
    let rules = |text: String| -> Vec<PolicyRule> {
        let policy = TrustPolicy::read(text.as_bytes()).unwrap();
        policy.lint().iter().map(|finding| finding.rule).collect()
    };
    assert!(rules(of_size(2049)).contains(&PolicyRule::Size));
    assert!(!rules(of_size(2048)).contains(&PolicyRule::Size));
    let deep = format!("{{\"Id\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    let error = TrustPolicy::read(deep.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 16 levels"), "{error}");
}
