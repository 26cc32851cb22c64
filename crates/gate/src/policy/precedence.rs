//! Routes that lie over local targets or below them: sound, but they do not get, or may not
//! keep, what they seem to. Not here: contradictions (`check`).

use super::compiled::{Policies, Realm, Target};
use super::table::{Pattern, Relation};
use doorward_base::RealmName;

/// A route that local targets take paths from, or may come to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Precedence {
    /// The mounts win.
    #[error("route {route} does not get the paths of {}, which Doorward answers itself", own.join(", "))]
    Over {
        realm: RealmName,
        route: String,
        /// The patterns that win.
        own: Vec<String>,
    },
    /// The route gets them now.
    #[error(
        "route {route} lies below Doorward's own {own}, where a later version may answer, and \
         where the recipes of forward-auth send everything to Doorward"
    )]
    Below {
        realm: RealmName,
        route: String,
        /// The pattern it lies below.
        own: String,
    },
}

impl Precedence {
    /// The realm and the route.
    #[must_use]
    pub const fn place(&self) -> (&RealmName, &str) {
        match self {
            Self::Over { realm, route, .. } | Self::Below { realm, route, .. } => {
                (realm, route.as_str())
            }
        }
    }
}

/// Every such route. One whose first segment is no name, such as `/**`, says of no path in
/// particular that it gets it, and is not told.
#[must_use]
pub fn precedence(policies: &Policies) -> Vec<Precedence> {
    policies.realms.iter().flat_map(|realm| of(realm)).collect()
}

fn of(realm: &Realm) -> Vec<Precedence> {
    let parsed = |target: &Target| target.pattern.parse::<Pattern>().ok();
    let mounts = realm
        .targets
        .iter()
        .filter(|target| target.mount().is_some());
    let mounts: Vec<Pattern> = mounts.filter_map(parsed).collect();
    let routes = realm
        .targets
        .iter()
        .filter(|target| target.route().is_some());
    let mut found = Vec::new();
    for route in routes.filter_map(parsed).filter(Pattern::is_rooted) {
        let over = mounts.iter();
        let over = over.filter(|own| route.relation(own) == Relation::Broader);
        let mut own: Vec<String> = over.map(ToString::to_string).collect();
        own.dedup();
        if !own.is_empty() {
            found.push(Precedence::Over {
                realm: realm.name.clone(),
                route: route.to_string(),
                own,
            });
        }
        if let Some(own) = mounts.iter().find(|own| route.is_below(own)) {
            found.push(Precedence::Below {
                realm: realm.name.clone(),
                route: route.to_string(),
                own: own.to_string(),
            });
        }
    }
    found
}
