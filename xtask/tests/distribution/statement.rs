//! One statement: which tables it looks at, and of which of them it says whose rows it means.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, ConflictTarget, Delete, Expr, FromTable, Insert, JoinConstraint, JoinOperator,
    OnConflictAction, OnInsert, Query, Select, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
    Update, UpdateTableFromKind, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// How a table is reached within a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// By no tenant.
    Nobody,
    /// By the caller's tenant, if it has one: `($1 is null or tenant_id = $1)`.
    Scope,
    /// By a tenant: one, or one of several.
    Tenant,
}

/// Each table of a statement, as many times as it stands there.
#[derive(Debug, Default)]
pub struct Found {
    pub tables: Vec<(String, Reach)>,
}

impl Found {
    /// The tables that are reached so, each once.
    pub fn reached(&self, reach: Reach) -> Vec<&str> {
        let mut found: Vec<&str> =
            self.tables.iter().filter(|(_, how)| *how == reach).map(|(table, _)| table.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Reads a statement. `tenant_of` names the column of a table that is the tenant, for tables that have one.
pub fn read(sql: &str, tenant_of: &dyn Fn(&str) -> Option<&'static str>) -> Found {
    // The parser knows two strengths of a lock. They mean nothing here.
    let sql = sql.replace("for no key update", "for update").replace("for key share", "for share");
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, &sql);
    let statements = statements.unwrap_or_else(|error| panic!("{error}: {sql}"));
    let mut reader = Reader { tenant_of, found: Found::default() };
    let _ = statements.visit(&mut reader);
    reader.found
}

struct Reader<'a> {
    tenant_of: &'a dyn Fn(&str) -> Option<&'static str>,
    found: Found,
}

impl Visitor for Reader<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.set(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.statement(statement);
        ControlFlow::Continue(())
    }
}

/// What stands beside each other in one `from`, and what is said of it.
#[derive(Default)]
struct Level<'a> {
    /// Name of the table, by its alias.
    tables: BTreeMap<String, String>,
    conditions: Vec<&'a Expr>,
}

impl<'a> Level<'a> {
    fn add(&mut self, from: &'a TableWithJoins) {
        self.factor(&from.relation);
        for join in &from.joins {
            self.factor(&join.relation);
            let constraint = match &join.join_operator {
                JoinOperator::Join(on)
                | JoinOperator::Inner(on)
                | JoinOperator::Left(on)
                | JoinOperator::LeftOuter(on) => on,
                JoinOperator::CrossJoin(_) => continue,
                other => panic!("a join that this test does not know: {other:?}"),
            };
            if let JoinConstraint::On(on) = constraint {
                self.conditions.push(on);
            }
        }
    }

    fn factor(&mut self, factor: &'a TableFactor) {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let name = name.to_string();
                let alias = alias.as_ref().map_or_else(|| name.clone(), |alias| alias.name.value.clone());
                self.tables.insert(alias, name);
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.add(table_with_joins),
            // Functions have no tenant; subqueries are levels of their own.
            _ => {}
        }
    }
}

impl Reader<'_> {
    /// What a `with` or a subquery brings comes by itself: it is a query, or a statement.
    fn set(&mut self, set: &SetExpr) {
        match set {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.set(left);
                self.set(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select) {
        let mut level = Level::default();
        select.from.iter().for_each(|from| level.add(from));
        level.conditions.extend(&select.selection);
        self.close(&level);
    }

    fn statement(&mut self, statement: &Statement) {
        let mut level = Level::default();
        match statement {
            Statement::Update(Update { table, from, selection, .. }) => {
                level.add(table);
                if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) = from
                {
                    from.iter().for_each(|from| level.add(from));
                }
                level.conditions.extend(selection);
            }
            Statement::Delete(Delete { from, using, selection, .. }) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
                from.iter().chain(using.iter().flatten()).for_each(|from| level.add(from));
                level.conditions.extend(selection);
            }
            Statement::Insert(insert) => return self.insert(insert),
            _ => return,
        }
        self.close(&level);
    }

    /// A row names its tenant, and what it conflicts with has to be of the same one.
    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else { return };
        let name = name.to_string();
        let Some(tenant) = (self.tenant_of)(&name) else { return };
        let mut says = insert.columns.iter().any(|column| column.to_string() == tenant);
        if let Some(OnInsert::OnConflict(conflict)) = &insert.on {
            says &= match (&conflict.conflict_target, &conflict.action) {
                (Some(ConflictTarget::Columns { columns, .. }), _) => {
                    columns.iter().any(|c| c.value == tenant)
                }
                (None, OnConflictAction::DoNothing) => true,
                _ => false,
            };
        }
        self.found.tables.push((name, if says { Reach::Tenant } else { Reach::Nobody }));
    }

    fn close(&mut self, level: &Level<'_>) {
        for (alias, name) in &level.tables {
            let Some(tenant) = (self.tenant_of)(name) else { continue };
            let alone = level.tables.len() == 1;
            let is_tenant = |expr: &Expr| match expr {
                Expr::CompoundIdentifier(parts) => {
                    matches!(parts.as_slice(), [of, column] if of.value == *alias && column.value == tenant)
                }
                Expr::Identifier(column) => alone && column.value == tenant,
                _ => false,
            };
            let reach = level.conditions.iter().map(|condition| reach(condition, &is_tenant));
            let reach = reach.max().unwrap_or(Reach::Nobody);
            self.found.tables.push((name.clone(), reach));
        }
    }
}

/// What a condition says of a table whose tenant is what `is_tenant` recognises.
fn reach(condition: &Expr, is_tenant: &dyn Fn(&Expr) -> bool) -> Reach {
    match condition {
        Expr::Nested(inner) => reach(inner, is_tenant),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            reach(left, is_tenant).max(reach(right, is_tenant))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            let named = [left, right].map(|side| reach(side, is_tenant) == Reach::Tenant);
            let nobody = [left, right].map(|side| matches!(&**side, Expr::IsNull(_)));
            let is_scope = (named[0] && nobody[1]) || (named[1] && nobody[0]);
            if is_scope { Reach::Scope } else { Reach::Nobody }
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_tenant(left) || is_tenant(right) => {
            Reach::Tenant
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, .. } if is_tenant(left) => Reach::Tenant,
        _ => Reach::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(sql: &str) -> Vec<(String, Reach)> {
        let mut found = read(sql, &crate::tenant_of).tables;
        found.sort();
        found
    }

    fn one(sql: &str) -> Reach {
        let found = reached(sql);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].1
    }

    #[test]
    fn a_tenant_is_named_in_where_and_in_on() {
        assert_eq!(
            one("select r.id from pipeline_runs r where r.id = $2 and r.tenant_id = $1"),
            Reach::Tenant
        );
        assert_eq!(one("update pipeline_runs set status = 'x' where tenant_id = $1"), Reach::Tenant);
        assert_eq!(one("delete from pipeline_runs r where (r.tenant_id = any ($1))"), Reach::Tenant);
        let joined = "select 1 from tenants t join pipelines p on p.tenant_id = t.id where t.id = $1";
        assert!(reached(joined).iter().all(|(_, reach)| *reach == Reach::Tenant));
    }

    #[test]
    fn an_id_names_nobody() {
        assert_eq!(one("select r.id from pipeline_runs r where r.id = $2"), Reach::Nobody);
        assert_eq!(one("select r.id from pipeline_runs r where r.tenant_id >= $1"), Reach::Nobody);
        assert_eq!(
            one("select r.id from pipeline_runs r where r.tenant_id = $1 or r.id = $2"),
            Reach::Nobody
        );
        let joined = "select 1 from pipeline_versions v join pipelines p on p.id = v.pipeline_id where v.tenant_id = $1";
        let expected = [("pipeline_versions", Reach::Tenant), ("pipelines", Reach::Nobody)];
        assert_eq!(reached(joined), expected.map(|(table, reach)| (table.to_owned(), reach)));
    }

    #[test]
    fn the_callers_tenant_may_be_everybody() {
        let sql =
            "select r.id from pipeline_runs r where r.id = $2 and ($1::uuid is null or r.tenant_id = $1)";
        assert_eq!(one(sql), Reach::Scope);
    }

    #[test]
    fn each_part_of_a_statement_counts() {
        let sql = "with held as (select h.id from pipeline_runs h where h.tenant_id = $1 for no key update)
                   update pipeline_runs r set status = 'x' from held where r.id = held.id";
        assert_eq!(reached(sql).iter().filter(|(_, reach)| *reach == Reach::Nobody).count(), 1);
        let lateral = "select 1 from tenants t cross join lateral (select from run_steps s where s.run_id = t.id) x where t.id = $1";
        assert_eq!(read(lateral, &crate::tenant_of).reached(Reach::Nobody), ["run_steps"]);
        let exists = "select exists (select from run_steps s where s.run_id = $1)";
        assert_eq!(one(exists), Reach::Nobody);
    }

    #[test]
    fn a_row_names_its_tenant_and_so_does_what_it_conflicts_with() {
        assert_eq!(one("insert into pipelines (id, tenant_id) values ($1, $2)"), Reach::Tenant);
        assert_eq!(one("insert into pipelines (id) values ($1)"), Reach::Nobody);
        let conflict = |on: &str| {
            one(&format!("insert into pipelines (id, tenant_id) values ($1, $2) on conflict {on} do nothing"))
        };
        assert_eq!(
            [conflict("(tenant_id, name)"), conflict("(name)"), conflict("")],
            [Reach::Tenant, Reach::Nobody, Reach::Tenant]
        );
    }

    #[test]
    fn tables_of_all_do_not_count() {
        assert!(reached("select k.id from api_keys k where k.id = $1").is_empty());
        assert!(reached("with pipelines_of as (select 1) select 1 from pipelines_of").is_empty());
    }
}
