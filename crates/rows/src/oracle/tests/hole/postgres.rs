//! Holes in shared tables, planted by SQL.

use super::super::postgres::{Databases, databases};
use super::super::*;
use super::STATEMENTS;
use crate::postgres::Lint;

/// One hole. `@role@` is the caller role, `@owner@` the tables' owner.
struct Hole {
    name: &'static str,
    plant: &'static str,
    heal: &'static str,
    lint: Option<Lint>,
    /// By whom else it is found: with the check of texts, or where that fell, going how far.
    oracle: Option<(Check, Reach)>,
    /// A table or view that it brings, and of whose form.
    brings: Option<(&'static str, &'static str)>,
}

const BY_ANYBODY: Option<(Check, Reach)> = Some((Check::On, Reach::Tables));
const BY_IDENTITY: Option<(Check, Reach)> = Some((Check::Off, Reach::Identity));
const FENCE: &str = "
    DROP POLICY IF EXISTS doorward_tenant ON notes; DROP POLICY IF EXISTS doorward_rows ON notes;
    CREATE POLICY doorward_tenant ON notes AS RESTRICTIVE FOR ALL TO PUBLIC
        USING (tenant_id = (SELECT auth.tenant_id()))
        WITH CHECK (tenant_id = (SELECT auth.tenant_id()));
    CREATE POLICY doorward_rows ON notes FOR ALL TO @role@ USING (true) WITH CHECK (true)";

const HOLES: [Hole; 24] = [
    Hole {
        name: "the caller role bypasses policies",
        plant: "ALTER ROLE @role@ BYPASSRLS",
        heal: "ALTER ROLE @role@ NOBYPASSRLS",
        lint: Some(Lint::RoleBypasses),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "an owner's connection without FORCE",
        plant: "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY; ALTER TABLE notes OWNER TO @role@",
        heal: "ALTER TABLE notes OWNER TO @owner@; ALTER TABLE notes FORCE ROW LEVEL SECURITY;
            GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO @role@",
        lint: Some(Lint::ForceMissing),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a policy that is true",
        plant: "DROP POLICY doorward_tenant ON notes",
        heal: FENCE,
        lint: Some(Lint::PolicyOpen),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a policy that passes when its setting is unset",
        plant: "DROP POLICY doorward_tenant ON notes; ALTER POLICY doorward_rows ON notes
            USING (current_setting('app.tenant_id', true) IS NULL
                OR tenant_id = current_setting('app.tenant_id', true))",
        heal: FENCE,
        lint: Some(Lint::PolicyWhenUnset),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a policy with a way around",
        plant: "DROP POLICY doorward_tenant ON notes; ALTER POLICY doorward_rows ON notes
            USING (tenant_id = (SELECT auth.tenant_id()) OR stars > 71)",
        heal: FENCE,
        lint: None,
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "no WITH CHECK",
        plant: "ALTER POLICY doorward_tenant ON notes WITH CHECK (true)",
        heal: FENCE,
        lint: None,
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a tenant that a setting fills in, and no WITH CHECK",
        plant: "ALTER POLICY doorward_tenant ON notes WITH CHECK (true);
            ALTER TABLE notes ALTER tenant_id
                SET DEFAULT coalesce(current_setting('app.tenant_id', true), auth.tenant_id())",
        heal: "ALTER TABLE notes ALTER tenant_id SET DEFAULT auth.tenant_id();
            ALTER POLICY doorward_tenant ON notes WITH CHECK (tenant_id = (SELECT auth.tenant_id()))",
        lint: None,
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a view with its owner's rights",
        plant: "CREATE VIEW peek AS SELECT * FROM notes; GRANT SELECT ON peek TO @role@",
        heal: "DROP VIEW peek",
        lint: Some(Lint::ViewOfOwner),
        oracle: BY_ANYBODY,
        brings: Some(("peek", "notes")),
    },
    Hole {
        name: "a leaky operator before a view's condition",
        plant: "CREATE VIEW peek AS SELECT * FROM notes WHERE tenant_id || '' = auth.tenant_id();
            GRANT SELECT ON peek TO @role@",
        heal: "DROP VIEW peek",
        lint: Some(Lint::ViewOfOwner),
        oracle: BY_ANYBODY,
        brings: Some(("peek", "notes")),
    },
    Hole {
        name: "a materialized view",
        plant: "CREATE MATERIALIZED VIEW peek AS SELECT * FROM notes; GRANT SELECT ON peek TO @role@",
        heal: "DROP MATERIALIZED VIEW peek",
        lint: Some(Lint::ViewMaterialized),
        oracle: BY_ANYBODY,
        brings: Some(("peek", "notes")),
    },
    Hole {
        name: "a partition without row-level security",
        plant: "CREATE TABLE logs (LIKE notes) PARTITION BY LIST (tenant_id);
            CREATE TABLE logs_globex PARTITION OF logs FOR VALUES IN ('globex');
            INSERT INTO logs SELECT * FROM notes WHERE tenant_id = 'globex';
            ALTER TABLE logs ENABLE ROW LEVEL SECURITY; ALTER TABLE logs FORCE ROW LEVEL SECURITY;
            CREATE POLICY own ON logs USING (tenant_id = (SELECT auth.tenant_id()));
            GRANT SELECT ON logs, logs_globex TO @role@",
        heal: "DROP TABLE logs",
        lint: Some(Lint::PartitionOpen),
        oracle: BY_ANYBODY,
        brings: Some(("logs_globex", "notes")),
    },
    Hole {
        name: "a table without row-level security",
        plant: "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        heal: "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
        lint: Some(Lint::TableOpen),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a unique key without the tenant",
        plant: "CREATE UNIQUE INDEX told ON authors (name)",
        heal: "DROP INDEX told",
        lint: Some(Lint::KeyWithoutTenant),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a reference without the tenant",
        plant: "ALTER TABLE notes DROP CONSTRAINT notes_author_fkey;
            ALTER TABLE authors ADD CONSTRAINT told UNIQUE (id);
            ALTER TABLE notes ADD CONSTRAINT points FOREIGN KEY (author) REFERENCES authors (id)",
        heal: "ALTER TABLE notes DROP CONSTRAINT points; ALTER TABLE authors DROP CONSTRAINT told;
            TRUNCATE notes CASCADE;
            ALTER TABLE notes ADD CONSTRAINT notes_author_fkey FOREIGN KEY (tenant_id, author)
                REFERENCES authors (tenant_id, id) ON DELETE SET NULL (author)",
        lint: Some(Lint::ReferenceWithoutTenant),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a sequence that tenants share",
        plant: "CREATE SEQUENCE counted START 1000; GRANT USAGE ON SEQUENCE counted TO @role@;
            ALTER TABLE notes ALTER id SET DEFAULT nextval('counted');
            SELECT nextval('counted') FROM notes WHERE tenant_id = 'globex'",
        heal: "ALTER TABLE notes ALTER id SET DEFAULT auth.next_id('notes'::regclass, 'id');
            DROP SEQUENCE counted",
        lint: None,
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a trigger that writes to the other tenant",
        plant: "CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                UPDATE public.authors SET rank = rank + 1 WHERE tenant_id = 'globex';
                RETURN NEW;
            END $$;
            CREATE TRIGGER follows AFTER INSERT OR UPDATE ON notes FOR EACH ROW
                EXECUTE FUNCTION follow()",
        heal: "DROP TRIGGER follows ON notes; DROP FUNCTION follow()",
        lint: Some(Lint::FunctionDefiner),
        oracle: BY_ANYBODY,
        brings: None,
    },
    Hole {
        name: "a policy on a client's header",
        plant: "DROP POLICY doorward_tenant ON notes; ALTER POLICY doorward_rows ON notes
            USING (tenant_id = coalesce(nullif(current_setting('request.headers', true), '')::json
                ->> 'x-tenant-id', auth.tenant_id()))",
        heal: FENCE,
        lint: Some(Lint::PolicyOnHeader),
        oracle: BY_IDENTITY,
        brings: None,
    },
    Hole {
        name: "a policy on a setting that callers may set",
        plant: "DROP POLICY doorward_tenant ON notes; ALTER POLICY doorward_rows ON notes
            USING (tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), ''),
                auth.tenant_id()))",
        heal: FENCE,
        lint: Some(Lint::PolicyOnSetting),
        oracle: BY_IDENTITY,
        brings: None,
    },
    Hole {
        name: "a context that is not bound to its transaction",
        plant: "CREATE OR REPLACE FUNCTION auth.context() RETURNS jsonb LANGUAGE sql STABLE
            AS $$ SELECT substr(nullif(current_setting('doorward.context', true), ''), 77)::jsonb $$",
        heal: "@context@",
        lint: None,
        oracle: BY_IDENTITY,
        brings: None,
    },
    Hole {
        name: "statistics that callers may read",
        plant: "ANALYZE notes; ANALYZE authors; ANALYZE tags",
        heal: "",
        lint: None,
        oracle: Some((Check::Off, Reach::Catalogues)),
        brings: None,
    },
    Hole {
        name: "a function with its owner's rights",
        plant: "CREATE FUNCTION peek() RETURNS SETOF notes LANGUAGE sql SECURITY DEFINER
            AS $$ SELECT * FROM public.notes $$",
        heal: "DROP FUNCTION peek()",
        lint: Some(Lint::FunctionDefiner),
        oracle: None,
        brings: None,
    },
    Hole {
        name: "a caller role that may become the owner",
        plant: "GRANT @owner@ TO @role@",
        heal: "REVOKE @owner@ FROM @role@",
        lint: Some(Lint::RoleIsMember),
        oracle: None,
        brings: None,
    },
    Hole {
        name: "rights that everybody has",
        plant: "GRANT SELECT ON notes TO PUBLIC",
        heal: "REVOKE SELECT ON notes FROM PUBLIC",
        lint: Some(Lint::GrantToPublic),
        oracle: None,
        brings: None,
    },
    Hole {
        name: "what others run can be read",
        plant: "ALTER ROLE @role@ RESET track_activities",
        heal: "ALTER ROLE @role@ SET track_activities = off",
        lint: Some(Lint::ActivityVisible),
        oracle: None,
        brings: None,
    },
];

impl Databases {
    /// Runs SQL as the superuser in both.
    async fn both(&self, sql: &str) {
        for (admin, rows) in self.admins.iter().zip(&self.rows) {
            let name = admin
                .query_one("SELECT current_database()::text", &[])
                .await;
            let name: String = name.unwrap().get(0);
            let sql = sql
                .replace("@role@", &format!("\"{}\"", rows.role()))
                .replace("@owner@", &format!("owner_{name}"));
            admin.batch_execute(&sql).await.unwrap();
        }
    }

    async fn lints(&self) -> Vec<Lint> {
        let found = self.rows[0].lint().await.unwrap();
        found.into_iter().map(|finding| finding.lint).collect()
    }

    /// Everything as at first: a hole may have let rows be changed.
    async fn refill(&self) {
        self.both("TRUNCATE authors, notes, tags").await;
        for side in &self.world.sides {
            write(&**side, OWN, &OWN_ROWS).await;
        }
        write(&*self.world.sides[1], OTHER, &OTHERS_ROWS).await;
    }

    /// The world as a hole's reach and its tables make it.
    fn ground(&self, hole: &Hole, reach: Reach) -> Ground {
        let mut ground = self.world.ground.clone();
        ground.reach = reach;
        if let Some((name, form)) = hole.brings {
            let mut schema = (*ground.schema).clone();
            let mut brought = schema.table(form).unwrap().clone();
            brought.name = name.to_owned();
            brought.is_view = true;
            schema.tables.push(brought);
            ground.schema = Arc::new(schema);
        }
        ground
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hole_in_shared_tables_is_found() {
    let databases = databases().await;
    // An owner who is no superuser may not say so.
    databases
        .both("ALTER ROLE @role@ SET track_activities = off")
        .await;
    assert_eq!(databases.lints().await, []);
    let context = "SELECT pg_get_functiondef('auth.context()'::regprocedure)";
    let context = databases.admins[0].query_one(context, &[]).await.unwrap();
    let context: String = context.get(0);
    for hole in &HOLES {
        databases.both(hole.plant).await;
        if let Some(lint) = hole.lint {
            let found = databases.lints().await;
            assert!(found.contains(&lint), "{}: {found:?}", hole.name);
        }
        if let Some((check, reach)) = hole.oracle {
            let world = World {
                sides: databases.world.sides.clone(),
                ground: databases.ground(hole, reach),
                files: [const { String::new() }; 2],
            };
            if check == Check::Off {
                // The other lock by itself: what checks texts lets nobody come to it.
                world.explore(1, STATEMENTS, Check::On).await.unwrap();
            }
            let found = world.explore(1, STATEMENTS, check).await;
            let found = found.err();
            let at = found.as_ref().map(|found| found.at);
            println!("{}: {at:?}", hole.name);
            assert!(found.is_some(), "{}: the oracle finds nothing", hole.name);
        }
        databases
            .both(&hole.heal.replace("@context@", &context))
            .await;
        databases.refill().await;
        assert_eq!(databases.lints().await, [], "after {}", hole.name);
    }
    let quiet = databases.world.explore(1, STATEMENTS, Check::On).await;
    quiet.unwrap();
}
