//! Lowering the issuers of a realm, with what contradicts itself. Not here: what they are
//! (`issuer_spec`), and fetching their keys (the server).

use super::compiled::{Introspection, Issuer, Keys, Remote};
use super::problem::Problem;
use super::spec::{ClaimMap, IssuerSpec, KeySource};
use doorward_base::claims::{ClaimPlaces, Field};
use doorward_jose::{KeySet, TypRule};
use std::sync::{Arc, OnceLock};

pub(super) fn lower(specs: Vec<IssuerSpec>, problems: &mut Vec<Problem>) -> Vec<Issuer> {
    check(&specs, problems);
    specs.into_iter().map(|spec| one(spec, problems)).collect()
}

fn check(specs: &[IssuerSpec], problems: &mut Vec<Problem>) {
    for (at, spec) in specs.iter().enumerate() {
        let name = || spec.issuer.to_string();
        let mut earlier = specs.iter().take(at);
        if earlier.any(|known| known.issuer == spec.issuer) {
            problems.push(Problem::IssuerTwice(name()));
        }
        // An issuer that many share signs for whoever is its customer: without one of these
        // its tokens for anybody else's API would be accepted here.
        if spec.audiences.is_empty() && spec.require.is_empty() {
            problems.push(Problem::IssuerOpen(
                name(),
                "audience and no claim condition",
            ));
        }
        if spec.algorithms.is_empty() && !matches!(spec.keys, KeySource::Nowhere) {
            problems.push(Problem::IssuerOpen(name(), "algorithm"));
        }
        if let Some(other) = &spec.subjects_of {
            let mut others = specs.iter();
            let known = others.find(|known| known.issuer == *other);
            if known.is_none_or(|known| {
                known.issuer == spec.issuer
                    || known.subjects_of.is_some()
                    || matches!(known.keys, KeySource::Own)
            }) {
                problems.push(Problem::NoSubjects {
                    issuer: name(),
                    other: other.to_string(),
                });
            }
        }
    }
    let mut asked = specs.iter().filter(|spec| spec.introspection.is_some());
    if let (Some(_), Some(second)) = (asked.next(), asked.next()) {
        problems.push(Problem::IntrospectionTwice(second.issuer.to_string()));
    }
}

fn one(spec: IssuerSpec, problems: &mut Vec<Problem>) -> Issuer {
    let keys = match &spec.keys {
        KeySource::Own => Keys::Own,
        KeySource::Nowhere => Keys::Nowhere,
        KeySource::Remote(source) => Keys::Remote(Remote::of(source)),
        KeySource::Static(set) => match KeySet::from_jwks(set) {
            Ok(set) => Keys::Static(Arc::new(set)),
            Err(error) => {
                problems.push(Problem::Keys {
                    issuer: spec.issuer.to_string(),
                    error: error.to_string(),
                });
                Keys::Static(Arc::default())
            }
        },
    };
    Issuer {
        subjects: spec.subjects_of.unwrap_or_else(|| Arc::clone(&spec.issuer)),
        issuer: spec.issuer,
        audiences: spec.audiences,
        require: spec.require,
        algorithms: spec.algorithms,
        typ: lower_typ(&spec.typ),
        typ_names: spec.typ,
        leeway: spec.leeway,
        max_lifetime: spec.max_lifetime,
        keys,
        introspection: spec.introspection.map(|spec| Introspection {
            spec,
            tokens: OnceLock::new(),
        }),
        places: places(&spec.claims),
        claims: spec.claims,
        tenant: spec.tenant,
        is_recognised: spec.is_recognised,
    }
}

/// Everywhere an issuer's claims carry what a caller acts as.
fn places(map: &ClaimMap) -> ClaimPlaces {
    let read = [
        (Field::Tenant, &map.tenant),
        (Field::Role, &map.role),
        (Field::Roles, &map.roles),
        (Field::Permissions, &map.permissions),
    ];
    let read = read.into_iter();
    let read = read.filter_map(|(field, path)| Some((field, path.clone()?)));
    let scopes = map.scopes.iter().map(|path| (Field::Scopes, path.clone()));
    ClaimPlaces::new(read.chain(scopes).chain(map.also.iter().cloned()).collect())
}

/// An empty name stands for a token without `typ`.
fn lower_typ(names: &[String]) -> TypRule {
    let rule = TypRule::one_of(
        names
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty()),
    );
    if names.iter().any(String::is_empty) {
        rule.or_absent()
    } else {
        rule
    }
}
