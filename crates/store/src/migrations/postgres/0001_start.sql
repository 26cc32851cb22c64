-- Everything below a realm carries the realm in its key, and references carry it
-- too, so that a row can only point inside its own realm.
-- Times: microseconds since the Unix epoch. Lists of names: sorted, separated by one
-- space; '' is the empty list, NULL is "no list". Texts are ordered by their bytes.
--
-- Plans are made once, perhaps while a table is empty, and an empty table costs nothing
-- by any index. So whatever finds a row by its key must have one index to choose:
-- * The column that tells rows apart leads, and the realm comes after it: an index that
--   begins with the realm offers itself to every statement, and a realm may be all
--   there is.
-- * "WHERE x IS NOT NULL" on a column that never is NULL keeps an index for those
--   statements that compare x, in a join too.
-- * "WHERE deleted_at > 0", which whatever asks "IS NOT NULL" does not say, keeps an index
--   for the listings of what was deleted.
-- * "WHERE realm > 0" and "WHERE kind <> ''", which always hold, keep an index for those
--   statements that say so too: listings of a realm, which must not read its neighbours,
--   and of an owner. The former is one more entry to write for each subject, epoch and
--   API token. They are made seldom, and what is updated often is in no index.

CREATE TABLE realm (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE store_value (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

-- The processes that serve. Their clocks are not compared: seen_at is this server's.
CREATE TABLE node (
    id      uuid PRIMARY KEY,
    name    text COLLATE "C" NOT NULL,
    terms   text COLLATE "C" NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Who may run a job, and until when nobody else may.
CREATE TABLE job_lease (
    job    text COLLATE "C" PRIMARY KEY,
    holder uuid NOT NULL,
    until  timestamptz NOT NULL
);

CREATE TABLE tenant (
    realm      bigint NOT NULL REFERENCES realm (id),
    id         text COLLATE "C" NOT NULL CHECK (id <> ''),
    name       text COLLATE "C",
    signed_up  boolean NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint,
    swept_at   bigint,
    PRIMARY KEY (realm, id),
    CHECK (deleted_at IS NULL OR name IS NULL),
    CHECK (swept_at IS NULL OR deleted_at IS NOT NULL)
);
CREATE INDEX tenant_deleted ON tenant (realm, deleted_at) WHERE deleted_at > 0;
CREATE INDEX tenant_unswept ON tenant (realm, id) WHERE deleted_at > 0 AND swept_at IS NULL;

-- A deleted subject keeps its row, so that what it owned points somewhere until it is
-- swept, and its id is never given again; nothing finds it. So does a deleted tenant.
-- sub: UTF-8 as bytes. It is another's, and may hold what a text here cannot.
-- last_sign_in_at is written again and again: no index has it.
CREATE TABLE subject (
    realm         bigint NOT NULL REFERENCES realm (id),
    id            uuid NOT NULL,
    kind          text COLLATE "C" NOT NULL
                  CHECK (kind IN ('user', 'service', 'tenant_keys', 'external')),
    email         text COLLATE "C",
    email_confirmed_at bigint,
    email_proven_at    bigint,
    email_shown_at     bigint,
    home          text COLLATE "C",
    phone         text COLLATE "C",
    phone_confirmed_at bigint,
    phone_proven_at    bigint,
    anonymous     boolean,
    tenant        text COLLATE "C",
    issuer        text COLLATE "C",
    sub           bytea,
    name          text COLLATE "C",
    disabled_at   bigint,
    banned_until  bigint,
    user_metadata text COLLATE "C" NOT NULL,
    app_metadata  text COLLATE "C" NOT NULL,
    created_at    bigint NOT NULL,
    last_sign_in_at bigint,
    deleted_at    bigint,
    swept_at      bigint,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    FOREIGN KEY (realm, home) REFERENCES tenant (realm, id),
    CHECK (email IS NULL OR kind IN ('user', 'service')),
    CHECK (phone IS NULL OR kind = 'user'),
    CHECK (kind <> 'service' OR email IS NOT NULL OR deleted_at IS NOT NULL),
    CHECK (email_confirmed_at IS NULL OR (email IS NOT NULL AND kind = 'user')),
    CHECK (email_proven_at IS NULL OR email_confirmed_at IS NOT NULL),
    CHECK (email_shown_at IS NULL OR email_proven_at IS NOT NULL),
    CHECK (home IS NULL OR (email IS NOT NULL AND email_confirmed_at IS NULL)),
    CHECK (phone_confirmed_at IS NULL OR phone IS NOT NULL),
    CHECK (phone_proven_at IS NULL OR phone_confirmed_at IS NOT NULL),
    CHECK ((anonymous IS NOT NULL) = (kind = 'user')),
    CHECK (NOT anonymous OR (email IS NULL AND phone IS NULL)),
    CHECK ((tenant IS NOT NULL) = (kind = 'tenant_keys')),
    CHECK ((issuer IS NOT NULL) = (kind = 'external' AND deleted_at IS NULL)),
    CHECK ((sub IS NOT NULL) = (issuer IS NOT NULL)),
    CHECK (disabled_at IS NULL OR banned_until IS NULL),
    CHECK (deleted_at IS NULL OR (email IS NULL AND phone IS NULL AND name IS NULL
           AND user_metadata = '{}' AND app_metadata = '{}')),
    CHECK (swept_at IS NULL OR deleted_at IS NOT NULL)
);
-- home: the tenant in which alone the address counts; NULL is the whole realm. Each kind has
-- its own space of addresses.
CREATE UNIQUE INDEX subject_by_email ON subject (email, realm, kind, coalesce(home, ''))
    WHERE email IS NOT NULL;
-- A number is one user's once it is confirmed; before, anybody may have typed it.
CREATE UNIQUE INDEX subject_by_phone ON subject (phone, realm) WHERE phone_confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX subject_by_tenant ON subject (tenant, realm) WHERE tenant IS NOT NULL;
CREATE UNIQUE INDEX subject_by_external ON subject (sub, issuer, realm) WHERE issuer IS NOT NULL;
CREATE INDEX subject_listed ON subject (realm, id) WHERE realm > 0;
CREATE INDEX subject_unswept ON subject (realm, id) WHERE deleted_at > 0 AND swept_at IS NULL;

-- A subject's names at logins elsewhere. sub: as above.
CREATE TABLE identity (
    realm        bigint NOT NULL,
    id           uuid NOT NULL,
    subject      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    sub          bytea NOT NULL CHECK (octet_length(sub) BETWEEN 1 AND 255),
    data         text COLLATE "C" NOT NULL,
    created_at   bigint NOT NULL,
    last_used_at bigint,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id)
);
CREATE UNIQUE INDEX identity_by_sub ON identity (sub, provider, realm) WHERE sub IS NOT NULL;
CREATE INDEX identity_by_subject ON identity (subject, realm, id) WHERE subject IS NOT NULL;

CREATE TABLE password (
    realm   bigint NOT NULL,
    subject uuid NOT NULL,
    phc     text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id)
);

CREATE TABLE membership (
    realm      bigint NOT NULL,
    id         uuid NOT NULL,
    subject    uuid NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
);
CREATE UNIQUE INDEX membership_once ON membership (subject, tenant, realm);
CREATE INDEX membership_listed ON membership (tenant, realm, id) WHERE realm > 0;

-- Everything single-use: taken once, or ended. slot: what it is the one pending of its
-- kind for. Codes are compared, long secrets found, by the digest.
CREATE TABLE challenge (
    realm      bigint NOT NULL,
    id         uuid NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    slot       text COLLATE "C",
    subject    uuid,
    address    text COLLATE "C",
    tenant     text COLLATE "C",
    made_by    uuid,
    payload    text COLLATE "C" NOT NULL,
    attempts   bigint NOT NULL CHECK (attempts >= 0),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    FOREIGN KEY (realm, made_by) REFERENCES subject (realm, id)
);
CREATE UNIQUE INDEX challenge_by_digest ON challenge (digest, realm) WHERE digest IS NOT NULL;
CREATE UNIQUE INDEX challenge_by_slot ON challenge (slot, kind, realm) WHERE slot IS NOT NULL;
CREATE INDEX challenge_by_subject ON challenge (subject, realm) WHERE subject IS NOT NULL;
CREATE INDEX challenge_by_maker ON challenge (made_by, coalesce(tenant, ''), realm)
    WHERE made_by IS NOT NULL;
CREATE INDEX challenge_by_address ON challenge (address, realm) WHERE address IS NOT NULL;
CREATE INDEX challenge_by_tenant ON challenge (tenant, realm, id) WHERE tenant IS NOT NULL;
CREATE INDEX challenge_listed ON challenge (realm, kind, id) WHERE kind <> '';
CREATE INDEX challenge_expired ON challenge (realm, expires_at) WHERE realm > 0;

-- A grant without a tenant is realm-wide; one without an audience is for every API.
CREATE TABLE grant_ (
    realm      bigint NOT NULL,
    subject    uuid NOT NULL,
    tenant     text COLLATE "C",
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('role', 'default', 'permission')),
    name       text COLLATE "C" NOT NULL,
    audience   text COLLATE "C",
    granted_at bigint NOT NULL,
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK (audience IS NULL OR kind = 'permission')
);
CREATE UNIQUE INDEX grant_once
    ON grant_ (subject, realm, coalesce(tenant, ''), kind, name, coalesce(audience, ''));

CREATE TABLE tenant_role (
    realm       bigint NOT NULL,
    tenant      text COLLATE "C" NOT NULL,
    role        text COLLATE "C" NOT NULL,
    permissions text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, realm, role),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
);

-- What a tenant was given of a limit of the configuration; per in microseconds, of a rate.
CREATE TABLE tenant_limit (
    realm      bigint NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('rate', 'in_flight', 'quota')),
    most       bigint NOT NULL CHECK (most > 0),
    per        bigint CHECK (per > 0),
    burst      bigint CHECK (burst > 0),
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant, realm, name),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((kind = 'rate') = (per IS NOT NULL) AND (kind = 'rate') = (burst IS NOT NULL))
);

-- What is used of quotas of the calendar. The holder is hashed with the limit's name, under
-- a key made of the master key.
CREATE TABLE quota_use (
    realm   bigint NOT NULL REFERENCES realm (id),
    holder  text COLLATE "C" NOT NULL CHECK (length(holder) = 32),
    start   bigint NOT NULL,
    ends_at bigint NOT NULL CHECK (ends_at > start),
    used    bigint NOT NULL,
    PRIMARY KEY (holder, realm, start)
);
CREATE INDEX quota_use_over ON quota_use (ends_at);

-- epoch: the time of the last change, and later than every other epoch of its subject, so
-- that a row that is forgotten takes nothing back.
CREATE TABLE epoch (
    realm   bigint NOT NULL,
    subject uuid NOT NULL,
    tenant  text COLLATE "C",
    epoch   bigint NOT NULL CHECK (epoch > 0),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
);
CREATE UNIQUE INDEX epoch_once ON epoch (subject, realm, coalesce(tenant, ''));
CREATE INDEX epoch_listed ON epoch (realm, epoch) WHERE realm > 0;

-- Every API token of an owner (bound to the tenant, if one is named) that was made before
-- is revoked. One row says so, whatever the number of tokens; a job writes it into each of
-- them and takes the row away. number grows and is never given again.
CREATE TABLE ending (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    realm   bigint NOT NULL,
    subject uuid NOT NULL,
    tenant  text COLLATE "C",
    at      bigint NOT NULL,
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
);
CREATE UNIQUE INDEX ending_once ON ending (subject, realm, coalesce(tenant, ''));
CREATE INDEX ending_listed ON ending (realm, number) WHERE realm > 0;

-- state_at: until when a retiring token works, or since when a revoked one does not.
-- after_ending: the last ending of its owner that was before it.
-- last_used_at and last_used_from are written again and again: no index has them, and
-- pages keep room, so that the new version of a row stays on its page.
CREATE TABLE api_token (
    realm        bigint NOT NULL,
    id           uuid NOT NULL,
    class        text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('personal', 'service', 'key')),
    owner        uuid NOT NULL,
    tenant       text COLLATE "C",
    roles        text COLLATE "C",
    permissions  text COLLATE "C",
    audiences    text COLLATE "C",
    environment  text COLLATE "C",
    name         text COLLATE "C",
    state        text COLLATE "C" NOT NULL CHECK (state IN ('active', 'retiring', 'revoked')),
    state_at     bigint,
    created_at   bigint NOT NULL,
    created_by   uuid,
    replaces     uuid,
    expires_at   bigint,
    last_used_at bigint,
    last_used_from text COLLATE "C",
    notice_at    bigint,
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    digest_key   text COLLATE "C" NOT NULL,
    after_ending bigint NOT NULL,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, owner) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((state_at IS NULL) = (state = 'active'))
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX api_token_by_digest ON api_token (digest, realm) WHERE digest IS NOT NULL;
CREATE INDEX api_token_by_owner ON api_token (owner, realm, id) WHERE kind <> '';
CREATE INDEX api_token_by_tenant ON api_token (tenant, realm, id) WHERE tenant IS NOT NULL;
CREATE INDEX api_token_by_maker ON api_token (created_by, realm, id)
    WHERE created_by IS NOT NULL;
-- What counts against a limit, by owner, class and tenant, or none.
CREATE INDEX api_token_active ON api_token (owner, class, coalesce(tenant, ''), realm,
    coalesce(expires_at, 9223372036854775807)) WHERE state = 'active';
CREATE INDEX api_token_newest ON api_token (owner, class, coalesce(tenant, ''), realm, created_at)
    WHERE created_at > 0;
CREATE INDEX api_token_live ON api_token (owner, tenant, realm)
    WHERE state <> 'revoked' AND realm > 0;
CREATE INDEX api_token_expired ON api_token (realm, expires_at)
    WHERE state = 'active' AND expires_at > 0;
CREATE INDEX api_token_listed ON api_token (realm, id) WHERE realm > 0;
CREATE INDEX api_token_revoked ON api_token (realm, state_at) WHERE state = 'revoked';
CREATE INDEX api_token_retiring ON api_token (realm, state_at) WHERE state = 'retiring';
-- Of whose end somebody is to be told next, tenant by tenant.
CREATE INDEX api_token_notice ON api_token (realm, notice_at, tenant, id)
    WHERE state = 'active' AND notice_at > 0;

CREATE TABLE session (
    realm       bigint NOT NULL,
    id          uuid NOT NULL,
    subject     uuid NOT NULL,
    tenant      text COLLATE "C",
    roles       text COLLATE "C",
    permissions text COLLATE "C",
    audiences   text COLLATE "C",
    environment text COLLATE "C",
    ended_at    bigint,
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    idle_until  bigint,
    steps       text COLLATE "C" NOT NULL,
    aal         text COLLATE "C" NOT NULL CHECK (aal IN ('aal1', 'aal2')),
    factor      uuid,
    client      uuid,
    made_from   uuid,
    address     text COLLATE "C",
    user_agent  text COLLATE "C",
    refreshed_at   bigint,
    refresh_digest bytea CHECK (length(refresh_digest) = 32),
    refresh_key    text COLLATE "C",
    refresh_number bigint CHECK (refresh_number BETWEEN 0 AND 4294967295),
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((refresh_digest IS NULL) = (refresh_key IS NULL)),
    CHECK ((refresh_digest IS NULL) = (refresh_number IS NULL))
);
-- Rotation changes no indexed column, so that it stays within the row's page.
CREATE UNIQUE INDEX session_refresh ON session (refresh_digest, realm)
    WHERE refresh_digest IS NOT NULL;
CREATE INDEX session_active ON session (subject, realm, created_at, id)
    WHERE ended_at IS NULL AND subject IS NOT NULL;
-- Those that ended too: they go with their subject.
CREATE INDEX session_by_subject ON session (subject, realm, id) WHERE aal <> '';
CREATE INDEX session_over ON session (realm, expires_at) WHERE ended_at IS NULL AND realm > 0;
CREATE INDEX session_ended ON session (realm, ended_at) WHERE ended_at IS NOT NULL;

-- counter: the last one that was used; it only grows.
CREATE TABLE factor (
    realm        bigint NOT NULL,
    id           uuid NOT NULL,
    subject      uuid NOT NULL,
    kind         text COLLATE "C" NOT NULL
                 CHECK (kind IN ('totp', 'passkey', 'recovery_codes', 'phone')),
    verified_at  bigint,
    name         text COLLATE "C",
    sealed       bytea,
    data         text COLLATE "C",
    counter      bigint,
    created_at   bigint NOT NULL,
    last_used_at bigint,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    CHECK ((sealed IS NULL) <> (data IS NULL))
);
CREATE INDEX factor_by_subject ON factor (subject, realm, created_at, id)
    WHERE subject IS NOT NULL;

-- Revoked clients stay: the audit log names them.
CREATE TABLE client (
    realm         bigint NOT NULL REFERENCES realm (id),
    id            uuid NOT NULL,
    name          text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('confidential', 'public')),
    tenant        text COLLATE "C",
    roles         text COLLATE "C",
    permissions   text COLLATE "C",
    audiences     text COLLATE "C",
    environment   text COLLATE "C",
    redirect_uris text COLLATE "C" NOT NULL,
    revoked_at    bigint,
    created_at    bigint NOT NULL,
    created_by    uuid,
    PRIMARY KEY (id, realm),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
);
CREATE INDEX client_listed ON client (realm, id) WHERE realm > 0;
CREATE INDEX client_by_tenant ON client (tenant, realm, id) WHERE tenant IS NOT NULL;
CREATE INDEX client_revoked ON client (realm, revoked_at) WHERE revoked_at IS NOT NULL;

-- last_used_at is written again and again, as that of api_token.
CREATE TABLE client_secret (
    realm          bigint NOT NULL,
    client         uuid NOT NULL,
    digest         bytea NOT NULL CHECK (octet_length(digest) = 32),
    created_at     bigint NOT NULL,
    expires_at     bigint,
    last_used_at   bigint,
    last_used_from text COLLATE "C",
    FOREIGN KEY (realm, client) REFERENCES client (realm, id)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX client_secret_by_digest ON client_secret (digest, realm)
    WHERE digest IS NOT NULL;
CREATE INDEX client_secret_by_client ON client_secret (client, realm) WHERE client IS NOT NULL;

CREATE TABLE realm_key (
    realm      bigint NOT NULL REFERENCES realm (id),
    kid        text COLLATE "C" NOT NULL,
    purpose    text COLLATE "C" NOT NULL CHECK (purpose IN ('access', 'internal', 'digest')),
    algorithm  text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
    until      bigint,
    sealed     bytea NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (realm, kid),
    CHECK ((until IS NOT NULL) = (state = 'retiring'))
);
CREATE UNIQUE INDEX realm_key_active ON realm_key (realm, purpose) WHERE state = 'active';

-- Audit rows outlive and precede what they speak of: no references. That the realm is
-- there is seen to by the statement that appends: a reference would lock the realm's row
-- for every request.
CREATE TABLE audit (
    seq           bigint GENERATED ALWAYS AS IDENTITY,
    realm         bigint NOT NULL,
    at            bigint NOT NULL,
    request       uuid NOT NULL,
    actor         text COLLATE "C" NOT NULL
                  CHECK (actor IN ('operator', 'subject', 'anonymous', 'system')),
    actor_subject uuid,
    action        text COLLATE "C" NOT NULL,
    refused       text COLLATE "C",
    subject       uuid,
    tenant        text COLLATE "C",
    token         uuid,
    session       uuid,
    peer          text COLLATE "C",
    detail        text COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, seq),
    CHECK ((actor_subject IS NOT NULL) = (actor = 'subject'))
);
-- What most events are is not in it: those are found soon enough by the realm's order.
CREATE INDEX audit_by_action ON audit (realm, action, seq)
    WHERE action NOT IN ('token.exchange', 'session.refresh', 'session.sign_in');
CREATE INDEX audit_by_subject ON audit (realm, subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX audit_by_tenant ON audit (realm, tenant, seq) WHERE tenant IS NOT NULL;
-- What somebody did to others or to nobody: few rows, found when its address must go.
CREATE INDEX audit_by_actor ON audit (actor_subject, realm)
    WHERE actor_subject IS NOT NULL AND subject IS DISTINCT FROM actor_subject;

-- Mail that waits (due_at), or was given up (reason). What was sent is not kept. The
-- subject goes with its mail, so it is no reference.
CREATE TABLE outbox (
    realm      bigint NOT NULL REFERENCES realm (id),
    id         uuid NOT NULL,
    subject    uuid,
    recipient  text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    language   text COLLATE "C",
    variables  text COLLATE "C" NOT NULL,
    sealed     bytea,
    attempts   bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    due_at     bigint,
    reason     text COLLATE "C",
    failed_at  bigint,
    PRIMARY KEY (realm, id),
    CHECK ((due_at IS NULL) = (failed_at IS NOT NULL)),
    CHECK ((reason IS NULL) = (failed_at IS NULL)),
    CHECK (sealed IS NULL OR failed_at IS NULL)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_failed ON outbox (realm, failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX outbox_by_subject ON outbox (realm, subject) WHERE subject IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (realm, recipient);

-- Messages to the realm's webhook that wait (due_at), or were given up (reason). What was
-- delivered is not kept.
CREATE TABLE webhook (
    realm      bigint NOT NULL REFERENCES realm (id),
    id         uuid NOT NULL,
    tenant     text COLLATE "C",
    kind       text COLLATE "C" NOT NULL,
    body       text COLLATE "C" NOT NULL,
    attempts   bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    due_at     bigint,
    reason     text COLLATE "C",
    failed_at  bigint,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((due_at IS NULL) = (failed_at IS NOT NULL)),
    CHECK ((reason IS NULL) = (failed_at IS NULL))
);
CREATE INDEX webhook_due ON webhook (realm, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_over ON webhook (realm, coalesce(failed_at, expires_at));
CREATE INDEX webhook_by_tenant ON webhook (realm, tenant) WHERE tenant IS NOT NULL;

CREATE TABLE change_log (
    seq   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    realm bigint NOT NULL REFERENCES realm (id),
    kind  text COLLATE "C" NOT NULL CHECK (kind IN ('api_token', 'session', 'client', 'subject', 'keys', 'tenants', 'limits')),
    ref   uuid,
    CHECK ((ref IS NULL) = (kind IN ('keys', 'tenants', 'limits')))
);

-- Has no rows. A transaction that writes locks it beside the others; one that collided
-- before locks it for itself, and so runs alone.
CREATE TABLE turn ();
