//! The names by which configuration chooses a body form of refusals, and the words that a
//! realm has for them. Not here: the forms, which are in `surface` and in the crates of the
//! dialects.

use super::text::Text;
use doorward_base::ErrorCode;
use doorward_nhost::{GraphQlForm, NhostForm};
use doorward_oauth::OAuthForm;
use doorward_supabase::{GoTrueForm, PostgRestForm};
use doorward_surface::{Form, Template, Worded, Wording};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

type Make = fn() -> Arc<dyn Form>;

/// A form of a product.
const PRODUCTS: &[(&str, Make)] = &[
    ("oauth", || Arc::new(OAuthForm)),
    ("gotrue", || Arc::new(GoTrueForm)),
    ("nhost", || Arc::new(NhostForm)),
    ("postgrest", || Arc::new(PostgRestForm)),
    ("graphql", || Arc::new(GraphQlForm::STATUSES)),
    ("graphql_200", || Arc::new(GraphQlForm::OK)),
];

/// The name of a body form.
#[derive(Clone, Debug)]
pub enum FormName {
    /// One of no product.
    Plain(Template),
    /// A product's.
    Product(Arc<dyn Form>),
}

impl FormName {
    /// The form, in these words where it is of no product: products have their own.
    #[must_use]
    pub fn form(&self, words: &Arc<[Wording]>) -> Arc<dyn Form> {
        match self {
            Self::Plain(template) if words.is_empty() => Arc::new(*template),
            Self::Plain(template) => Arc::new(Worded {
                template: *template,
                words: Arc::clone(words),
            }),
            Self::Product(form) => Arc::clone(form),
        }
    }
}

impl Default for FormName {
    fn default() -> Self {
        Self::Plain(Template::default())
    }
}

impl FromStr for FormName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let template = Template::ALL.iter().find(|(name, _)| *name == text);
        if let Some((_, template)) = template {
            return Ok(Self::Plain(*template));
        }
        let product = PRODUCTS.iter().find(|(name, _)| *name == text);
        product
            .map(|(_, form)| Self::Product(form()))
            .ok_or_else(|| {
                let templates = Template::ALL.iter().map(|(name, _)| *name);
                let known: Vec<&str> = templates
                    .chain(PRODUCTS.iter().map(|(name, _)| *name))
                    .collect();
                format!("unknown error form {text:?}; known: {}", known.join(", "))
            })
    }
}

/// What a realm calls one of our codes.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a code such as \"AUTH_EXPIRED_TOKEN\", or { code, message }"
)]
pub enum CodeName {
    /// Its code.
    Code(String),
    /// Its code and text.
    Full {
        /// The code.
        code: String,
        /// The text, where nothing more precise is said.
        message: String,
    },
}

/// The words of a realm.
pub(super) fn words(names: &BTreeMap<Text<ErrorCode>, CodeName>) -> Arc<[Wording]> {
    let one = |(Text(of), name): (&Text<ErrorCode>, &CodeName)| {
        let (code, message) = match name {
            CodeName::Code(code) => (code, None),
            CodeName::Full { code, message } => (code, Some(message.clone())),
        };
        Wording {
            of: *of,
            code: code.clone(),
            message,
        }
    };
    names.iter().map(one).collect()
}
