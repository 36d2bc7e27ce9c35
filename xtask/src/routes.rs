//! The routes of the HTTP API, read from the same table that `cargo lambda watch` reads:
//! `[workspace.metadata.lambda.watch.router]` in the root `Cargo.toml`.
//!
//! Matching follows API Gateway's HTTP APIs: a literal segment wins over a `{parameter}`, so `/api/runs/claim` is
//! never a run whose id is `claim`, and a path whose methods do not include the asked one is not found.

use std::path::Path;

use anyhow::{Context, bail};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The functions that no route leads to: they are invoked by the clock and by SQS, and by whoever knows Lambda's invoke API.
pub const UNROUTED: [&str; 3] = ["deliver", "sweep", "worker"];

/// The function that deployments call, and nothing else: it runs on no stack but a deployed one.
pub const OF_DEPLOYMENTS: &str = "migrate";

/// An event that a function of this name has nothing to do for: it starts the function, and changes nothing.
pub fn idle_event(function: &str) -> &'static str {
    match function {
        // No tenant has this id.
        "sweep" => r#"{"tenant_id":"00000000-0000-0000-0000-000000000000"}"#,
        // No messages for the worker, no request for the others, and what delivers events reads none.
        _ => r#"{"Records":[]}"#,
    }
}

/// One line of the table: which function answers a method on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method in upper case; `None` stands for every method.
    pub method: Option<String>,
    /// The path template, as written in the table: `/api/runs/{run_id}`.
    pub path: String,
    /// The name of the function, which is the name of its binary.
    pub function: String,
}

impl Route {
    /// API Gateway's name of the route: `GET /api/runs/{run_id}`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method.as_deref().unwrap_or("ANY"), self.path)
    }
}

/// A route that fits a request, with the values of its path parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The route.
    pub route: &'a Route,
    /// Name and percent-decoded value of each `{parameter}`, in the order of the path.
    pub parameters: Vec<(String, String)>,
}

/// The whole table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// What a path may be mapped to: one function for every method, or a list of methods.
#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    Any(String),
    Methods(Vec<Method>),
}

#[derive(Deserialize)]
struct Method {
    method: Option<String>,
    function: String,
}

impl Routes {
    /// Reads the table from the `Cargo.toml` in the folder `root`.
    ///
    /// Fails when the file cannot be read, has no such table, or a path does not begin with a slash.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let file = root.join("Cargo.toml");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("the routes in {}", file.display()))
    }

    /// Reads the table from the text of a root `Cargo.toml`; fails as [`Routes::read`] does.
    pub fn parse(cargo_toml: &str) -> anyhow::Result<Self> {
        let document: toml::Value = toml::from_str(cargo_toml)?;
        let table = ["workspace", "metadata", "lambda", "watch", "router"]
            .iter()
            .try_fold(&document, |value, key| value.get(key))
            .context("there is no [workspace.metadata.lambda.watch.router]")?;
        let table: std::collections::BTreeMap<String, Target> = table.clone().try_into()?;

        let mut routes = Vec::new();
        for (path, target) in table {
            if !path.starts_with('/') {
                bail!("the path {path:?} does not begin with a slash");
            }
            let methods = match target {
                Target::Any(function) => vec![Method { method: None, function }],
                Target::Methods(methods) => methods,
            };
            routes.extend(methods.into_iter().map(|m| Route {
                method: m.method.map(|m| m.to_uppercase()),
                path: path.clone(),
                function: m.function,
            }));
        }
        Ok(Self(routes))
    }

    /// Every route of the table, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The names of all functions in the table, sorted, each once.
    pub fn functions(&self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.iter().map(|r| r.function.clone()).collect();
        names.into_iter().collect()
    }

    /// The route of a request: `method` in upper case, `path` as it stands in the request line, without the query.
    ///
    /// `None` when no route fits, be it for its path or for its method.
    pub fn find(&self, method: &str, path: &str) -> Option<Matched<'_>> {
        self.0
            .iter()
            .filter(|route| route.method.as_deref().is_none_or(|m| m == method))
            .filter_map(|route| Some((route, parameters(&route.path, path)?)))
            // At the first segment where two templates differ, the literal one wins.
            .min_by_key(|(route, _)| (shape(&route.path), route.method.is_none()))
            .map(|(route, parameters)| Matched { route, parameters })
    }
}

/// Where a template has parameters, segment by segment: the smaller value is the more literal template.
fn shape(template: &str) -> Vec<bool> {
    template.split('/').map(|segment| parameter(segment).is_some()).collect()
}

fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The parameters of `path`, or `None` when it does not fit the template. An empty segment is no value.
fn parameters(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(template), Some(segment)) => match parameter(template) {
                Some(_) if segment.is_empty() => return None,
                Some(name) => {
                    let value = percent_decode_str(segment).decode_utf8_lossy().into_owned();
                    found.push((name.to_owned(), value));
                }
                None if template == segment => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [workspace.metadata.lambda.watch.router]
        "/api/runs" = [{ method = "POST", function = "create" }, { method = "get", function = "list" }]
        "/api/runs/{run_id}" = [{ method = "GET", function = "get" }, { method = "POST", function = "odd" }]
        "/api/runs/claim" = [{ method = "POST", function = "claim" }]
        "/api/runs/{run_id}/complete" = [{ method = "POST", function = "complete" }]
        "/health" = "health"
    "#;

    fn function(method: &str, path: &str) -> Option<String> {
        let routes = Routes::parse(TABLE).unwrap();
        routes.find(method, path).map(|m| m.route.function.clone())
    }

    #[test]
    fn a_method_picks_the_function_of_a_path() {
        assert_eq!(function("POST", "/api/runs").as_deref(), Some("create"));
        assert_eq!(function("GET", "/api/runs").as_deref(), Some("list"));
        assert_eq!(function("DELETE", "/health").as_deref(), Some("health"));
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        assert_eq!(function("POST", "/api/runs/claim").as_deref(), Some("claim"));
        assert_eq!(function("POST", "/api/runs/claims").as_deref(), Some("odd"));
        assert_eq!(function("GET", "/api/runs/claim").as_deref(), Some("get"), "no GET on the literal path");
    }

    #[test]
    fn path_parameters_are_named_and_decoded() {
        let routes = Routes::parse(TABLE).unwrap();
        let matched = routes.find("POST", "/api/runs/a%20b/complete").unwrap();
        assert_eq!(matched.route.key(), "POST /api/runs/{run_id}/complete");
        assert_eq!(matched.parameters, [("run_id".to_owned(), "a b".to_owned())]);
    }

    #[test]
    fn other_paths_and_methods_are_not_found() {
        for (method, path) in [
            ("DELETE", "/api/runs"),
            ("GET", "/"),
            ("GET", "/api/runs/"),
            ("GET", "/api/runs/1/2/3"),
            ("POST", "/api/runs//complete"),
        ] {
            assert_eq!(function(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn every_function_crate_has_a_route_or_is_listed_as_one_that_has_none() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut expected = Routes::read(&root).unwrap().functions();
        assert!(expected.contains(&"create".to_owned()), "{expected:?}");
        expected.extend(UNROUTED.map(str::to_owned));
        expected.push(OF_DEPLOYMENTS.to_owned());
        expected.sort();
        let folders = std::fs::read_dir(root.join("functions")).unwrap().flatten();
        let crates = folders.filter(|folder| folder.path().join("Cargo.toml").is_file());
        let mut found: Vec<_> = crates.map(|folder| folder.file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}
