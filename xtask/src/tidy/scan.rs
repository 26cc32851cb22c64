//! Finds functions and test-only items in Rust source by matching brackets, knowing just
//! enough of the language not to be misled: comments, strings, characters, lifetimes.
//! It is no parser: source that does not compile gives some answer, not an error.

/// What remains of a file without its `#[cfg(test)]` items.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Production {
    /// Comments and blank lines included.
    pub(crate) lines: usize,
    /// In the order in which they begin; one inside another counts in both.
    pub(crate) functions: Vec<Function>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// From the word `fn` to the closing brace, both included.
    pub(crate) lines: usize,
}

pub(crate) fn production(source: &str) -> Production {
    let mut tokens = Tokenizer::new(source).tokens();
    let mut lines = source.lines().count();
    let mut from = 0;
    while let Some(found) = find(&tokens, from, CFG_TEST) {
        let inner = found > 0 && tokens.get(found - 1).is_some_and(|t| t.is("!"));
        let last = if inner {
            tokens.len() - 1
        } else {
            item_end(&tokens, found + CFG_TEST.len())
        };
        let first = if inner { 0 } else { found };
        let test: Vec<Token> = tokens.drain(first..=last).collect();
        if inner {
            lines = 0;
        } else if let [first, .., last] = test.as_slice() {
            lines -= last.line - first.line + 1;
        }
        from = first;
    }
    Production {
        lines,
        functions: functions(&tokens),
    }
}

/// The attribute, without its `#` where an inner one has `!`.
const CFG_TEST: &[&str] = &["[", "cfg", "(", "test", ")", "]"];

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }

    fn is_word(&self) -> bool {
        self.text.starts_with(is_word_char)
    }
}

fn find(tokens: &[Token], from: usize, wanted: &[&str]) -> Option<usize> {
    let rest = tokens.get(from..)?;
    let matches = |window: &[Token]| window.iter().zip(wanted).all(|(t, w)| t.is(w));
    let at = rest.windows(wanted.len()).position(matches)?;
    Some(from + at)
}

fn functions(tokens: &[Token]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if !keyword.is("fn") || !name.is_word() {
            continue;
        }
        let end = item_end(tokens, index + 2);
        let Some(last) = tokens.get(end).filter(|last| last.is("}")) else {
            continue; // a declaration without a body
        };
        functions.push(Function {
            name: name.text.clone(),
            line: keyword.line,
            lines: last.line - keyword.line + 1,
        });
    }
    functions
}

/// The token that ends the item which `from` lies in the head of: the brace that closes
/// its body, or its semicolon, or the last token there is.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_i32;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth <= 0 {
                    return index;
                }
            }
            ";" if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len().saturating_sub(1)
}

/// Words and single symbols; no comments, and nothing of a literal but its prefix.
struct Tokenizer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Tokenizer {
    fn new(source: &str) -> Self {
        Self {
            chars: source.chars().collect(),
            at: 0,
            line: 1,
            tokens: Vec::new(),
        }
    }

    fn tokens(mut self) -> Vec<Token> {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => self.skip_until(|c| c == '\n'),
                ('/', Some('*')) => self.skip_block_comment(),
                ('"', _) => self.skip_string(),
                ('\'', _) => self.skip_char_or_quote(),
                _ if is_word_char(c) => self.word(),
                _ if c.is_whitespace() => self.skip(1),
                _ => {
                    self.push(c.to_string());
                    self.skip(1);
                }
            }
        }
        self.tokens
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, text: String) {
        let line = self.line;
        self.tokens.push(Token { text, line });
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn skip_until(&mut self, stop: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(|c| !stop(c)) {
            self.skip(1);
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.skip(1);
        while let Some(c) = self.peek(0) {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == '"' {
                return;
            }
        }
    }

    /// `'x'` and `'\n'` are characters; the quote of `'a` begins a lifetime or label.
    fn skip_char_or_quote(&mut self) {
        if self.peek(1) == Some('\\') {
            self.skip(3);
            self.skip_until(|c| c == '\'');
            self.skip(1);
        } else if self.peek(2) == Some('\'') {
            self.skip(3);
        } else {
            self.skip(1);
        }
    }

    fn word(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| is_word_char(*c)) {
            text.push(c);
            self.skip(1);
        }
        let mut hashes = 0;
        while self.peek(hashes) == Some('#') {
            hashes += 1;
        }
        let is_raw = matches!(text.as_str(), "r" | "br" | "cr");
        match self.peek(hashes) {
            Some('"') if is_raw => self.skip_raw_string(hashes),
            Some(c) if is_raw && hashes == 1 && is_word_char(c) => {
                // A raw identifier is a name, never the keyword it spells.
                self.skip(1);
                let mut name = "r#".to_owned();
                while let Some(c) = self.peek(0).filter(|c| is_word_char(*c)) {
                    name.push(c);
                    self.skip(1);
                }
                self.push(name);
            }
            _ => self.push(text),
        }
    }

    fn skip_raw_string(&mut self, hashes: usize) {
        self.skip(hashes + 1);
        while self.at < self.chars.len() {
            let closes =
                self.peek(0) == Some('"') && (1..=hashes).all(|i| self.peek(i) == Some('#'));
            if closes {
                self.skip(hashes + 1);
                return;
            }
            self.skip(1);
        }
    }
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests;
