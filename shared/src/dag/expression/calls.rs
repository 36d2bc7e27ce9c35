//! Calls of functions, and variables.

use jaq_core::load::parse::Term;

use super::allowed::{self, Gives, Input};
use super::reads::What;
use super::walk::Walk;
use crate::dag::words::cut;

impl<'a> Walk<'a> {
    /// What a function gives for this input.
    pub(super) fn call(&mut self, name: &'a str, arguments: &'a [Term<&'a str>], input: What) -> What {
        let Some(function) = allowed::function(name, arguments.len()) else {
            if !self.defined.contains(&name) {
                self.no_function(name, arguments.len());
            }
            // As most functions do, it may give them its own input.
            arguments.iter().for_each(|argument| {
                self.term(argument, input.or(What::OTHER));
            });
            return What::OTHER;
        };
        let mut last = What::NOTHING;
        for (argument, given) in arguments.iter().zip(function.arguments) {
            let given = match given {
                Input::Same => input,
                Input::Each => input.each(),
                Input::Made => What::OTHER,
                Input::Previous => last,
            };
            last = self.term(argument, given);
        }
        match function.gives {
            Gives::Made => What::OTHER,
            Gives::Input => input,
            Gives::InputOrMade => input.or(What::OTHER),
            Gives::Last => last,
            Gives::Nothing => What::NOTHING,
        }
    }

    pub(super) fn no_function(&mut self, name: &str, arguments: usize) {
        self.faults.once(("functions", name), || Some(allowed::no_function(name, arguments)));
    }

    pub(super) fn variable(&mut self, name: &'a str) -> What {
        if let Some((_, what)) = self.variables.iter().rev().find(|(known, _)| *known == name) {
            return *what;
        }
        match allowed::refused(name) {
            Some(reason) => self.fault(format!("uses `{name}`, which is not allowed: {reason}")),
            None => self.fault(format!("uses `{}`, which nothing before it defines", cut(name))),
        }
        What::OTHER
    }
}
