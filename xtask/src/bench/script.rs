//! A statement of `shared/sql/` as pgbench takes it: the same SQL, its `$n` replaced by pgbench's variables.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::statements::NULL;

/// A pgbench variable that nobody sets: with `-M prepared`, its value is null.
const ABSENT: &str = ":absent";

/// What `-D` gives to pgbench: a value for each name.
pub type Variables = BTreeMap<String, String>;

/// The statement with argument `n` in place of each `$n`, cast to the parameter's type (pgbench sends every occurrence as
/// a parameter of its own, of which some would have no type otherwise). A text (`'…'`) and null become variables, so that
/// Postgres plans without knowing them, as it does for the verbs; any other argument is taken as it is, such as `:name`, or
/// `nullif(:name, '')` where `\gset` has made an empty text of null.
///
/// Whole-line comments are left out, as pgbench would read variables in them; so is what sqlx reads in column aliases
/// (`"id: Kind"`, `"id!"`, `"id?"`), as `\gset` makes variables of the columns. Fails when an argument or a type is missing.
pub fn to_pgbench(
    sql: &str,
    types: &[String],
    arguments: &[String],
    variables: &mut Variables,
) -> Result<String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| variable(argument, variables)).collect();
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let sql = lines.collect::<Vec<_>>().join("\n");
    let mut script = String::with_capacity(sql.len() * 2);
    let mut rest = sql.as_str();
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (before, found) = rest.split_at(at);
        script.push_str(before);
        let quote = &found[..1];
        rest = if quote == "$" {
            let digits = found[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(found.len() - 1);
            let number: usize = found[1..=digits].parse().context("a $ without a number")?;
            let missing = || format!("${number} has no argument or no type");
            let index = number.checked_sub(1).with_context(missing)?;
            script.push_str(arguments.get(index).with_context(missing)?);
            script.push_str("::");
            script.push_str(types.get(index).with_context(missing)?);
            &found[1 + digits..]
        } else {
            let (text, rest) = found[1..].split_once(quote).context("a quote that does not end")?;
            let text = if quote == "\"" { column(text) } else { text };
            script.extend([quote, text, quote]);
            rest
        };
    }
    script.push_str(rest);
    Ok(script)
}

fn variable(argument: &str, variables: &mut Variables) -> String {
    if argument == NULL {
        return ABSENT.to_owned();
    }
    let text = argument.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let Some(text) = text.filter(|text| !text.contains('\'')) else { return argument.to_owned() };
    let known = variables.iter().find(|(_, value)| *value == text).map(|(name, _)| name.clone());
    let name = known.unwrap_or_else(|| format!("text_{}", variables.len() + 1));
    variables.insert(name.clone(), text.to_owned());
    format!(":{name}")
}

fn column(alias: &str) -> &str {
    alias.split([':', '!', '?']).next().unwrap_or(alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(sql: &str, types: &[&str], arguments: &[&str]) -> Result<String> {
        let of = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        to_pgbench(sql, &of(types), &of(arguments), &mut Variables::new())
    }

    #[test]
    fn every_occurrence_becomes_a_variable_of_its_type() {
        let sql = "select $1, $2::text[] where $1 is null";
        let script = convert(sql, &["uuid", "text[]"], &[":tenant", NULL]).unwrap();
        assert_eq!(script, "select :tenant::uuid, :absent::text[]::text[] where :tenant::uuid is null");
    }

    #[test]
    fn a_text_becomes_a_variable_and_equal_ones_are_one() {
        let mut variables = Variables::new();
        let [types, arguments] = [["text[]", "text", "text[]"], ["'{a,b}'", "'w'", "'{a,b}'"]]
            .map(|texts| texts.map(str::to_owned));
        let script = to_pgbench("f($1, $2, $3)", &types, &arguments, &mut variables).unwrap();
        assert_eq!(script, "f(:text_1::text[], :text_2::text, :text_1::text[])");
        assert_eq!(variables["text_1"], "{a,b}");
        assert_eq!(variables["text_2"], "w");
    }

    #[test]
    fn other_expressions_stay() {
        let script = convert("f($1, $2)", &["text", "text"], &["('a' || 'b')", "nullif(:c, '')"]).unwrap();
        assert_eq!(script, "f(('a' || 'b')::text, nullif(:c, '')::text)");
    }

    #[test]
    fn two_digits_are_one_number() {
        let types = ["int"; 12];
        let arguments = [":a", "", "", "", "", "", "", "", "", "", "", ":l"];
        assert_eq!(convert("($12,$1)", &types, &arguments).unwrap(), "(:l::int,:a::int)");
    }

    #[test]
    fn comments_go_and_texts_stay() {
        let script = convert("-- $1: a\nselect '$1: x' -> $1\n  -- b\n", &["text"], &[":a"]).unwrap();
        assert_eq!(script, "select '$1: x' -> :a::text");
    }

    #[test]
    fn aliases_lose_what_only_sqlx_reads() {
        let script = convert(r#"select a as "status: Status", b as "token!", c as "d?""#, &[], &[]).unwrap();
        assert_eq!(script, r#"select a as "status", b as "token", c as "d""#);
    }

    #[test]
    fn an_argument_too_few_is_an_error() {
        assert!(convert("select $2", &["int"], &[":a"]).is_err());
        assert!(convert("select $0", &["int"], &[":a"]).is_err());
        assert!(convert("select 'a", &[], &[]).is_err());
    }

    #[test]
    fn the_statements_of_the_benchmark_convert() {
        let sql = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sql");
        for name in ["claim", "complete", "create"] {
            let sql = std::fs::read_to_string(sql.join(format!("{name}.sql"))).unwrap();
            let script = convert(&sql, &["text"; 20], &[NULL; 20]).unwrap();
            assert!(!script.contains('$') && !script.contains("--"), "{name}: {script}");
        }
    }
}
