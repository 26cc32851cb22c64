//! `SELECT`, `VALUES`, set operations and `WITH`. Not here: what is in `FROM`.

use super::super::forbidden;
use super::{Outcome, Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{
    Cte, Distinct, Fetch, GroupByExpr, Ident, LimitClause, NamedWindowDefinition, NamedWindowExpr,
    Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Query, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
    Values, WildcardAdditionalOptions, With,
};

impl Walk<'_> {
    pub(in super::super) fn query(&mut self, query: &mut Query) -> Outcome {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        absent("FOR UPDATE or FOR SHARE", locks.is_empty())?;
        absent("FOR JSON or FOR XML", for_clause.is_none())?;
        absent("SETTINGS", settings.is_none())?;
        absent("FORMAT", format_clause.is_none())?;
        absent("A pipe operator", pipe_operators.is_empty())?;
        let in_sight = self.with.len();
        if let Some(with) = with {
            self.found.differences.renames = true;
            self.with(with)?;
        }
        self.set_expression(body)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by)?;
        }
        match limit_clause {
            None => {}
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                absent("LIMIT … BY", limit_by.is_empty())?;
                self.optional(limit.as_mut())?;
                if let Some(Offset { value, rows: _ }) = offset {
                    self.expression(value)?;
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expression(offset)?;
                self.expression(limit)?;
            }
        }
        if let Some(Fetch {
            with_ties: _,
            percent,
            quantity,
        }) = fetch
        {
            absent("FETCH … PERCENT", !*percent)?;
            self.optional(quantity.as_mut())?;
        }
        self.with.truncate(in_sight);
        Ok(())
    }

    /// Brings the queries' names into sight. Without RECURSIVE each sees those before it (what
    /// SQLite makes of its own name there is an error or the query itself; as a table it is
    /// the larger guess); with it, all see all.
    fn with(&mut self, with: &mut With) -> Outcome {
        let With {
            with_token: _,
            recursive,
            cte_tables,
        } = with;
        if *recursive {
            for cte in cte_tables.iter_mut() {
                let name = self.with_name(&mut cte.alias.name)?;
                self.with.push(name);
            }
        }
        for cte in cte_tables {
            let Cte {
                alias,
                query,
                from,
                materialized: _,
                closing_paren_token: _,
            } = cte;
            absent("A WITH query's FROM", from.is_none())?;
            self.query(query)?;
            self.alias(alias)?;
            let name = self.with_name(&mut alias.name)?;
            self.with.push(name);
        }
        Ok(())
    }

    fn with_name(&self, ident: &mut Ident) -> Result<String, Fault> {
        self.name(ident)?;
        Ok(self.folded(ident))
    }

    fn set_expression(&mut self, body: &mut SetExpr) -> Outcome {
        let mut body = body;
        // A chain of set operations hangs to the left.
        while let SetExpr::SetOperation {
            left,
            op,
            set_quantifier,
            right,
        } = body
        {
            absent("MINUS", !matches!(op, SetOperator::Minus))?;
            match set_quantifier {
                SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => {}
                _ => return Err(forbidden("BY NAME")),
            }
            self.set_expression(right)?;
            body = left;
        }
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement) => self.statement(statement),
            SetExpr::Merge(_) => Err(forbidden("MERGE")),
            SetExpr::Table(_) => Err(forbidden("TABLE")),
            SetExpr::SetOperation { .. } => Err(forbidden("A set operation")),
        }
    }

    pub(super) fn values(&mut self, values: &mut Values) -> Outcome {
        let Values {
            explicit_row,
            value_keyword,
            rows,
        } = values;
        absent("VALUES ROW", !*explicit_row)?;
        absent("VALUE", !*value_keyword)?;
        rows.iter_mut()
            .try_for_each(|row| self.expressions(&mut row.content))
    }

    fn select(&mut self, select: &mut Select) -> Outcome {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        absent("SELECT INTO", into.is_none())?;
        absent("An optimizer hint", optimizer_hints.is_empty())?;
        absent("A modifier of SELECT", select_modifiers.is_none())?;
        absent("TOP", top.is_none())?;
        absent("EXCLUDE", exclude.is_none())?;
        absent("LATERAL VIEW", lateral_views.is_empty())?;
        absent("PREWHERE", prewhere.is_none())?;
        absent("CONNECT BY", connect_by.is_empty())?;
        absent("CLUSTER BY", cluster_by.is_empty())?;
        absent("DISTRIBUTE BY", distribute_by.is_empty())?;
        absent("SORT BY", sort_by.is_empty())?;
        absent("QUALIFY", qualify.is_none())?;
        absent("SELECT AS", value_table_mode.is_none())?;
        absent("FROM before SELECT", *flavor == SelectFlavor::Standard)?;
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct) => {}
            Some(Distinct::On(list)) => {
                absent("DISTINCT ON", self.is_postgres())?;
                self.expressions(list)?;
            }
        }
        for table in from {
            self.table_with_joins(table)?;
        }
        self.items(projection)?;
        self.optional(selection.as_mut())?;
        match group_by {
            GroupByExpr::Expressions(list, modifiers) => {
                absent("A modifier of GROUP BY", modifiers.is_empty())?;
                self.expressions(list)?;
            }
            GroupByExpr::All(_) => return Err(forbidden("GROUP BY ALL")),
        }
        self.optional(having.as_mut())?;
        for NamedWindowDefinition(name, window) in named_window {
            self.name(name)?;
            match window {
                NamedWindowExpr::NamedWindow(other) => self.name(other)?,
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
            }
        }
        Ok(())
    }

    /// What a SELECT or RETURNING answers.
    pub(super) fn items(&mut self, items: &mut [SelectItem]) -> Outcome {
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expression) => self.expression(expression)?,
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.expression(expr)?;
                    self.name(alias)?;
                }
                SelectItem::ExprWithAliases { .. } => return Err(forbidden("Several aliases")),
                SelectItem::QualifiedWildcard(kind, options) => {
                    plain_star(options)?;
                    match kind {
                        SelectItemQualifiedWildcardKind::ObjectName(name) => self.star_of(name)?,
                        SelectItemQualifiedWildcardKind::Expr(_) => {
                            return Err(forbidden("A star after an expression"));
                        }
                    }
                }
                SelectItem::Wildcard(options) => plain_star(options)?,
            }
        }
        Ok(())
    }

    pub(super) fn order_by(&mut self, order_by: &mut OrderBy) -> Outcome {
        let OrderBy { kind, interpolate } = order_by;
        absent("INTERPOLATE", interpolate.is_none())?;
        match kind {
            OrderByKind::Expressions(list) => self.sort(list),
            OrderByKind::All(_) => Err(forbidden("ORDER BY ALL")),
        }
    }

    /// The terms of an ORDER BY, wherever it stands.
    pub(in super::super) fn sort(&mut self, terms: &mut [OrderByExpr]) -> Outcome {
        for term in terms {
            let OrderByExpr {
                expr,
                options,
                with_fill,
            } = term;
            let OrderByOptions {
                sort,
                nulls_first: _,
            } = options;
            absent("WITH FILL", with_fill.is_none())?;
            match sort {
                None | Some(OrderBySort::Asc | OrderBySort::Desc) => {}
                Some(OrderBySort::Using(_)) => return Err(forbidden("ORDER BY … USING")),
            }
            self.expression(expr)?;
        }
        Ok(())
    }
}

fn plain_star(options: &WildcardAdditionalOptions) -> Outcome {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    absent("A star with more than a star", plain)
}
