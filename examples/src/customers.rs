//! Customers of two companies in one list, as a team keeps them whose database has no row
//! policies: each request sees those of its company, because every look at the list goes
//! through [`Book::of`], and the company is the one that the gate says. A request without a
//! company is refused, so that a forgotten route shows nothing.
//!
//! It listens for the gate alone. Whoever reaches it past the gate could name any company:
//! bind it to the loopback, or let the network do it.

use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the API lies.
pub const BASE: &str = "/functions/v1/api-gateway";
/// The header in which the gate says whose request it is. Clients cannot set it: the gate
/// takes it out of what they send.
const COMPANY: &str = "x-doorward-tenant";
/// The longest line of a request's head, its most lines, and its largest body, bytes.
const MAX_LINE: u64 = 16 * 1024;
const MAX_LINES: usize = 200;
const MAX_BODY: u64 = 64 * 1024;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// One customer of one company.
#[derive(Clone, Debug)]
struct Customer {
    id: u64,
    company: String,
    name: String,
}

/// All customers. Nothing hands them out but by company.
#[derive(Debug)]
struct Book(Vec<Customer>);

/// What a request asks.
#[derive(Debug, Default)]
struct Asked {
    method: String,
    path: String,
    company: Option<String>,
    body: Vec<u8>,
}

impl Book {
    fn new() -> Self {
        let customer = |id, company: &str, name: &str| Customer {
            id,
            company: company.to_owned(),
            name: name.to_owned(),
        };
        Self(vec![
            customer(1, "acme", "Ann's Anvils"),
            customer(2, "acme", "Bob's Bricks"),
            customer(3, "globex", "Weather & Sons"),
        ])
    }

    /// Those of a company.
    fn of<'b>(&'b self, company: &'b str) -> impl Iterator<Item = &'b Customer> {
        self.0.iter().filter(move |one| one.company == company)
    }

    /// Whether another company has this one.
    fn is_foreign(&self, company: &str, id: u64) -> bool {
        let mut all = self.0.iter();
        all.any(|one| one.id == id && one.company != company)
    }

    fn add(&mut self, company: &str, name: &str) -> Customer {
        let id = self.0.iter().map(|one| one.id).max().unwrap_or(0) + 1;
        let new = Customer {
            id,
            company: company.to_owned(),
            name: name.to_owned(),
        };
        self.0.push(new.clone());
        new
    }
}

/// Serves until the process ends, a thread for each connection.
pub fn serve(listener: &TcpListener) {
    let book = Arc::new(Mutex::new(Book::new()));
    for stream in listener.incoming().flatten() {
        let book = Arc::clone(&book);
        std::thread::spawn(move || {
            // Who does not finish a request gets no answer.
            drop(converse(&stream, &book));
        });
    }
}

fn converse(stream: &TcpStream, book: &Mutex<Book>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let asked = read(&mut BufReader::new(stream))?;
    let (status, body) = {
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&asked, &mut book)
    };
    let body = body.to_string();
    let mut out = stream;
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn read(stream: &mut BufReader<&TcpStream>) -> io::Result<Asked> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut asked = Asked::default();
    let first = line(stream)?;
    let mut words = first.split(' ');
    asked.method = words.next().ok_or_else(broken)?.to_owned();
    let target = words.next().ok_or_else(broken)?;
    let path = target.split('?').next().unwrap_or(target);
    asked.path = path.to_owned();
    let mut length = 0;
    for _ in 0..MAX_LINES {
        let line = line(stream)?;
        if line.is_empty() {
            stream.take(length).read_to_end(&mut asked.body)?;
            return Ok(asked);
        }
        let (name, value) = line.split_once(':').ok_or_else(broken)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case(COMPANY) && !value.is_empty() {
            asked.company = Some(value.to_owned());
        }
        if name.eq_ignore_ascii_case("content-length") {
            let told: u64 = value.parse().map_err(|_| broken())?;
            length = Some(told)
                .filter(|told| *told <= MAX_BODY)
                .ok_or_else(broken)?;
        }
    }
    Err(broken())
}

fn line(stream: &mut BufReader<&TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    stream.take(MAX_LINE).read_until(b'\n', &mut line)?;
    let text = String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    let whole = text.strip_suffix('\n').ok_or(io::ErrorKind::InvalidData)?;
    Ok(whole.trim_end_matches('\r').to_owned())
}

fn answer(asked: &Asked, book: &mut Book) -> (&'static str, Value) {
    let path = asked.path.strip_prefix(BASE).unwrap_or_default();
    if matches!(path, "" | "/" | "/health") {
        return found(&json!({"status": "ok"}), None);
    }
    let Some(company) = asked.company.as_deref() else {
        return refused("403 Forbidden", "COMPANY_REQUIRED", "No company");
    };
    let rest = path.strip_prefix("/api/v1/customers");
    match (
        asked.method.as_str(),
        rest.map(|rest| rest.trim_matches('/')),
    ) {
        ("GET" | "HEAD", Some("")) => {
            let all: Vec<Value> = book.of(company).map(show).collect();
            let total = all.len();
            found(&all.into(), Some(total))
        }
        ("GET" | "HEAD", Some(id)) => one(book, company, id),
        ("POST", Some("")) => match named(&asked.body) {
            Some(name) => {
                let (_, body) = found(&show(&book.add(company, &name)), None);
                ("201 Created", body)
            }
            None => refused("400 Bad Request", "NAME_REQUIRED", "No name"),
        },
        _ => refused("404 Not Found", "NOT_FOUND", "There is no such thing"),
    }
}

fn one(book: &Book, company: &str, id: &str) -> (&'static str, Value) {
    let id = id.parse().unwrap_or(0);
    match book.of(company).find(|one| one.id == id) {
        Some(one) => found(&show(one), None),
        None if book.is_foreign(company, id) => {
            let text = "It belongs to another company";
            refused("403 Forbidden", "COMPANY_FORBIDDEN", text)
        }
        None => refused("404 Not Found", "NOT_FOUND", "There is no such customer"),
    }
}

fn named(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let name = body.get("name")?.as_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn show(customer: &Customer) -> Value {
    json!({"id": customer.id, "company_id": customer.company, "name": customer.name})
}

fn found(data: &Value, total: Option<usize>) -> (&'static str, Value) {
    let meta = total.map_or_else(
        || json!({}),
        |total| json!({"pagination": {"totalRecords": total}}),
    );
    (
        "200 OK",
        json!({"success": true, "data": data, "meta": meta}),
    )
}

fn refused(status: &'static str, code: &str, message: &str) -> (&'static str, Value) {
    let error = json!({"code": code, "message": message, "details": null});
    (
        status,
        json!({"success": false, "error": error, "meta": {}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(book: &mut Book, method: &str, path: &str, company: Option<&str>) -> (u16, Value) {
        let asked = Asked {
            method: method.to_owned(),
            path: format!("{BASE}{path}"),
            company: company.map(str::to_owned),
            body: br#"{"name": "New"}"#.to_vec(),
        };
        let (status, body) = answer(&asked, book);
        let code = status.split(' ').next().unwrap();
        (code.parse().unwrap(), body)
    }

    #[test]
    fn each_company_sees_its_own_customers_and_no_other() {
        let mut book = Book::new();
        let list = "/api/v1/customers";
        for (company, count) in [("acme", 2), ("globex", 1), ("initech", 0)] {
            let (status, body) = ask(&mut book, "GET", list, Some(company));
            assert_eq!(status, 200);
            assert_eq!(body["meta"]["pagination"]["totalRecords"], count);
            let all = body["data"].as_array().unwrap();
            assert!(all.iter().all(|one| one["company_id"] == company));
        }
        assert_eq!(ask(&mut book, "GET", list, None).0, 403);
        let one = |book: &mut Book, id| ask(book, "GET", &format!("{list}/{id}"), Some("acme")).0;
        assert_eq!([1, 3, 9].map(|id| one(&mut book, id)), [200, 403, 404]);
        assert_eq!(ask(&mut book, "POST", list, Some("globex")).0, 201);
        assert_eq!(one(&mut book, 4), 403);
        assert_eq!(ask(&mut book, "GET", "/health", None).0, 200);
    }
}
