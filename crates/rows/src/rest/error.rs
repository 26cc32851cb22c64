//! What a client is told when there is no answer: PostgREST's body and status. Not here: why.

mod call;

use super::query::QueryError;
use crate::fault::{Fault, FaultKind, SqlState};
use crate::plan::Refusal as PlanRefusal;
use crate::plan::refusal::Candidate;
use doorward_surface::{Body, body};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value as Json, json};

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The query string.
    Query(QueryError),
    /// What it names, or what the caller may not.
    Plan(PlanRefusal),
    /// The engine.
    Fault(Fault),
    /// The body.
    Body(&'static str),
    /// The range asked for.
    Range(RangeError),
    /// PUT goes by the primary key alone.
    KeyFilters,
    /// PUT has neither limit nor offset.
    KeyLimited,
    /// PUT's body and its filters name different rows.
    KeyMismatch,
    /// A schema that is not there.
    SchemaUnknown(String),
    /// None of the media types accepted.
    MediaUnavailable(Vec<String>),
    /// One row was asked for, and there are so many; `None`: more than one.
    NotSingular(Option<u64>),
    /// No such method here.
    MethodUnsupported(String),
    /// With `handling=strict`, preferences that are not known.
    PreferencesUnknown(Vec<String>),
    /// More rows than `max-affected`.
    TooManyAffected(u64),
    /// The path names nothing.
    PathInvalid,
    /// No such function; what would help.
    FunctionUnknown(String, Option<String>),
    /// Functions are called by POST, and by GET where they change nothing.
    CallMethod(String),
    /// A function that changes rows, called by another method than POST.
    CallReads(String),
    /// A function that runs with its owner's rights.
    CallOfOwner(String),
    /// There are several functions of this name.
    CallAmbiguous(String),
    /// A function that the caller lacks a scope for.
    CallScope(String, String),
    /// `max-affected` of a function that does not answer with a set.
    CallAffected,
}

/// What is wrong with a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RangeError {
    /// A limit below zero.
    NegativeLimit,
    /// It ends before it begins.
    Reversed,
    /// It begins after the last of so many rows.
    Beyond {
        /// Where it begins.
        offset: u64,
        /// How many rows there are.
        total: u64,
    },
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NegativeLimit => Self::Range(RangeError::NegativeLimit),
            QueryError::Plan(refusal) => Self::Plan(refusal),
            error => Self::Query(error),
        }
    }
}

impl From<PlanRefusal> for Refusal {
    fn from(refusal: PlanRefusal) -> Self {
        Self::Plan(refusal)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A body before it is written.
#[derive(PartialEq, Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) details: Json,
    pub(super) hint: Option<String>,
}

impl Told {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            details: Json::Null,
            hint: None,
        }
    }

    fn details(mut self, details: impl Into<Json>) -> Self {
        self.details = details.into();
        self
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// The answer; without its body for HEAD.
pub(super) fn response(refusal: &Refusal, head: bool) -> Response<Body> {
    let told = told(refusal);
    let text = json!({
        "code": told.code,
        "message": told.message,
        "details": told.details,
        "hint": told.hint,
    })
    .to_string();
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(if head {
        body::empty()
    } else {
        body::full(text)
    });
    *response.status_mut() =
        StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(CONTENT_TYPE, json);
    headers.insert(CONTENT_LENGTH, length);
    if let Refusal::Range(RangeError::Beyond { total, .. }) = refusal
        && let Ok(range) = HeaderValue::try_from(format!("*/{total}"))
    {
        headers.insert(http::header::CONTENT_RANGE, range);
    }
    response
}

pub(super) fn told(refusal: &Refusal) -> Told {
    match refusal {
        Refusal::Query(error) => query(error),
        Refusal::Plan(refusal) => plan(refusal),
        Refusal::Fault(told) => fault(told),
        Refusal::Body(message) => Told::new(400, "PGRST102", *message),
        Refusal::Range(error) => {
            let told = Told::new(416, "PGRST103", "Requested range not satisfiable");
            told.details(match error {
                RangeError::NegativeLimit => {
                    "Limit should be greater than or equal to zero.".to_owned()
                }
                RangeError::Reversed => "The lower boundary must be lower than or equal to the \
                                         upper boundary in the Range header."
                    .to_owned(),
                RangeError::Beyond { offset, total } => {
                    format!("An offset of {offset} was requested, but there are only {total} rows.")
                }
            })
        }
        Refusal::KeyFilters => Told::new(
            405,
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
        ),
        Refusal::KeyLimited => Told::new(
            400,
            "PGRST114",
            "limit/offset querystring parameters are not allowed for PUT",
        ),
        Refusal::KeyMismatch => Told::new(
            400,
            "PGRST115",
            "Payload values do not match URL in primary key column(s)",
        ),
        Refusal::SchemaUnknown(name) => {
            let hint = "Only the following schemas are exposed: public".to_owned();
            Told::new(406, "PGRST106", format!("Invalid schema: {name}")).hint(Some(hint))
        }
        Refusal::MediaUnavailable(types) => {
            let types = types.join(", ");
            let message = format!("None of these media types are available: {types}");
            Told::new(406, "PGRST107", message)
        }
        Refusal::NotSingular(rows) => {
            let message = "Cannot coerce the result to a single JSON object";
            Told::new(406, "PGRST116", message).details(match rows {
                Some(rows) => format!("The result contains {rows} rows"),
                None => "The result contains more than 1 rows".to_owned(),
            })
        }
        Refusal::MethodUnsupported(method) => Told::new(
            405,
            "PGRST117",
            format!("Unsupported HTTP method: {method}"),
        ),
        Refusal::PreferencesUnknown(names) => {
            let message = "Invalid preferences given with handling=strict";
            let names = names.join(", ");
            Told::new(400, "PGRST122", message).details(format!("Invalid preferences: {names}"))
        }
        Refusal::TooManyAffected(most) => {
            let message = "Query result exceeds max-affected preference constraint";
            let details = format!("The query affects more than {most} rows");
            Told::new(400, "PGRST124", message).details(details)
        }
        Refusal::PathInvalid => Told::new(404, "PGRST125", "Invalid path specified in request URL"),
        refusal => call::told(refusal),
    }
}

fn query(error: &QueryError) -> Told {
    let told = Told::new(400, "PGRST100", error.to_string());
    match error {
        QueryError::Syntax { expected, .. } => told.details(format!("expected {expected}")),
        _ => told,
    }
}

fn plan(refusal: &PlanRefusal) -> Told {
    let told = |status, code| Told::new(status, code, refusal.to_string());
    match refusal {
        PlanRefusal::TableUnknown { near, .. } => {
            let near = near.as_ref();
            let hint = near.map(|near| format!("Perhaps you meant the table 'public.{near}'"));
            told(404, "PGRST205").hint(hint)
        }
        PlanRefusal::ColumnUnknown { table, near, .. } => {
            let near = near.as_ref();
            told(400, "42703").hint(near.map(|near| {
                format!("Perhaps you meant to reference the column \"{table}.{near}\".")
            }))
        }
        PlanRefusal::GivenColumnUnknown { .. } => told(400, "PGRST204"),
        PlanRefusal::RelationUnknown {
            parent,
            child,
            hint,
            near,
        } => {
            let by = hint
                .as_ref()
                .map(|hint| format!("' using the hint '{hint}"));
            let details = format!(
                "Searched for a foreign key relationship between '{parent}' and '{child}{}' in \
                 the schema 'public', but no matches were found.",
                by.unwrap_or_default()
            );
            let near = near.as_ref();
            let hint = near.map(|near| format!("Perhaps you meant '{near}' instead of '{child}'."));
            told(400, "PGRST200").details(details).hint(hint)
        }
        PlanRefusal::RelationAmbiguous { child, found, .. } => {
            let details: Vec<Json> = found.iter().map(candidate).collect();
            let choices = found
                .iter()
                .map(|one| format!("'{}!{}'", one.child, one.by));
            let choices: Vec<String> = choices.collect();
            let hint = format!(
                "Try changing '{child}' to one of the following: {}. Find the desired \
                 relationship in the 'details' key.",
                choices.join(", ")
            );
            told(300, "PGRST201").details(details).hint(Some(hint))
        }
        PlanRefusal::NotEmbedded(name) => {
            let hint = format!("Verify that '{name}' is included in the 'select' query parameter.");
            told(400, "PGRST108").hint(Some(hint))
        }
        PlanRefusal::OrderByMany { parent, child } => {
            told(400, "PGRST118").details(not_to_one(parent, child))
        }
        PlanRefusal::EmbeddedTest(_) => told(400, "PGRST120")
            .details("Only is null or not is null filters are allowed on embedded resources"),
        PlanRefusal::Aggregate => told(400, "PGRST123"),
        PlanRefusal::ArgumentsUnknown {
            function,
            given,
            known,
        } => call::arguments(told(404, "PGRST202"), function, given, known),
        PlanRefusal::NoFunction { .. } => told(404, "42883"),
        PlanRefusal::NotGrouped { .. } => told(400, "42803"),
        PlanRefusal::Unavailable(details) => told(400, "PGRST127").details(details.as_str()),
        PlanRefusal::CastUnknown(_) => told(400, "42704"),
        PlanRefusal::ValueInvalid { .. } => told(400, "22P02"),
        PlanRefusal::PatternInvalid => told(400, "22025"),
        PlanRefusal::Denied(_) | PlanRefusal::RowDenied(_) | PlanRefusal::ForeignTenant(_) => {
            told(403, "42501")
        }
        PlanRefusal::NoRight(right) => {
            let hint = format!("It needs the scope that gives {}.", right.as_str());
            told(403, "42501").hint(Some(hint))
        }
        PlanRefusal::NoKey => told(400, "42P10"),
        PlanRefusal::TooComplex(_) => told(400, "54001"),
    }
}

fn not_to_one(parent: &str, child: &str) -> String {
    format!("'{parent}' and '{child}' do not form a many-to-one or one-to-one relationship")
}

fn candidate(found: &Candidate) -> Json {
    json!({
        "cardinality": found.cardinality,
        "embedding": format!("{} with {}", found.parent, found.child),
        "relationship": found.using,
    })
}

fn fault(fault: &Fault) -> Told {
    let row = fault.kind.code().row();
    let (status, code) = match (fault.kind, fault.state) {
        (FaultKind::ReadForbidden | FaultKind::WriteForbidden | FaultKind::SchemaForbidden, _) => {
            (403, "42501".to_owned())
        }
        (_, Some(state)) => (status_of(state), state.as_str().to_owned()),
        (_, None) => (row.status, row.code.to_owned()),
    };
    let told = Told::new(status, &code, fault.message.as_str()).hint(fault.hint.clone());
    match &fault.details {
        Some(details) => told.details(details.as_str()),
        None => told,
    }
}

/// The status that PostgREST gives a state of SQL's, for a caller who is known.
fn status_of(state: SqlState) -> u16 {
    let state = state.as_str();
    match state {
        "23503" | "23505" => 409,
        "25006" => 405,
        "42P01" | "42883" => 404,
        "42501" => 403,
        "42P17" | "21000" | "53400" => 500,
        "57P01" => 503,
        "P0001" => 400,
        _ => match state.get(..2).unwrap_or_default() {
            "08" | "53" => 503,
            "0L" | "0P" | "28" => 403,
            "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0"
            | "HV" | "P0" | "XX" => 500,
            _ => 400,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_sql_has_the_status_that_clients_know() {
        for (state, status) in [
            ("23505", 409),
            ("23503", 409),
            ("23502", 400),
            ("22P02", 400),
            ("42501", 403),
            ("42P01", 404),
            ("42883", 404),
            ("42703", 400),
            ("P0001", 400),
            ("57014", 500),
            ("08006", 503),
            ("53300", 503),
            ("XX000", 500),
        ] {
            let refusal = Fault::because(FaultKind::Refused, "so").state(state).into();
            assert_eq!(told(&refusal).status, status, "{state}");
            assert_eq!(told(&refusal).code, state);
        }
    }

    #[test]
    fn a_fault_without_a_state_has_our_own_code() {
        let refusal = Fault::new(FaultKind::Contended).into();
        let row = FaultKind::Contended.code().row();
        assert_eq!(told(&refusal).code, row.code);
        assert_eq!(told(&refusal).status, row.status);
    }
}
