//! What there is, for the caller who asks: OpenAPI 2.0, as PostgREST serves it at its root,
//! kept to tables, their columns, and the functions that are listed.

use super::Desk;
use super::error::Refusal;
use crate::caller::Rights;
use crate::plan::Scope;
use crate::plan::access::Access;
use crate::schema::{Column, ColumnKind, Schema};
use doorward_surface::{Body, body};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use serde_json::{Map, Value as Json, json};

/// Answers the root, which is at this path.
pub(super) async fn answer(
    desk: Desk<'_>,
    method: &Method,
    path: &str,
) -> Result<Response<Body>, Refusal> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return Err(Refusal::MethodUnsupported(method.to_string()));
    }
    let schema = desk.engine.schema().await?;
    let scope = desk.scope(&schema);
    let mut document = document(scope, desk.caller.rights(), path);
    if let Some(paths) = document.get_mut("paths").and_then(Json::as_object_mut) {
        paths.extend(calls(desk, &schema));
    }
    let text = document.to_string();
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(match *method {
        Method::HEAD => body::empty(),
        _ => body::full(text),
    });
    let media = HeaderValue::from_static("application/openapi+json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(response)
}

/// Answers OPTIONS of a table.
pub(super) async fn options(desk: Desk<'_>, table: &str) -> Result<Response<Body>, Refusal> {
    let schema = desk.engine.schema().await?;
    let scope = desk.scope(&schema);
    let access = scope.table(table)?;
    let mut names = vec!["OPTIONS"];
    let methods = methods(access, desk.caller.rights());
    names.extend(methods.iter().map(|(method, _)| *method));
    if names.contains(&"get") {
        names.push("head");
    }
    if names.contains(&"post") && !access.table().primary_key.is_empty() {
        names.push("put");
    }
    let mut response = Response::new(body::empty());
    if let Ok(names) = HeaderValue::try_from(names.join(",").to_uppercase()) {
        response.headers_mut().insert(ALLOW, names);
    }
    Ok(response)
}

/// The methods that the caller has of a table, each with its usual status.
fn methods(access: Access<'_>, rights: Rights) -> Vec<(&'static str, &'static str)> {
    let grant = access.grant();
    let any = |may: &dyn Fn(&str) -> bool| access.table().columns.iter().any(|one| may(&one.name));
    [
        (
            "get",
            "200",
            rights.read && any(&|name| grant.selects(name)),
        ),
        (
            "post",
            "201",
            rights.write && any(&|name| grant.inserts(name)),
        ),
        (
            "patch",
            "204",
            rights.write && any(&|name| grant.updates(name)),
        ),
        ("delete", "204", rights.write && grant.deletes()),
    ]
    .into_iter()
    .filter(|(_, _, may)| *may)
    .map(|(method, status, _)| (method, status))
    .collect()
}

/// The functions that the caller may call.
fn calls(desk: Desk<'_>, schema: &Schema) -> Vec<(String, Json)> {
    let functions = desk.terms.functions;
    let amiss = functions.amiss(schema);
    let rights = desk.caller.rights();
    let fit = functions.all().filter(|(name, listed)| {
        let may = match listed.volatile {
            true => rights.write,
            false => rights.read,
        };
        let holds = listed
            .scope
            .as_ref()
            .is_none_or(|scope| (desk.terms.holds)(scope));
        may && holds && !amiss.iter().any(|(other, _)| other == name)
    });
    fit.map(|(name, listed)| {
        let named = |place: &str| -> Vec<Json> {
            let arguments = listed.arguments.iter();
            let each = arguments.map(|(argument, kind)| {
                json!({ "name": argument, "in": place, "required": false, "type": "string",
                    "format": kind })
            });
            each.collect()
        };
        let operation = |place: &str| {
            json!({ "tags": [format!("(rpc) {name}")], "parameters": named(place),
                "responses": { "200": { "description": "OK" } } })
        };
        let mut operations = Map::new();
        operations.insert("post".to_owned(), operation("formData"));
        if !listed.volatile {
            operations.insert("get".to_owned(), operation("query"));
        }
        (format!("/rpc/{name}"), Json::Object(operations))
    })
    .collect()
}

fn document(scope: Scope<'_>, rights: Rights, base: &str) -> Json {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for access in scope.tables() {
        let table = access.table();
        let operations = methods(access, rights).into_iter().map(|(method, status)| {
            let operation = json!({
                "tags": [table.name],
                "summary": table.comment,
                "parameters": parameters(access, method),
                "responses": { status: { "description": "OK" } },
            });
            (method.to_owned(), operation)
        });
        paths.insert(
            format!("/{}", table.name),
            Json::Object(operations.collect()),
        );
        definitions.insert(table.name.clone(), definition(access));
    }
    json!({
        "swagger": "2.0",
        "info": { "title": "Tables", "version": scope.version().to_string() },
        "basePath": base.trim_end_matches('/'),
        "consumes": ["application/json", "text/csv"],
        "produces": [
            "application/json",
            "application/vnd.pgrst.object+json",
            "text/csv",
        ],
        "paths": paths,
        "definitions": definitions,
    })
}

fn parameters(access: Access<'_>, method: &str) -> Json {
    let named = |place: &str, name: &str| json!({ "name": name, "in": place, "required": false, "type": "string" });
    let filters = access.columns().map(|column| named("query", &column.name));
    let given = json!({
        "name": access.table().name,
        "in": "body",
        "required": false,
        "schema": { "$ref": format!("#/definitions/{}", access.table().name) },
    });
    let words =
        |names: &[&str]| -> Vec<Json> { names.iter().map(|name| named("query", name)).collect() };
    let prefer = named("header", "Prefer");
    let all: Vec<Json> = match method {
        "get" => filters
            .chain(words(&["select", "order", "limit", "offset"]))
            .chain([named("header", "Range"), prefer])
            .collect(),
        "post" => words(&["select", "columns", "on_conflict"])
            .into_iter()
            .chain([given, prefer])
            .collect(),
        "patch" => filters.chain([given, prefer]).collect(),
        _ => filters.chain([prefer]).collect(),
    };
    Json::Array(all)
}

fn definition(access: Access<'_>) -> Json {
    let grant = access.grant();
    let known = |column: &&Column| {
        let name = column.name.as_str();
        grant.selects(name) || grant.inserts(name) || grant.updates(name)
    };
    let columns: Vec<&Column> = access.table().columns.iter().filter(known).collect();
    let required: Vec<&str> = columns
        .iter()
        .filter(|column| !column.nullable && column.default.is_none())
        .map(|column| column.name.as_str())
        .collect();
    let properties: Map<String, Json> = columns
        .iter()
        .map(|column| (column.name.clone(), property(access, column)))
        .collect();
    json!({
        "type": "object",
        "description": access.table().comment,
        "required": required,
        "properties": properties,
    })
}

fn property(access: Access<'_>, column: &Column) -> Json {
    let kind = match column.kind {
        ColumnKind::Bool => Some("boolean"),
        ColumnKind::Int => Some("integer"),
        ColumnKind::Real | ColumnKind::Numeric => Some("number"),
        ColumnKind::Array => Some("array"),
        // A document may be of any type.
        ColumnKind::Json => None,
        _ => Some("string"),
    };
    let mut notes = Vec::new();
    if access.table().primary_key.contains(&column.name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    let keys = access.table().foreign_keys.iter();
    for key in keys.filter(|key| access.own(&key.columns).eq([column.name.as_str()])) {
        let Some(other) = access.own(&key.foreign_columns).next() else {
            continue;
        };
        if access.scope().table(&key.table).is_ok() {
            let table = &key.table;
            notes.push(format!(
                "This is a Foreign Key to `{table}.{other}`.<fk table='{table}' column='{other}'/>"
            ));
        }
    }
    let mut property = Map::new();
    property.insert("format".to_owned(), Json::from(column.type_name.as_str()));
    if let Some(kind) = kind {
        property.insert("type".to_owned(), Json::from(kind));
    }
    if column.kind == ColumnKind::Array {
        property.insert("items".to_owned(), json!({}));
    }
    if !notes.is_empty() {
        let notes = format!("Note:\n{}", notes.join("\n"));
        property.insert("description".to_owned(), Json::from(notes));
    }
    Json::Object(property)
}
