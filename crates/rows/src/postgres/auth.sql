-- The schema auth: who the caller of a transaction is, as its policies and queries ask.
--
-- auth.begin takes the caller's context with a MAC that only Doorward can make for this
-- session and these seconds, and seals it for this transaction alone. Whatever else is
-- written into the setting doorward.context is refused: a MAC that was read there fits no
-- other transaction, and no other session. Without a context nobody is anybody.
--
-- The functions that compare MACs run as the owner, who alone may read the keys. Those that
-- people call are bound to what they call when they are made, whatever the search path.

CREATE TABLE IF NOT EXISTS doorward.rows_key (
    role name PRIMARY KEY,
    open_inner bytea NOT NULL,
    open_outer bytea NOT NULL,
    seal_inner bytea NOT NULL,
    seal_outer bytea NOT NULL
);
REVOKE ALL ON doorward.rows_key FROM PUBLIC;
COMMENT ON TABLE doorward.rows_key IS
    'The padded keys (RFC 2104) by which contexts are proven: for each login role, of what Doorward says and of what this database says of it.';

CREATE OR REPLACE FUNCTION auth.begin(claims text, until bigint, mac bytea) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body text := lpad(until::text, 12, '0') || claims;
    seal text;
BEGIN
    SELECT encode(sha256(k.seal_outer || sha256(k.seal_inner || int4send(pg_backend_pid())
            || timestamptz_send(transaction_timestamp()) || convert_to(body, 'UTF8'))), 'hex')
        INTO seal
        FROM doorward.rows_key k
        WHERE k.role = session_user AND sha256(mac) = sha256(sha256(k.open_outer || sha256(
            k.open_inner || int4send(pg_backend_pid()) || convert_to(body, 'UTF8'))));
    IF seal IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'doorward: this context is not for this session';
    END IF;
    IF until < extract(epoch FROM clock_timestamp()) THEN
        RAISE insufficient_privilege USING MESSAGE = 'doorward: this context is over';
    END IF;
    PERFORM set_config('doorward.context', seal || body, true);
END
$$;

CREATE OR REPLACE FUNCTION auth.context() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    said text := current_setting('doorward.context', true);
    body text;
BEGIN
    IF said IS NULL OR said = '' THEN
        RETURN NULL;
    END IF;
    -- Digests of both sides: how long the comparison takes tells nothing of the seal.
    SELECT substr(said, 65) INTO body
        FROM doorward.rows_key k
        WHERE k.role = session_user AND sha256(convert_to(left(said, 64), 'UTF8')) =
            sha256(convert_to(encode(sha256(k.seal_outer || sha256(k.seal_inner
                || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp())
                || convert_to(substr(said, 65), 'UTF8'))), 'hex'), 'UTF8'));
    IF body IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'doorward: this context is not of this transaction';
    END IF;
    IF left(body, 12)::bigint < extract(epoch FROM clock_timestamp()) THEN
        RAISE insufficient_privilege USING MESSAGE = 'doorward: this context is over';
    END IF;
    RETURN substr(body, 13)::jsonb;
END
$$;

CREATE OR REPLACE FUNCTION auth.tenant_id() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->>) 'tenant_id';

CREATE OR REPLACE FUNCTION auth.user_id() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->>) 'sub';

CREATE OR REPLACE FUNCTION auth.role() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->>) 'role';

CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->) 'jwt';

CREATE OR REPLACE FUNCTION auth.credential_id() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->>) 'credential_id';

CREATE OR REPLACE FUNCTION auth.credential_kind() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN auth.context() OPERATOR(pg_catalog.->>) 'credential_kind';

CREATE OR REPLACE FUNCTION auth.in_tenant(tenant text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN coalesce(auth.tenant_id() OPERATOR(pg_catalog.=) tenant, false);

CREATE OR REPLACE FUNCTION auth.has_role(role text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN coalesce(auth.role() OPERATOR(pg_catalog.=) has_role.role, false);

-- The next whole number for a column, counted in each tenant by itself: what others insert
-- shows in no key. Runs as the caller, under its policies.
CREATE OR REPLACE FUNCTION auth.next_id(of regclass, key text) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(auth.tenant_id(), of::oid::bigint));
    EXECUTE format('SELECT coalesce(max(%I), 0) + 1 FROM %s', key, of) INTO number;
    RETURN number;
END
$$;

REVOKE ALL ON FUNCTION auth.begin(text, bigint, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION auth.next_id(regclass, text) FROM PUBLIC;
