// supabase-js's database client as it is published, against /rest/v1. What is expected is
// what PostgREST documents; it is the same whichever engine keeps the rows. `world` stands
// before this: where the server is, and the credentials of the callers.
import { deepStrictEqual } from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";

const failures = [];
let calls = 0;

const settings = (global) => ({
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  realtime: { transport: class {} },
  global,
});
const by = (global) => createClient(world.base, "sb_publishable_x", settings(global));
const bearer = (token) => by({ headers: { Authorization: `Bearer ${token}` } });
// An API key goes in its own header: the client's bearer is taken out on the way.
const keyed = (key) =>
  by({
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      headers.delete("Authorization");
      headers.set("X-API-Key", key);
      return fetch(url, { ...init, headers });
    },
  });

const acme = bearer(world.acme);
const globex = bearer(world.globex);
const reader = keyed(world.reader);

/** One call, and those members of its answer that are named. Of an error, the same. */
async function check(name, call, expected) {
  calls += 1;
  const answer = await call;
  const found = {};
  for (const [member, wanted] of Object.entries(expected)) {
    const value = answer[member];
    const partly = member === "error" && wanted !== null && value !== null;
    found[member] = partly
      ? Object.fromEntries(Object.keys(wanted).map((part) => [part, value[part]]))
      : value;
  }
  try {
    deepStrictEqual(found, expected);
  } catch {
    const whole = JSON.stringify(answer.error ?? answer.status);
    failures.push(`${name}:\n  ${JSON.stringify(found)}\n  ${JSON.stringify(expected)}\n  ${whole}`);
  }
}

const rows = (data) => ({ data, error: null, status: 200 });
const refused = (status, code, further = {}) => ({
  data: null,
  status,
  error: { code, ...further },
});

// Rows are made.

await check("insert one", acme.from("products").insert({ id: 1, name: "Tea", price_cents: 300 }), {
  data: null, error: null, status: 201,
});
await check(
  "insert many, told of",
  acme.from("products")
    .insert([{ id: 2, name: "Pot", price_cents: 2500 }, { id: 3, name: "Cup", price_cents: 800 }])
    .select("id,name"),
  { data: [{ id: 2, name: "Pot" }, { id: 3, name: "Cup" }], error: null, status: 201 },
);
await check(
  "insert one, told of alone",
  acme.from("users").insert({ id: 3, email: "cy@example.com" }).select().single(),
  {
    data: { tenant_id: "acme-corp", id: 3, email: "cy@example.com", name: null },
    error: null,
    status: 201,
  },
);
await check(
  "a default is filled in",
  acme.from("orders").insert({ id: 3, user_id: 1 }).select("id,status,total_cents"),
  { data: [{ id: 3, status: "open", total_cents: 0 }], error: null, status: 201 },
);
await check(
  "insert many, counted",
  acme.from("order_items").insert(
    [
      { order_id: 1, product_id: 1, quantity: 2 },
      { order_id: 1, product_id: 2, quantity: 1 },
      { order_id: 2, product_id: 1, quantity: 1 },
    ],
    { count: "exact" },
  ),
  { data: null, error: null, status: 201, count: 3 },
);
const notes = [
  {
    id: 1, title: "Alpha", body: "First, and best", stars: 3, price: 10.5, done: true,
    data: { size: 3, tags: ["red", "blue"], at: { x: [10, 20] }, on: true },
  },
  { id: 2, title: "beta%" },
  {
    id: 3, title: "Gamma", body: "x", stars: 5, price: 7,
    data: { size: 12, tags: ["red"], on: false },
  },
  { id: 4, title: "Delta", body: "(a) b", stars: 1, done: true, data: [1, 2] },
];
await check(
  "members that are missing are null, which this column may not be",
  acme.from("notes").insert(notes),
  refused(400, "23502"),
);
await check(
  "members that are missing have their default",
  acme.from("notes").insert(notes, { defaultToNull: false }).select("id,done,body"),
  {
    data: [
      { id: 1, done: true, body: "First, and best" },
      { id: 2, done: false, body: null },
      { id: 3, done: false, body: "x" },
      { id: 4, done: true, body: "(a) b" },
    ],
    error: null,
    status: 201,
  },
);
await check("globex has a product of the same key", globex.from("products").insert({ id: 1, name: "gxmark", price_cents: 9 }), {
  data: null, error: null, status: 201,
});
await check(
  "globex has notes of the same keys and titles",
  globex.from("notes")
    .insert([{ id: 1, title: "Alpha", body: "gxmark", done: true }, { id: 9, title: "gxmark", body: "gxmark", done: true }])
    .select("id"),
  { data: [{ id: 1 }, { id: 9 }], error: null, status: 201 },
);

// Filters.

for (const [name, filter, ids] of [
  ["eq", (q) => q.eq("stars", 3), [1]],
  ["eq of a text with a sign", (q) => q.eq("title", "beta%"), [2]],
  ["eq of a boolean", (q) => q.eq("done", true), [1, 4]],
  ["eq of a fraction", (q) => q.eq("price", 10.5), [1]],
  ["neq", (q) => q.neq("id", 2), [1, 3, 4]],
  ["neq leaves out null", (q) => q.neq("stars", 3), [3, 4]],
  ["gt", (q) => q.gt("id", 2), [3, 4]],
  ["gte", (q) => q.gte("stars", 3), [1, 3]],
  ["lt", (q) => q.lt("price", 10.5), [3]],
  ["lte", (q) => q.lte("id", 2), [1, 2]],
  ["like", (q) => q.like("title", "%a"), [1, 3, 4]],
  ["like heeds case", (q) => q.like("title", "a%"), []],
  ["like with an escape", (q) => q.like("title", "beta\\%"), [2]],
  ["ilike", (q) => q.ilike("title", "%TA%"), [2, 4]],
  ["like all", (q) => q.likeAllOf("title", ["A%", "%ph%"]), [1]],
  ["like any", (q) => q.likeAnyOf("title", ["A%", "G%"]), [1, 3]],
  ["ilike any", (q) => q.ilikeAnyOf("title", ["a%", "B%"]), [1, 2]],
  ["is null", (q) => q.is("body", null), [2]],
  ["is true", (q) => q.is("done", true), [1, 4]],
  ["is false", (q) => q.is("done", false), [2, 3]],
  ["is distinct", (q) => q.isDistinct("stars", 3), [2, 3, 4]],
  ["in", (q) => q.in("id", [1, 3, 99]), [1, 3]],
  ["in with a comma in a value", (q) => q.in("body", ["First, and best", "x"]), [1, 3]],
  ["in with parentheses in a value", (q) => q.in("body", ["(a) b"]), [4]],
  ["in of nothing", (q) => q.in("id", []), []],
  ["not in", (q) => q.notIn("id", [1, 2]), [3, 4]],
  ["or", (q) => q.or("id.eq.1,and(id.gt.2,done.is.true)"), [1, 4]],
  ["or with not and in", (q) => q.or("title.in.(Alpha,Gamma),not.and(id.gte.2,id.lte.4)"), [1, 3]],
  ["two filters", (q) => q.gt("id", 1).lt("id", 4), [2, 3]],
  ["not eq", (q) => q.not("id", "eq", 2), [1, 3, 4]],
  ["not is null", (q) => q.not("stars", "is", null), [1, 3, 4]],
  ["not in a list", (q) => q.not("id", "in", "(1,2)"), [3, 4]],
  ["match", (q) => q.match({ done: true, stars: 1 }), [4]],
  ["filter", (q) => q.filter("stars", "gte", 3), [1, 3]],
  ["filter by a text in a document", (q) => q.filter("data->>size", "eq", "12"), [3]],
  ["eq of a text in a document", (q) => q.eq("data->>on", "true"), [1]],
  ["gt of a number in a document", (q) => q.gt("data->size", 3), [3]],
  ["eq deep in a document", (q) => q.eq("data->at->x->>1", "20"), [1]],
  ["a document contains an object", (q) => q.contains("data", { on: true }), [1]],
  ["a document contains a list", (q) => q.contains("data", "[2]"), [4]],
  ["a document contains what is deep in it", (q) => q.contains("data", { at: { x: [20] } }), [1]],
  ["a part of a document contains", (q) => q.contains("data->tags", '["red"]'), [1, 3]],
  ["a list in a document is contained", (q) => q.containedBy("data", "[1,2,3]"), [4]],
  ["a document is contained", (q) => q.containedBy("data", { size: 12, tags: ["red", "blue"], on: false }), [3]],
  ["the tenant's own name", (q) => q.eq("tenant_id", "acme-corp"), [1, 2, 3, 4]],
  ["another tenant's name", (q) => q.eq("tenant_id", "globex"), []],
]) {
  const query = filter(acme.from("notes").select("id").order("id"));
  await check(name, query, rows(ids.map((id) => ({ id }))));
}

// What is told of a row.

const note = (select) => acme.from("notes").select(select).eq("id", 1).single();
await check("all columns", note(), rows({ tenant_id: "acme-corp", ...notes[0] }));
await check("an alias", note("name:title"), rows({ name: "Alpha" }));
await check("a cast", note("id::text,flag:done::text"), rows({ id: "1", flag: "true" }));
await check(
  "ways into a document",
  note("data->size,text:data->>size,data->at->x->1,none:data->>nothing"),
  rows({ size: 3, text: "3", x: 20, none: null }),
);
await check(
  "without nulls",
  acme.from("notes").select("id,body,stars").eq("id", 2).stripNulls(),
  rows([{ id: 2 }]),
);

// Order, parts and counts.

for (const [name, order, ids] of [
  ["ascending: null last", (q) => q.order("stars"), [4, 1, 3, 2]],
  ["descending: null first", (q) => q.order("stars", { ascending: false }), [2, 3, 1, 4]],
  ["ascending, null first", (q) => q.order("stars", { nullsFirst: true }), [2, 4, 1, 3]],
  ["descending, null last", (q) => q.order("stars", { ascending: false, nullsFirst: false }), [3, 1, 4, 2]],
  ["by two", (q) => q.order("done", { ascending: false }).order("id", { ascending: false }), [4, 1, 3, 2]],
  ["by a part of a document", (q) => q.order("data->size", { nullsFirst: false }).order("id"), [1, 3, 2, 4]],
  ["limit", (q) => q.order("id").limit(2), [1, 2]],
  ["range", (q) => q.order("id").range(1, 2), [2, 3]],
]) {
  const query = order(acme.from("notes").select("id"));
  await check(name, query, rows(ids.map((id) => ({ id }))));
}
for (const count of ["exact", "planned", "estimated"]) {
  const query = acme.from("notes").select("id", { count }).order("id").range(1, 2);
  await check(`a range, counted: ${count}`, query, {
    data: [{ id: 2 }, { id: 3 }], error: null, status: 206, count: 4,
  });
}
await check(
  "a count alone",
  acme.from("notes").select("*", { count: "exact", head: true }).eq("done", true),
  { data: null, error: null, status: 200, count: 2 },
);
await check(
  "a range beyond the end",
  acme.from("notes").select("id", { count: "exact" }).range(9, 10),
  refused(416, "PGRST103"),
);
await check("one of none", acme.from("notes").select("id").eq("id", 99).single(),
  refused(406, "PGRST116", { details: "The result contains 0 rows" }));
await check("one of many", acme.from("notes").select("id").single(),
  refused(406, "PGRST116", { details: "The result contains 4 rows" }));
await check("perhaps one: one", acme.from("notes").select("title").eq("id", 3).maybeSingle(),
  rows({ title: "Gamma" }));
await check("perhaps one: none", acme.from("notes").select("title").eq("id", 99).maybeSingle(),
  rows(null));
await check("perhaps one: many", acme.from("notes").select("title").maybeSingle(),
  refused(406, "PGRST116"));
await check("csv", acme.from("notes").select("id,title,body,done,price").order("id").csv(),
  rows('id,title,body,done,price\n1,Alpha,"First, and best",t,10.5\n2,beta%,,f,\n3,Gamma,x,f,7\n4,Delta,(a) b,t,'));

// Rows of other tables.

await check(
  "to one",
  acme.from("orders").select("id,users(name)").order("id"),
  rows([
    { id: 1, users: { name: "Ann" } },
    { id: 2, users: { name: "Bob" } },
    { id: 3, users: { name: "Ann" } },
  ]),
);
await check(
  "to many",
  acme.from("users").select("name,orders(id)").order("id")
    .order("id", { referencedTable: "orders", ascending: false }),
  rows([
    { name: "Ann", orders: [{ id: 3 }, { id: 1 }] },
    { name: "Bob", orders: [{ id: 2 }] },
    { name: null, orders: [] },
  ]),
);
await check(
  "many to many",
  acme.from("orders").select("id,products(name)").order("id").order("name", { referencedTable: "products" }),
  rows([
    { id: 1, products: [{ name: "Pot" }, { name: "Tea" }] },
    { id: 2, products: [{ name: "Tea" }] },
    { id: 3, products: [] },
  ]),
);
await check(
  "in each other",
  acme.from("users").select("name,orders(id,order_items(quantity,products(name)))").eq("id", 2),
  rows([
    { name: "Bob", orders: [{ id: 2, order_items: [{ quantity: 1, products: { name: "Tea" } }] }] },
  ]),
);
await check(
  "under another name",
  acme.from("orders").select("id,buyer:users(name)").eq("id", 2),
  rows([{ id: 2, buyer: { name: "Bob" } }]),
);
await check(
  "among the row's own",
  acme.from("orders").select("id,...users(buyer:name)").eq("id", 2),
  rows([{ id: 2, buyer: "Bob" }]),
);
await check(
  "a filter on what is embedded",
  acme.from("users").select("id,orders(id)").eq("orders.status", "paid").order("id"),
  rows([{ id: 1, orders: [{ id: 1 }] }, { id: 2, orders: [] }, { id: 3, orders: [] }]),
);
await check(
  "required, and filtered",
  acme.from("users").select("id,orders!inner(id)").eq("orders.status", "paid"),
  rows([{ id: 1, orders: [{ id: 1 }] }]),
);
await check(
  "or, of what is embedded",
  acme.from("users").select("id,orders!inner(id)").order("id")
    .or("status.eq.paid,total_cents.gt.1000", { referencedTable: "orders" }),
  rows([{ id: 1, orders: [{ id: 1 }] }, { id: 2, orders: [{ id: 2 }] }]),
);
await check(
  "a part of what is embedded",
  acme.from("users").select("id,orders(id)").eq("id", 1)
    .order("id", { referencedTable: "orders" }).range(1, 1, { referencedTable: "orders" }),
  rows([{ id: 1, orders: [{ id: 3 }] }]),
);
await check(
  "those that have none",
  acme.from("users").select("id,orders()").is("orders", null),
  rows([{ id: 3 }]),
);
await check(
  "ordered by the row they belong to",
  acme.from("orders").select("id,users()").order("users(name)", { ascending: false }).order("id"),
  rows([{ id: 2 }, { id: 1 }, { id: 3 }]),
);
await check(
  "many among the row's own",
  acme.from("users").select("name,...orders(order_ids:id,totals:total_cents)").eq("id", 2),
  rows([{ name: "Bob", order_ids: [2], totals: [1250] }]),
);
await check(
  "many to many among the row's own",
  acme.from("orders").select("id,...products(names:name)").lte("id", 2).order("id")
    .order("name", { referencedTable: "products" }),
  rows([{ id: 1, names: ["Pot", "Tea"] }, { id: 2, names: ["Tea"] }]),
);

// Rows put together.

await check("count", acme.from("orders").select("count()").single(), rows({ count: 3 }));
await check("count as it was before", acme.from("users").select("id,orders(count)").order("id"),
  rows([
    { id: 1, orders: [{ count: 2 }] },
    { id: 2, orders: [{ count: 1 }] },
    { id: 3, orders: [{ count: 0 }] },
  ]));
await check(
  "sum, least and greatest",
  acme.from("notes").select("stars.sum(),least:stars.min(),most:stars.max(),n:stars.count()"),
  rows([{ sum: 9, least: 1, most: 5, n: 3 }]),
);
await check("mean, as a whole number", acme.from("notes").select("stars.avg()::int"), rows([{ avg: 3 }]));
await check(
  "by a value",
  acme.from("notes").select("done,n:count(),stars.max()").order("done"),
  rows([{ done: false, n: 2, max: 5 }, { done: true, n: 2, max: 3 }]),
);
await check(
  "of a part of a document",
  acme.from("notes").select("data->>size::int.sum()"),
  rows([{ sum: 15 }]),
);
await check(
  "by a row that they belong to",
  acme.from("orders").select("...users(name),n:count()").order("users(name)"),
  rows([{ name: "Ann", n: 2 }, { name: "Bob", n: 1 }]),
);
await check(
  "of a row that they belong to",
  acme.from("order_items").select("quantity.sum(),...products(price_cents.max())"),
  rows([{ sum: 4, max: 2500 }]),
);
await check("a sum of texts", acme.from("notes").select("title.sum()"), refused(404, "42883"));
await check("an order by what rows do not have in common",
  acme.from("notes").select("done,count()").order("id"), refused(400, "42803"));
await check("no such relationship", acme.from("products").select("id,users(id)"),
  refused(400, "PGRST200"));

// Rows that are there already.

await check(
  "upsert merges",
  acme.from("products").upsert({ id: 1, name: "Tea", price_cents: 350 }).select("price_cents").single(),
  { data: { price_cents: 350 }, error: null, status: 200 },
);
await check(
  "upsert makes and merges",
  acme.from("products")
    .upsert([{ id: 3, name: "Mug", price_cents: 900 }, { id: 4, name: "Jar", price_cents: 500 }])
    .select("id,name"),
  { data: [{ id: 3, name: "Mug" }, { id: 4, name: "Jar" }], error: null, status: 201 },
);
await check(
  "upsert leaves what is there",
  acme.from("products")
    .upsert(
      [{ id: 4, name: "Other", price_cents: 1 }, { id: 5, name: "Lid", price_cents: 50 }],
      { ignoreDuplicates: true },
    )
    .select("id"),
  { data: [{ id: 5 }], error: null, status: 201 },
);
await check("and it is left", acme.from("products").select("name").eq("id", 4), rows([{ name: "Jar" }]));
await check(
  "upsert by another key",
  acme.from("users")
    .upsert({ id: 2, email: "bob@example.com", name: "Robert" }, { onConflict: "email" })
    .select("id,name"),
  { data: [{ id: 2, name: "Robert" }], error: null, status: 200 },
);
await check(
  "upsert by what is no key",
  acme.from("users").upsert({ id: 2, email: "b@example.com" }, { onConflict: "name" }),
  refused(400, "42P10"),
);

// Changes.

await check("update", acme.from("users").update({ name: "Anna" }).eq("id", 1),
  { data: null, error: null, status: 204 });
await check("update, told of", acme.from("users").update({ name: "Ann" }).eq("id", 1).select("id,name"),
  rows([{ id: 1, name: "Ann" }]));
await check("update of none", acme.from("users").update({ name: "x" }).eq("id", 99).select(), rows([]));
await check("update of none, told of alone",
  acme.from("users").update({ name: "x" }).eq("id", 99).select().single(),
  refused(406, "PGRST116"));
await check("update, counted", acme.from("notes").update({ price: 1 }, { count: "exact" }).gt("id", 2),
  { data: null, error: null, status: 204, count: 2 });
await check(
  "update of a document, and to null",
  acme.from("notes").update({ data: { a: [true, null] }, stars: null }).eq("id", 4).select("data,stars"),
  rows([{ data: { a: [true, null] }, stars: null }]),
);
await check("update of more than may be",
  acme.from("notes").update({ body: "z" }).gte("id", 1).maxAffected(1),
  refused(400, "PGRST124"));
await check("of which nothing stays", acme.from("notes").select("id").eq("body", "z"), rows([]));
await check("delete, only tried", acme.from("notes").delete().eq("id", 1).select("id").rollback(),
  rows([{ id: 1 }]));
await check("delete, told of", acme.from("notes").delete().eq("id", 4).select("id,title"),
  rows([{ id: 4, title: "Delta" }]));
await check("delete", acme.from("notes").delete().eq("id", 3), { data: null, error: null, status: 204 });
await check("what is left", acme.from("notes").select("id").order("id"), rows([{ id: 1 }, { id: 2 }]));

// Refusals.

await check("a key that is taken", acme.from("products").insert({ id: 1, name: "x", price_cents: 1 }),
  refused(409, "23505"));
await check("another key that is taken", acme.from("notes").insert({ id: 8, title: "Alpha", done: true }),
  refused(409, "23505"));
await check("a row that refers to none", acme.from("orders").insert({ id: 9, user_id: 99 }),
  refused(409, "23503"));
await check("a row that others refer to", acme.from("users").delete().eq("id", 1),
  refused(409, "23503"));
await check("a check", acme.from("products").insert({ id: 9, name: "x", price_cents: -1 }),
  refused(400, "23514"));
await check("a column that is needed", acme.from("products").insert({ id: 9, price_cents: 1 }),
  refused(400, "23502"));
await check("an unknown column, told of", acme.from("users").select("nam"), refused(400, "42703"));
await check("an unknown column, filtered by", acme.from("users").select("id").eq("nam", 1),
  refused(400, "42703"));
await check("an unknown column, written", acme.from("users").insert({ id: 9, email: "x", nam: 1 }),
  refused(400, "PGRST204", {
    message: "Could not find the 'nam' column of 'users' in the schema cache",
  }));
await check("an unknown table", acme.from("user").select(),
  refused(404, "PGRST205", {
    message: "Could not find the table 'public.user' in the schema cache",
    hint: "Perhaps you meant the table 'public.users'",
  }));
await check("an unknown function", acme.rpc("nothing"), refused(404, "PGRST202"));

// Functions, which PostgreSQL alone has.

if (world.functions) {
  await check("a value", acme.rpc("add_them", { a: 3, b: 4 }), rows(7));
  await check("by GET", acme.rpc("add_them", { a: 3 }, { get: true }), rows(8));
  await check("rows", acme.rpc("orders_of", { buyer: 1 }).select("id,users(name)").order("id"),
    rows([{ id: 1, users: { name: "Ann" } }, { id: 3, users: { name: "Ann" } }]));
  await check("rows, filtered", acme.rpc("orders_of", { buyer: 1 }).eq("status", "paid").select("id"),
    rows([{ id: 1 }]));
  await check("rows, counted",
    acme.rpc("orders_of", { buyer: 1 }, { head: true, count: "exact" }),
    { data: null, error: null, status: 200, count: 2 });
  await check("rows, put together", acme.rpc("orders_of", { buyer: 1 }).select("count()").single(),
    rows({ count: 2 }));
  await check("of the own tenant", globex.rpc("orders_of", { buyer: 1 }).select("id,total_cents"),
    rows([{ id: 1, total_cents: 990000 }]));
  await check("one that changes rows", acme.rpc("rename_user", { which: 3, wanted: "Cyd" }),
    { data: null, error: null, status: 204 });
  await check("and they are changed", acme.from("users").select("name").eq("id", 3),
    rows([{ name: "Cyd" }]));
  await check("not by GET", acme.rpc("rename_user", { which: 3, wanted: "x" }, { get: true }),
    refused(405, "25006"));
  await check("not by a key that reads", reader.rpc("rename_user", { which: 3, wanted: "x" }),
    refused(403, "42501"));
  await check("a key that reads calls by GET", reader.rpc("add_them", { a: 1, b: 1 }, { get: true }), rows(2));
  await check("another argument", acme.rpc("add_them", { a: 1, c: 2 }), refused(404, "PGRST202", {
    hint: "Perhaps you meant to call the function public.add_them(a, b)",
  }));
  await check("one that is not listed", acme.rpc("unlisted"), refused(404, "PGRST202"));
} else {
  await check("no functions here", acme.rpc("add_them", { a: 3, b: 4 }), refused(404, "PGRST202"));
}
await check("an unknown schema", acme.schema("private").from("users").select(),
  refused(406, "PGRST106"));
// What the message calls the type is the engine's own: a whole number is a `bigint` in one.
await check("a value of another type, asked for", acme.from("users").select("id").eq("id", "x"),
  refused(400, "22P02"));
await check("a value of another type, written", acme.from("users").insert({ id: "x", email: "x" }),
  refused(400, "22P02"));
await check("a filter that does not read", acme.from("users").select("id").filter("id", "about", 1),
  refused(400, "PGRST100"));
await check("a row of another tenant", acme.from("users").insert({ tenant_id: "globex", id: 9, email: "x" }),
  refused(403, "42501"));
await check("a row moved to another tenant", acme.from("users").update({ tenant_id: "globex" }).eq("id", 3),
  refused(403, "42501"));
await check("a token of nobody", bearer("nobody").from("users").select(), refused(401, "PGRST301"));

// A key that only reads.

await check("a key reads", reader.from("users").select("id").order("id"),
  rows([{ id: 1 }, { id: 2 }, { id: 3 }]));
await check("a key does not insert", reader.from("users").insert({ id: 9, email: "x" }),
  refused(403, "42501"));
await check("a key does not upsert", reader.from("users").upsert({ id: 1, email: "x" }),
  refused(403, "42501"));
await check("a key does not update", reader.from("users").update({ name: "x" }).eq("id", 1),
  refused(403, "42501"));
await check("a key does not delete", reader.from("users").delete().eq("id", 3),
  refused(403, "42501"));

// What one tenant does is nothing to the other.

await check("globex changes all that it has",
  globex.from("products").update({ price_cents: 1 }).gte("id", 0).select("id"),
  rows([{ id: 1 }]));
await check("acme's is as it was", acme.from("products").select("name,price_cents").eq("id", 1),
  rows([{ name: "Tea", price_cents: 350 }]));
await check("globex merges with its own",
  globex.from("products").upsert({ id: 1, name: "gxmark", price_cents: 2 }).select("name,price_cents"),
  { data: [{ name: "gxmark", price_cents: 2 }], error: null });
await check("globex deletes all that it has",
  globex.from("notes").delete({ count: "exact" }).gte("id", 0),
  { data: null, error: null, status: 204, count: 2 });
await check("acme's are all there", acme.from("notes").select("id").order("id"),
  rows([{ id: 1 }, { id: 2 }]));
await check("acme's orders are not among globex's",
  globex.from("orders").select("id,users(name),products(name)").order("id"),
  rows([
    { id: 1, users: { name: "gxmark" }, products: [] },
    { id: 7, users: { name: "gxmark" }, products: [] },
  ]));
for (const table of ["users", "orders", "products", "order_items", "notes"]) {
  for (const [client, own] of [[acme, "acme-corp"], [globex, "globex"], [reader, "acme-corp"]]) {
    calls += 1;
    const { data, error } = await client.from(table).select();
    const foreign = error ?? data.filter((row) => row.tenant_id !== own);
    const marked = own !== "globex" && JSON.stringify(data).includes("gxmark");
    if (error || foreign.length > 0 || marked) {
      failures.push(`${own} sees of ${table}: ${JSON.stringify(foreign)}`);
    }
  }
}

if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exit(1);
}
console.log(calls);
