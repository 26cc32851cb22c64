//! Each lint finds its planted hole, names it, and finds nothing before.

use super::*;

/// SQL of the superuser that opens a hole; `@role@` is the caller role.
const HOLES: [(Lint, &str, &str); 20] = [
    (Lint::RoleBypasses, "ALTER ROLE @role@ BYPASSRLS", "@role@"),
    (Lint::RoleOwns, "ALTER TABLE notes OWNER TO @role@", "public.notes"),
    (Lint::RoleIsMember, "GRANT pg_read_all_data TO @role@", "pg_read_all_data"),
    (Lint::RoleCreates, "GRANT CREATE ON SCHEMA public TO @role@", "public"),
    (Lint::TableOpen, "ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "public.notes"),
    (
        Lint::PartitionOpen,
        "CREATE TABLE days (tenant_id text, d int, PRIMARY KEY (tenant_id, d)) PARTITION BY RANGE (d);
         CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (9);
         ALTER TABLE days ENABLE ROW LEVEL SECURITY; GRANT SELECT ON days_1 TO @role@",
        "public.days_1",
    ),
    (Lint::ForceMissing, "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY", "public.notes"),
    (
        Lint::PolicyMissing,
        "DROP POLICY doorward_tenant ON notes; DROP POLICY doorward_rows ON notes",
        "public.notes",
    ),
    (
        Lint::TenantMissing,
        "CREATE TABLE plain (id int); GRANT SELECT ON plain TO @role@",
        "public.plain",
    ),
    (
        Lint::KeyWithoutTenant,
        "CREATE UNIQUE INDEX bodies ON notes (body)",
        "public.notes (bodies)",
    ),
    (
        Lint::ReferenceWithoutTenant,
        "DELETE FROM authors WHERE tenant_id = 'globex'; CREATE UNIQUE INDEX ON authors (id);
         ALTER TABLE notes ADD CONSTRAINT loose FOREIGN KEY (author) REFERENCES authors (id)",
        "public.notes (loose)",
    ),
    (
        Lint::ViewOfOwner,
        "CREATE VIEW peek AS SELECT * FROM notes; GRANT SELECT ON peek TO @role@",
        "public.peek",
    ),
    (
        Lint::ViewMaterialized,
        "CREATE MATERIALIZED VIEW frozen AS SELECT * FROM notes; GRANT SELECT ON frozen TO @role@",
        "public.frozen",
    ),
    (
        Lint::TableForeign,
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
         CREATE FOREIGN TABLE far (tenant_id text) SERVER s; GRANT SELECT ON far TO @role@",
        "public.far",
    ),
    (
        Lint::FunctionDefiner,
        "CREATE FUNCTION peek() RETURNS SETOF notes LANGUAGE sql SECURITY DEFINER AS 'TABLE notes'",
        "peek()",
    ),
    (
        Lint::PolicyOpen,
        "DROP POLICY doorward_tenant ON notes",
        "public.notes (doorward_rows)",
    ),
    (
        Lint::PolicyWhenUnset,
        "DROP POLICY doorward_tenant ON notes; CREATE POLICY lax ON notes USING
            (auth.tenant_id() IS NULL OR tenant_id = auth.tenant_id())",
        "public.notes (lax)",
    ),
    (
        Lint::PolicyOnSetting,
        "DROP POLICY doorward_tenant ON notes; CREATE POLICY lax ON notes USING
            (tenant_id = current_setting('app.tenant', true))",
        "public.notes (lax)",
    ),
    (
        Lint::PolicyOnHeader,
        "CREATE POLICY lax ON notes USING
            (tenant_id = current_setting('request.headers', true)::json ->> 'x-tenant')",
        "public.notes (lax)",
    ),
    (Lint::GrantToPublic, "GRANT SELECT ON notes TO PUBLIC", "public.notes"),
];

#[tokio::test]
async fn each_lint_finds_its_hole() {
    let bed = sample().await;
    let before = bed.rows.lint().await.unwrap();
    assert!(
        before
            .iter()
            .all(|found| found.lint == Lint::ActivityVisible),
        "{before:?}"
    );
    let planted: Vec<Lint> = HOLES.iter().map(|(lint, ..)| *lint).collect();
    for lint in Lint::ALL {
        let of_roles = lint == Lint::ActivityVisible;
        assert!(planted.contains(&lint) || of_roles, "{}", lint.code());
    }
    let role = bed.rows.role().to_owned();
    for (lint, hole, object) in HOLES {
        // The lints are read in the transaction that opened the hole, which never ends well.
        let hole = hole.replace("@role@", &role);
        bed.admin
            .batch_execute(&format!("BEGIN; {hole}"))
            .await
            .unwrap();
        let found = lint::all(&bed.admin, bed.rows.protection()).await.unwrap();
        let object = object.replace("@role@", &role);
        let hit = found
            .iter()
            .find(|found| found.lint == lint && found.object == object);
        assert!(hit.is_some(), "{}: {found:?}", lint.code());
        assert!(!hit.unwrap().mend.is_empty());
        bed.admin.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn what_mends_a_hole_mends_it() {
    let bed = sample().await;
    for (lint, hole, _) in HOLES {
        let role = bed.rows.role();
        let hole = hole.replace("@role@", role);
        bed.admin
            .batch_execute(&format!("BEGIN; {hole}"))
            .await
            .unwrap();
        let found = lint::all(&bed.admin, bed.rows.protection()).await.unwrap();
        let mine: Vec<Finding> = found
            .into_iter()
            .filter(|found| found.lint == lint)
            .collect();
        let shows = mine
            .iter()
            .any(|found| found.mend.starts_with("--") || found.mend.starts_with("BEGIN"));
        if !shows {
            for found in &mine {
                bed.admin.batch_execute(&found.mend).await.unwrap();
            }
            let left = lint::all(&bed.admin, bed.rows.protection()).await.unwrap();
            assert!(
                left.iter().all(|found| found.lint != lint),
                "{}: {left:?}",
                lint.code()
            );
        }
        bed.admin.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_policy_of_somebody_else_s_does_not_widen_the_fence() {
    let bed = sample().await;
    bed.admin
        .batch_execute("CREATE POLICY everything ON notes USING (true) WITH CHECK (true)")
        .await
        .unwrap();
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
    let found = bed.rows.lint().await.unwrap();
    assert!(
        found
            .iter()
            .all(|found| found.lint == Lint::ActivityVisible),
        "{found:?}"
    );
}
