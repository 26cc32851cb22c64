//! The caps of the guard, on both sides of each.

use super::*;

/// A request with these header fields.
fn with(fields: impl IntoIterator<Item = (String, String)>) -> Parts {
    let mut request = http::Request::get("/").body(()).unwrap();
    for (name, value) in fields {
        let name = HeaderName::try_from(name).unwrap();
        let value = HeaderValue::try_from(value).unwrap();
        request.headers_mut().append(name, value);
    }
    request.into_parts().0
}

fn refused(parts: &Parts) -> Option<&'static str> {
    let stop = screen(parts, None).err()?;
    assert_eq!(stop.refusal.code, ErrorCode::HeadersTooLarge);
    Some(stop.check)
}

#[test]
fn a_hundred_header_fields_pass_and_no_more() {
    let fields = |count: usize| with((0..count).map(|n| (format!("x-{n}"), String::new())));
    assert_eq!(refused(&fields(100)), None);
    for count in [101, 150] {
        assert_eq!(refused(&fields(count)), Some("headers"), "{count}");
    }
}

/// Names, values and four bytes for each field count, to the byte.
#[test]
fn a_header_section_of_the_cap_passes_and_a_byte_more_does_not() {
    let fields = |bytes: usize| {
        // Two fields, so that what a field costs counts.
        let long = bytes - ("x-a".len() + "x-b".len() + 8);
        with([
            ("x-a".to_owned(), String::new()),
            ("x-b".to_owned(), "v".repeat(long)),
        ])
    };
    assert_eq!(refused(&fields(MAX_HEADER_BYTES)), None);
    for bytes in [MAX_HEADER_BYTES + 1, 2 * MAX_HEADER_BYTES] {
        assert_eq!(refused(&fields(bytes)), Some("headers"), "{bytes}");
    }
}

#[test]
fn a_target_of_the_cap_passes_and_a_byte_more_does_not() {
    let refused = |path: usize, query: usize| {
        let target = format!("/{}?{}", "p".repeat(path - 1), "q".repeat(query));
        let stop = screen_line(&Method::GET, &target.parse().unwrap(), None).err();
        stop.map(|stop| stop.check)
    };
    assert_eq!(refused(MAX_TARGET - 7, 7), None);
    assert_eq!(refused(MAX_TARGET, 0), None);
    assert_eq!(refused(MAX_TARGET - 7, 8), Some("target"));
    assert_eq!(refused(MAX_TARGET + 1, 0), Some("target"));
}
