//! Lowering `[realm.NAME.data]` and the routes that lead to it. What a row's settings mean is
//! the crate's own; here are the places they refer to.

use super::Lowering;
use super::server::ServerSettings;
use super::store::Database;
use crate::config::address::{self, PostgresUrl};
use crate::config::problem::KeyPath;
use crate::config::realm::{Dialect, Realm};
use crate::config::text::{FromText as _, Text};
use crate::config::value::{SecretRef, Span, Upstream};
use doorward_base::RealmName;
use doorward_rows::settings::{Data, DataConfig, Paths, PostgresStore, RowStore};
use doorward_surface::setting::Word;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What routes call the data API: `builtin:data`.
pub(crate) const DATA: &str = "data";

impl Lowering<'_> {
    /// The data API of a realm that has the dialect.
    pub(super) fn data(
        &mut self,
        name: &RealmName,
        realm: &Realm,
        server: Option<&ServerSettings>,
        path: &KeyPath,
    ) -> Option<Arc<DataConfig>> {
        let place = path.key("data");
        if !realm.dialects.contains(&Word(Dialect::Data)) {
            if realm.data.is_some() {
                self.wrong(
                    &place,
                    "data belongs to the dialect \"data\"; add it to dialects",
                );
            }
            self.check_no_data_route(realm, path);
            return None;
        }
        let section = realm.data.clone().unwrap_or_default();
        let settings = self.owned(section.lower(), &place);
        let store = self.row_store(name, &section, &place);
        let (settings, store) = (settings?, store?);
        self.check_data_routes(realm, &settings.paths, path);
        self.check_apart(&store, server, &place.key("database"));
        self.row_stores.push((name.clone(), store.clone()));
        Some(Arc::new(DataConfig { store, settings }))
    }

    /// Where the rows are.
    fn row_store(&mut self, name: &RealmName, section: &Data, path: &KeyPath) -> Option<RowStore> {
        let root_cert = self.row_root_cert(section, path);
        let place = path.key("database");
        let Some(text) = &section.database else {
            let folder = Path::new("rows").join(name.as_str());
            return Some(RowStore::Sqlite(self.beside(&folder)));
        };
        let database = address::Database::from_text(text);
        let url = match self.problems.take(&place, database)? {
            address::Database::Sqlite(folder) => {
                return Some(RowStore::Sqlite(self.beside(&plain(&folder))));
            }
            address::Database::Postgres(url) => url,
            address::Database::Secret(source) => {
                let text = self.secret(&place, &source)?;
                self.problems
                    .take(&place, PostgresUrl::parse(text.expose()))?
            }
        };
        let given = &section.postgres;
        let Span(pool_wait) = given.pool_wait;
        Some(RowStore::Postgres(PostgresStore {
            url: url.url,
            place: url.place,
            root_cert: root_cert?,
            schema: given.schema.clone(),
            pool_size: usize::try_from(given.pool_size).unwrap_or(usize::MAX),
            pool_wait,
            other_roles: sorted(&given.other_roles),
            own_database: given.own_database,
        }))
    }

    /// The certificates; `Some(None)` where there are none of the realm's own.
    fn row_root_cert(
        &mut self,
        section: &Data,
        path: &KeyPath,
    ) -> Option<Option<doorward_base::Secret>> {
        let Some(text) = &section.postgres.root_cert else {
            return Some(None);
        };
        let place = path.key("postgres").key("root_cert");
        let source = self.problems.take(&place, SecretRef::from_text(text))?;
        self.pem(&place, &source).map(Some)
    }

    /// Rows of two realms, or rows and the process's own records, in one place would be
    /// taken for each other.
    fn check_apart(&mut self, store: &RowStore, server: Option<&ServerSettings>, place: &KeyPath) {
        let mut others = self.row_stores.iter();
        if let Some((other, _)) = others.find(|(_, known)| known.is_shared_with(store)) {
            let message =
                format!("{store} holds the rows of realm {other} already; give each its own");
            self.wrong(place, message);
        }
        let own = match (store, server.map(|server| &server.database)) {
            (RowStore::Postgres(rows), Some(Database::Postgres(own))) => rows.place == own.place,
            (RowStore::Sqlite(folder), Some(Database::Sqlite(file))) => folder == file,
            _ => false,
        };
        if own {
            self.wrong(
                place,
                "is where [server] database is; rows belong into a database of their own",
            );
        }
    }

    /// A route to the data API lies where the data API is, and there is one.
    fn check_data_routes(&mut self, realm: &Realm, paths: &Paths, path: &KeyPath) {
        let mut any = false;
        for (at, pattern) in data_routes(realm) {
            any = true;
            if !paths.covers(pattern) {
                let message = format!(
                    "builtin:data answers at {}, {} and below {}; {pattern:?} is none of these (they are settings of [data])",
                    paths.query, paths.schema, paths.rest
                );
                self.wrong(&path.key("route").index(at).key("path"), message);
            }
        }
        if !any {
            let message = format!(
                "no route leads to the data API; add for example [[route]] path = {:?}, upstream = \"builtin:data\", scopes = [\"read\"], tenant = \"required\"",
                paths.query
            );
            self.wrong(&path.key("dialects"), message);
        }
    }

    fn check_no_data_route(&mut self, realm: &Realm, path: &KeyPath) {
        for (at, _) in data_routes(realm) {
            self.wrong(
                &path.key("route").index(at).key("upstream"),
                "\"builtin:data\" needs the dialect \"data\"; add it to dialects",
            );
        }
    }
}

/// Each name once, in an order that says nothing.
fn sorted(names: &[String]) -> Vec<String> {
    let names: BTreeSet<&String> = names.iter().collect();
    names.into_iter().cloned().collect()
}

/// The routes that lead to the data API, with their places in the list.
fn data_routes(realm: &Realm) -> impl Iterator<Item = (usize, &str)> {
    let routes = realm.route.iter().enumerate();
    routes
        .filter(|(_, route)| matches!(route.upstream, Text(Upstream::Data)))
        .map(|(at, route)| (at, route.path.as_str()))
}

/// A folder without what says nothing, so that one folder is written in one way.
fn plain(folder: &Path) -> PathBuf {
    let says = |part: &Component<'_>| *part != Component::CurDir;
    folder.components().filter(says).collect()
}
