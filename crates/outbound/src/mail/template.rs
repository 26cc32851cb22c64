//! The language of mail templates: text with `{{variable}}` in it, and no more. A line
//! in which every variable is empty is left out. Not here: which templates there are
//! (`templates`).

use doorward_base::Secret;
use std::collections::BTreeMap;

/// The most of a plain variable that is shown, characters: names of tenants and people
/// are chosen by strangers, and a mail of ours is not their letter paper.
const SHOWN: usize = 200;

/// A template that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template {
    lines: Vec<Vec<Part>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Variable(String),
}

/// What a variable becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// In plain text, or a header.
    Text,
    /// In HTML, also inside of a quoted attribute.
    Html,
}

impl Template {
    /// Reads a template whose variables must be among `known`.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let lines = text.lines().enumerate();
        let lines = lines.map(|(at, line)| {
            parse_line(line, known).map_err(|problem| format!("line {}: {problem}", at + 1))
        });
        let lines = lines.collect::<Result<_, _>>()?;
        Ok(Self { lines })
    }

    /// The text with its variables.
    pub(super) fn render(&self, variables: &BTreeMap<String, Secret>, form: Form) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let named = line.iter().filter_map(|part| match part {
                Part::Variable(name) => Some(name),
                Part::Text(_) => None,
            });
            let mut values = named.map(|name| value(variables, name)).peekable();
            if values.peek().is_some() && values.all(str::is_empty) {
                continue;
            }
            for part in line {
                match part {
                    Part::Text(plain) => text.push_str(plain),
                    Part::Variable(name) => push(&mut text, name, value(variables, name), form),
                }
            }
            text.push('\n');
        }
        text
    }

    /// An HTML template that says the same: paragraphs, and a link where the link is.
    pub(super) fn to_html(&self) -> Self {
        let open = "<!DOCTYPE html><html><body style=\"font-family:sans-serif\">";
        let mut lines = vec![vec![Part::Text(open.to_owned())]];
        let paragraphs = self.lines.iter().filter(|line| !line.is_empty());
        lines.extend(paragraphs.map(|line| {
            let mut parts = vec![Part::Text("<p>".to_owned())];
            for part in line {
                match part {
                    Part::Text(plain) => {
                        let mut escaped = String::new();
                        escape(&mut escaped, plain);
                        parts.push(Part::Text(escaped));
                    }
                    Part::Variable(name) if name == "link" => parts.extend([
                        Part::Text("<a href=\"".to_owned()),
                        part.clone(),
                        Part::Text("\">".to_owned()),
                        part.clone(),
                        Part::Text("</a>".to_owned()),
                    ]),
                    Part::Variable(_) => parts.push(part.clone()),
                }
            }
            parts.push(Part::Text("</p>".to_owned()));
            parts
        }));
        lines.push(vec![Part::Text("</body></html>".to_owned())]);
        Self { lines }
    }
}

fn parse_line(mut line: &str, known: &[&str]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    while let Some((before, rest)) = line.split_once("{{") {
        let (name, after) = rest.split_once("}}").ok_or("\"{{\" without \"}}\"")?;
        let name = name.trim();
        if !known.contains(&name) {
            return Err(format!(
                "there is no variable {name:?}; there are {}",
                known.join(", ")
            ));
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Variable(name.to_owned()));
        line = after;
    }
    if !line.is_empty() {
        parts.push(Part::Text(line.to_owned()));
    }
    Ok(parts)
}

fn value<'v>(variables: &'v BTreeMap<String, Secret>, name: &str) -> &'v str {
    variables.get(name).map_or("", Secret::expose)
}

fn push(text: &mut String, name: &str, value: &str, form: Form) {
    let shown = if matches!(name, "link" | "code") {
        usize::MAX
    } else {
        SHOWN
    };
    // One line stays one line, and nothing turns the text around.
    let one_line: String = value
        .chars()
        .take(shown)
        .map(|c| if is_unfit(c) { ' ' } else { c })
        .collect();
    match form {
        Form::Text => text.push_str(&one_line),
        Form::Html => escape(text, &one_line),
    }
}

/// Control characters, line and paragraph separators, and what changes the direction of
/// writing.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())))
            .collect()
    }

    fn render(text: &str, pairs: &[(&str, &str)], form: Form) -> String {
        let template = Template::parse(text, &["name", "link", "code"]).unwrap();
        template.render(&variables(pairs), form)
    }

    #[test]
    fn variables_are_put_in_and_lines_of_empty_ones_left_out() {
        let text = "Hello {{ name }}!\nLink: {{link}}\nCode: {{code}}\n\nBye";
        let told = render(text, &[("name", "Ann"), ("code", "7")], Form::Text);
        assert_eq!(told, "Hello Ann!\nCode: 7\n\nBye\n");
    }

    #[test]
    fn l4_what_strangers_chose_stays_one_line_of_its_own_size() {
        let name = "x\r\nBcc: a@b\u{202e}\u{2028}y";
        assert_eq!(
            render("{{name}}", &[("name", name)], Form::Text),
            "x  Bcc: a@b  y\n"
        );
        let long = "a".repeat(5000);
        assert_eq!(
            render("{{name}}", &[("name", &long)], Form::Text).len(),
            201
        );
        assert_eq!(
            render("{{link}}", &[("link", &long)], Form::Text).len(),
            5001
        );
    }

    #[test]
    fn html_is_escaped_where_it_comes_from_outside() {
        let template = Template::parse("Dear <b>{{name}}\n{{link}}", &["name", "link"]).unwrap();
        let pairs = [
            ("name", "<script>\"'&"),
            ("link", "https://a/?x=1&y=\"><img>"),
        ];
        let html = template.to_html().render(&variables(&pairs), Form::Html);
        assert!(
            html.contains("<p>Dear &lt;b&gt;&lt;script&gt;&quot;&#39;&amp;</p>"),
            "{html}"
        );
        assert!(
            html.contains("<a href=\"https://a/?x=1&amp;y=&quot;&gt;&lt;img&gt;\">"),
            "{html}"
        );
    }

    #[test]
    fn what_a_template_cannot_say_is_a_problem_by_line() {
        let problem = |text| Template::parse(text, &["name"]).unwrap_err();
        assert_eq!(
            problem("a\n{{nmae}}"),
            "line 2: there is no variable \"nmae\"; there are name"
        );
        assert_eq!(problem("{{name"), "line 1: \"{{\" without \"}}\"");
    }
}
