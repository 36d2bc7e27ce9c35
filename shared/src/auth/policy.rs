//! The policy, endpoint × role, as it is shown. It stands in [`FUNCTIONS`]: a route that does not say who may make its
//! request does not compile.

use super::role::Role;
use crate::functions::FUNCTIONS;

/// The policy as a table in Markdown, a row for each route in the order of [`FUNCTIONS`], a column for each role.
pub fn table() -> String {
    let roles = Role::ALL.map(Role::as_str);
    let mut table = format!("| endpoint | {} |\n|---|{}\n", roles.join(" | "), ":-:|".repeat(roles.len()));
    for route in FUNCTIONS.iter().flat_map(|function| function.routes()) {
        let marks = Role::ALL.map(|role| if route.roles.contains(role) { "✓" } else { "" });
        table += &format!("| `{} {}` | {} |\n", route.method, route.path, marks.join(" | "));
    }
    table
}
