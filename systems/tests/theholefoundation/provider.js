// An OpenID provider that nobody here wrote (npm: oidc-provider), with the paths and habits of
// Auth0: JSON to /oauth/token, `audience` for a resource, `<id>@clients` for machines, and an
// issuer with a slash at its end. What begins with /test/ is the tests' own way to change its
// keys and to have it sign what no provider would.
import crypto from "node:crypto";
import http from "node:http";

const { default: Provider } = await import(`${LIBRARIES}/oidc-provider/lib/index.js`);

const API = "https://api.theholefoundation.org";
const SCOPES = [
  "read:transparency", "read:foia", "write:foia", "chat:assistant", "compile:documents",
  "read:database", "admin:database", "execute:workflows", "read:storage", "write:storage",
  "read:vectors", "write:vectors", "admin:vectors", "read:projects", "write:projects",
].join(" ");
const CALLBACK = "https://theholetruth.example/callback";
const SECRET = crypto.randomBytes(24).toString("base64url");

const keys = new Map();
let published = ["k1"];
let fetches = 0;
let provider;
let issuer;

// A kid that begins with ec or ed is of such a key, any other is RSA.
function key(kid) {
  if (!keys.has(kid)) {
    const kind = { ec: ["ec", { namedCurve: "P-256" }], ed: ["ed25519"] }[kid.slice(0, 2)];
    const { privateKey } = crypto.generateKeyPairSync(...(kind ?? ["rsa", { modulusLength: 2048 }]));
    keys.set(kid, privateKey);
  }
  return keys.get(kid);
}

function jwk(kid) {
  return { ...key(kid).export({ format: "jwk" }), kid, alg: "RS256", use: "sig" };
}

function client(client_id, grant) {
  const web = grant === "authorization_code";
  return {
    client_id, client_secret: SECRET, grant_types: [grant],
    redirect_uris: web ? [CALLBACK] : [], response_types: web ? ["code"] : [],
    token_endpoint_auth_method: client_id === "gate" ? "client_secret_basic" : "client_secret_post",
  };
}

function make() {
  provider = new Provider(issuer, {
    jwks: { keys: published.map(jwk) },
    clients: [
      client("web", "authorization_code"),
      client("machine@clients", "client_credentials"),
      client("gate", "client_credentials"),
    ],
    routes: {
      jwks: "/.well-known/jwks.json", token: "/oauth/token", authorization: "/authorize",
      introspection: "/oauth/introspect",
    },
    scopes: ["openid", "profile", "email"],
    claims: { profile: ["name"], email: ["email"] },
    conformIdTokenClaims: false,
    cookies: { keys: [SECRET] },
    pkce: { required: () => false },
    ttl: { AccessToken: 86400, ClientCredentials: 86400, Grant: 86400, IdToken: 3600,
      Interaction: 600, Session: 86400, AuthorizationCode: 60 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          scope: SCOPES, audience, accessTokenFormat: "jwt", accessTokenTTL: 86400,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: "Somebody", email: "somebody@example.org" }),
    }),
    async loadExistingGrant(ctx) {
      const { client: of, session, provider: own } = ctx.oidc;
      const grant = new own.Grant({ clientId: of.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid profile email");
      grant.addResourceScope(API, SCOPES);
      await grant.save();
      return grant;
    },
    extraTokenClaims: (_, token) => (token.accountId ? {} : { gty: "client-credentials" }),
  });
  provider.on("server_error", (_, error) => console.error(error));
  provider.on("grant.error", (_, error) => console.error(error.error_detail ?? error));
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

// A sign-in by the authorization code, as a browser and an application do it together.
async function login({ sub, audience, scope }) {
  const jar = new Map();
  let at = new URL("authorize", issuer);
  at.search = new URLSearchParams({
    client_id: "web", response_type: "code", redirect_uri: CALLBACK, login_hint: sub,
    scope: `openid profile email ${scope ?? ""}`.trim(), nonce: "n-0S6_WzA2Mj",
    ...(audience ? { resource: audience } : {}),
  });
  for (let hops = 0; hops < 8 && !at.href.startsWith(CALLBACK); hops += 1) {
    const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
    const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) jar.set(name, value); else jar.delete(name);
    }
    if (!answer.headers.get("location")) throw new Error(await answer.text());
    at = new URL(answer.headers.get("location"), at);
  }
  if (!at.searchParams.has("code")) throw new Error(`no code: ${at.search}`);
  const token = await fetch(new URL("oauth/token", issuer), {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: at.searchParams.get("code"), client_id: "web",
      client_secret: SECRET, redirect_uri: CALLBACK, ...(audience ? { resource: audience } : {}),
    }),
  });
  return token.json();
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const b64 = (value) => Buffer.from(value).toString("base64url");

// A token of this header and these claims, by the key of a kid or against all reason.
function sign({ header, claims, raw, by = "k1", how = "RS256", signature }) {
  const text = (part) => (typeof part === "string" ? part : JSON.stringify(part));
  const head = header ?? { alg: how.startsWith("HS256") ? "HS256" : how, typ: "JWT", kid: by };
  const input = raw ?? `${b64(text(head))}.${b64(text(claims))}`;
  const open = crypto.createPublicKey(key(by));
  const hmac = (secret) => crypto.createHmac("sha256", secret).update(input).digest("base64url");
  const rsa = (hash, more) => crypto.sign(hash, Buffer.from(input), { key: key(by), ...more });
  const ecdsa = () => rsa("sha256", { dsaEncoding: "ieee-p1363" });
  const made = {
    RS256: () => b64(rsa("sha256")),
    RS512: () => b64(rsa("sha512")),
    PS256: () => b64(rsa("sha256", {
      padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32,
    })),
    ES256: () => b64(ecdsa()),
    ES256der: () => b64(rsa("sha256")),
    // The same signature but for s, which is the order of the curve less the other one's.
    ES256twin: () => {
      const both = ecdsa();
      const s = P256_ORDER - BigInt(`0x${both.subarray(32).toString("hex")}`);
      both.write(s.toString(16).padStart(64, "0"), 32, "hex");
      return b64(both);
    },
    EdDSA: () => b64(rsa(null)),
    // A padding that ends early, with what an attacker likes behind it (CVE-2006-4339).
    RS256lax: () => {
      const digest = crypto.createHash("sha256").update(input).digest();
      const head = Buffer.from("0001ffffffffffffffff00", "hex");
      const info = Buffer.from("3031300d060960864801650304020105000420", "hex");
      const text = Buffer.concat([head, info, digest, Buffer.alloc(256)]).subarray(0, 256);
      const padding = crypto.constants.RSA_NO_PADDING;
      return b64(crypto.privateEncrypt({ key: key(by), padding }, text));
    },
    literal: () => signature,
    none: () => "",
    garbage: () => b64(crypto.randomBytes(256)),
    HS256pem: () => hmac(open.export({ format: "pem", type: "spki" })),
    HS256pkcs1: () => hmac(open.export({ format: "pem", type: "pkcs1" })),
    HS256der: () => hmac(open.export({ format: "der", type: "spki" })),
    HS256jwk: () => hmac(JSON.stringify(open.export({ format: "jwk" }))),
    HS256n: () => hmac(Buffer.from(open.export({ format: "jwk" }).n, "base64url")),
    HS256empty: () => hmac(""),
    HS256secret: () => hmac(Buffer.from(signature, "base64url")),
  };
  return `${input}.${made[how]()}`;
}

const own = {
  "/test/keys": (asked) => {
    published = asked.publish;
    make();
    return {};
  },
  "/test/fetches": () => ({ fetches }),
  "/test/login": login,
  "/test/sign": (asked) => ({ token: sign(asked) }),
  "/test/public": ({ kid = "k1" }) => crypto.createPublicKey(key(kid)).export({ format: "jwk" }),
  "/test/secret": () => ({ secret: SECRET }),
};

async function serve(request, response) {
  const { pathname } = new URL(request.url, issuer);
  const json = (value, status = 200) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (own[pathname]) {
    const text = await body(request);
    return json(await own[pathname](text ? JSON.parse(text) : {}));
  }
  if (pathname.startsWith("/interaction/")) {
    const { params } = await provider.interactionDetails(request, response);
    const result = { login: { accountId: params.login_hint } };
    return provider.interactionFinished(request, response, result);
  }
  const type = request.headers["content-type"] ?? "";
  if (pathname === "/oauth/token" && type.startsWith("application/json")) {
    const { audience, client_id, ...rest } = JSON.parse(await body(request));
    const form = { ...rest, client_id: `${client_id}@clients` };
    if (audience) form.resource = audience;
    const answer = await fetch(new URL("oauth/token", issuer), {
      method: "POST", body: new URLSearchParams(form),
    });
    return json(await answer.json(), answer.status);
  }
  if (pathname === "/.well-known/jwks.json") fetches += 1;
  return provider.callback()(request, response);
}

const server = http.createServer((request, response) => {
  serve(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(PORT, "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}/`;
  make();
  console.log(`listening on ${server.address().port}`);
});
