//! The claims template: how a realm writes a subject's authority into its JWTs, and,
//! read backwards, where the gate finds it again. Not here: which authority a
//! subject has (`identity::decide`), and the registered claims (`iss`, `sub`, `aud`,
//! `iat`, `exp`, `jti`), which no template can change.

mod place;

pub use place::{ClaimPath, ClaimPathError, ClaimPlaces};

use serde_json::{Map, Value};

/// What a template can write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The subject, text.
    Sub,
    /// The e-mail address if it counts in the whole realm, text.
    Email,
    /// Whether somebody answers for the address that is written, a boolean.
    EmailVerified,
    /// The active tenant, text.
    Tenant,
    /// The roles that may be selected, an array.
    Roles,
    /// The role in force, text.
    Role,
    /// The effective permissions, an array.
    Permissions,
    /// The granted scopes, an array.
    Scopes,
    /// The granted scopes, space-separated text (RFC 6749 §3.3).
    Scope,
    /// What the user, or a tenant's administrator who made it, wrote about it: an object
    /// that nobody answers for.
    UserMetadata,
    /// What the realm wrote about the user, an object.
    AppMetadata,
    /// The phone number if it is confirmed, text.
    Phone,
    /// Whether the user has no address yet, a boolean.
    IsAnonymous,
    /// The session, text.
    SessionId,
    /// How sure it is who signed in, `aal1` or `aal2`.
    Aal,
    /// By what they signed in, an array of names (RFC 8176).
    Amr,
    /// The same with times: an array of `{method, timestamp}`, newest first.
    AmrSteps,
    /// When they last proved who they are, seconds since 1970 (OIDC `auth_time`).
    AuthTime,
    /// By which address a user is known, text: `email` or `phone`.
    Provider,
    /// The client the token is issued to, text.
    Client,
    /// The credential behind the token, text: a session, an API token or a client.
    Credential,
    /// Who acts for the subject, an object (RFC 8693 §4.1).
    Actor,
}

const FIELDS: &[(&str, Field)] = &[
    ("{sub}", Field::Sub),
    ("{email}", Field::Email),
    ("{email_verified}", Field::EmailVerified),
    ("{tenant}", Field::Tenant),
    ("{roles}", Field::Roles),
    ("{role}", Field::Role),
    ("{permissions}", Field::Permissions),
    ("{scopes}", Field::Scopes),
    ("{scope}", Field::Scope),
    ("{user_metadata}", Field::UserMetadata),
    ("{app_metadata}", Field::AppMetadata),
    ("{phone}", Field::Phone),
    ("{is_anonymous}", Field::IsAnonymous),
    ("{session_id}", Field::SessionId),
    ("{aal}", Field::Aal),
    ("{amr}", Field::Amr),
    ("{amr_steps}", Field::AmrSteps),
    ("{auth_time}", Field::AuthTime),
    ("{provider}", Field::Provider),
    ("{client}", Field::Client),
    ("{credential}", Field::Credential),
    ("{act}", Field::Actor),
];

/// The values of one rendering, by field. A missing value leaves its member out.
pub trait ClaimValues {
    /// The value of a field, if there is one.
    fn value(&self, field: Field) -> Option<Value>;
}

/// A parsed template: members are literals, fields, objects, or (under the member
/// `"*"`) an object spread *before* its siblings, so that what the realm owns is
/// laid over what the user wrote.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimsTemplate(Vec<(String, Node)>);

#[derive(Clone, PartialEq, Debug)]
enum Node {
    Literal(Value),
    Field(Field),
    Object(Vec<(String, Node)>),
}

/// Why a template was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{name}` that no field has.
    #[error("unknown placeholder {0}; known: {known}", known = known_placeholders())]
    Placeholder(String),
    /// A registered claim, which the engine writes itself.
    #[error("claim {0} is written by the engine and cannot be in a template")]
    Reserved(String),
    /// `"*"` spreads an object.
    #[error("\"*\" takes {{user_metadata}} or {{app_metadata}}")]
    Spread,
    /// More nesting than a claims set needs.
    #[error("a template nests at most 6 levels")]
    Depth,
}

/// The member of `dw` that says the tenant where a template does not.
pub const OWN_TENANT: &str = "o";

/// Claims that the engine alone writes (RFC 7519 §4.1, RFC 9068 §2.2, OIDC `sid`).
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "client_id",
    "act",
    "dw",
];

/// Claims about how the caller signed in and what is known of it, which only a field or a literal of the template
/// writes: what a user wrote about itself must not look like them.
const NOT_SPREAD: &[&str] = &[
    "acr",
    "aal",
    "amr",
    "auth_time",
    "azp",
    "email_verified",
    "is_anonymous",
    "may_act",
    "session_id",
];

fn known_placeholders() -> String {
    let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    names.join(" ")
}

impl ClaimsTemplate {
    /// Parses the template from its configuration value.
    ///
    /// # Errors
    /// [`TemplateError`] naming what is wrong.
    pub fn parse(template: &Map<String, Value>) -> Result<Self, TemplateError> {
        if let Some(name) = template
            .keys()
            .find(|name| RESERVED.contains(&name.as_str()))
        {
            return Err(TemplateError::Reserved(name.clone()));
        }
        parse_members(template, 0).map(Self)
    }

    /// Writes the claims for these values. A spread object brings no claim in that
    /// the engine alone writes.
    #[must_use]
    pub fn render(&self, values: &dyn ClaimValues) -> Map<String, Value> {
        let mut claims = render_members(&self.0, values, 0);
        claims.retain(|name, _| !RESERVED.contains(&name.as_str()));
        claims
    }

    /// Where this template writes `field` first, if it does.
    #[must_use]
    pub fn locate(&self, field: Field) -> Option<ClaimPath> {
        self.locate_all(field).into_iter().next()
    }

    /// Where tokens made by this template say their tenant: where it writes it, or else in
    /// [`OWN_TENANT`] of `dw`.
    #[must_use]
    pub fn locate_tenant(&self) -> ClaimPath {
        self.locate(Field::Tenant)
            .unwrap_or_else(|| ClaimPath(vec!["dw".to_owned(), OWN_TENANT.to_owned()]))
    }

    /// Everywhere this template writes what a caller acts as.
    #[must_use]
    pub fn places(&self) -> Vec<(Field, ClaimPath)> {
        let fields = [
            Field::Tenant,
            Field::Role,
            Field::Roles,
            Field::Permissions,
            Field::Scopes,
            Field::Scope,
        ];
        let all = fields.into_iter().flat_map(|field| {
            let places = self.locate_all(field).into_iter();
            places.map(move |path| (field, path))
        });
        all.collect()
    }

    /// The names that this template itself writes in an object claim, whatever is spread
    /// there; none if it writes no such claim.
    pub fn names_in(&self, claim: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().find(|(name, _)| name == claim);
        let members = match found {
            Some((_, Node::Object(members))) => members.as_slice(),
            Some((_, Node::Field(_) | Node::Literal(_))) | None => &[],
        };
        let names = members.iter().map(|(name, _)| name.as_str());
        names.filter(|name| *name != "*")
    }

    fn locate_all(&self, field: Field) -> Vec<ClaimPath> {
        let mut found = Vec::new();
        locate(&self.0, field, &mut Vec::new(), &mut found);
        found
    }
}

fn parse_members(
    members: &Map<String, Value>,
    depth: usize,
) -> Result<Vec<(String, Node)>, TemplateError> {
    if depth > 6 {
        return Err(TemplateError::Depth);
    }
    let mut nodes = Vec::with_capacity(members.len());
    for (name, value) in members {
        let node = match value {
            Value::String(text) if text.starts_with('{') && text.ends_with('}') => FIELDS
                .iter()
                .find(|(placeholder, _)| placeholder == text)
                .map(|&(_, field)| Node::Field(field))
                .ok_or_else(|| TemplateError::Placeholder(text.clone()))?,
            Value::Object(inner) => Node::Object(parse_members(inner, depth + 1)?),
            literal => Node::Literal(literal.clone()),
        };
        if name == "*" {
            if !matches!(node, Node::Field(Field::UserMetadata | Field::AppMetadata)) {
                return Err(TemplateError::Spread);
            }
            nodes.insert(0, (name.clone(), node));
        } else {
            nodes.push((name.clone(), node));
        }
    }
    Ok(nodes)
}

fn render_members(
    nodes: &[(String, Node)],
    values: &dyn ClaimValues,
    depth: usize,
) -> Map<String, Value> {
    let mut claims = Map::new();
    for (name, node) in nodes {
        let value = match node {
            Node::Literal(literal) => Some(literal.clone()),
            Node::Field(field) => values.value(*field),
            Node::Object(inner) => Some(Value::Object(render_members(inner, values, depth + 1))),
        };
        match value {
            Some(Value::Object(spread)) if name == "*" => {
                let may = |name: &String| depth > 0 || !NOT_SPREAD.contains(&name.as_str());
                claims.extend(spread.into_iter().filter(|(name, _)| may(name)));
            }
            // A server-owned member without a value must not show the user's own.
            None => drop(claims.remove(name)),
            Some(value) => drop(claims.insert(name.clone(), value)),
        }
    }
    claims
}

fn locate(
    nodes: &[(String, Node)],
    wanted: Field,
    path: &mut Vec<String>,
    found: &mut Vec<ClaimPath>,
) {
    for (name, node) in nodes.iter().filter(|(name, _)| name != "*") {
        path.push(name.clone());
        match node {
            Node::Field(field) if *field == wanted => found.push(ClaimPath(path.clone())),
            Node::Object(inner) => locate(inner, wanted, path, found),
            Node::Field(_) | Node::Literal(_) => {}
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Fixture;
    impl ClaimValues for Fixture {
        fn value(&self, field: Field) -> Option<Value> {
            match field {
                Field::Tenant => Some(json!("acme")),
                Field::Roles => Some(json!(["me", "user"])),
                Field::UserMetadata => {
                    Some(json!({"company_id": "globex", "role": "admin", "name": "Ada"}))
                }
                _ => None,
            }
        }
    }

    fn template(value: &Value) -> Result<ClaimsTemplate, TemplateError> {
        ClaimsTemplate::parse(value.as_object().unwrap())
    }

    #[test]
    fn what_the_realm_owns_lies_over_what_the_user_wrote() {
        let template = template(&json!({
            "user_metadata": {"company_id": "{tenant}", "role": "{role}", "*": "{user_metadata}"},
            "kind": "fixed",
        }))
        .unwrap();
        let claims = Value::Object(template.render(&Fixture));
        assert_eq!(
            claims,
            json!({"kind": "fixed", "user_metadata": {"company_id": "acme", "name": "Ada"}})
        );
    }

    #[test]
    fn what_a_template_writes_beside_a_spread_is_known() {
        let template = template(&json!({
            "role": "{role}",
            "user_metadata": {"company_id": "{tenant}", "*": "{user_metadata}", "role": "x"},
        }))
        .unwrap();
        let names = |claim| template.names_in(claim).collect::<Vec<_>>();
        assert_eq!(names("user_metadata"), ["company_id", "role"]);
        assert_eq!((names("role"), names("other")), (vec![], vec![]));
    }

    #[test]
    fn a_user_cannot_spread_registered_claims() {
        struct Attacker;
        impl ClaimValues for Attacker {
            fn value(&self, field: Field) -> Option<Value> {
                (field == Field::UserMetadata)
                    .then(|| json!({"aud": "admin", "sid": "1", "nbf": 0, "dw": {}, "name": "Eve"}))
            }
        }
        let template = template(&json!({"*": "{user_metadata}"})).unwrap();
        assert_eq!(
            Value::Object(template.render(&Attacker)),
            json!({"name": "Eve"})
        );
    }

    #[test]
    fn a_user_does_not_say_how_it_signed_in() {
        struct Attacker;
        impl ClaimValues for Attacker {
            fn value(&self, field: Field) -> Option<Value> {
                let mine = json!({"aal": "aal2", "amr": ["totp"], "act": {"sub": "1"}, "x": 1});
                (field == Field::UserMetadata).then_some(mine)
            }
        }
        let template = template(&json!({
            "*": "{user_metadata}",
            "amr": "{amr}",
            "user_metadata": {"*": "{user_metadata}"},
        }));
        let claims = Value::Object(template.unwrap().render(&Attacker));
        let below = json!({"aal": "aal2", "amr": ["totp"], "act": {"sub": "1"}, "x": 1});
        assert_eq!(claims, json!({"x": 1, "user_metadata": below}));
    }

    #[test]
    fn a_constant_is_any_json_and_no_place_of_authority() {
        let template = template(&json!({
            "role": "authenticated",
            "https://example.org/v": {"n": 1, "list": [true, null]},
        }))
        .unwrap();
        assert_eq!(
            Value::Object(template.render(&Fixture)),
            json!({"role": "authenticated", "https://example.org/v": {"n": 1, "list": [true, null]}})
        );
        assert_eq!(template.locate(Field::Role), None);
    }

    #[test]
    fn a_template_knows_where_it_wrote() {
        let template = template(
            &json!({"https://hasura.io/jwt/claims": {"x-hasura-allowed-roles": "{roles}"}}),
        )
        .unwrap();
        let path = template.locate(Field::Roles).unwrap();
        assert_eq!(
            path.to_string(),
            "\"https://hasura.io/jwt/claims\".x-hasura-allowed-roles"
        );
        assert_eq!(path.to_string().parse(), Ok(path.clone()));
        assert_eq!(
            path.find(&template.render(&Fixture)),
            Some(&json!(["me", "user"]))
        );
        assert_eq!(template.locate(Field::Tenant), None);
    }

    #[test]
    fn registered_claims_and_unknown_placeholders_are_refused() {
        assert_eq!(
            template(&json!({"exp": 1})),
            Err(TemplateError::Reserved("exp".into()))
        );
        assert_eq!(
            template(&json!({"a": "{tennant}"})),
            Err(TemplateError::Placeholder("{tennant}".into()))
        );
        assert_eq!(
            template(&json!({"*": "{tenant}"})),
            Err(TemplateError::Spread)
        );
    }

    #[test]
    fn a_template_is_nested_six_deep_and_no_deeper() {
        let nested = |depth: usize| {
            let inner = json!({"tenant": "{tenant}"});
            template(&(0..depth).fold(inner, |value, _| json!({ "in": value })))
        };
        assert!(nested(6).is_ok());
        assert_eq!(nested(7), Err(TemplateError::Depth));
    }

    #[test]
    fn paths_are_strict() {
        for bad in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b"] {
            assert_eq!(bad.parse::<ClaimPath>(), Err(ClaimPathError), "{bad}");
        }
    }
}
