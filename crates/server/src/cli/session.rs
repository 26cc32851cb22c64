//! `doorward session`.

use super::Failure;
use super::args::Target;
use super::manage::{Whom, refused, run, show_list};
use clap::{Args, Subcommand};
use doorward_base::SessionId;
use doorward_console::SessionView;
use doorward_identity::act::{self, Caller};

#[derive(Subcommand, Debug)]
pub(super) enum Session {
    /// List a person's sessions that are not over
    List(List),
    /// End a session: its refresh tokens work no more
    End(End),
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Args, Debug)]
pub(super) struct End {
    #[command(flatten)]
    target: Target,
    /// The session's id: the `sid` claim
    session: SessionId,
}

impl Session {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(command) => list(&command),
            Self::End(command) => end(&command),
        }
    }
}

fn list(command: &List) -> Result<(), Failure> {
    let sessions = run(&command.target, async |management| {
        let subject = command.whom.find(management).await?;
        act::list_sessions(management.ctx(), &Caller::Operator, subject)
            .await
            .map_err(refused)
    })?;
    show_list(
        command.target.json,
        &[
            "id",
            "tenant",
            "created_at",
            "refreshed_at",
            "ends_at",
            "address",
            "user_agent",
        ],
        sessions
            .iter()
            .map(|session| SessionView::of(session, None)),
    );
    Ok(())
}

fn end(command: &End) -> Result<(), Failure> {
    run(&command.target, async |management| {
        act::end_session(management.ctx(), &Caller::Operator, command.session)
            .await
            .map_err(refused)
    })
}
