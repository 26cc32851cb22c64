//! Lowering `[realm.NAME.api_tokens.CLASS]`, for identity and for the gate, and what the gate
//! needs of roles.

use super::Lowering;
use crate::config::api_tokens::{ApiTokens, Expiry};
use crate::config::problem::KeyPath;
use crate::config::realm::{Dialect, Realm};
use crate::config::text::Text;
use crate::config::value::Span;
use doorward_base::ClassName;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_gate::policy::spec::{ClassSpec, RoleSpec};
use doorward_identity::model::RoleDefinition;
use doorward_identity::settings::{ExpiryRule, MAX_ACTIVE, MAX_HOURLY, Presentation, TokenClass};
use doorward_surface::setting::Word;
use http::HeaderName;
use std::time::Duration;

/// The classes as the gate needs them.
pub(super) fn gate_classes(classes: &[TokenClass]) -> Vec<ClassSpec> {
    classes
        .iter()
        .map(|class| ClassSpec {
            name: class.name.clone(),
            format: class.format.clone(),
            bearer: class.presentations.contains(&Presentation::Bearer),
            basic: class.presentations.contains(&Presentation::Basic),
            header: class
                .presentations
                .iter()
                .find_map(|presentation| match presentation {
                    Presentation::Header(name) => HeaderName::from_bytes(name.as_bytes()).ok(),
                    _ => None,
                }),
            query: class
                .presentations
                .iter()
                .find_map(|presentation| match presentation {
                    Presentation::Query(name) => Some(name.clone()),
                    _ => None,
                }),
        })
        .collect()
}

/// The roles as the gate needs them.
pub(super) fn gate_roles(roles: &[RoleDefinition]) -> Vec<RoleSpec> {
    let spec = |defined: &RoleDefinition| RoleSpec {
        role: defined.role.clone(),
        permissions: defined.permissions.clone(),
    };
    roles.iter().map(spec).collect()
}

impl Lowering<'_> {
    /// The classes of a realm, and what they must not share.
    pub(super) fn classes(&mut self, realm: &Realm, path: &KeyPath) -> Vec<TokenClass> {
        let place = path.key("api_tokens");
        self.check_kinds(realm, &place);
        self.check_confusion(realm, &place);
        realm
            .api_tokens
            .iter()
            .filter_map(|(Text(name), class)| {
                let place = place.key(name.as_str());
                self.check_presentations(realm, class, &place.key("presentations"));
                self.class(name, class, &place)
            })
            .collect()
    }

    fn class(&mut self, name: &ClassName, class: &ApiTokens, path: &KeyPath) -> Option<TokenClass> {
        for (key, most) in [
            ("max_active", class.max_active),
            ("max_hourly", class.max_hourly),
        ] {
            if most == Some(0) {
                self.wrong(&path.key(key), "must be at least 1; leave it out for 100");
            }
        }
        let Word(body) = class.format;
        let environments: Vec<_> = class.environments.iter().map(|Text(e)| e.clone()).collect();
        if let Some(bad) = environments.iter().position(|e| e.as_str().contains('_')) {
            self.wrong(
                &path.key("environments").index(bad),
                "must not contain \"_\", which ends the environment in a token",
            );
        }
        let format = TokenFormat::new(&class.prefix, environments, body);
        let format = self.problems.take(&path.key("prefix"), format);
        let expiry = self.expiry(class, path);
        Some(TokenClass {
            name: name.clone(),
            kinds: class.kinds.iter().map(|Text(kind)| *kind).collect(),
            format: format?,
            max_active: class.max_active.unwrap_or(MAX_ACTIVE),
            max_hourly: class.max_hourly.unwrap_or(MAX_HOURLY),
            expiry: expiry?,
            presentations: presentations_of(class),
            regenerate_keeps_expiry: class.regenerate_keeps_expiry.unwrap_or(true),
            grace: class
                .grace
                .map_or(Duration::ZERO, |Text(Span(grace))| grace),
            create_permission: class.create_permission.as_ref().map(|Text(p)| p.clone()),
        })
    }

    fn expiry(&mut self, class: &ApiTokens, path: &KeyPath) -> Option<ExpiryRule> {
        let (ttl, max) = (path.key("expiry_ttl"), path.key("expiry_max"));
        if class.expiry == Expiry::Policy {
            if class.expiry_ttl.is_none() {
                self.wrong(
                    path,
                    "expiry = \"policy\" needs expiry_ttl, for example \"90d\"",
                );
                return None;
            }
            let life = self.positive(&ttl, class.expiry_ttl, Duration::ZERO);
            let Some(most) = class.expiry_max else {
                return Some(ExpiryRule::Policy(life));
            };
            let most = self.positive(&max, Some(most), Duration::ZERO);
            if most < life {
                self.wrong(&max, "is shorter than expiry_ttl, which nobody asks for");
            }
            return Some(ExpiryRule::Optional {
                ttl: Some(life),
                max: Some(most),
            });
        }
        if class.expiry_ttl.is_some() {
            self.wrong(
                &ttl,
                "belongs to expiry \"policy\"; to cap what can be asked for, write expiry_max",
            );
        }
        let longest = class
            .expiry_max
            .map(|given| self.positive(&max, Some(given), Duration::ZERO));
        Some(match class.expiry {
            Expiry::Required => ExpiryRule::Required { max: longest },
            Expiry::Optional | Expiry::Policy => ExpiryRule::Optional {
                ttl: None,
                max: longest,
            },
        })
    }

    fn check_kinds(&mut self, realm: &Realm, path: &KeyPath) {
        let mut owners = Vec::new();
        for (Text(name), class) in &realm.api_tokens {
            let place = path.key(name.as_str()).key("kinds");
            if class.kinds.is_empty() {
                self.wrong(
                    &place,
                    "names no kind: write \"personal\", \"service\" or \"key\"",
                );
            }
            for (at, Text(kind)) in class.kinds.iter().enumerate() {
                let owner = owners.iter().find(|(known, _)| known == kind);
                if let Some((_, owner)) = owner {
                    self.wrong(
                        &place.index(at),
                        format!("kind \"{kind}\" belongs to class {owner:?} already; a kind belongs to one class"),
                    );
                }
                owners.push((*kind, name.to_string()));
            }
        }
    }

    /// The gate knows a token's class by its shape alone: no prefix may begin another.
    fn check_confusion(&mut self, realm: &Realm, path: &KeyPath) {
        let classes: Vec<_> = realm.api_tokens.iter().collect();
        for (at, (Text(name), class)) in classes.iter().enumerate() {
            for (Text(other), earlier) in classes.iter().take(at) {
                let uuid = |class: &ApiTokens| class.format.0 == TokenBody::Uuid;
                let alike = match (uuid(class), uuid(earlier)) {
                    (true, true) => true,
                    (false, false) => {
                        class.prefix.starts_with(&earlier.prefix)
                            || earlier.prefix.starts_with(&class.prefix)
                    }
                    _ => false,
                };
                if alike {
                    self.wrong(
                        &path.key(name.as_str()).key("prefix"),
                        format!("tokens of this class cannot be told from those of class \"{other}\"; neither prefix may begin the other"),
                    );
                }
            }
        }
    }

    fn check_presentations(&mut self, realm: &Realm, class: &ApiTokens, path: &KeyPath) {
        let presentations = presentations_of(class);
        let count =
            |wanted: fn(&Presentation) -> bool| presentations.iter().filter(|p| wanted(p)).count();
        if presentations.is_empty() {
            self.wrong(
                path,
                "names no presentation, so that no token of this class could be used",
            );
        }
        if count(|p| matches!(p, Presentation::Header(_))) > 1 {
            self.wrong(path, "names more than one header; a class has at most one");
        }
        if count(|p| matches!(p, Presentation::Query(_))) > 1 {
            self.wrong(
                path,
                "names more than one query parameter; a class has at most one",
            );
        }
        let exchanges =
            |Word(dialect): &Word<Dialect>| matches!(dialect, Dialect::Oauth | Dialect::Nhost);
        for (at, presentation) in presentations.iter().enumerate() {
            let place = path.index(at);
            match presentation {
                Presentation::Exchange if !realm.dialects.iter().any(exchanges) => self.wrong(
                    &place,
                    "\"exchange\" needs the dialect \"oauth\" or \"nhost\", which serve the exchange",
                ),
                Presentation::Basic if realm.basic.is_none() => self.wrong(
                    &place,
                    "\"basic\" needs the realm's [basic] section with a username",
                ),
                Presentation::Header(name) if is_selecting(realm, name) => self.wrong(
                    &place,
                    format!("the header {name} selects a role or tenant in this realm; it cannot carry a token too"),
                ),
                Presentation::Header(name) => self.check_header(name, "carry a token", &place),
                _ => {}
            }
        }
    }
}

fn is_selecting(realm: &Realm, header: &str) -> bool {
    let role = realm.role_header.as_ref().map(|Text(name)| name);
    let tenant = realm.tenant_header.as_ref().map(|tenant| &tenant.header.0);
    role.into_iter()
        .chain(tenant)
        .any(|name| name.as_str() == header)
}

fn presentations_of(class: &ApiTokens) -> Vec<Presentation> {
    match &class.presentations {
        Some(given) => given
            .iter()
            .map(|Text(presentation)| presentation.clone())
            .collect(),
        None => vec![Presentation::Exchange],
    }
}
