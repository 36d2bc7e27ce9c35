//! The simulated clock: what happens next. Of two things at the same nanosecond, what was put in first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A client creates runs.
    Arrival,
    /// A call comes to a function: again, where it was refused before.
    Call(usize),
    /// An environment has started.
    Started(usize),
    /// A task goes on with its next stage.
    GoOn(usize),
    /// A core has done a task's statement.
    Done(usize),
}

/// The line of what will happen.
#[derive(Debug, Default)]
pub struct Clock {
    /// Nanoseconds.
    now: u64,
    order: u64,
    line: BinaryHeap<Reverse<(u64, u64, Event)>>,
}

impl Clock {
    /// In seconds.
    pub fn now(&self) -> f64 {
        self.now as f64 / 1e9
    }

    /// Puts an event in, so many seconds from now.
    pub fn after(&mut self, seconds: f64, event: Event) {
        self.order += 1;
        self.line.push(Reverse((self.now + (seconds * 1e9) as u64, self.order, event)));
    }

    /// Goes to the next event before `end` seconds.
    pub fn next(&mut self, end: f64) -> Option<Event> {
        let Reverse((at, _, event)) = self.line.pop()?;
        self.now = at;
        (self.now() < end).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_happens_first_and_equals_in_their_order() {
        let mut clock = Clock::default();
        clock.after(2.0, Event::GoOn(1));
        clock.after(1.0, Event::GoOn(3));
        clock.after(1.0, Event::GoOn(2));
        let found: Vec<_> = std::iter::from_fn(|| clock.next(10.0)).collect();
        assert_eq!(found, [Event::GoOn(3), Event::GoOn(2), Event::GoOn(1)]);
        assert_eq!(clock.now(), 2.0);
    }

    #[test]
    fn what_lies_behind_the_end_does_not_happen() {
        let mut clock = Clock::default();
        clock.after(3.0, Event::Arrival);
        assert_eq!(clock.next(3.0), None);
    }
}
