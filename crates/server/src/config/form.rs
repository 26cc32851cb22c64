//! The names by which configuration chooses a body form of refusals. Not here: the
//! forms, which are in `surface` and in the crates of the dialects.

use doorward_nhost::{GraphQlForm, NhostForm};
use doorward_oauth::OAuthForm;
use doorward_supabase::{GoTrueForm, PostgRestForm};
use doorward_surface::{Form, Template};
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
pub struct FormName(Arc<dyn Form>);

impl FormName {
    #[must_use]
    pub fn form(&self) -> Arc<dyn Form> {
        Arc::clone(&self.0)
    }
}

impl Default for FormName {
    fn default() -> Self {
        Self(Arc::new(Template::default()))
    }
}

impl FromStr for FormName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let template = Template::ALL.iter().find(|(name, _)| *name == text);
        if let Some((_, template)) = template {
            return Ok(Self(Arc::new(*template)));
        }
        let product = PRODUCTS.iter().find(|(name, _)| *name == text);
        product.map(|(_, form)| Self(form())).ok_or_else(|| {
            let templates = Template::ALL.iter().map(|(name, _)| *name);
            let known: Vec<&str> = templates
                .chain(PRODUCTS.iter().map(|(name, _)| *name))
                .collect();
            format!("unknown error form {text:?}; known: {}", known.join(", "))
        })
    }
}
