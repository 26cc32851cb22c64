//! What is known of one request while it passes the stages: enough to render, count
//! and trace a refusal wherever it happens. Never a secret.

use crate::body::{Capped, Course, GateBody};
use crate::cure;
use crate::policy::compiled::{Realm, Target};
use crate::policy::spec::{Audited, CorsSpec};
use crate::port::Access;
use crate::proxy::headers::credential_id;
use crate::slots::Slots;
use crate::stage::limit::Note;
use crate::stage::verify::Hint;
use crate::stage::{Stop, cors, limit};
use doorward_base::code::Level;
use doorward_base::{ErrorCode, Principal, RequestId, Timestamp};
use doorward_surface::{Denial, Form, RealmHandle, RequestFacts, Template, form};
use http::header::{CONNECTION, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use std::net::IpAddr;
use std::sync::Arc;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest path that a trace keeps, characters.
const MAX_PATH: usize = 1024;
/// The most of a method and of another name that a trace keeps, characters: a client, or
/// an issuer that is not ours, makes them up.
const MAX_METHOD: usize = 32;
const MAX_NAME: usize = 256;
/// The most names of what was required or held that a trace keeps.
const MAX_NAMES: usize = 64;

pub(crate) struct Case {
    pub(crate) request: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) method: Method,
    pub(crate) path: Arc<str>,
    /// The client's address, once it is known which one that is.
    pub(crate) peer: Option<IpAddr>,
    version: Version,
    /// Whether the request has a body.
    has_body: bool,
    /// How the body fares, once somebody reads it.
    course: Option<Arc<Course>>,
    realm: Option<Arc<Realm>>,
    /// The matched pattern and its body form.
    target: Option<(Arc<str>, Arc<dyn Form>)>,
    /// The request's headers that the body form in force reads.
    read: HeaderMap,
    pub(crate) hint: Hint,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) note: Option<Note>,
    /// Limits that would have refused it.
    pub(crate) observed: Vec<Arc<str>>,
    /// Its places among the requests in flight.
    pub(crate) slots: Slots,
    /// Whether answers here depend on the origin.
    pub(crate) varies: bool,
    /// That the page which asked may read the answer.
    pub(crate) cors: Option<cors::Allowed>,
    /// Whether the request was let through: not what is answered to it.
    pub(crate) permitted: bool,
}

impl Case {
    pub(crate) fn new<B: Body>(id: RequestId, now: Timestamp, request: &Request<B>) -> Self {
        Self {
            request: id,
            now,
            method: request.method().clone(),
            path: Arc::default(),
            peer: None,
            version: request.version(),
            has_body: !request.body().is_end_stream(),
            course: None,
            realm: None,
            target: None,
            read: HeaderMap::new(),
            hint: Hint::default(),
            principal: None,
            note: None,
            observed: Vec::new(),
            slots: Slots::default(),
            varies: false,
            cors: None,
            permitted: false,
        }
    }

    /// The realm is known.
    pub(crate) fn enter(&mut self, realm: &Arc<Realm>, headers: &HeaderMap) {
        self.read = form::keep(&*realm.errors, headers);
        self.varies = realm.cors.as_ref().is_some_and(CorsSpec::is_listed);
        self.realm = Some(Arc::clone(realm));
    }

    /// The target is known.
    pub(crate) fn reach(&mut self, target: &Target, headers: &HeaderMap) {
        self.read = form::keep(&*target.errors, headers);
        self.target = Some((Arc::clone(&target.pattern), Arc::clone(&target.errors)));
    }

    /// Somebody reads the request's body.
    pub(crate) fn read_body(&mut self, body: &Capped) {
        if self.has_body {
            self.course = Some(body.course());
        }
    }

    fn form(&self) -> &dyn Form {
        let target = self.target.as_ref().map(|(_, errors)| &**errors);
        let realm = || self.realm.as_ref().map(|realm| &*realm.errors);
        target.or_else(realm).unwrap_or(&Template::Problem)
    }

    /// The refusal in the body form of the place where it happened.
    pub(crate) fn render(&self, stop: &Stop) -> Response<GateBody> {
        let facts = RequestFacts {
            request: self.request,
            now: self.now,
            method: &self.method,
            path: &self.path,
            headers: &self.read,
        };
        let mut response = form::render(self.form(), &stop.refusal, &facts).map(GateBody::Local);
        let own = self.realm.as_ref();
        if let Some(name) = own.and_then(|realm| realm.code_header.as_ref())
            && let Ok(code) = HeaderValue::from_str(&stop.refusal.code.as_str().to_uppercase())
        {
            response.headers_mut().insert(name, code);
        }
        if let Some(metadata) = own.and_then(|realm| realm.resource_metadata.as_ref())
            && let Some(challenge) = response.headers_mut().get_mut(WWW_AUTHENTICATE)
        {
            *challenge = with_metadata(challenge, metadata);
        }
        for (name, value) in &stop.headers {
            if name == LOCATION {
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            }
            let headers = response.headers_mut();
            let value = match headers.get(name) {
                Some(first) if name == WWW_AUTHENTICATE => beside(first, value),
                _ => value.clone(),
            };
            headers.insert(name, value);
        }
        // Whatever follows on this connection may be read differently by the sender, or comes
        // after a body that nobody reads: who is not told so might send its next request here.
        let is_read = || self.course.as_ref().is_some_and(|course| course.is_whole());
        let is_over =
            stop.refusal.code == ErrorCode::FramingAmbiguous || (self.has_body && !is_read());
        if is_over && self.version < Version::HTTP_2 {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The headers every answer has.
    pub(crate) fn complete(self, mut response: Response<GateBody>) -> Response<GateBody> {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.request.to_string()) {
            headers.insert(REQUEST_ID.clone(), id);
        }
        let realm = self.realm.as_deref();
        let legacy = realm.is_some_and(|realm| realm.legacy_limit_headers);
        if let Some(note) = &self.note {
            limit::write(headers, note, legacy);
        }
        limit::write_observed(headers, &self.observed);
        if let Some(allowed) = self.cors {
            cors::allow(headers, allowed);
        }
        if self.varies {
            cors::vary(headers);
        }
        if self.slots.is_empty() {
            return response;
        }
        let slots = self.slots;
        response.map(|body| body.holding(slots))
    }

    /// What the audit log is told of the request, if the realm wants it told.
    pub(crate) fn access(&self, code: Option<ErrorCode>) -> Option<(&RealmHandle, Access<'_>)> {
        let realm = self.realm.as_ref()?;
        let is_told = match realm.audited {
            Audited::Nothing => false,
            Audited::Refused => code.is_some(),
            Audited::All => true,
        };
        is_told.then(|| {
            let access = Access {
                request: self.request,
                now: self.now,
                peer: self.peer,
                principal: self.principal.as_deref(),
                route: self.target.as_ref().map(|(pattern, _)| &**pattern),
                method: &self.method,
                code,
            };
            (&*realm.handle, access)
        })
    }

    /// The trace of the refusal, and its log line. None before a realm is known.
    pub(crate) fn denial(&self, stop: &Stop) -> Option<Denial> {
        let code = stop.refusal.code;
        let realm = self.realm.as_ref()?;
        let (request, stage, check) = (self.request, stop.stage, stop.check);
        let realm_name = &realm.name;
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(%request, %code, stage, check, realm = %realm_name, "refused")
            };
        }
        match code.row().level {
            Level::Debug => log!(debug),
            Level::Info => log!(info),
            Level::Warn => log!(warn),
            Level::Error => log!(error),
        };
        let principal = self.principal.as_deref();
        let path = cut(&self.path, MAX_PATH);
        Some(Denial {
            request,
            at: self.now,
            realm: realm.name.clone(),
            code,
            stage,
            check,
            method: cut(self.method.as_str(), MAX_METHOD),
            path,
            route: self.target.as_ref().map(|(pattern, _)| pattern.to_string()),
            tenant: principal.and_then(|principal| principal.tenant.clone()),
            subject: principal.map(|principal| cut(&principal.sub, MAX_NAME)),
            credential: self.hint.class.as_deref().map(str::to_owned),
            credential_id: principal.and_then(|principal| credential_id(&principal.credential)),
            issuer: self
                .hint
                .issuer
                .as_deref()
                .or_else(|| principal.map(|principal| &*principal.issuer))
                .map(|issuer| cut(issuer, MAX_NAME)),
            key: self.hint.key.as_deref().map(|key| cut(key, MAX_NAME)),
            required: cut_all(&stop.required),
            held: cut_all(&stop.held),
            read: principal.map_or_else(Vec::new, |principal| {
                cut_all(&cure::read(realm, principal, check))
            }),
            cure: cure::of(code, check),
        })
    }
}

/// A challenge that says where it is told whose tokens are taken (RFC 9728 §5.1).
fn with_metadata(challenge: &HeaderValue, metadata: &HeaderValue) -> HeaderValue {
    let between: &[u8] = match challenge.as_bytes().contains(&b'=') {
        true => b", resource_metadata=\"",
        false => b" resource_metadata=\"",
    };
    let whole = [challenge.as_bytes(), between, metadata.as_bytes(), b"\""].concat();
    HeaderValue::from_bytes(&whole).unwrap_or_else(|_| challenge.clone())
}

/// Both challenges in one field (RFC 9110 §11.6.1). Proxies that ask whether a request may
/// pass keep one field of a name: nginx before 1.23 the first, some clients the last.
fn beside(first: &HeaderValue, second: &HeaderValue) -> HeaderValue {
    let joined = [first.as_bytes(), b", ", second.as_bytes()].concat();
    HeaderValue::from_bytes(&joined).unwrap_or_else(|_| first.clone())
}

/// At most so many characters of a text, in no more room than they need.
fn cut(text: &str, most: usize) -> String {
    let end = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default().to_owned()
}

/// The first of these names; that there are more is said.
fn cut_all(names: &[String]) -> Vec<String> {
    let first = names.iter().take(MAX_NAMES).map(|name| cut(name, MAX_NAME));
    let more = (names.len() > MAX_NAMES).then(|| "…".to_owned());
    first.chain(more).collect()
}
