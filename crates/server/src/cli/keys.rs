//! `doorward keys`.

use super::args::{Installation, Target};
use super::manage::{refused, run, show, show_list};
use super::{Failure, output};
use crate::config::{Database, MasterKeySource, Overrides, Settings};
use crate::engine::{load_configuration, read_or_make_key, store_failure};
use crate::system::SystemEntropy;
use clap::{Args, Subcommand, ValueEnum};
use doorward_base::Timestamp;
use doorward_identity::act::Caller;
use doorward_identity::act::keys::{Pace, Rotated, rotate};
use doorward_identity::model::{KeyPurpose, KeyRecord, KeyState};
use serde_json::{Value, json};
use std::path::Path;
use std::time::UNIX_EPOCH;

#[derive(Subcommand, Debug)]
pub(super) enum Keys {
    /// Make the master key, if the configuration's file is missing; else say which keys there are
    Init(Init),
    /// Publish the next key of a realm, or put the published one in use
    #[command(
        after_help = "Rotate once to publish the next key, and again five minutes later to use it: by then\nevery verifier that caches the key set knows it, and no request fails. For a digest key\nten seconds are enough: by then every running process knows it."
    )]
    Rotate(Rotate),
    /// List a realm's keys; never their secrets
    List(List),
}

#[derive(Args, Debug)]
pub(super) struct Init {
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    #[command(flatten)]
    target: Target,
    /// What the key is for
    #[arg(long, value_enum, default_value_t = Purpose::Access)]
    purpose: Purpose,
    /// Use a new key at once; verifiers that cache the key set refuse its tokens for a while,
    /// and a process that is cut off from the database cannot find tokens digested under it
    #[arg(long)]
    now: bool,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Purpose {
    /// Signs access tokens
    Access,
    /// Signs JWTs for upstreams
    Internal,
    /// Digests API tokens; stored ones move on when they are next presented
    Digest,
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init(command) => init(&command),
            Self::Rotate(command) => rotate_key(&command),
            Self::List(command) => list(&command),
        }
    }
}

fn init(command: &Init) -> Result<(), Failure> {
    let loaded = load_configuration(&command.installation, Overrides::default())?;
    match &loaded.settings.server.master_key {
        MasterKeySource::Text(_) => {
            output::note("the master key comes from the environment; there is nothing to make");
        }
        MasterKeySource::File(path) => {
            let made = made_at(path);
            read_or_make_key(path, &SystemEntropy)?;
            let Some(made) = made else {
                return Ok(());
            };
            output::note(&format!(
                "the master key {} is there already, made {made}; it stays as it is",
                path.display()
            ));
        }
    }
    tell_keys(&command.installation, &loaded.settings);
    Ok(())
}

/// When a file was written, if there is one.
fn made_at(path: &Path) -> Option<Timestamp> {
    let written = std::fs::metadata(path).and_then(|found| found.modified());
    let since = written.ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::from_micros(0).plus(since))
}

/// Says which keys the realms have, if there is a store, and how one gets another.
fn tell_keys(installation: &Installation, settings: &Settings) {
    if let Database::Sqlite(path) = &settings.server.database
        && !path.exists()
    {
        output::note("there is no store yet: the keys of the realms are made with it");
        return;
    }
    let mut views = Vec::new();
    for realm in &settings.realms {
        let target = Target {
            installation: installation.clone(),
            realm: realm.name().clone(),
            json: false,
        };
        let found = match views_of(&target) {
            Ok(found) => found,
            // What was asked for is there.
            Err(failure) => {
                output::note(&format!("the keys of the realms cannot be told: {failure}"));
                return;
            }
        };
        for mut view in found {
            if let Some(members) = view.as_object_mut() {
                members.insert("realm".to_owned(), json!(realm.name().as_str()));
            }
            views.push(view);
        }
    }
    show_list(
        false,
        &[
            "realm",
            "kid",
            "purpose",
            "algorithm",
            "state",
            "created_at",
        ],
        &views,
    );
    output::note(&format!(
        "`doorward keys rotate --config {} --realm REALM` makes another key of a realm",
        installation.config.display()
    ));
}

fn rotate_key(command: &Rotate) -> Result<(), Failure> {
    let purpose = match command.purpose {
        Purpose::Access => KeyPurpose::Access,
        Purpose::Internal => KeyPurpose::Internal,
        Purpose::Digest => KeyPurpose::Digest,
    };
    let pace = if command.now { Pace::Now } else { Pace::Staged };
    let rotated = run(&command.target, async |management| {
        rotate(management.ctx(), &Caller::Operator, purpose, pace)
            .await
            .map_err(refused)
    })?;
    let value = match rotated {
        Rotated::Published { kid, usable_from } => {
            json!({"published": kid, "rotate_again_from": usable_from.to_string()})
        }
        Rotated::Waiting { usable_from } => {
            json!({"waiting": true, "rotate_again_from": usable_from.to_string()})
        }
        Rotated::Activated { kid } => json!({"in_use": kid}),
    };
    show(command.target.json, &value);
    Ok(())
}

fn list(command: &List) -> Result<(), Failure> {
    show_list(
        command.target.json,
        &[
            "kid",
            "purpose",
            "algorithm",
            "state",
            "until",
            "created_at",
        ],
        &views_of(&command.target)?,
    );
    Ok(())
}

/// A realm's keys as they are told.
fn views_of(target: &Target) -> Result<Vec<Value>, Failure> {
    let keys = run(target, async |management| {
        let store = &management.engine.identity.store;
        store
            .read(management.realm.id, |tx| tx.list_keys())
            .await
            .map_err(store_failure)
    })?;
    Ok(keys.iter().map(view_of).collect())
}

fn view_of(key: &KeyRecord) -> Value {
    let (state, until) = match key.state {
        KeyState::Next => ("next", None),
        KeyState::Active => ("active", None),
        KeyState::Retiring { until } => ("retiring", Some(until.to_string())),
    };
    json!({
        "kid": key.kid, "purpose": key.purpose.as_str(), "algorithm": key.algorithm,
        "state": state, "until": until, "created_at": key.created_at.to_string(),
    })
}
