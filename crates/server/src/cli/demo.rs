//! `doorward demo`: the published systems that are built, each on an address and a store of
//! its own, with subjects, tokens and rows to try and curl lines that work as printed.

mod dxtra;
mod flotac;
mod heliosdb;
mod theholefoundation;
mod witboost;

use super::serve::serve;
use super::{Failure, output};
use crate::compose::Composed;
use crate::config::{Overrides, load, process_environment};
use crate::engine::Engine;
use crate::run::{AsyncGreeting, Plan};
use crate::system::{SystemClock, SystemEntropy};
use clap::Args;
use doorward_base::{Clock as _, Effects, Permission, RealmName, RequestId, Secret, TenantId};
use doorward_identity::act::{Call, Context, Placement, Realm};
use std::fmt::Display;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use toml::{Table, Value};

/// Runs the published systems of systems/ that are built, on stores that are thrown away at
/// the end
#[derive(Args, Debug)]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let folder = Folder::make()?;
        let addresses = [
            free_address(witboost::PORT).map_err(cannot)?,
            free_address(heliosdb::PORT).map_err(cannot)?,
            free_address(flotac::PORT).map_err(cannot)?,
            free_address(theholefoundation::PORT).map_err(cannot)?,
            free_address(dxtra::PORT).map_err(cannot)?,
        ];
        let file = folder.0.join("demo.toml");
        let login = theholefoundation::Login::make(&folder.0)?;
        let upstream = flotac::upstream()?;
        std::fs::write(&file, configuration(addresses, &upstream)?).map_err(cannot)?;
        let overrides = Overrides::default();
        let loaded = load(&file, &process_environment, &overrides)
            .map_err(|problems| crate::engine::wrong(&problems))?;
        serve(Plan {
            loaded,
            overrides,
            greeting: Some(Box::new(Tour { file, login })),
        })
    }
}

/// The systems as they stand, each on its address, in one process.
fn configuration(addresses: [SocketAddr; 5], upstream: &str) -> Result<String, Failure> {
    let [witboost, heliosdb, flotac, hole, dxtra] = addresses;
    let mut whole: Table = witboost::TEXT
        .replace("127.0.0.1:8080", &witboost.to_string())
        .replace("127.0.0.1:9090", "127.0.0.1:0")
        .replace("enabled = false", "enabled = true")
        .parse()
        .map_err(cannot)?;
    let mut other: Table = heliosdb::TEXT
        .replace("127.0.0.1:6543", &heliosdb.to_string())
        .parse()
        .map_err(cannot)?;
    let mut third = flotac::configuration(upstream)?;
    let mut fourth = theholefoundation::configuration()?;
    let mut fifth: Table = dxtra::TEXT
        .replace("127.0.0.1:8080", &dxtra.to_string())
        .parse()
        .map_err(cannot)?;
    let all = addresses.map(|address| address.to_string());
    let listen = Value::from(all.to_vec());
    table(&mut whole, "server")?.insert("listen".to_owned(), listen);
    for further in [&mut other, &mut third, &mut fourth, &mut fifth] {
        let added = std::mem::take(table(further, "realm")?);
        table(&mut whole, "realm")?.extend(added);
    }
    let realms = table(&mut whole, "realm")?;
    for (name, address) in [
        ("witboost", witboost),
        ("heliosdb", heliosdb),
        ("flotac", flotac),
        ("theholefoundation", hole),
        ("dxtra", dxtra),
    ] {
        let listen = Value::from(vec![address.to_string()]);
        table(realms, name)?.insert("listen".to_owned(), listen);
    }
    toml::to_string(&whole).map_err(cannot)
}

fn table<'t>(of: &'t mut Table, name: &str) -> Result<&'t mut Table, Failure> {
    let found = of.get_mut(name).and_then(Value::as_table_mut);
    found.ok_or_else(|| cannot(format!("[{name}] is missing")))
}

fn cannot(error: impl Display) -> Failure {
    Failure::Refused(format!("the demo cannot start: {error}"))
}

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!(
            "doorward-demo-{}",
            RequestId::mint(&SystemEntropy, SystemClock.now())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(cannot)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is a closed demo store in the temporary folder.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The usual port, or one that is free.
fn free_address(port: u16) -> std::io::Result<SocketAddr> {
    let listener =
        TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    listener.local_addr()
}

/// Makes the demo's subjects and rows and prints what to try.
struct Tour {
    file: PathBuf,
    login: theholefoundation::Login,
}

#[async_trait::async_trait]
impl AsyncGreeting for Tour {
    async fn greet(
        &self,
        engine: &Engine,
        composed: &Composed,
        addresses: &[SocketAddr],
    ) -> Result<(), Failure> {
        let [witboost, heliosdb, flotac, hole, dxtra] = addresses else {
            return Err(cannot("no address"));
        };
        let now = SystemClock.now();
        let call = Call {
            now,
            request: RequestId::mint(&SystemEntropy, now),
            peer: None,
        };
        let effects = Effects::undeclared();
        let realm = realm(engine, "witboost").await?;
        let stage = Context {
            identity: &engine.identity,
            realm: &realm,
            call: &call,
            effects: &effects,
        };
        let people = witboost::People::make(stage).await?;
        output::line(&witboost::tour(
            &format!("http://{witboost}"),
            &people,
            &self.file,
        ));
        let realm = self::realm(engine, "heliosdb").await?;
        let stage = Context {
            realm: &realm,
            ..stage
        };
        let served = composed.realms.get(&realm.settings.name);
        let data = served.as_ref().and_then(|served| served.data.as_ref());
        let data = data.ok_or_else(|| cannot("realm heliosdb has no rows"))?;
        let people = heliosdb::People::make(stage).await?;
        heliosdb::fill(data).await?;
        output::line(&heliosdb::tour(&format!("http://{heliosdb}"), &people));
        let realm = self::realm(engine, "flotac").await?;
        let stage = Context {
            realm: &realm,
            ..stage
        };
        let people = flotac::People::make(stage).await?;
        output::line(&flotac::tour(&format!("http://{flotac}"), &people));
        let realm = self::realm(engine, "dxtra").await?;
        let stage = Context {
            realm: &realm,
            ..stage
        };
        let people = dxtra::People::make(stage).await?;
        output::line(&dxtra::tour(&format!("http://{dxtra}"), &people));
        let base = format!("http://{hole}");
        let tour = theholefoundation::tour(&base, &self.login, &self.file)?;
        output::line(&tour);
        Ok(())
    }
}

async fn realm(engine: &Engine, name: &str) -> Result<Arc<Realm>, Failure> {
    engine.realm(&RealmName::new(name).map_err(cannot)?).await
}

fn placement(tenant: Option<TenantId>, permissions: &[&str]) -> Result<Placement, Failure> {
    Ok(Placement {
        tenant,
        roles: Vec::new(),
        permissions: self::permissions(permissions)?,
    })
}

fn permissions(names: &[&str]) -> Result<Vec<Permission>, Failure> {
    let permissions = names.iter().map(|name| Permission::new(name));
    permissions.collect::<Result<_, _>>().map_err(cannot)
}

/// A password nobody has to think of.
fn fresh_password() -> Secret {
    Secret::new(RequestId::mint(&SystemEntropy, SystemClock.now()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::loaded;

    #[test]
    fn the_systems_of_the_demo_are_one_sound_configuration() {
        let addresses = [1, 2, 3, 4, 5].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let text = configuration(addresses, "http://127.0.0.1:9").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let _ = theholefoundation::Login::make(directory.path()).unwrap();
        let realms = loaded(directory.path(), &text).settings.realms;
        let names: Vec<&str> = realms.iter().map(|realm| realm.name().as_str()).collect();
        assert_eq!(
            names,
            [
                "dxtra",
                "flotac",
                "heliosdb",
                "theholefoundation",
                "witboost"
            ]
        );
    }
}
