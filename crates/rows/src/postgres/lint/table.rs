//! The lints, a row each: its code, its words, and the query that finds it and says what
//! mends it. `@role@`, `@schema@` and `@tenant@` are texts in quotes.

use super::Lint;

/// What one lint is.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) says: &'static str,
    /// Answers the object and the mending SQL.
    pub(super) sql: &'static str,
}

/// What holds rows and the caller role can get at, beside the system's own and ours.
pub(super) const REACH: &str = "
    reach AS (SELECT c.*, format('%I.%I', n.nspname, c.relname) AS said, n.nspname,
            (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid
                AND a.attname = @tenant@ AND NOT a.attisdropped) AS tenant
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('information_schema', 'doorward', 'auth')
            AND n.nspname NOT LIKE 'pg\\_%' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND has_schema_privilege(@role@::name, n.oid, 'USAGE')
            AND (has_any_column_privilege(@role@::name, c.oid, 'SELECT, INSERT, UPDATE')
                OR has_table_privilege(@role@::name, c.oid, 'DELETE, TRUNCATE')))";

/// The permissive policies that the caller role is under, and whether a fence stands behind.
pub(super) const POLICIES: &str = "
    policies AS (SELECT p.polname, r.said, r.oid AS relation,
            coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' '
                || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') AS says,
            EXISTS (SELECT FROM pg_policy f WHERE f.polrelid = r.oid AND NOT f.polpermissive
                AND f.polcmd = '*' AND f.polroles && ARRAY[0::oid, me.oid]
                AND pg_get_expr(f.polqual, f.polrelid) ~ 'auth[.]tenant_id'
                AND pg_get_expr(f.polqual, f.polrelid) !~* ' or | is null|coalesce') AS fenced
        FROM reach r JOIN pg_policy p ON p.polrelid = r.oid AND p.polpermissive
        JOIN pg_roles me ON me.rolname = @role@
        WHERE 0 = ANY (p.polroles) OR EXISTS (SELECT FROM unnest(p.polroles) AS o(id)
            WHERE o.id <> 0 AND pg_has_role(me.oid, o.id, 'MEMBER')))";

pub(super) const fn row(lint: Lint) -> Row {
    match lint {
        Lint::RoleBypasses => Row {
            code: "role_bypasses",
            says: "the caller role is a superuser or has BYPASSRLS: no policy binds it",
            sql: "SELECT rolname::text, format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS', rolname)
                FROM pg_roles WHERE rolname = @role@ AND (rolsuper OR rolbypassrls)",
        },
        Lint::RoleOwns => Row {
            code: "role_owns",
            says: "the caller role owns it, and may take its policies away",
            sql: "WITH @reach@ SELECT said, format('ALTER TABLE %s OWNER TO CURRENT_USER', said)
                FROM reach JOIN pg_roles me ON me.rolname = @role@
                WHERE NOT me.rolsuper AND pg_has_role(me.oid, relowner, 'MEMBER') ORDER BY said",
        },
        Lint::RoleIsMember => Row {
            code: "role_is_member",
            says: "the caller role may become this role by SET ROLE",
            sql: "SELECT g.rolname::text, format('REVOKE %I FROM %I', g.rolname, @role@)
                FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                JOIN pg_roles me ON me.oid = m.member
                WHERE me.rolname = @role@ ORDER BY 1",
        },
        Lint::RoleCreates => Row {
            code: "role_creates",
            says: "the caller role may make tables and functions in this schema",
            sql: "SELECT n.nspname::text, format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC, %I',
                    n.nspname, @role@)
                FROM pg_namespace n
                WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                    AND has_schema_privilege(@role@::name, n.oid, 'CREATE') ORDER BY 1",
        },
        Lint::ActivityVisible => Row {
            code: "activity_visible",
            says: "callers share a role, so each can read in pg_stat_activity what others run",
            sql: "SELECT 'pg_stat_activity', format('ALTER ROLE %I SET track_activities = off', @role@)
                WHERE NOT EXISTS (SELECT FROM pg_db_role_setting s
                    JOIN pg_roles me ON me.oid = s.setrole
                    WHERE me.rolname = @role@ AND 'track_activities=off' = ANY (s.setconfig))",
        },
        Lint::TableOpen => Row {
            code: "table_open",
            says: "the table has no row-level security",
            sql: "WITH @reach@ SELECT said, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, \
                    FORCE ROW LEVEL SECURITY', said)
                FROM reach WHERE relkind IN ('r', 'p') AND NOT relispartition
                    AND NOT relrowsecurity ORDER BY said",
        },
        Lint::PartitionOpen => Row {
            code: "partition_open",
            says: "the partition can be read by its own name, and has no row-level security",
            sql: "WITH @reach@ SELECT said, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, \
                    FORCE ROW LEVEL SECURITY; REVOKE ALL ON %s FROM PUBLIC, %I', said, said, @role@)
                FROM reach WHERE relispartition AND NOT relrowsecurity ORDER BY said",
        },
        Lint::ForceMissing => Row {
            code: "force_missing",
            says: "its policies do not bind its owner, nor what runs with the owner's rights",
            sql: "WITH @reach@ SELECT said, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', said)
                FROM reach WHERE relrowsecurity AND NOT relforcerowsecurity ORDER BY said",
        },
        Lint::PolicyMissing => Row {
            code: "policy_missing",
            says: "the table has a tenant's column and no policy",
            sql: "WITH @reach@ SELECT said, format('CREATE POLICY doorward_tenant ON %s AS RESTRICTIVE \
                    USING (%I = (SELECT auth.tenant_id()))', said, @tenant@::text)
                FROM reach r WHERE relkind IN ('r', 'p') AND tenant IS NOT NULL AND NOT EXISTS
                    (SELECT FROM pg_policy p WHERE p.polrelid = r.oid) ORDER BY said",
        },
        Lint::TenantMissing => Row {
            code: "tenant_missing",
            says: "the table has no tenant's column",
            sql: "WITH @reach@ SELECT said, format('ALTER TABLE %s ADD COLUMN %I text NOT NULL \
                    DEFAULT auth.tenant_id()', said, @tenant@::text)
                FROM reach WHERE relkind IN ('r', 'p') AND tenant IS NULL ORDER BY said",
        },
        Lint::KeyWithoutTenant => Row {
            code: "key_without_tenant",
            says: "a unique key without the tenant: it tells whether another tenant has the value",
            sql: "WITH @reach@ SELECT format('%s (%s)', r.said, i.indexrelid::regclass),
                    CASE WHEN k.oid IS NULL THEN format('-- with %I among its columns: %s',
                            @tenant@::text, pg_get_indexdef(i.indexrelid))
                        ELSE format('-- after the references to it: ALTER TABLE %s DROP CONSTRAINT \
                            %I, ADD %s', r.said, k.conname, regexp_replace(
                                pg_get_constraintdef(k.oid), '[(]',
                                format('(%I, ', @tenant@::text))) END
                FROM reach r JOIN pg_index i ON i.indrelid = r.oid
                LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
                WHERE i.indisunique AND (r.tenant IS NULL
                    OR NOT r.tenant = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) ORDER BY 1",
        },
        Lint::ReferenceWithoutTenant => Row {
            code: "reference_without_tenant",
            says: "a foreign key without the tenant: it can point at another tenant's row",
            sql: "WITH @reach@ SELECT format('%s (%I)', r.said, k.conname),
                    format('-- with the key it points at: ALTER TABLE %s DROP CONSTRAINT %I, ADD %s',
                        r.said, k.conname, regexp_replace(pg_get_constraintdef(k.oid),
                            '^(FOREIGN KEY [(])(.*?[)] REFERENCES [^(]*[(])',
                            format('\\1%1$I, \\2%1$I, ', @tenant@::text)))
                FROM reach r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f'
                WHERE k.conparentid = 0 AND NOT EXISTS (SELECT FROM
                    unnest(k.conkey, k.confkey) AS u(here, there)
                    JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.there
                    WHERE u.here = r.tenant AND f.attname = @tenant@) ORDER BY 1",
        },
        Lint::ViewOfOwner => Row {
            code: "view_of_owner",
            says: "the view reads with its owner's rights, not its reader's",
            sql: "WITH @reach@ SELECT said, format('ALTER VIEW %s SET (security_invoker = true)', said)
                FROM reach WHERE relkind = 'v' AND NOT coalesce(
                    reloptions && ARRAY['security_invoker=true', 'security_invoker=on',
                        'security_invoker=1'], false) ORDER BY said",
        },
        Lint::ViewMaterialized => Row {
            code: "view_materialized",
            says: "a materialized view's rows are under no policy",
            sql: "WITH @reach@ SELECT said, format('REVOKE ALL ON %s FROM PUBLIC, %I', said, @role@)
                FROM reach WHERE relkind = 'm' ORDER BY said",
        },
        Lint::TableForeign => Row {
            code: "table_foreign",
            says: "a foreign table's rows are under no policy",
            sql: "WITH @reach@ SELECT said, format('REVOKE ALL ON %s FROM PUBLIC, %I', said, @role@)
                FROM reach WHERE relkind = 'f' ORDER BY said",
        },
        Lint::FunctionDefiner => Row {
            code: "function_definer",
            says: "the function runs with its owner's rights, and the caller role may call it",
            sql: "SELECT p.oid::regprocedure::text, format('ALTER FUNCTION %s SECURITY INVOKER',
                    p.oid::regprocedure)
                FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                    AND NOT (n.nspname = 'auth' AND p.proname IN ('begin', 'context'))
                    AND has_schema_privilege(@role@::name, n.oid, 'USAGE')
                    AND has_function_privilege(@role@::name, p.oid, 'EXECUTE') ORDER BY 1",
        },
        Lint::PolicyOpen => Row {
            code: "policy_open",
            says: "the policy lets rows through whatever their tenant",
            sql: "WITH @reach@, @policies@ SELECT format('%s (%I)', said, polname),
                    format('DROP POLICY %I ON %s', polname, said)
                FROM policies WHERE NOT fenced AND strpos(says, @tenant@) = 0 ORDER BY 1",
        },
        Lint::PolicyWhenUnset => Row {
            code: "policy_when_unset",
            says: "the policy lets rows through where a setting is not set",
            sql: "WITH @reach@, @policies@ SELECT format('%s (%I)', said, polname),
                    format('BEGIN; SET LOCAL ROLE %I; RESET ALL; SELECT count(*) FROM %s; ROLLBACK',
                        @role@, said)
                FROM policies WHERE NOT fenced AND says ~* 'current_setting|auth[.]'
                    AND says ~* ' is null|coalesce|= ''''|nullif|is not true|is distinct' ORDER BY 1",
        },
        Lint::PolicyOnSetting => Row {
            code: "policy_on_setting",
            says: "the policy believes a setting, which whoever writes SQL can set",
            sql: "WITH @reach@, @policies@ SELECT format('%s (%I)', said, polname),
                    '-- compare with (SELECT auth.tenant_id()) instead'
                FROM policies WHERE NOT fenced AND says ~* 'current_setting'
                    AND says !~* 'request[.]' ORDER BY 1",
        },
        Lint::PolicyOnHeader => Row {
            code: "policy_on_header",
            says: "the policy believes what the client sent",
            sql: "WITH @reach@, @policies@ SELECT format('%s (%I)', said, polname),
                    '-- compare with (SELECT auth.tenant_id()) instead'
                FROM policies WHERE says ~* 'request[.](header|cookie|jwt|method|path)' ORDER BY 1",
        },
        Lint::GrantToPublic => Row {
            code: "grant_to_public",
            says: "everybody who can connect has rights on it",
            sql: "WITH @reach@ SELECT DISTINCT said, format('REVOKE ALL ON %s FROM PUBLIC', said)
                FROM reach CROSS JOIN aclexplode(relacl) AS a
                WHERE a.grantee = 0 ORDER BY 1",
        },
    }
}
