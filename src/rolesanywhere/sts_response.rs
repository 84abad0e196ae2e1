//! Reading the answer to AssumeRole: XML of the query protocol.

use chrono::{DateTime, TimeDelta, Utc};
use roxmltree::{Document, Node};

use crate::limits;

use super::response::{ErrorBody, Found};
use super::{Error, Reply, SessionCredentials};

impl Reply {
    /// Reads the answer of STS to AssumeRole. `now` is the time by which expiry is
    /// judged; `ahead` is how far this host's clock is ahead of the answer's `Date`.
    ///
    /// # Errors
    ///
    /// The typed error for whatever else the answer is.
    pub fn assumed_role(
        &self,
        now: DateTime<Utc>,
        ahead: Option<TimeDelta>,
    ) -> Result<SessionCredentials, Error> {
        let text = self.body.expose_str().unwrap_or_default();
        // A document type, and with it every entity, is refused by default.
        let document = if is_bounded(text) {
            Document::parse(text)
        } else {
            Err(roxmltree::Error::NodesLimitReached)
        };
        if !(200..300).contains(&self.status) {
            let body = document.as_ref().ok().map(error_body).unwrap_or_default();
            return Err(self.failure(body, ahead));
        }
        let document = match document {
            Ok(document) => document,
            // The parser's own message may quote the body, which holds secrets.
            Err(roxmltree::Error::UnexpectedEndOfStream | roxmltree::Error::UnclosedRootNode)
                if text.trim_start().starts_with("<AssumeRoleResponse") =>
            {
                return Err(self.cut_short("its XML ends too early"));
            }
            Err(_) if text.is_empty() => return Err(self.unusable("its body is empty")),
            Err(_) => return Err(self.not_aws()),
        };
        let root = document.root_element();
        if root.tag_name().name() != "AssumeRoleResponse" {
            return Err(self.not_aws());
        }
        let found = below(root, &["AssumeRoleResult", "Credentials"])
            .ok_or_else(|| self.unusable("its XML lacks the credentials"))?;
        let text = |name| text_of(found, name).unwrap_or_default().to_owned();
        let found = Found {
            access_key_id: text("AccessKeyId"),
            secret_access_key: text("SecretAccessKey").into(),
            session_token: text("SessionToken").into(),
            expiration: text("Expiration"),
        };
        self.checked(found, now)
    }
}

/// Whether reading it costs little: what the reader does for elements within
/// each other, and for attributes side by side, grows with their square.
fn is_bounded(text: &str) -> bool {
    let marks = text.bytes().filter(|octet| b"<=".contains(octet));
    marks.take(limits::MAX_STS_MARKS + 1).count() <= limits::MAX_STS_MARKS
}

/// `ErrorResponse/Error/{Code,Message}`.
fn error_body(document: &Document<'_>) -> ErrorBody {
    let root = document.root_element();
    if root.tag_name().name() != "ErrorResponse" {
        return ErrorBody::default();
    }
    let text = |name| {
        below(root, &["Error"])
            .and_then(|error| text_of(error, name))
            .map(str::to_owned)
    };
    ErrorBody {
        type_name: text("Code"),
        message: text("Message"),
    }
}

/// The first element at a path of local names.
fn below<'a, 'input>(node: Node<'a, 'input>, path: &[&str]) -> Option<Node<'a, 'input>> {
    path.iter().try_fold(node, |node, name| {
        node.children()
            .find(|child| child.is_element() && child.tag_name().name() == *name)
    })
}

fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    below(node, &[name])?.text().map(str::trim)
}
