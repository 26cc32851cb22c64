//! `doorward audit`.

use super::Failure;
use super::args::Target;
use super::manage::{email, refused, run, show_list};
use clap::Args;
use doorward_base::{Email, SubjectId, TenantId};
use doorward_console::AuditView;
use doorward_identity::act::{self, Caller};
use doorward_identity::port::{AuditFilter, Page};
use std::str::FromStr;

/// Lists audit rows, newest first
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  doorward audit --config doorward.toml --realm acme --action token.exchange --limit 20"
)]
pub(super) struct Audit {
    #[command(flatten)]
    target: Target,
    /// Only about this subject: its address, or its id (all that is left of one that was
    /// deleted)
    #[arg(long, value_name = "ADDRESS|ID")]
    subject: Option<Named>,
    /// Only about this tenant
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only this action, for example token.exchange
    #[arg(long)]
    action: Option<String>,
    /// How many rows; 0 is all
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// A subject by what is known of it.
#[derive(Debug, Clone)]
enum Named {
    Address(Email),
    Id(SubjectId),
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => email(text).map(Self::Address),
        }
    }
}

impl Audit {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (subject, tenant, action) = (self.subject, self.tenant, self.action);
        let wanted = if self.limit == 0 {
            usize::MAX
        } else {
            self.limit
        };
        let rows = run(&self.target, async |management| {
            let subject = match subject {
                Some(Named::Address(email)) => Some(management.subject(email).await?.id),
                Some(Named::Id(id)) => Some(id),
                None => None,
            };
            let filter = AuditFilter {
                subject,
                tenant,
                action,
            };
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let limit = u32::try_from((wanted - rows.len()).min(1000)).unwrap_or(1000);
                let page = act::list_audit(
                    management.ctx(),
                    &Caller::Operator,
                    filter.clone(),
                    Page { after, limit },
                )
                .await
                .map_err(refused)?;
                after = page.next;
                rows.extend(page.rows);
                if after.is_none() || rows.len() >= wanted {
                    return Ok(rows);
                }
            }
        })?;
        let members = [
            "at",
            "action",
            "outcome",
            "code",
            "actor",
            "actor_subject",
            "subject",
            "tenant",
            "token_id",
            "peer",
        ];
        show_list(self.target.json, &members, rows.iter().map(AuditView::from));
        Ok(())
    }
}
