//! docs/costs.md: every row is the product that it says it is, every table adds up, and what it counts is what the template has.

use runplane::metrics;

use crate::documents::{cells, text};
use crate::template::Template;

fn document() -> String {
    text("docs/costs.md")
}

/// The numbers of a text, whatever stands between them.
fn numbers(text: &str) -> Vec<f64> {
    let parts = text.split(|char: char| !(char.is_ascii_digit() || ".,".contains(char)));
    parts.filter_map(|part| part.replace(',', "").parse().ok()).collect()
}

fn cents(usd: f64) -> i64 {
    // A half goes up, however it is stored.
    (usd * 100.0 + 1e-7).round() as i64
}

#[test]
fn each_row_is_a_product_and_each_table_is_a_sum() {
    let document = document();
    let (mut sum, mut rows, mut sums) = (0, 0, 0);
    for line in document.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, what, many, each, usd, _] = cells.as_slice() else { continue };
        if *what == "**together**" {
            assert_eq!(cents(numbers(usd)[0]), sum, "{line}");
            (sum, sums) = (0, sums + 1);
        } else if let Ok(each) = each.parse::<f64>() {
            let expected = cents(numbers(many).iter().product::<f64>() * each);
            assert_eq!(cents(numbers(usd)[0]), expected, "{line}");
            (sum, rows) = (sum + expected, rows + 1);
        }
    }
    assert_eq!((sum, sums), (0, 3), "a table without its sum");
    assert!(rows > 30, "{rows}");
}

#[test]
fn what_is_counted_is_what_the_template_has() {
    let (template, document) = (Template::read(), document());
    let row = |what: &str| {
        let line = document.lines().find(|line| line.starts_with(&format!("| {what}")));
        numbers(line.unwrap_or_else(|| panic!("no row {what}")).split('|').nth(2).unwrap())
    };
    assert_eq!(row("metrics of the sweep"), [measured_by("sweep") as f64]);
    assert_eq!(row("metrics of what delivers events"), [measured_by("deliver") as f64]);
    assert_eq!(row("alarms"), [template.of_type("AWS::CloudWatch::Alarm").len() as f64]);
    let megabytes = |name: &str| template.property(template.function(name).1, "MemorySize").as_f64().unwrap();
    assert_eq!(row("the worker: GB-seconds").last(), Some(&(megabytes("worker") / 1024.0)));
    assert_eq!(row("functions of the API: GB-seconds").last(), Some(&(megabytes("create") / 1024.0)));
    assert_eq!(row("the sweep: GB-seconds").last(), Some(&(megabytes("sweep") / 1024.0)));
    assert_eq!(row("endpoints: SQS and Secrets Manager"), [730.0, 2.0, 2.0]);
    let parameter = |name: &str| &template.whole["Parameters"][name]["Default"];
    assert_eq!(row("its storage, in two zones"), [parameter("DatabaseStorageGiB").as_f64().unwrap()]);
    let class = parameter("DatabaseInstanceClass").as_str().unwrap();
    assert!(document.contains(&format!("| Postgres: `{class}`, Multi-AZ |")), "{class}");
}

/// How many metrics a function has, by the tables of docs/operations.md, which have a row for each.
fn measured_by(function: &str) -> usize {
    let document = text("docs/operations.md");
    let by = |name: &str| {
        let of = format!("`{name}`");
        let rows = document.lines().map(cells);
        // What the sweep has done is in a table of its own.
        let by = rows.filter(|cells| cells.len() > 2).find_map(|cells| match cells.as_slice() {
            [first, _, by, ..] if *first == of => Some((*by).to_owned()),
            [_, second, _] if *second == of => Some("sweep".to_owned()),
            _ => None,
        });
        by.unwrap_or_else(|| panic!("docs/operations.md does not say what {name} is"))
    };
    let all = metrics::ALL.iter().map(|metric| by(metric.name));
    all.filter(|by| by.contains("all but migrate") || by.split(", ").any(|name| name == function)).count()
}

/// The sum of the first table, and what is left of it beside a database that is there.
#[test]
fn what_deploy_md_says_is_what_costs_md_says() {
    let document = document();
    let usd = |line: &str| numbers(cells(line).last().unwrap())[0];
    let idle = document.lines().take_while(|line| !line.contains("**together**"));
    // What the stack does not have then. Of two secrets one is left: the owner's password is RDS's.
    let of_the_database = |line: &&str| {
        ["| Postgres:", "| its storage", "| endpoints:"].iter().any(|row| line.starts_with(row))
    };
    let without: f64 = idle.filter(of_the_database).map(usd).sum();
    let together = usd(document.lines().find(|line| line.contains("**together**")).unwrap());
    let beside = together - without - 0.40;
    let sentence = format!("what is left is about {beside:.2}:");
    assert!(document.contains(&sentence), "docs/costs.md lacks: {sentence}");
    let sentence = format!(
        "about {together:.0} USD a month with a database of its own that has a standby, {beside:.0} beside one that is there"
    );
    assert!(text("docs/deploy.md").contains(&sentence), "docs/deploy.md lacks: {sentence}");
}
