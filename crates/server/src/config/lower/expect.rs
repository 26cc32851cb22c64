//! Lowering `[[realm.NAME.expect]]`. Not here: proving them (`check`).

use super::Lowering;
use crate::config::expect::{Expect, ExpectPrincipal};
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::{FromText as _, Outcome};
use crate::config::value::RequestLine;
use doorward_base::SubjectKind;
use doorward_surface::setting::Word;
use http::{HeaderMap, HeaderName, HeaderValue};

/// An assertion about the policy.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Where it is written.
    pub path: KeyPath,
    /// The caller; `None` presents no credential.
    pub principal: Option<ExpectPrincipal>,
    pub request: RequestLine,
    pub headers: HeaderMap,
    /// Whether it comes by TLS.
    pub secure: bool,
    /// What is to become of it.
    pub outcome: Outcome,
}

impl Lowering<'_> {
    /// The assertions of a realm.
    pub(super) fn expectations(&mut self, realm: &Realm, path: &KeyPath) -> Vec<Expectation> {
        let mut list = Vec::with_capacity(realm.expect.len());
        for (at, expect) in realm.expect.iter().enumerate() {
            let place = path.key("expect").index(at);
            let headers = self.expected_headers(expect, &place);
            let external =
                |caller: &ExpectPrincipal| caller.kind == Some(Word(SubjectKind::External));
            if expect.principal.as_ref().is_some_and(external) && realm.issuers.is_empty() {
                self.wrong(
                    &place.key("principal"),
                    "an external caller needs an entry in issuers",
                );
            }
            list.push(Expectation {
                path: place,
                principal: expect.principal.clone(),
                request: expect.request.0.clone(),
                headers,
                secure: expect.secure.unwrap_or(true),
                outcome: expect.outcome.0,
            });
        }
        list
    }

    fn expected_headers(&mut self, expect: &Expect, path: &KeyPath) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, text) in &expect.headers {
            let place = path.key("headers").key(name);
            let name = self.problems.take(&place, HeaderName::from_text(name));
            let value = HeaderValue::from_str(text)
                .map_err(|_| format!("{text:?} cannot be a header's value"));
            let value = self.problems.take(&place, value);
            if let (Some(name), Some(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        headers
    }
}
