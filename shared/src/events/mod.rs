//! Events: who is told about changes of runs, and that they are. A trigger notes an event beside the change (migration 20261128000002), one delivery for each
//! listener; the function `deliver` takes what is due, sends it, and settles what became of it (docs/decisions/0031).
//!
//! | file | what is in it |
//! |---|---|
//! | `kind` | the types of events |
//! | `take`, `settle`, `expire`, `bus`, `standing` | the verbs, each one statement |
//! | `message` | an event as it is sent |
//! | `sign` | the signature of a webhook's message |

mod bus;
mod expire;
mod kind;
mod message;
mod settle;
mod sign;
mod standing;
mod take;

pub use bus::{BUS, keep_bus};
pub use expire::{Expired, expire_deliveries};
pub use kind::EventType;
pub use message::{Event, SOURCE};
pub use settle::{Outcome, Settled, settle_deliveries};
pub use sign::SigningKeys;
pub use standing::{Standing, standing};
pub use take::{Delivery, Room, Webhook, take_deliveries};
