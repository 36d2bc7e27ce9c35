//! Goes once over everything that an expression says. How deep that is, [`MAX_BRACKETS`](crate::dag::limits::MAX_BRACKETS) and
//! [`MAX_OPERATORS`](crate::dag::limits::MAX_OPERATORS) bound.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};

use super::allowed;
use super::findings::Findings;
use super::paths::literal;
use super::reads::{Context, What, field};
use crate::dag::words::cut;

/// What is wrong with it.
pub(super) fn faults(term: &Term<&str>, context: &Context<'_>) -> Vec<String> {
    let mut walk = Walk {
        context,
        faults: Findings::default(),
        variables: Vec::new(),
        labels: Vec::new(),
        defined: Vec::new(),
    };
    walk.term(term, What::CONTEXT);
    walk.faults.finish()
}

/// On its way through an expression.
pub(super) struct Walk<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) faults: Findings,
    /// Those that may be used here, with what each may be.
    pub(super) variables: Vec<(&'a str, What)>,
    labels: Vec<&'a str>,
    /// Functions of its own, which it may not have.
    pub(super) defined: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    pub(super) fn fault(&mut self, detail: impl Into<String>) {
        self.faults.add(detail);
    }

    /// What a term gives for this input.
    pub(super) fn term(&mut self, term: &'a Term<&'a str>, input: What) -> What {
        match term {
            Term::Id => input,
            Term::Num(_) => What::OTHER,
            // The input, and everything within it.
            Term::Recurse => input.or(What::OTHER),
            Term::Str(format, parts) => self.text(*format, parts, input),
            Term::Arr(items) => {
                self.optional(items.as_deref(), input);
                What::OTHER
            }
            Term::Obj(entries) => {
                entries.iter().for_each(|(key, value)| self.entry(key, value.as_ref(), input));
                What::OTHER
            }
            Term::Neg(term) => {
                self.term(term, input);
                What::OTHER
            }
            Term::BinOp(left, operator, right) => self.operation(left, operator, right, input),
            Term::Label(name, term) => {
                self.labels.push(name);
                let given = self.term(term, input);
                self.labels.pop();
                given
            }
            Term::Break(name) => {
                if !self.labels.contains(name) {
                    self.fault(format!("breaks out to {}, which no label names", cut(name)));
                }
                What::NOTHING
            }
            Term::Fold(name, items, pattern, arguments) => self.fold(name, items, pattern, arguments, input),
            Term::TryCatch(term, handler) => {
                let given = self.term(term, input);
                given.or(self.optional(handler.as_deref(), What::OTHER))
            }
            Term::IfThenElse(branches, otherwise) => {
                let mut given = What::NOTHING;
                for (condition, branch) in branches {
                    self.term(condition, input);
                    given = given.or(self.term(branch, input));
                }
                given.or(otherwise.as_deref().map_or(input, |term| self.term(term, input)))
            }
            Term::Def(definitions, rest) => {
                self.fault(
                    "defines a function with `def`, which is not allowed: it could call itself without end",
                );
                self.defined.extend(definitions.iter().map(|definition| definition.name));
                self.term(rest, input)
            }
            Term::Call(name, arguments) => self.call(name, arguments, input),
            Term::Var(name) => self.variable(name),
            Term::Path(head, path) => self.path(head, path, input),
        }
    }

    pub(super) fn optional(&mut self, term: Option<&'a Term<&'a str>>, input: What) -> What {
        term.map_or(What::NOTHING, |term| self.term(term, input))
    }

    fn text(
        &mut self,
        format: Option<&'a str>,
        parts: &'a [StrPart<&'a str, Term<&'a str>>],
        input: What,
    ) -> What {
        if let Some(name) = format.filter(|name| allowed::function(name, 0).is_none()) {
            self.no_function(name, 0);
        }
        for part in parts {
            if let StrPart::Term(term) = part {
                self.term(term, input);
            }
        }
        What::OTHER
    }

    /// `{a: 1}`; without a value, `{steps}` reads the field of that name, and `{$x}` the variable.
    fn entry(&mut self, key: &'a Term<&'a str>, value: Option<&'a Term<&'a str>>, input: What) {
        match (value, literal(key)) {
            (Some(value), _) => {
                self.term(key, input);
                self.term(value, input);
            }
            (None, Some(key)) => {
                field(input, &key, self.context, &mut self.faults);
            }
            (None, None) => {
                self.term(key, input);
            }
        }
    }

    fn operation(
        &mut self,
        left: &'a Term<&'a str>,
        operator: &'a BinaryOp<&'a str>,
        right: &'a Term<&'a str>,
        input: What,
    ) -> What {
        match operator {
            BinaryOp::Pipe(None) => {
                let given = self.term(left, input);
                self.term(right, given)
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let given = self.term(left, input);
                self.bound(pattern, given, input, |walk| walk.term(right, input))
            }
            BinaryOp::Comma => {
                // A list of a thousand numbers is a thousand commas deep.
                let (mut rights, mut leftmost) = (vec![right], left);
                while let Term::BinOp(left, BinaryOp::Comma, right) = leftmost {
                    rights.push(right);
                    leftmost = left;
                }
                let given = self.term(leftmost, input);
                rights.into_iter().rev().fold(given, |given, term| given.or(self.term(term, input)))
            }
            BinaryOp::Alt => self.term(left, input).or(self.term(right, input)),
            // What stands left may be made, so it need not be there; what comes of it is like the input, or what was put into its place.
            BinaryOp::Update => {
                let given = self.term(left, input.or(What::OTHER));
                self.term(right, given);
                input.or(What::OTHER)
            }
            BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                self.term(left, input.or(What::OTHER));
                self.term(right, input);
                input.or(What::OTHER)
            }
            BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
                self.term(left, input);
                self.term(right, input);
                What::OTHER
            }
        }
    }

    /// `reduce` and `foreach`. What a step makes of a state that a step has made is not followed.
    fn fold(
        &mut self,
        name: &'a str,
        items: &'a Term<&'a str>,
        pattern: &'a Pattern<&'a str>,
        arguments: &'a [Term<&'a str>],
        input: What,
    ) -> What {
        let shape = if name == "reduce" { "(start; step)" } else { "(start; step) or (start; step; each)" };
        if !(arguments.len() == 2 || name == "foreach" && arguments.len() == 3) {
            self.fault(format!("has `{name}` with {} arguments, but it takes {shape}", arguments.len()));
        }
        let item = self.term(items, input);
        let Some((start, steps)) = arguments.split_first() else { return What::OTHER };
        let state = self.term(start, input).or(What::OTHER);
        self.bound(pattern, item, input, |walk| match steps {
            [] => state,
            [step] => state.or(walk.term(step, state)),
            [step, each @ ..] => {
                let state = state.or(walk.term(step, state));
                each.iter().fold(What::NOTHING, |given, each| given.or(walk.term(each, state)))
            }
        })
    }
}
