//! The functions that an expression may call.
//!
//! A dag_spec is a stranger's code. Without recursion and endless generators every expression comes to an end: so there is nothing here that
//! calls itself or counts, while `reduce`, `foreach`, `label` and `..` may stay, which go over what is there. Neither is there anything
//! that shows the worker's machine or its clock: the same input gives the same output, on whichever attempt.
//! How much memory and time an expression takes is no question of its functions (`.+.` thirty times is a gigabyte): the worker bounds it.

use crate::dag::words::{cut, meant};

/// What an argument of a function, itself an expression, is given as its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// What the function is given.
    Same,
    /// Its items or fields.
    Each,
    /// Something that it makes.
    Made,
    /// What the argument before gives.
    Previous,
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// Something that it makes.
    Made,
    /// What it was given, or nothing.
    Input,
    /// What it was given, or something that it makes.
    InputOrMade,
    /// What its last argument gives.
    Last,
    /// Nothing.
    Nothing,
}

/// A function of the list.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [Input],
    pub(super) gives: Gives,
}

const fn row(name: &'static str, arguments: &'static [Input], gives: Gives) -> Function {
    Function { name, arguments, gives }
}

/// From its input alone.
const fn of(name: &'static str) -> Function {
    row(name, &[], Gives::Made)
}

/// From its input and one argument, two, three.
const fn of1(name: &'static str) -> Function {
    row(name, &[Input::Same], Gives::Made)
}
const fn of2(name: &'static str) -> Function {
    row(name, &[Input::Same, Input::Same], Gives::Made)
}

/// From what an expression gives for each item.
const fn by(name: &'static str) -> Function {
    row(name, &[Input::Each], Gives::Made)
}

/// What it is given, if it is of that type.
const fn only(name: &'static str) -> Function {
    row(name, &[], Gives::Input)
}

use Input::{Made, Previous, Same};

/// All of them. A test asks jaq for each one.
#[rustfmt::skip]
pub(super) const ALLOWED: &[Function] = &[
    // Constants, and nothing at all.
    of("true"), of("false"), of("null"), row("empty", &[], Gives::Nothing),
    row("error", &[], Gives::Nothing), row("error", &[Same], Gives::Nothing),
    // Choosing.
    of("not"), row("select", &[Same], Gives::Input), row("isempty", &[Same], Gives::Made),
    only("values"), only("nulls"), only("booleans"), only("numbers"), only("strings"), only("arrays"), only("objects"),
    only("iterables"), only("scalars"), only("finites"), only("normals"),
    of("first"), of("last"), of1("nth"), row("first", &[Same], Gives::Last), row("last", &[Same], Gives::Last),
    row("nth", &[Same, Same], Gives::Last), row("limit", &[Same, Same], Gives::Last), row("skip", &[Same, Same], Gives::Last),
    of("any"), of("all"), by("any"), by("all"), row("any", &[Same, Previous], Gives::Made), row("all", &[Same, Previous], Gives::Made),
    // Types.
    of("type"), of("tostring"), of("tonumber"), of("toboolean"), of("tojson"), of("fromjson"),
    of("isnan"), of("isinfinite"), of("isfinite"), of("isnormal"),
    // Lists and objects.
    of("length"), of("keys"), of("keys_unsorted"), of1("has"), row("in", &[Same], Gives::Made), of1("contains"), of1("inside"),
    by("map"), by("map_values"), of("add"), of1("add"), of("reverse"), of("sort"), by("sort_by"), by("group_by"), of("unique"),
    by("unique_by"), of("min"), of("max"), by("min_by"), by("max_by"), of("flatten"), of1("flatten"), of("transpose"), of1("index"),
    of1("rindex"), of1("indices"), of1("bsearch"), of("to_entries"), of("from_entries"), row("with_entries", &[Made], Gives::Made),
    row("walk", &[Made], Gives::Made), row("recurse", &[], Gives::InputOrMade),
    // Paths.
    of1("path"), of("paths"), row("paths", &[Made], Gives::Made), of1("getpath"), row("setpath", &[Same, Same], Gives::InputOrMade),
    row("delpaths", &[Same], Gives::InputOrMade), of1("pick"),
    row("del", &[Same], Gives::Input),
    // Texts.
    of1("join"), of1("split"), of2("split"), of1("splits"), of2("splits"), of1("startswith"), of1("endswith"), of1("ltrimstr"),
    of1("rtrimstr"), of("trim"), of("ltrim"), of("rtrim"), of("ascii_downcase"), of("ascii_upcase"), of("explode"), of("implode"),
    of("utf8bytelength"),
    of1("test"), of2("test"), of1("match"), of2("match"), of1("capture"), of2("capture"), of1("scan"), of2("scan"),
    row("sub", &[Same, Made], Gives::Made), row("sub", &[Same, Made, Same], Gives::Made),
    row("gsub", &[Same, Made], Gives::Made), row("gsub", &[Same, Made, Same], Gives::Made),
    of("@text"), of("@json"), of("@html"), of("@uri"), of("@urid"), of("@sh"), of("@base64"), of("@base64d"),
    // Numbers.
    of("floor"), of("ceil"), of("round"), of("trunc"), of("abs"), of("fabs"), of("sqrt"), of("cbrt"), of2("pow"), of2("fmod"), of2("fmin"),
    of2("fmax"), of("log"), of("log2"), of("log10"), of("exp"), of("exp2"), of("exp10"),
    // Times, all in UTC.
    of("todate"), of("fromdate"), of("todateiso8601"), of("fromdateiso8601"), of1("strftime"), of1("strptime"), of("gmtime"), of("mktime"),
];

/// What jq has and a spec may not call, with the reason. What stands in neither list does not exist here.
const REFUSED: &[(&str, &str)] = &[
    ("env", "the environment of a worker is not a run's to read"),
    ("$ENV", "the environment of a worker is not a run's to read"),
    ("input", "there is one input, the context of the run"),
    ("inputs", "there is one input, the context of the run"),
    ("input_filename", "there is one input, the context of the run"),
    ("input_line_number", "there is one input, the context of the run"),
    ("halt", "to end a run, use a step of type \"fail\""),
    ("halt_error", "to end a run, use a step of type \"fail\""),
    ("debug", "the log of a worker is not a run's to write"),
    ("stderr", "the log of a worker is not a run's to write"),
    ("range", "it gives as much as it is asked for, not as much as there is"),
    ("repeat", "it has no end"),
    ("while", "it may have no end"),
    ("until", "it may have no end"),
    ("recurse", "with an argument it may have no end; without one it is allowed"),
    ("combinations", "it gives more than there is, without a bound"),
    ("now", "another attempt would see another time: use .run.started_at"),
    ("localtime", "the time zone of a worker's machine is not known: use gmtime"),
    ("strflocaltime", "the time zone of a worker's machine is not known: use strftime"),
    ("infinite", "JSON has no such number"),
    ("nan", "JSON has no such number"),
    ("modulemeta", "there are no modules"),
    ("import", "there are no modules"),
    ("include", "there are no modules"),
    ("get_search_list", "there are no modules"),
    ("builtins", "docs/dag_spec.md lists the functions"),
    ("tobytes", "JSON has no bytes"),
];

/// The function of this name that takes so many arguments, if there is one.
pub(super) fn function(name: &str, arguments: usize) -> Option<&'static Function> {
    ALLOWED.iter().find(|row| row.name == name && row.arguments.len() == arguments)
}

/// Why there is none, as the rest of a sentence.
pub(super) fn no_function(name: &str, arguments: usize) -> String {
    if let Some(reason) = refused(name) {
        return format!("calls `{name}`, which is not allowed: {reason}");
    }
    let mut takes: Vec<_> =
        ALLOWED.iter().filter(|row| row.name == name).map(|row| row.arguments.len().to_string()).collect();
    takes.sort();
    if takes.is_empty() {
        let hint = meant(name, ALLOWED.iter().map(|row| row.name));
        return format!("calls `{}`, which is not among the functions of docs/dag_spec.md{hint}", cut(name));
    }
    format!("calls `{name}` with {arguments} arguments, but it takes {}", takes.join(" or "))
}

/// Why jq has something that a spec may not use.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}
