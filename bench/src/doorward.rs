//! The binary under measurement: its configurations, what must be in its store, and
//! its start. It is known by its command line and its wire alone.

use crate::database::Database;
use crate::failure::{Context as _, Failure};
use crate::process::{Running, capture, feed, free_address};
use crate::site::Site;
use crate::token::{AUDIENCE, ISSUER, SCOPE, WRITE_SCOPE};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Signature algorithms of the exchange realms; a realm has the name of its algorithm,
/// in lower case.
pub(crate) const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];
/// What API keys of the gate's realm begin with.
pub(crate) const KEY_PREFIX: &str = "bench_key_";
/// Users of an exchange realm, each with one API token.
const USERS: usize = 8;

/// Which realms an installation has, and how it listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// The gate's realm and one exchange realm for each algorithm.
    Whole,
    /// The gate's realm.
    Gate,
    /// The gate's realm, over TLS.
    GateTls,
    /// The gate's realm, and an exchange realm for ES256.
    Exchange,
    /// A realm with rows, for the callers of the gate's issuer.
    Data,
    /// So many realms, each with its own host, so many public routes and nothing else.
    Realms { realms: u16, routes: u16 },
}

/// What is to be installed.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'w> {
    /// What its files are called; also the master key's, so that processes of one store
    /// are installed under one name.
    pub(crate) name: &'w str,
    pub(crate) shape: Shape,
    /// Otherwise a SQLite file of its own.
    pub(crate) database: Option<Database>,
    /// Where limits are shared, and at which rate a tenant's refills.
    pub(crate) limits: Option<&'w str>,
    pub(crate) rate: &'w str,
    /// Where the rows of [`Shape::Data`] are.
    pub(crate) rows: Option<&'w str>,
}

impl<'w> Wanted<'w> {
    pub(crate) const fn new(name: &'w str, shape: Shape) -> Self {
        Self {
            name,
            shape,
            database: None,
            limits: None,
            rate: "1000000/1s",
            rows: None,
        }
    }
}

/// A configuration with its store.
#[derive(Debug)]
pub(crate) struct Installation {
    name: String,
    pub(crate) database: Database,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    pub(crate) addr: SocketAddr,
}

/// The host by which the exchange realm of an algorithm is called.
pub(crate) fn exchange_host(algorithm: &str) -> String {
    format!("{}.bench.test", algorithm.to_lowercase())
}

impl Installation {
    /// Writes the configuration.
    pub(crate) fn write(
        site: &Site,
        binary: &Path,
        wanted: &Wanted<'_>,
        upstream: SocketAddr,
    ) -> Result<Self, Failure> {
        let Wanted { name, limits, .. } = *wanted;
        let own = || Database::Sqlite(site.file(&format!("{name}.db")));
        let database = wanted.database.clone().unwrap_or_else(own);
        let addr = free_address()?;
        let mut text = format!(
            "[server]\nlisten = [\"{addr}\"]\ndatabase = \"{}\"\n\
             master_key = \"file:{name}.master\"\n",
            database.address()
        );
        if let Some(limits) = limits {
            let _ = writeln!(text, "limits = \"{limits}\"");
        }
        text.push_str(&realms(upstream, wanted));
        // Processes of one store have a configuration each.
        let file = format!("{name}-{}", addr.port());
        Ok(Self {
            name: name.to_owned(),
            database,
            binary: binary.to_owned(),
            config: site.write(&format!("{file}.toml"), &text)?,
            log: site.file(&format!("{file}.log")),
            addr,
        })
    }

    /// Where its master key lies once it was started.
    pub(crate) fn master(&self) -> PathBuf {
        self.config.with_file_name(format!("{}.master", self.name))
    }

    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["serve", "--config"]).arg(&self.config);
        command
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&self) -> Result<Running, Failure> {
        Running::start_listening(self.serve(), &self.log, self.addr)
    }

    /// An API key of a tenant, which the measured route lets pass.
    pub(crate) fn make_gate_key(&self) -> Result<String, Failure> {
        self.run("tenant create", "gate", &["acme"])?;
        let owner = ["--kind", "key", "--owner", "tenant:acme"];
        let key = [&owner[..], &["--scope", SCOPE, "--quiet"]].concat();
        self.run("token create", "gate", &key)
    }

    /// The body by which a person signs in at the gate's realm, in a file.
    pub(crate) fn make_sign_in_body(&self, site: &Site) -> Result<PathBuf, Failure> {
        let (email, password) = ("person@bench.test", "correct horse battery staple");
        let arguments = ["--email", email, "--password-stdin"];
        let mut command = self.command("user create", "gate", &arguments);
        feed(&mut command, password)?;
        let body = format!("{{\"email\":\"{email}\",\"password\":\"{password}\"}}\n");
        site.write(&format!("{}-sign-in.bodies", self.name), &body)
    }

    /// A body to exchange for each user of an algorithm's realm, in a file, one a line.
    pub(crate) fn make_exchange_bodies(
        &self,
        site: &Site,
        algorithm: &str,
    ) -> Result<PathBuf, Failure> {
        let realm = algorithm.to_lowercase();
        let mut lines = String::new();
        for number in 0..USERS {
            let email = format!("user{number}@bench.test");
            self.run("user create", &realm, &["--email", &email])?;
            let token = ["--kind", "personal", "--owner", &email, "--quiet"];
            let token = self.run("token create", &realm, &token)?;
            let _ = writeln!(lines, "{{\"access_token\":\"{token}\"}}");
        }
        site.write(&format!("{}-{realm}.bodies", self.name), &lines)
    }

    /// Runs a management command and gives the line it prints.
    fn run(&self, words: &str, realm: &str, arguments: &[&str]) -> Result<String, Failure> {
        let text = capture(&mut self.command(words, realm, arguments))?;
        Ok(text.trim().to_owned())
    }

    fn command(&self, words: &str, realm: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words.split(' '))
            .arg("--config")
            .arg(&self.config)
            .args(["--realm", realm])
            .args(arguments);
        command
    }
}

/// The binary: the one named, or the one that cargo built beside this program.
pub(crate) fn find_binary(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = || std::env::current_exe().map(|path| path.with_file_name("doorward"));
    let path = named
        .map_or_else(beside, |path| Ok(path.to_owned()))
        .during("this program")?;
    let there = path.canonicalize();
    there.during(format!(
        "no binary {} (cargo build --release)",
        path.display()
    ))
}

fn realms(upstream: SocketAddr, wanted: &Wanted<'_>) -> String {
    let gate = || gate_realm(upstream, wanted.rate);
    let exchanges = |algorithms: &[&str]| -> String {
        let realms = algorithms.iter();
        realms.map(|algorithm| exchange_realm(algorithm)).collect()
    };
    match wanted.shape {
        // People who sign in come from many addresses, as the loader says.
        Shape::Whole => {
            let trusted = "trusted_proxies = [\"127.0.0.1\"]\n";
            format!("{trusted}{}{}", gate(), exchanges(&ALGORITHMS))
        }
        Shape::Gate => gate(),
        Shape::GateTls => {
            let tls = "tls = { cert = \"file:tls.pem\", key = \"file:tls.key\" }\n";
            format!("{tls}{}", gate())
        }
        Shape::Exchange => {
            let trusted = "trusted_proxies = [\"127.0.0.1\"]\n";
            format!("{trusted}{}{}", gate(), exchanges(&["ES256"]))
        }
        Shape::Data => data_realm(wanted.rows.unwrap_or("sqlite:rows")),
        Shape::Realms { realms, routes } => {
            let realm = |number| bare_realm(number, routes, upstream);
            (0..realms).map(realm).collect()
        }
    }
}

/// The measured policy: external issuer with a static key, scope, tenant, limit by
/// tenant, identity headers; beside it a public route and one for API tokens.
fn gate_realm(upstream: SocketAddr, rate: &str) -> String {
    format!(
        r#"
[realm.gate]
hosts = ["*"]
issuer = "http://gate.bench.test"
require_https = "off"
api_tokens.key = {{ kinds = ["key"], prefix = "{KEY_PREFIX}", presentations = ["bearer"] }}
limits.tenant = {{ key = "tenant", rate = "{rate}" }}
limits.token = {{ key = "credential", rate = "{rate}" }}
limits.all = {{ key = "realm", rate = "{rate}" }}
limits.open = {{ key = "tenant", in_flight = 1000000 }}
limits.plan = {{ key = "tenant", quota = "1000000000000/month" }}
sessions = {{ refresh = "rotate", reuse_interval = "0s", refresh_rate = "100000/1s" }}
[[realm.gate.issuers]]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["RS256"]
keys = "file:issuer.jwks.json"
claims = {{ scope = "scope", tenant = "tenant" }}
[[realm.gate.route]]
path = "/plain/**"
upstream = "http://{upstream}"
public = true
[[realm.gate.route]]
path = "/policy/**"
upstream = "http://{upstream}"
scopes = ["{SCOPE}"]
tenant = "required"
limits = ["tenant"]
[[realm.gate.route]]
path = "/limits/**"
upstream = "http://{upstream}"
scopes = ["{SCOPE}"]
tenant = "required"
limits = ["token", "tenant", "all", "open"]
[[realm.gate.route]]
path = "/quota/**"
upstream = "http://{upstream}"
scopes = ["{SCOPE}"]
tenant = "required"
limits = ["tenant", "plan"]
[[realm.gate.route]]
path = "/key/**"
upstream = "http://{upstream}"
credentials = ["api_token"]
permissions = ["{SCOPE}"]
tenant = "required"
limits = ["tenant"]
"#
    )
}

/// Rows to read and to add, under a key that begins with the tenant.
fn data_realm(rows: &str) -> String {
    format!(
        r#"
[realm.rows]
hosts = ["*"]
issuer = "http://rows.bench.test"
dialects = ["data"]
require_https = "off"
[realm.rows.data]
database = "{rows}"
postgres.own_database = true
read_scope = "{SCOPE}"
write_scope = "{WRITE_SCOPE}"
schema = ['''
CREATE TABLE item (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id));
CREATE TABLE entry (tenant_id TEXT NOT NULL, text TEXT NOT NULL);
''']
[[realm.rows.issuers]]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["RS256"]
keys = "file:issuer.jwks.json"
claims = {{ scope = "scope", tenant = "tenant" }}
[[realm.rows.route]]
path = "/api/v1/query"
upstream = "builtin:data"
scopes_any = ["{SCOPE}", "{WRITE_SCOPE}"]
tenant = "required"
[[realm.rows.route]]
path = "/rest/v1/**"
upstream = "builtin:data"
scopes_read = ["{SCOPE}"]
scopes_write = ["{WRITE_SCOPE}"]
tenant = "required"
errors = "postgrest"
"#
    )
}

fn exchange_realm(algorithm: &str) -> String {
    let (name, host) = (algorithm.to_lowercase(), exchange_host(algorithm));
    format!(
        r#"
[realm.{name}]
hosts = ["{host}"]
issuer = "http://{host}"
dialects = ["oauth"]
require_https = "off"
tokens = {{ algorithm = "{algorithm}", revocation = "expiry", claims = {{ scope = "{{scope}}" }} }}
api_tokens.pat = {{ kinds = ["personal"], prefix = "bench_{name}_" }}
exchange = {{ answer_field = "jwt" }}
"#
    )
}

/// The host of a realm of [`Shape::Realms`].
pub(crate) fn bare_host(number: u16) -> String {
    format!("r{number}.bench.test")
}

fn bare_realm(number: u16, routes: u16, upstream: SocketAddr) -> String {
    let host = bare_host(number);
    let mut text = format!(
        "\n[realm.r{number}]\nhosts = [\"{host}\"]\nissuer = \"http://{host}\"\n\
         require_https = \"off\"\nroute = [\n"
    );
    // As short as can be: a configuration has at most 4 MiB.
    for route in 0..routes {
        let _ = writeln!(
            text,
            "{{path=\"/p{route}/{{id}}\",upstream=\"http://{upstream}\",public=true}},"
        );
    }
    text.push_str("]\n");
    text
}
