-- Everything below a realm carries the realm in its key, and references carry it
-- too, so that a row can only point inside its own realm.
-- Times: microseconds since the Unix epoch. Ids: 16 bytes. Lists of names: sorted,
-- separated by one space; '' is the empty list, NULL is "no list".

CREATE TABLE realm (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE store_value (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may run a job, and until when nobody else may, in milliseconds since 1970.
CREATE TABLE job_lease (
    job    TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    realm      INTEGER NOT NULL REFERENCES realm (id),
    id         TEXT NOT NULL CHECK (id <> ''),
    name       TEXT,
    signed_up  INTEGER NOT NULL CHECK (signed_up IN (0, 1)),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    swept_at   INTEGER,
    PRIMARY KEY (realm, id),
    CHECK (deleted_at IS NULL OR name IS NULL),
    CHECK (swept_at IS NULL OR deleted_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_deleted ON tenant (realm, deleted_at) WHERE deleted_at > 0;
CREATE INDEX tenant_unswept ON tenant (realm, id) WHERE deleted_at > 0 AND swept_at IS NULL;

-- A deleted subject keeps its row, so that what it owned points somewhere until it is
-- swept, and its id is never given again; nothing finds it. So does a deleted tenant.

CREATE TABLE subject (
    realm         INTEGER NOT NULL REFERENCES realm (id),
    id            BLOB NOT NULL CHECK (length(id) = 16),
    kind          TEXT NOT NULL CHECK (kind IN ('user', 'service', 'tenant_keys', 'external')),
    email         TEXT,
    email_confirmed_at INTEGER,
    email_proven_at    INTEGER,
    email_shown_at     INTEGER,
    home          TEXT,
    phone         TEXT,
    phone_confirmed_at INTEGER,
    phone_proven_at    INTEGER,
    anonymous     INTEGER CHECK (anonymous IN (0, 1)),
    tenant        TEXT,
    issuer        TEXT,
    sub           TEXT,
    name          TEXT,
    disabled_at   INTEGER,
    banned_until  INTEGER,
    user_metadata TEXT NOT NULL,
    app_metadata  TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    deleted_at    INTEGER,
    swept_at      INTEGER,
    PRIMARY KEY (realm, id),
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
    CHECK (ifnull(anonymous, 0) = 0 OR (email IS NULL AND phone IS NULL)),
    CHECK ((tenant IS NOT NULL) = (kind = 'tenant_keys')),
    CHECK ((issuer IS NOT NULL) = (kind = 'external' AND deleted_at IS NULL)),
    CHECK ((sub IS NOT NULL) = (issuer IS NOT NULL)),
    CHECK (disabled_at IS NULL OR banned_until IS NULL),
    CHECK (deleted_at IS NULL OR (email IS NULL AND phone IS NULL AND name IS NULL
           AND user_metadata = '{}' AND app_metadata = '{}')),
    CHECK (swept_at IS NULL OR deleted_at IS NOT NULL)
) STRICT;
-- home: the tenant in which alone the address counts; NULL is the whole realm. Each kind has
-- its own space of addresses.
CREATE UNIQUE INDEX subject_by_email ON subject (realm, email, kind, coalesce(home, ''))
    WHERE email IS NOT NULL;
-- A number is one user's once it is confirmed; before, anybody may have typed it.
CREATE UNIQUE INDEX subject_by_phone ON subject (realm, phone) WHERE phone_confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX subject_by_tenant ON subject (realm, tenant) WHERE tenant IS NOT NULL;
CREATE UNIQUE INDEX subject_by_external ON subject (realm, issuer, sub) WHERE issuer IS NOT NULL;
CREATE INDEX subject_unswept ON subject (realm, id) WHERE deleted_at > 0 AND swept_at IS NULL;

-- A subject's names at logins elsewhere.
CREATE TABLE identity (
    realm        INTEGER NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    subject      BLOB NOT NULL,
    provider     TEXT NOT NULL,
    sub          TEXT NOT NULL CHECK (sub <> ''),
    data         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, provider, sub),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_by_subject ON identity (realm, subject, id);

CREATE TABLE password (
    realm   INTEGER NOT NULL,
    subject BLOB NOT NULL,
    phc     TEXT NOT NULL,
    PRIMARY KEY (realm, subject),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
    realm      INTEGER NOT NULL,
    id         BLOB NOT NULL CHECK (length(id) = 16),
    subject    BLOB NOT NULL,
    tenant     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, subject, tenant),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_tenant ON membership (realm, tenant, id);

-- Everything single-use: taken once, or ended. slot: what it is the one pending of its
-- kind for. Codes are compared, long secrets found, by the digest.
CREATE TABLE challenge (
    realm      INTEGER NOT NULL,
    id         BLOB NOT NULL CHECK (length(id) = 16),
    kind       TEXT NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    slot       TEXT,
    subject    BLOB,
    address    TEXT,
    tenant     TEXT,
    made_by    BLOB,
    payload    TEXT NOT NULL,
    attempts   INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, digest),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    FOREIGN KEY (realm, made_by) REFERENCES subject (realm, id)
) STRICT;
CREATE UNIQUE INDEX challenge_by_slot ON challenge (realm, kind, slot) WHERE slot IS NOT NULL;
CREATE INDEX challenge_by_subject ON challenge (realm, subject) WHERE subject IS NOT NULL;
CREATE INDEX challenge_by_maker ON challenge (realm, made_by, coalesce(tenant, ''))
    WHERE made_by IS NOT NULL;
CREATE INDEX challenge_by_address ON challenge (realm, address) WHERE address IS NOT NULL;
CREATE INDEX challenge_by_tenant ON challenge (realm, tenant, id) WHERE tenant IS NOT NULL;
CREATE INDEX challenge_listed ON challenge (realm, kind, id);
CREATE INDEX challenge_expired ON challenge (realm, expires_at);

-- A grant without a tenant is realm-wide; one without an audience is for every API.
CREATE TABLE grant_ (
    realm      INTEGER NOT NULL,
    subject    BLOB NOT NULL,
    tenant     TEXT,
    kind       TEXT NOT NULL CHECK (kind IN ('role', 'default', 'permission')),
    name       TEXT NOT NULL,
    audience   TEXT,
    granted_at INTEGER NOT NULL,
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK (audience IS NULL OR kind = 'permission')
) STRICT;
CREATE UNIQUE INDEX grant_once
    ON grant_ (realm, subject, coalesce(tenant, ''), kind, name, coalesce(audience, ''));

CREATE TABLE tenant_role (
    realm       INTEGER NOT NULL,
    tenant      TEXT NOT NULL,
    role        TEXT NOT NULL,
    permissions TEXT NOT NULL,
    PRIMARY KEY (realm, tenant, role),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
) STRICT, WITHOUT ROWID;

-- What a tenant was given of a limit of the configuration; per in microseconds, of a rate.
CREATE TABLE tenant_limit (
    realm      INTEGER NOT NULL,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('rate', 'in_flight', 'quota')),
    most       INTEGER NOT NULL CHECK (most > 0),
    per        INTEGER CHECK (per > 0),
    burst      INTEGER CHECK (burst > 0),
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (realm, tenant, name),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((kind = 'rate') = (per IS NOT NULL) AND (kind = 'rate') = (burst IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What is used of quotas of the calendar. The holder is hashed with the limit's name, under
-- a key made of the master key.
CREATE TABLE quota_use (
    realm   INTEGER NOT NULL REFERENCES realm (id),
    holder  TEXT NOT NULL CHECK (length(holder) = 32),
    start   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL CHECK (ends_at > start),
    used    INTEGER NOT NULL,
    PRIMARY KEY (realm, holder, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_use_over ON quota_use (realm, ends_at);

-- epoch: the time of the last change, and later than every other epoch of its subject, so
-- that a row that is forgotten takes nothing back.
CREATE TABLE epoch (
    realm   INTEGER NOT NULL,
    subject BLOB NOT NULL,
    tenant  TEXT,
    epoch   INTEGER NOT NULL CHECK (epoch > 0),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
) STRICT;
CREATE UNIQUE INDEX epoch_once ON epoch (realm, subject, coalesce(tenant, ''));
CREATE INDEX epoch_listed ON epoch (realm, epoch);

-- Every API token of an owner (bound to the tenant, if one is named) that was made before
-- is revoked. One row says so, whatever the number of tokens; a job writes it into each of
-- them and takes the row away. number grows and is never given again.
CREATE TABLE ending (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    realm   INTEGER NOT NULL,
    subject BLOB NOT NULL,
    tenant  TEXT,
    at      INTEGER NOT NULL,
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
) STRICT;
CREATE UNIQUE INDEX ending_once ON ending (realm, subject, coalesce(tenant, ''));
CREATE INDEX ending_listed ON ending (realm, number);

-- state_at: until when a retiring token works, or since when a revoked one does not.
-- after_ending: the last ending of its owner that was before it.
CREATE TABLE api_token (
    realm        INTEGER NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    class        TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('personal', 'service', 'key')),
    owner        BLOB NOT NULL,
    tenant       TEXT,
    roles        TEXT,
    permissions  TEXT,
    audiences    TEXT,
    environment  TEXT,
    name         TEXT,
    state        TEXT NOT NULL CHECK (state IN ('active', 'retiring', 'revoked')),
    state_at     INTEGER,
    created_at   INTEGER NOT NULL,
    created_by   BLOB,
    replaces     BLOB CHECK (length(replaces) = 16),
    expires_at   INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT,
    notice_at    INTEGER,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    digest_key   TEXT NOT NULL,
    after_ending INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, owner) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((state_at IS NULL) = (state = 'active'))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_token_by_digest ON api_token (realm, digest);
CREATE INDEX api_token_by_owner ON api_token (realm, owner, id);
CREATE INDEX api_token_by_tenant ON api_token (realm, tenant, id) WHERE tenant IS NOT NULL;
CREATE INDEX api_token_by_maker ON api_token (realm, created_by, id)
    WHERE created_by IS NOT NULL;
-- What counts against a limit, by owner, class and tenant, or none.
CREATE INDEX api_token_active ON api_token (realm, owner, class, coalesce(tenant, ''),
    coalesce(expires_at, 9223372036854775807)) WHERE state = 'active';
CREATE INDEX api_token_newest ON api_token (realm, owner, class, coalesce(tenant, ''), created_at)
    WHERE created_at > 0;
CREATE INDEX api_token_live ON api_token (realm, owner, tenant) WHERE state <> 'revoked';
CREATE INDEX api_token_expired ON api_token (realm, expires_at)
    WHERE state = 'active' AND expires_at > 0;
CREATE INDEX api_token_revoked ON api_token (realm, state_at) WHERE state = 'revoked';
CREATE INDEX api_token_retiring ON api_token (realm, state_at) WHERE state = 'retiring';
-- Of whose end somebody is to be told next, tenant by tenant.
CREATE INDEX api_token_notice ON api_token (realm, notice_at, tenant, id)
    WHERE state = 'active' AND notice_at > 0;

CREATE TABLE session (
    realm       INTEGER NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    subject     BLOB NOT NULL,
    tenant      TEXT,
    roles       TEXT,
    permissions TEXT,
    audiences   TEXT,
    environment TEXT,
    ended_at    INTEGER,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    idle_until  INTEGER,
    steps       TEXT NOT NULL,
    aal         TEXT NOT NULL CHECK (aal IN ('aal1', 'aal2')),
    factor      BLOB,
    client      BLOB,
    made_from   BLOB,
    address     TEXT,
    user_agent  TEXT,
    refreshed_at   INTEGER,
    refresh_digest BLOB CHECK (length(refresh_digest) = 32),
    refresh_key    TEXT,
    refresh_number INTEGER CHECK (refresh_number BETWEEN 0 AND 4294967295),
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((refresh_digest IS NULL) = (refresh_key IS NULL)),
    CHECK ((refresh_digest IS NULL) = (refresh_number IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_refresh ON session (realm, refresh_digest)
    WHERE refresh_digest IS NOT NULL;
CREATE INDEX session_active ON session (realm, subject, created_at, id) WHERE ended_at IS NULL;
-- Those that ended too: they go with their subject.
CREATE INDEX session_by_subject ON session (realm, subject, id);
CREATE INDEX session_over ON session (realm, expires_at) WHERE ended_at IS NULL;
CREATE INDEX session_ended ON session (realm, ended_at) WHERE ended_at IS NOT NULL;

-- counter: the last one that was used; it only grows.
CREATE TABLE factor (
    realm        INTEGER NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    subject      BLOB NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('totp', 'passkey', 'recovery_codes', 'phone')),
    verified_at  INTEGER,
    name         TEXT,
    sealed       BLOB,
    data         TEXT,
    counter      INTEGER,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, subject) REFERENCES subject (realm, id),
    CHECK ((sealed IS NULL) <> (data IS NULL))
) STRICT;
CREATE INDEX factor_by_subject ON factor (realm, subject, created_at, id);

-- Revoked clients stay: the audit log names them.
CREATE TABLE client (
    realm         INTEGER NOT NULL REFERENCES realm (id),
    id            BLOB NOT NULL CHECK (length(id) = 16),
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('confidential', 'public')),
    tenant        TEXT,
    roles         TEXT,
    permissions   TEXT,
    audiences     TEXT,
    environment   TEXT,
    redirect_uris TEXT NOT NULL,
    revoked_at    INTEGER,
    created_at    INTEGER NOT NULL,
    created_by    BLOB,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id)
) STRICT;
CREATE INDEX client_by_tenant ON client (realm, tenant, id) WHERE tenant IS NOT NULL;
CREATE INDEX client_revoked ON client (realm, revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE client_secret (
    realm          INTEGER NOT NULL,
    client         BLOB NOT NULL,
    digest         BLOB NOT NULL CHECK (length(digest) = 32),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    last_used_at   INTEGER,
    last_used_from TEXT,
    PRIMARY KEY (realm, digest),
    FOREIGN KEY (realm, client) REFERENCES client (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secret_by_client ON client_secret (realm, client);

CREATE TABLE realm_key (
    realm      INTEGER NOT NULL REFERENCES realm (id),
    kid        TEXT NOT NULL,
    purpose    TEXT NOT NULL CHECK (purpose IN ('access', 'internal', 'digest')),
    algorithm  TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
    until      INTEGER,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm, kid),
    CHECK ((until IS NOT NULL) = (state = 'retiring'))
) STRICT;
CREATE UNIQUE INDEX realm_key_active ON realm_key (realm, purpose) WHERE state = 'active';

-- Audit rows outlive and precede what they speak of: no references but the realm.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    realm         INTEGER NOT NULL REFERENCES realm (id),
    at            INTEGER NOT NULL,
    request       BLOB NOT NULL CHECK (length(request) = 16),
    actor         TEXT NOT NULL CHECK (actor IN ('operator', 'subject', 'anonymous', 'system')),
    actor_subject BLOB,
    action        TEXT NOT NULL,
    refused       TEXT,
    subject       BLOB,
    tenant        TEXT,
    token         BLOB,
    session       BLOB,
    peer          TEXT,
    detail        TEXT NOT NULL,
    CHECK ((actor_subject IS NOT NULL) = (actor = 'subject'))
) STRICT;
CREATE INDEX audit_by_realm ON audit (realm, seq);
-- What most events are is not in it: those are found soon enough by the realm's order.
CREATE INDEX audit_by_action ON audit (realm, action, seq)
    WHERE action NOT IN ('token.exchange', 'session.refresh', 'session.sign_in');
CREATE INDEX audit_by_subject ON audit (realm, subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX audit_by_tenant ON audit (realm, tenant, seq) WHERE tenant IS NOT NULL;
-- What somebody did to others or to nobody: few rows, found when its address must go.
CREATE INDEX audit_by_actor ON audit (realm, actor_subject)
    WHERE actor_subject IS NOT NULL AND subject IS NOT actor_subject;

-- Mail that waits (due_at), or was given up (reason). What was sent is not kept. The
-- subject goes with its mail, so it is no reference.
CREATE TABLE outbox (
    realm      INTEGER NOT NULL REFERENCES realm (id),
    id         BLOB NOT NULL CHECK (length(id) = 16),
    subject    BLOB,
    recipient  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    language   TEXT,
    variables  TEXT NOT NULL,
    sealed     BLOB,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at     INTEGER,
    reason     TEXT,
    failed_at  INTEGER,
    PRIMARY KEY (realm, id),
    CHECK ((due_at IS NULL) = (failed_at IS NOT NULL)),
    CHECK ((reason IS NULL) = (failed_at IS NULL)),
    CHECK (sealed IS NULL OR failed_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_failed ON outbox (realm, failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX outbox_by_subject ON outbox (realm, subject) WHERE subject IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (realm, recipient);

-- Messages to the realm's webhook that wait (due_at), or were given up (reason). What was
-- delivered is not kept.
CREATE TABLE webhook (
    realm      INTEGER NOT NULL REFERENCES realm (id),
    id         BLOB NOT NULL CHECK (length(id) = 16),
    tenant     TEXT,
    kind       TEXT NOT NULL,
    body       TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at     INTEGER,
    reason     TEXT,
    failed_at  INTEGER,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, tenant) REFERENCES tenant (realm, id),
    CHECK ((due_at IS NULL) = (failed_at IS NOT NULL)),
    CHECK ((reason IS NULL) = (failed_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_due ON webhook (realm, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_over ON webhook (realm, coalesce(failed_at, expires_at));
CREATE INDEX webhook_by_tenant ON webhook (realm, tenant) WHERE tenant IS NOT NULL;

CREATE TABLE change_log (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    realm INTEGER NOT NULL REFERENCES realm (id),
    kind  TEXT NOT NULL CHECK (kind IN ('api_token', 'session', 'client', 'subject', 'keys', 'tenants', 'limits')),
    ref   BLOB,
    CHECK ((ref IS NULL) = (kind IN ('keys', 'tenants', 'limits')))
) STRICT;
