//! Parts of values: paths, and the patterns that take values apart.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::{Part, Path};

use super::reads::{What, field};
use super::walk::Walk;

impl<'a> Walk<'a> {
    /// What stands at a path.
    pub(super) fn path(
        &mut self,
        head: &'a Term<&'a str>,
        path: &'a Path<Term<&'a str>>,
        input: What,
    ) -> What {
        let mut what = self.term(head, input);
        for (part, _) in &path.0 {
            what = match part {
                Part::Index(index) => self.part(what, index, input),
                Part::Range(None, None) => what.each(),
                Part::Range(from, to) => {
                    self.optional(from.as_ref(), input);
                    self.optional(to.as_ref(), input);
                    What::OTHER
                }
            };
        }
        what
    }

    /// Does something while the variables of a pattern stand for the parts of a value.
    pub(super) fn bound(
        &mut self,
        pattern: &'a Pattern<&'a str>,
        value: What,
        input: What,
        then: impl FnOnce(&mut Self) -> What,
    ) -> What {
        let outside = self.variables.len();
        self.bind(pattern, value, input);
        let given = then(self);
        self.variables.truncate(outside);
        given
    }

    /// What stands at an index, which may be several with commas between.
    fn part(&mut self, of: What, mut index: &'a Term<&'a str>, input: What) -> What {
        let mut given = What::NOTHING;
        while let Term::BinOp(left, BinaryOp::Comma, right) = index {
            given = given.or(self.part(of, right, input));
            index = left;
        }
        given.or(match literal(index) {
            Some(key) => field(of, &key, self.context, &mut self.faults),
            None => {
                self.term(index, input);
                What::OTHER
            }
        })
    }

    fn bind(&mut self, pattern: &'a Pattern<&'a str>, value: What, input: What) {
        match pattern {
            Pattern::Var(name) => self.variables.push((name, value)),
            Pattern::Arr(items) => items.iter().for_each(|item| self.bind(item, value.each(), input)),
            Pattern::Obj(entries) => {
                for (key, pattern) in entries {
                    let part = self.part(value, key, input);
                    self.bind(pattern, part, input);
                }
            }
        }
    }
}

/// A key that does not depend on anything: `.a`, `."a"`, `["\u0061"]`.
pub(super) fn literal(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else { return None };
    parts
        .iter()
        .map(|part| match part {
            StrPart::Str(text) => Some((*text).to_owned()),
            StrPart::Char(char) => Some(char.to_string()),
            StrPart::Term(_) => None,
        })
        .collect()
}
