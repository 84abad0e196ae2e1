//! The query protocol of STS and IAM: parameters as a form, answers in XML
//! (smithy.io, "AWS Query protocol").

use super::caller::Unauthenticated;
use super::request::{Received, form_pairs};
use crate::store;

/// What a service of the query protocol answers, and what is written to the log.
#[derive(Clone, Debug)]
pub(super) struct QueryOutcome {
    /// The HTTP status.
    pub(super) status: u16,
    /// The XML.
    pub(super) body: String,
    /// The sentence in the answer and the reason behind it, on refusals.
    pub(super) refused: Option<(String, String)>,
    /// Who asks, when it is known.
    pub(super) caller: Option<String>,
    /// What is asked for.
    pub(super) operation: &'static str,
    /// The error's code, on refusals.
    pub(super) code: Option<&'static str>,
}

/// A service, as its documents name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    /// The namespace of its documents.
    pub(super) namespace: &'static str,
    /// The operation.
    pub(super) operation: &'static str,
    /// The request's id.
    pub(super) request_id: &'a str,
}

impl Document<'_> {
    /// The outcome of a request: members of the result, where the operation has
    /// one, or a refusal.
    pub(super) fn outcome(
        self,
        answered: Result<Option<String>, QueryRefusal>,
        caller: Option<String>,
    ) -> QueryOutcome {
        let Self {
            namespace,
            operation,
            request_id,
        } = self;
        match answered {
            Ok(result) => {
                let result = result.map_or_else(String::new, |members| {
                    format!("<{operation}Result>{members}</{operation}Result>")
                });
                QueryOutcome {
                    status: 200,
                    body: format!(
                        "<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata>\
                         <RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
                    ),
                    refused: None,
                    caller,
                    operation,
                    code: None,
                }
            }
            Err(refusal) => QueryOutcome {
                status: refusal.status,
                body: refusal.body(namespace, request_id),
                refused: Some((
                    refusal.message.clone(),
                    refusal.reason.unwrap_or(refusal.message),
                )),
                caller,
                operation,
                code: Some(refusal.code),
            },
        }
    }
}

/// A refusal in the query protocol.
#[derive(Clone, Debug)]
pub(super) struct QueryRefusal {
    status: u16,
    code: &'static str,
    message: String,
    reason: Option<String>,
}

impl QueryRefusal {
    /// A refusal whose message says everything.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            reason: None,
        }
    }

    /// The same, with what the message does not say.
    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The document.
    pub(super) fn body(&self, namespace: &str, request_id: &str) -> String {
        let kind = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            self.code,
            escape(&self.message)
        )
    }
}

impl From<Unauthenticated> for QueryRefusal {
    /// The codes that all services of the query protocol have ("Common errors").
    fn from(failed: Unauthenticated) -> Self {
        let (status, code) = match failed {
            Unauthenticated::Missing => (403, "MissingAuthenticationToken"),
            Unauthenticated::Incomplete(_) => (400, "IncompleteSignature"),
            Unauthenticated::Unknown(_) => (403, "InvalidClientTokenId"),
            Unauthenticated::Signature(_) => (403, "SignatureDoesNotMatch"),
            Unauthenticated::Expired => (403, "ExpiredToken"),
        };
        let refusal = Self::new(status, code, failed.message());
        match failed.reason() {
            Some(reason) => refusal.because(reason),
            None => refusal,
        }
    }
}

impl From<store::Error> for QueryRefusal {
    fn from(error: store::Error) -> Self {
        Self::new(
            500,
            "ServiceFailure",
            "The request failed for a reason unknown.",
        )
        .because(format!("the state file was not written: {error}"))
    }
}

/// The parameters of a request: the body of a POST, the query of a GET.
#[derive(Clone, Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// The parameters; none where they cannot be decoded.
    pub(super) fn read(request: &Received) -> Self {
        let body = String::from_utf8_lossy(&request.body);
        let text = match request.method.as_str() {
            "POST" => body.as_ref(),
            _ => request.query.as_str(),
        };
        Self(form_pairs(text).unwrap_or_default())
    }

    /// The first value of a parameter.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is a parameter whose name begins so, as those of lists do.
    pub(super) fn has_any(&self, prefix: &str) -> bool {
        self.0.iter().any(|(known, _)| known.starts_with(prefix))
    }
}

/// An element with a text.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// A text as it stands in XML, blanks at line ends and all.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\r', "&#13;")
}
