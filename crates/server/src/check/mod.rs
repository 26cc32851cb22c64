//! `doorward check`: proves a configuration's `[[expect]]` assertions against the
//! policies the gate would judge by. Not here: judging (`doorward_gate::explain`), and
//! what makes a configuration acceptable (`config`).

mod principal;
#[cfg(test)]
mod systems_tests;
#[cfg(test)]
mod tests;

use crate::config::expect::ExpectPrincipal;
use crate::config::text::{FromText as _, Outcome, Text};
use crate::config::value::RequestLine;
use crate::config::{
    Expectation, KeyPath, Loaded, Place, Problem, RealmConfig, policies, warnings,
};
use crate::mounts::{Targets, place};
use doorward_base::{
    CredentialKind, Environment, Permission, RealmName, RoleName, Scope, TenantId,
};
use doorward_gate::explain::{self, DryOutcome, DryRun};
use doorward_gate::policy::Policies;
use doorward_gate::policy::spec::RealmSpec;
use doorward_surface::RealmParts;
use doorward_surface::setting::Word;
use http::{HeaderMap, HeaderName};
use std::fmt;
use std::path::PathBuf;

/// What was proved.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many realms there are.
    pub realms: usize,
    /// How many assertions hold.
    pub held: usize,
    /// The assertions that do not.
    pub failures: Vec<Failure>,
    /// What is sound and may not be meant.
    pub warnings: Vec<Problem>,
}

/// An assertion that does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    pub file: PathBuf,
    /// The line of the assertion, from 1.
    pub line: Option<usize>,
    pub request: String,
    /// What was to become of it.
    pub expected: Outcome,
    /// What would become of it, with its reasons.
    pub actual: DryOutcome,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.unwrap_or(1);
        let actual = Outcome(self.actual.code);
        write!(
            f,
            "{}:{line}: {}: expected {}, got {actual} (route {}, {}: {}",
            self.file.display(),
            self.request,
            self.expected,
            self.actual.route.as_deref().unwrap_or("none"),
            self.actual.stage,
            self.actual.check,
        )?;
        for (word, list) in [
            ("required", &self.actual.required),
            ("held", &self.actual.held),
        ] {
            if !self.actual.required.is_empty() {
                let list = if list.is_empty() {
                    "nothing".to_owned()
                } else {
                    list.join(" ")
                };
                write!(f, ", {word} {list}")?;
            }
        }
        f.write_str(")")
    }
}

/// A request that is not made, as `doorward explain --request` puts it.
#[derive(Clone, Debug)]
pub struct DryRequest<'a> {
    pub realm: &'a RealmName,
    /// `METHOD /path`.
    pub request: &'a str,
    /// Whether it comes by TLS.
    pub secure: bool,
    /// How its caller presents itself; `None` is nobody.
    pub credential: Option<CredentialKind>,
    /// The scopes the caller has.
    pub scopes: &'a [Scope],
    /// The permissions the caller has.
    pub permissions: &'a [Permission],
    /// The roles the caller may take.
    pub roles: &'a [RoleName],
    /// The caller's tenant.
    pub tenant: Option<&'a TenantId>,
    /// The environment of the caller's API token.
    pub environment: Option<&'a Environment>,
}

/// Lowers the configuration as the gate would and proves its assertions.
///
/// # Errors
/// What is wrong with the configuration itself.
pub fn check(loaded: &Loaded) -> Result<Report, Vec<Problem>> {
    let policies = policies(loaded, &mut local_targets)?;
    let mut report = Report {
        realms: loaded.settings.realms.len(),
        warnings: warnings(loaded, &policies),
        ..Report::default()
    };
    let mut problems = Vec::new();
    for realm in &loaded.settings.realms {
        let spec = realm.gate_spec(Place::default());
        for expectation in &realm.expectations {
            match prove(&policies, &spec, expectation) {
                Ok(actual) if actual.code == expectation.outcome.0 => report.held += 1,
                Ok(actual) => report.failures.push(failure(loaded, expectation, actual)),
                Err(message) => problems.push(loaded.problem(&expectation.path, message)),
            }
        }
    }
    if problems.is_empty() {
        Ok(report)
    } else {
        Err(problems)
    }
}

/// What would become of a request.
///
/// # Errors
/// Why the question cannot be answered: the realm, the request, or the configuration.
pub fn dry_run(loaded: &Loaded, asked: &DryRequest<'_>) -> Result<DryOutcome, String> {
    let policies = policies(loaded, &mut local_targets).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })?;
    let mut realms = loaded.settings.realms.iter();
    let realm = realms
        .find(|realm| realm.name() == asked.realm)
        .ok_or_else(|| format!("the configuration has no realm {}", asked.realm))?;
    let texts = |credential| ExpectPrincipal {
        credential: Word(credential),
        scopes: asked.scopes.iter().cloned().map(Text).collect(),
        permissions: asked.permissions.iter().cloned().map(Text).collect(),
        roles: asked.roles.iter().cloned().map(Text).collect(),
        tenant: asked.tenant.cloned().map(Text),
        environment: asked.environment.cloned().map(Text),
        ..ExpectPrincipal::default()
    };
    let question = Expectation {
        path: KeyPath::default(),
        principal: asked.credential.map(texts),
        request: RequestLine::from_text(asked.request)?,
        headers: HeaderMap::new(),
        secure: asked.secure,
        outcome: Outcome(None),
    };
    prove(&policies, &realm.gate_spec(Place::default()), &question)
}

/// Where the realm's own interfaces are, so that a route over one of them is found.
fn local_targets(realm: &RealmConfig) -> Place {
    place(realm, RealmParts::default(), &Targets::absent())
}

fn failure(loaded: &Loaded, expectation: &Expectation, actual: DryOutcome) -> Failure {
    let request = &expectation.request;
    Failure {
        file: loaded.file().to_owned(),
        line: loaded.problem(&expectation.path, String::new()).line,
        request: format!("{} {}", request.method, request.target),
        expected: expectation.outcome,
        actual,
    }
}

fn prove(
    policies: &Policies,
    spec: &RealmSpec,
    expectation: &Expectation,
) -> Result<DryOutcome, String> {
    let principal = expectation.principal.as_ref();
    let target = expectation.request.target.as_str();
    let (path, _) = target.split_once('?').unwrap_or((target, ""));
    let role = selected(expectation, spec.role_header.as_ref())?.map(RoleName::new);
    let header = spec.tenant_header.as_ref().map(|rule| &rule.header);
    let tenant = selected(expectation, header)?.map(TenantId::new);
    let run = DryRun {
        realm: &spec.name,
        method: &expectation.request.method,
        path,
        secure: expectation.secure,
        principal: principal.map(|caller| principal::build(caller, spec)),
        credential: principal::credential(principal),
        role: role.transpose().map_err(|error| error.to_string())?,
        tenant: tenant.transpose().map_err(|error| error.to_string())?,
    };
    explain::dry_run(policies, &run).ok_or_else(|| format!("realm {} has no policy", spec.name))
}

/// What the request says in the header by which this realm lets it select.
fn selected<'e>(
    expectation: &'e Expectation,
    header: Option<&HeaderName>,
) -> Result<Option<&'e str>, String> {
    let Some(value) = header.and_then(|header| expectation.headers.get(header)) else {
        return Ok(None);
    };
    value
        .to_str()
        .map(Some)
        .map_err(|_| "a header that selects a role or tenant must be ASCII".to_owned())
}
