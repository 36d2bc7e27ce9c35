//! What lies between the worker and the API: it notes what is asked, and does to it what a test has asked for.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;

/// A request that has come through.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and path.
    pub what: String,
    pub body: Value,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It reaches the API, and the answer is lost.
    AnswerLost,
    /// It is answered with this status and body by somebody in between.
    Answered(u16, Value),
    /// As that, with a `Retry-After` in seconds.
    Later(u16, u64),
    /// It waits until the gate is opened, and then reaches the API.
    Held(watch::Receiver<bool>),
}

#[derive(Debug)]
struct Rule {
    /// How method and path begin.
    what: String,
    /// How many requests it is for.
    times: usize,
    fate: Fate,
}

/// The rules, and what was asked.
#[derive(Clone, Debug, Default)]
pub struct Network(Arc<Mutex<(Vec<Rule>, Vec<Asked>)>>);

/// Keeps requests waiting until it is opened, or dropped.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    pub fn open(self) {
        self.0.send_replace(true);
    }
}

impl Network {
    /// The next `times` requests whose method and path begin like this have this fate.
    pub fn next(&self, what: &str, times: usize, fate: Fate) {
        self.0.lock().unwrap().0.push(Rule { what: what.to_owned(), times, fate });
    }

    /// All of them, until [`mend`](Self::mend).
    pub fn all(&self, what: &str, fate: Fate) {
        self.next(what, usize::MAX, fate);
    }

    /// From now on everything reaches the API, but for what is held already.
    pub fn mend(&self) {
        self.0.lock().unwrap().0.clear();
    }

    /// Holds every such request back.
    pub fn gate(&self, what: &str) -> Gate {
        let (gate, opened) = watch::channel(false);
        self.all(what, Fate::Held(opened));
        Gate(gate)
    }

    /// Every such request so far.
    pub fn asked(&self, what: &str) -> Vec<Asked> {
        let state = self.0.lock().unwrap();
        state.1.iter().filter(|asked| asked.what.starts_with(what)).cloned().collect()
    }

    /// Notes a request and says what is to become of it.
    pub fn fate(&self, asked: Asked) -> Option<Fate> {
        let mut state = self.0.lock().unwrap();
        let rule = state.0.iter_mut().find(|rule| rule.times > 0 && asked.what.starts_with(&rule.what));
        let fate = rule.map(|rule| {
            rule.times -= 1;
            rule.fate.clone()
        });
        state.1.push(asked);
        fate
    }
}
