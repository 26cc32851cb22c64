//! Where stores are: SQLite files, PostgreSQL and Redis servers. An address that holds a
//! password is a secret, so it comes from the environment or a file of its own. Not
//! here: connecting, and settings beside the address (`server`).

use super::text::FromText;
use super::value::SecretRef;
use doorward_base::Secret;
use std::fmt;
use std::path::PathBuf;

/// Where the control data is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// `sqlite:PATH`, relative to the configuration file.
    Sqlite(PathBuf),
    /// `postgres://…` without a password.
    Postgres(PostgresUrl),
    /// `env:NAME` or `file:PATH`, which holds a `postgres://…`.
    Secret(SecretRef),
}

impl FromText for Database {
    const FORM: &'static str = "a database such as \"sqlite:doorward.db\", \"postgres://user@host:5432/name\", or \"env:NAME\" or \"file:PATH\" that holds a postgres:// address";
    const IS_SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("env" | "file", _)) => SecretRef::from_text(text).map(Self::Secret),
            Some(("postgres" | "postgresql", _)) => {
                let url = PostgresUrl::parse(text)?;
                if url.has_password {
                    return Err(PASSWORD.to_owned());
                }
                Ok(Self::Postgres(url))
            }
            // The text may hold a password: it is not repeated, here and below.
            _ => Err(format!("expected {}", Self::FORM)),
        }
    }
}

/// Where the counters of limits are kept.
#[derive(Clone, Debug)]
pub enum LimitStore {
    /// In this process.
    Memory,
    /// `redis://…`, `rediss://…` or `valkey://…` without a password.
    Redis(RedisUrl),
    /// `env:NAME` or `file:PATH`, which holds such an address.
    Secret(SecretRef),
}

impl FromText for LimitStore {
    const FORM: &'static str = "a limit store such as \"memory\", \"redis://host:6379/0\", or \"env:NAME\" or \"file:PATH\" that holds a redis:// address";
    const IS_SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("env" | "file", _)) => SecretRef::from_text(text).map(Self::Secret),
            Some((scheme, _)) if redis_scheme(scheme).is_some() => {
                let url = RedisUrl::parse(text)?;
                if url.has_password {
                    return Err(PASSWORD.to_owned());
                }
                Ok(Self::Redis(url))
            }
            _ => Err(format!("expected {}", Self::FORM)),
        }
    }
}

const PASSWORD: &str = "the address holds a password; keep it out of here: put the whole address into an environment variable or a file and write \"env:NAME\" or \"file:PATH\"";

/// The address of a PostgreSQL database.
#[derive(Clone)]
pub struct PostgresUrl {
    /// The address; it may hold a password.
    pub url: Secret,
    /// The server and the database, for messages: `host:port/name`.
    pub place: String,
    has_password: bool,
}

impl PostgresUrl {
    const FORM: &'static str =
        "postgres://user@host:port/name, with ?sslmode=disable, prefer or require if you like";

    /// Parses `postgres://user[:password]@host[:port]/name[?sslmode=…]`.
    ///
    /// # Errors
    /// What is wrong; nothing of the text is repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}; expected {}", Self::FORM);
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or_else(|| wrong("not the address of a PostgreSQL database"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let modes = ["", "sslmode=disable", "sslmode=prefer", "sslmode=require"];
        if !modes.contains(&query) {
            return Err(wrong("after the ? there may be one sslmode alone"));
        }
        let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_word(name) {
            return Err(wrong("the address names no database, or not one alone"));
        }
        let parts = Authority::parse(authority).map_err(wrong)?;
        if parts.user.is_empty() {
            return Err(wrong("the address names no user"));
        }
        Ok(Self {
            url: Secret::new(text.to_owned()),
            place: format!("{}:{}/{name}", parts.host, parts.port.unwrap_or(5432)),
            has_password: parts.has_password,
        })
    }
}

/// The address of a Redis or Valkey server.
#[derive(Clone)]
pub struct RedisUrl {
    /// The address, with `redis` or `rediss` as its scheme; it may hold a password.
    pub url: Secret,
    /// The server, for messages: `host:port`.
    pub place: String,
    has_password: bool,
}

impl RedisUrl {
    const FORM: &'static str = "redis://host:port/number; rediss:// is with TLS, and valkey:// and valkeys:// are the same";

    /// Parses `redis://[user:password@]host[:port][/number]`.
    ///
    /// # Errors
    /// What is wrong; nothing of the text is repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}; expected {}", Self::FORM);
        let (scheme, rest) = text
            .split_once("://")
            .and_then(|(scheme, rest)| Some((redis_scheme(scheme)?, rest)))
            .ok_or_else(|| wrong("not the address of a Redis or Valkey server"))?;
        let (authority, number) = rest.split_once('/').unwrap_or((rest, ""));
        if !number.is_empty() && number.parse::<u16>().is_err() {
            return Err(wrong(
                "after the host there may be the number of a database alone",
            ));
        }
        let parts = Authority::parse(authority).map_err(wrong)?;
        Ok(Self {
            url: Secret::new(format!("{scheme}://{rest}")),
            place: format!("{}:{}", parts.host, parts.port.unwrap_or(6379)),
            has_password: parts.has_password,
        })
    }
}

fn redis_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        "redis" | "valkey" => Some("redis"),
        "rediss" | "valkeys" => Some("rediss"),
        _ => None,
    }
}

/// `[user[:password]@]host[:port]`.
struct Authority<'t> {
    user: &'t str,
    has_password: bool,
    host: &'t str,
    port: Option<u16>,
}

impl<'t> Authority<'t> {
    fn parse(text: &'t str) -> Result<Self, &'static str> {
        let (user, place) = text.rsplit_once('@').unwrap_or(("", text));
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user, None),
        };
        let (host, port) = match place.rsplit_once(':') {
            // A colon within brackets belongs to an IPv6 address.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let sound = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_word(host) && !host.contains([':', ',']),
        };
        if !sound {
            return Err("the address names no host, or not one alone");
        }
        let port = port.map(str::parse).transpose();
        Ok(Self {
            user,
            has_password: password.is_some(),
            host,
            port: port.map_err(|_| "the port is not a number up to 65535")?,
        })
    }
}

/// Something, and nothing that ends a part of an address.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains(['/', '?', '#', '@'])
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.place)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_user_host_and_database() {
        for (text, place) in [
            ("postgres://me@db/x", "db:5432/x"),
            (
                "postgresql://me@127.0.0.1:6000/x?sslmode=require",
                "127.0.0.1:6000/x",
            ),
            ("postgres://me:p%40ss:w@[::1]:6000/x", "[::1]:6000/x"),
            ("postgres://me:p@ss@[::1]/x", "[::1]:5432/x"),
            (
                "postgres://me@%2Frun%2Fpostgresql/x",
                "%2Frun%2Fpostgresql:5432/x",
            ),
        ] {
            assert_eq!(PostgresUrl::parse(text).unwrap().place, place, "{text}");
        }
        for bad in [
            "postgres://db/x",
            "postgres://me@db",
            "postgres://me@/x",
            "postgres://me@db:x/x",
            "postgres://me@db:65536/x",
            "postgres://me@db/x/y",
            "postgres://me@db/x?sslmode=maybe",
            "postgres://me@db/x?sslmode=require&options=-c",
            "postgres://me@db/x?password=y",
            "postgres://me@a,b/x",
            "postgres://me@[::1/x",
            "mysql://me@db/x",
        ] {
            assert!(PostgresUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redis_and_valkey_are_one_protocol() {
        for (text, url, place) in [
            ("redis://cache", "redis://cache", "cache:6379"),
            ("valkey://cache:1/2", "redis://cache:1/2", "cache:1"),
            ("rediss://:pw@cache/0", "rediss://:pw@cache/0", "cache:6379"),
            ("valkeys://cache", "rediss://cache", "cache:6379"),
        ] {
            let parsed = RedisUrl::parse(text).unwrap();
            assert_eq!(
                (parsed.url.expose(), &*parsed.place),
                (url, place),
                "{text}"
            );
        }
        for bad in [
            "redis://",
            "redis://h/x",
            "redis://h/1/2",
            "http://h",
            "redis:h",
        ] {
            assert!(RedisUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_refused_with_advice_and_never_repeated() {
        for text in ["postgres://me:hunter2@db/x", "postgres://me:hunter2@db"] {
            let error = Database::from_text(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        for text in ["redis://:hunter2@cache", "redis://me:hunter2@cache/x"] {
            let error = LimitStore::from_text(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = Database::from_text("postgres://me:hunter2@db/x").unwrap_err();
        assert!(error.contains("env:NAME"), "{error}");
        let url = PostgresUrl::parse("postgres://me:hunter2@db/x").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
