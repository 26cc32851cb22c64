//! Lowering: from what is written to what is acted on, with everything that is wrong named.

use super::{Data, DataSettings, Paths};
use crate::caller::RightScopes;
use crate::engine::Bounds;
use crate::plan::{Functions, Policies};
use doorward_base::Scope;
use doorward_surface::setting::{Size, Span, Wrong};
use std::sync::Arc;
use std::time::Duration;

/// The least that a tenant's file may be bounded to, bytes: its schema must fit.
const LEAST_ROOM: u64 = 1 << 20;

/// The most rows and bytes that one answer may be allowed: it is held in memory.
const MOST_ROWS: u32 = 1_000_000;
const MOST_BYTES: u64 = 256 << 20;
/// The longest time a query may be allowed.
const LONGEST: Duration = Duration::from_secs(600);
/// The longest step of a schema, bytes.
const LONGEST_STEP: usize = 1 << 20;

impl Data {
    /// What is acted on.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn lower(&self) -> Result<DataSettings, Vec<Wrong>> {
        let mut wrong = Vec::new();
        self.check_bounds(&mut wrong);
        self.check_paths(&mut wrong);
        self.check_schema(&mut wrong);
        let mut scope = |key, text: &str| {
            let parsed = Scope::new(text);
            parsed
                .map_err(|error| wrong.push(Wrong::new(key, error.to_string())))
                .ok()
        };
        let read = scope("read_scope", &self.read_scope);
        let write = scope("write_scope", &self.write_scope);
        let schema = scope("schema_scope", &self.schema_scope);
        let policies = Policies::new(self.policies.iter().cloned());
        let policies = policies
            .map_err(|error| wrong.push(Wrong::new("policies", error.to_string())))
            .unwrap_or_default();
        let functions = Functions::new(&self.functions);
        let functions = functions
            .map_err(|message| wrong.push(Wrong::new("functions", message)))
            .unwrap_or_default();
        let (Some(read), Some(write), Some(schema), true) = (read, write, schema, wrong.is_empty())
        else {
            return Err(wrong);
        };
        let (Size(bytes), Span(time)) = (self.max_bytes, self.timeout);
        Ok(DataSettings {
            schema: self.schema.iter().map(|step| Arc::from(&**step)).collect(),
            policies,
            aggregates: self.aggregates,
            functions,
            governed: self.policies.iter().map(|of| of.table.clone()).collect(),
            tenant_column: Arc::from(&*self.tenant_column),
            scopes: RightScopes {
                read,
                write,
                schema,
            },
            bounds: Bounds {
                rows: usize::try_from(self.max_rows).unwrap_or(usize::MAX),
                bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                row: 0,
                time,
            },
            max_tenant_bytes: self.max_tenant_bytes.0,
            min_free_bytes: self.min_free_bytes.0,
            paths: Paths {
                query: self.query_path.clone(),
                schema: self.schema_path.clone(),
                rest: self.rest_path.clone(),
            },
        })
    }

    fn check_bounds(&self, wrong: &mut Vec<Wrong>) {
        let (Size(bytes), Span(time)) = (self.max_bytes, self.timeout);
        if !(1..=MOST_ROWS).contains(&self.max_rows) {
            wrong.push(Wrong::new("max_rows", "must be from 1 to 1000000"));
        }
        if !(1024..=MOST_BYTES).contains(&bytes) {
            wrong.push(Wrong::new(
                "max_bytes",
                "must be from \"1KiB\" to \"256MiB\"",
            ));
        }
        if self.max_tenant_bytes.0 < LEAST_ROOM {
            wrong.push(Wrong::new("max_tenant_bytes", "must be at least \"1MiB\""));
        }
        if time.is_zero() || time > LONGEST {
            wrong.push(Wrong::new(
                "timeout",
                "must be longer than zero and at most \"10m\"",
            ));
        }
        let Span(wait) = self.postgres.pool_wait;
        let postgres = [
            (
                !(1..=1000).contains(&self.postgres.pool_size),
                "pool_size must be from 1 to 1000",
            ),
            (wait.is_zero(), "pool_wait must be longer than zero"),
            (
                self.postgres.other_roles.iter().any(|name| !is_role(name)),
                "other_roles are names of 1 to 63 bytes, and not \"public\"",
            ),
            (
                !is_identifier(&self.postgres.schema),
                "schema is not a name of small letters, digits and _",
            ),
        ];
        let postgres = postgres.into_iter().filter(|(is_wrong, _)| *is_wrong);
        wrong.extend(postgres.map(|(_, message)| Wrong::new("postgres", message)));
    }

    fn check_paths(&self, wrong: &mut Vec<Wrong>) {
        let paths = [
            ("query_path", &self.query_path),
            ("schema_path", &self.schema_path),
            ("rest_path", &self.rest_path),
        ];
        for (at, (key, path)) in paths.iter().enumerate() {
            if !is_literal(path) {
                let message = format!("{path:?} is not a plain path such as \"/api/v1/query\"");
                wrong.push(Wrong::new(key, message));
                continue;
            }
            let meets = |other: &&(&str, &String)| lies_in(path, other.1) || lies_in(other.1, path);
            if let Some((other, _)) = paths.iter().take(at).find(meets) {
                wrong.push(Wrong::new(
                    key,
                    format!("lies where {other} is, or around it"),
                ));
            }
        }
    }

    fn check_schema(&self, wrong: &mut Vec<Wrong>) {
        for (at, step) in self.schema.iter().enumerate() {
            let number = at + 1;
            if step.trim().is_empty() {
                wrong.push(Wrong::new("schema", format!("step {number} is empty")));
            } else if step.len() > LONGEST_STEP {
                let message = format!("step {number} is longer than 1 MiB");
                wrong.push(Wrong::new("schema", message));
            } else if self.schema.iter().take(at).any(|earlier| earlier == step) {
                let message =
                    format!("step {number} is there twice; a step is applied once, by its text");
                wrong.push(Wrong::new("schema", message));
            }
        }
        if !is_identifier(&self.tenant_column) {
            let message = format!(
                "{:?} is not a column's name of small letters, digits and _",
                self.tenant_column
            );
            wrong.push(Wrong::new("tenant_column", message));
        }
    }
}

/// Whether one path is the other or lies below it.
fn lies_in(path: &str, base: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path has no pattern and one reading.
fn is_literal(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    let mut segments = path.split('/');
    segments.next() == Some("")
        && segments.clone().next().is_some()
        && segments.all(|segment| !segment.is_empty() && segment.bytes().all(plain))
}

/// Whether a role of PostgreSQL may have the name.
fn is_role(name: &str) -> bool {
    (1..=63).contains(&name.len()) && !name.contains('\0') && name != "public"
}

/// Whether it names a column without quotes, in both engines.
fn is_identifier(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
