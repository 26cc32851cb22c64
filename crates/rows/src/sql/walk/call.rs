//! Calls of functions, and windows. Not here: which functions there are.

use super::super::{forbidden, function};
use super::name::idents;
use super::{Outcome, Walk, absent, growth};
use crate::fault::Fault;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, JsonReturningClause, ObjectName, Value,
    WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};

impl Walk<'_> {
    pub(super) fn function(&mut self, function: &mut Function) -> Outcome {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        let called = self.function_name(name)?;
        if takes_anything(args) {
            self.call()?;
        }
        absent("A call in braces", !*uses_odbc_syntax)?;
        absent(
            "A call with two lists",
            *parameters == FunctionArguments::None,
        )?;
        absent("IGNORE NULLS", null_treatment.is_none())?;
        absent(
            "WITHIN GROUP",
            within_group.is_empty() || self.is_postgres(),
        )?;
        match args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                absent("A bare query as an argument", self.is_postgres())?;
                self.query(query)?;
            }
            FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: _,
                args,
                clauses,
            }) => {
                self.short_set_of(&called, args)?;
                self.short_arguments(&called, args)?;
                self.arguments(args)?;
                match self.is_postgres() {
                    true => self.growth.add(&called, args)?,
                    false => growth::check_sqlite(&called, args)?,
                }
                clauses.iter_mut().try_for_each(|each| self.clause(each))?;
            }
        }
        self.sort(within_group)?;
        self.optional(filter.as_deref_mut())?;
        match over {
            None => Ok(()),
            Some(WindowType::NamedWindow(name)) => self.name(name),
            Some(WindowType::WindowSpec(spec)) => self.window(spec),
        }
    }

    /// A function's name as it is listed; printed without quotes.
    pub(super) fn function_name(&self, name: &mut ObjectName) -> Result<String, Fault> {
        let shown: String = name.to_string().chars().take(64).collect();
        let refused = || forbidden(format!("The function `{shown}`"));
        let mut parts = idents(name)?;
        let (listed, function) = match parts.as_mut_slice() {
            [function] => (
                function::listed(&self.called(function), self.flavour),
                function,
            ),
            [schema, function] => {
                let own = self.called(schema) == "auth"
                    && function::listed_in_auth(&self.called(function), self.flavour);
                if own {
                    **schema = Ident::new("auth");
                }
                (own, function)
            }
            _ => return Err(refused()),
        };
        if !listed {
            return Err(refused());
        }
        let own = self.called(function);
        function.quote_style = None;
        if self.is_postgres() {
            function.value.clone_from(&own);
        }
        Ok(own)
    }

    /// A function's name as the engine compares it.
    fn called(&self, ident: &Ident) -> String {
        match self.is_postgres() && ident.quote_style.is_some() {
            true => ident.value.clone(),
            false => ident.value.to_ascii_lowercase(),
        }
    }

    pub(super) fn arguments(&mut self, arguments: &mut [FunctionArg]) -> Outcome {
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(value) => self.argument(value)?,
                FunctionArg::Named {
                    name,
                    arg,
                    operator: FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
                } => {
                    absent("A named argument", self.is_postgres())?;
                    self.name(name)?;
                    self.argument(arg)?;
                }
                _ => return Err(forbidden("This kind of named argument")),
            }
        }
        Ok(())
    }

    fn argument(&mut self, argument: &mut FunctionArgExpr) -> Outcome {
        match argument {
            FunctionArgExpr::Expr(expression) => self.expression(expression),
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::QualifiedWildcard(name) => {
                absent("A row as an argument", self.is_postgres())?;
                self.star_of(name)
            }
            FunctionArgExpr::WildcardWithOptions(_) => {
                Err(forbidden("A star with more than a star"))
            }
        }
    }

    fn clause(&mut self, clause: &mut FunctionArgumentClause) -> Outcome {
        match clause {
            FunctionArgumentClause::OrderBy(terms) => self.sort(terms),
            FunctionArgumentClause::JsonNullClause(_) => absent("ON NULL", self.is_postgres()),
            FunctionArgumentClause::JsonReturningClause(JsonReturningClause { data_type }) => {
                absent("RETURNING in a call", self.is_postgres())?;
                self.kind(data_type)
            }
            _ => Err(forbidden("This clause of a call")),
        }
    }

    pub(super) fn window(&mut self, spec: &mut WindowSpec) -> Outcome {
        let WindowSpec {
            window_name,
            partition_by,
            order_by,
            window_frame,
        } = spec;
        if let Some(name) = window_name {
            self.name(name)?;
        }
        self.expressions(partition_by)?;
        self.sort(order_by)?;
        let Some(frame) = window_frame else {
            return Ok(());
        };
        let WindowFrame {
            units: _,
            start_bound,
            end_bound,
        } = frame;
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                WindowFrameBound::CurrentRow => {}
                WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => {
                    self.optional(value.as_deref_mut())?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a call takes more than what is written out, which is short.
fn takes_anything(arguments: &FunctionArguments) -> bool {
    let is_written = |argument: &FunctionArg| {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument else {
            return false;
        };
        matches!(value, Expr::Value(value) if !matches!(value.value, Value::Placeholder(_)))
    };
    match arguments {
        FunctionArguments::None => false,
        FunctionArguments::Subquery(_) => true,
        FunctionArguments::List(list) => !list.args.iter().all(is_written),
    }
}
