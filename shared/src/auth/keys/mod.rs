//! API keys: made, listed, revoked. A key is text that its maker sees once; what is stored is the SHA-256 of its secret.

mod create;
mod list;
mod mint;
mod model;
mod revoke;

pub(crate) use create::insert_key;
pub use create::{CreateKeyError, CreateKeyRequest, NewKey, create_key};
pub use list::{KeyFilter, list_keys};
pub use mint::mint;
pub use model::{KeyView, misfit};
pub use revoke::{RevokeKeyError, Revoked, revoke_key};

use model::{key_view, names};
