//! The templates in force: an operator's folder over those that come with the program.
//!
//! ```text
//! FOLDER/LANGUAGE/KIND.txt               the first line is "Subject: …"
//! FOLDER/LANGUAGE/KIND.html              without one, HTML is made from the text
//! FOLDER/realms/REALM/LANGUAGE/KIND.…    for one realm
//! ```
//!
//! Not here: their language (`template`).

use super::builtin;
use super::template::{Form, Template};
use doorward_base::{RealmName, Secret};
use doorward_identity::model::MailKind;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// The largest file of a folder, bytes.
const LARGEST: u64 = 256 * 1024;
/// The most files of a folder.
const FILES: usize = 10_000;

/// What a mail says.
pub(super) struct Texts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

#[derive(Clone, Debug)]
struct Sheet {
    subject: Template,
    text: Template,
    html: Template,
}

/// A realm, if it is for one alone; the language in lower case; the kind.
type Key = (Option<String>, String, MailKind);

/// Every template there is.
#[derive(Clone, Debug, Default)]
pub struct Templates(HashMap<Key, Sheet>);

impl Templates {
    /// Those that come with the program, under those of `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with the folder, each with its file.
    pub fn load(folder: Option<&Path>) -> Result<Self, Vec<String>> {
        let (mut templates, mut problems) = (Self::default(), Vec::new());
        for language in builtin::LANGUAGES {
            for kind in MailKind::ALL {
                match Sheet::parse(kind, builtin::text(language, kind), None) {
                    Ok(sheet) => {
                        let key = (None, language.to_owned(), kind);
                        templates.0.insert(key, sheet);
                    }
                    Err(problem) => {
                        problems.push(format!("{language}/{}: {problem}", kind.as_str()));
                    }
                }
            }
        }
        if let Some(folder) = folder {
            templates.read_folder(folder, &mut problems);
        }
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(problems)
        }
    }

    fn read_folder(&mut self, folder: &Path, problems: &mut Vec<String>) {
        for (name, path) in entries(folder, problems) {
            if name == "realms" {
                for (realm, path) in entries(&path, problems) {
                    for (language, path) in entries(&path, problems) {
                        self.read_language(Some(&realm), &language, &path, problems);
                    }
                }
            } else {
                self.read_language(None, &name, &path, problems);
            }
        }
    }

    fn read_language(
        &mut self,
        realm: Option<&str>,
        language: &str,
        path: &Path,
        problems: &mut Vec<String>,
    ) {
        if !is_language(language) {
            problems.push(format!(
                "{}: {language:?} is not a language such as \"en\" or \"de-CH\"",
                path.display()
            ));
            return;
        }
        for (name, file) in entries(path, problems) {
            let kind = name.strip_suffix(".txt").or(name.strip_suffix(".html"));
            let Some(kind) = kind.and_then(MailKind::find) else {
                let known = MailKind::ALL.map(MailKind::as_str).join(", ");
                problems.push(format!(
                    "{}: is no template; there are .txt and .html of {known}",
                    file.display()
                ));
                continue;
            };
            let text = path.join(format!("{}.txt", kind.as_str()));
            if name.ends_with(".html") && text.exists() {
                // Read with its text.
                continue;
            }
            let sheet = read_sheet(kind, &text, &text.with_extension("html"));
            match sheet {
                Ok(sheet) => {
                    let key = (
                        realm.map(str::to_owned),
                        language.to_ascii_lowercase(),
                        kind,
                    );
                    self.0.insert(key, sheet);
                }
                Err(problem) => problems.push(problem),
            }
        }
    }

    /// What a mail says, in the language closest to the one wanted.
    pub(super) fn render(
        &self,
        realm: &RealmName,
        language: Option<&str>,
        kind: MailKind,
        variables: &BTreeMap<String, Secret>,
    ) -> Option<Texts> {
        let wanted = language.filter(|language| is_language(language));
        let wanted = wanted.map(str::to_ascii_lowercase).unwrap_or_default();
        let primary = wanted.split('-').next().unwrap_or_default().to_owned();
        let fallback = builtin::LANGUAGES[0].to_owned();
        let languages = [wanted, primary, fallback];
        let mut places = languages.iter().flat_map(|language| {
            [Some(realm.as_str().to_owned()), None].map(|realm| (realm, language.clone(), kind))
        });
        let sheet = places.find_map(|key| self.0.get(&key))?;
        Some(Texts {
            subject: sheet
                .subject
                .render(variables, Form::Text)
                .trim()
                .to_owned(),
            text: sheet.text.render(variables, Form::Text),
            html: sheet.html.render(variables, Form::Html),
        })
    }
}

impl Sheet {
    fn parse(kind: MailKind, text: &str, html: Option<&str>) -> Result<Self, String> {
        let mut known = vec!["realm", "recipient"];
        known.extend(kind.variables());
        let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
        let subject = subject
            .strip_prefix("Subject: ")
            .filter(|subject| !subject.trim().is_empty())
            .ok_or("line 1: expected \"Subject: …\"")?;
        let subject = Template::parse(subject, &known)?;
        let text = Template::parse(body.trim_start(), &known)?;
        let html = match html {
            Some(html) => Template::parse(html, &known)?,
            None => text.to_html(),
        };
        Ok(Self {
            subject,
            text,
            html,
        })
    }
}

fn read_sheet(kind: MailKind, text: &Path, html: &Path) -> Result<Sheet, String> {
    let words = read_file(text)?;
    let html_words = html.exists().then(|| read_file(html)).transpose()?;
    Sheet::parse(kind, &words, html_words.as_deref())
        .map_err(|problem| format!("{}: {problem}", text.display()))
}

fn read_file(path: &Path) -> Result<String, String> {
    let of = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let about = fs::metadata(path).map_err(|error| of(&error))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(of(&"is not a file of at most 256 KiB"));
    }
    fs::read_to_string(path).map_err(|error| of(&error))
}

/// What a folder holds, by name, hidden files left out.
fn entries(folder: &Path, problems: &mut Vec<String>) -> Vec<(String, std::path::PathBuf)> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) => {
            problems.push(format!("{}: {error}", folder.display()));
            return Vec::new();
        }
    };
    let named = listed.flatten().take(FILES).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        (!name.starts_with('.')).then(|| (name, entry.path()))
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

/// The shape of a language tag (RFC 5646 §2.1), as far as it is used here.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.len() <= 35
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn subject(templates: &Templates, realm: &str, language: Option<&str>) -> String {
        let realm = RealmName::new(realm).unwrap();
        let texts = templates.render(&realm, language, MailKind::Test, &BTreeMap::new());
        texts.unwrap().subject
    }

    #[test]
    fn a_realm_and_a_language_find_the_closest_template() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "fr/test.txt", "Subject: Essai\n\nBonjour");
        write(folder.path(), "de-CH/test.txt", "Subject: Tescht\n\nGrüezi");
        write(
            folder.path(),
            "realms/acme/en/test.txt",
            "Subject: Acme\n\nHi",
        );
        let templates = Templates::load(Some(folder.path())).unwrap();
        for (realm, language, expected) in [
            ("other", None, "A test of mail"),
            ("other", Some("de"), "Testmail"),
            ("other", Some("de-AT"), "Testmail"),
            ("other", Some("DE-ch"), "Tescht"),
            ("other", Some("fr-FR"), "Essai"),
            ("other", Some("zz"), "A test of mail"),
            ("other", Some("../../etc"), "A test of mail"),
            ("acme", Some("en"), "Acme"),
            ("acme", Some("it"), "Acme"),
            ("acme", Some("de"), "Testmail"),
        ] {
            assert_eq!(
                subject(&templates, realm, language),
                expected,
                "{realm} {language:?}"
            );
        }
    }

    #[test]
    fn html_of_ones_own_is_used_and_made_from_the_text_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            "en/test.txt",
            "Subject: A\n\nto {{recipient}}",
        );
        write(folder.path(), "en/test.html", "<i>{{recipient}}</i>");
        write(
            folder.path(),
            "fr/test.txt",
            "Subject: B\n\nà {{recipient}}",
        );
        let templates = Templates::load(Some(folder.path())).unwrap();
        let realm = RealmName::new("a").unwrap();
        let to = BTreeMap::from([("recipient".to_owned(), Secret::new("<a@b>".to_owned()))]);
        let html = |language| {
            let texts = templates.render(&realm, Some(language), MailKind::Test, &to);
            texts.unwrap().html
        };
        assert_eq!(html("en"), "<i>&lt;a@b&gt;</i>\n");
        assert!(html("fr").contains("<p>à &lt;a@b&gt;</p>"));
    }

    #[test]
    fn everything_that_is_wrong_with_a_folder_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "english/test.txt", "Subject: A\n\nx");
        write(folder.path(), "en/tset.txt", "Subject: A\n\nx");
        write(folder.path(), "en/test.txt", "A\n\nx");
        write(folder.path(), "en/recovery.txt", "Subject: A\n\n{{tenant}}");
        write(folder.path(), "en/magic_link.html", "<p>");
        let problems = Templates::load(Some(folder.path())).unwrap_err();
        let told = problems.join("\n");
        for part in [
            "\"english\"",
            "tset.txt",
            "expected \"Subject: …\"",
            "no variable \"tenant\"",
            "magic_link.txt",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert_eq!(problems.len(), 5, "{told}");
        assert!(Templates::load(Some(Path::new("/nonexistent"))).is_err());
    }

    #[test]
    fn the_texts_that_come_along_say_all_they_are_given() {
        let templates = Templates::load(None).unwrap();
        let realm = RealmName::new("a").unwrap();
        for kind in MailKind::ALL {
            let mut names = vec!["realm", "recipient"];
            names.extend(kind.variables());
            let variables: BTreeMap<String, Secret> = names
                .iter()
                .map(|name| ((*name).to_owned(), Secret::new(format!("<{name}>"))))
                .collect();
            for language in builtin::LANGUAGES {
                let texts = templates
                    .render(&realm, Some(language), kind, &variables)
                    .unwrap();
                // Of two that say the same, for people the one that is easier to read.
                let said = |name| match name {
                    "tenant" => "tenant_name",
                    "minutes" if kind == MailKind::Invitation => "days",
                    other => other,
                };
                for name in kind.variables().iter().map(|name| said(*name)) {
                    assert!(
                        texts.text.contains(&format!("<{name}>")),
                        "{language} {kind:?} {name}"
                    );
                    assert!(
                        texts.html.contains(&format!("&lt;{name}&gt;")),
                        "{language} {kind:?}"
                    );
                }
                assert!(!texts.subject.contains('\n') && !texts.subject.is_empty());
            }
        }
    }
}
