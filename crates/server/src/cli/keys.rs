//! `doorward keys`.

use super::args::{Installation, Target};
use super::manage::{refused, run, show, show_list};
use super::{Failure, output};
use crate::config::{MasterKeySource, Overrides};
use crate::engine::{load_configuration, read_or_make_key, store_failure};
use crate::system::SystemEntropy;
use clap::{Args, Subcommand, ValueEnum};
use doorward_identity::act::Caller;
use doorward_identity::act::keys::{Pace, Rotated, rotate};
use doorward_identity::model::{KeyPurpose, KeyState};
use serde_json::json;

#[derive(Subcommand, Debug)]
pub(super) enum Keys {
    /// Make the master key, if the configuration's file is missing
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
            Ok(())
        }
        MasterKeySource::File(path) => read_or_make_key(path, &SystemEntropy).map(drop),
    }
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
    let keys = run(&command.target, async |management| {
        let store = &management.engine.identity.store;
        store
            .read(management.realm.id, |tx| tx.list_keys())
            .await
            .map_err(store_failure)
    })?;
    let items: Vec<_> = keys
        .iter()
        .map(|key| {
            let (state, until) = match key.state {
                KeyState::Next => ("next", None),
                KeyState::Active => ("active", None),
                KeyState::Retiring { until } => ("retiring", Some(until.to_string())),
            };
            json!({
                "kid": key.kid, "purpose": key.purpose.as_str(), "algorithm": key.algorithm,
                "state": state, "until": until, "created_at": key.created_at.to_string(),
            })
        })
        .collect();
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
        &items,
    );
    Ok(())
}
