//! What keeps lines and spans from being settled for all tests by one of them.
//!
//! Whether a line or a span is of interest to anybody is remembered for the process when it is first come by. One test comes by it without a subscriber, and
//! another has its own at that moment: then it may be settled that nobody wants it. With somebody there who is never sure, each thread is asked anew.

use std::sync::OnceLock;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Settles nothing from now on. It stays for the life of the process, and takes no line itself.
pub(crate) fn unsettled() {
    static NEVER_SURE: OnceLock<Dispatch> = OnceLock::new();
    NEVER_SURE.get_or_init(|| Dispatch::new(NeverSure));
}

struct NeverSure;

impl Subscriber for NeverSure {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
