//! A worker's key without tenant claims every tenant's runs. Whoever makes one says so.

use uuid::Uuid;

use super::PATH;
use crate::args::keys::New;
use crate::commands::Context;
use crate::failure::Failure;
use crate::http::Request;

/// Refuses a worker's key that names no tenant, if nobody has said that it is to be across tenants. With other roles a key has a tenant, or is an
/// operator's, which says it already.
///
/// # Errors
/// [`Failure::Usage`].
pub(super) fn check(new: &New, tenant: Option<Uuid>) -> Result<(), Failure> {
    let is_said = tenant.is_some() || new.across_tenants;
    if is_said || !new.roles.iter().all(|role| role.eq_ignore_ascii_case("worker")) {
        return Ok(());
    }
    let sentence = "a worker with this key would get the runs of every tenant: give --tenant ID if it is for one of them, or --across-tenants if that is meant";
    Err(Failure::Usage(sentence.to_owned()))
}

/// The same of somebody who may make such keys. To whoever belongs to a tenant another tenant does not exist, and what they make is their tenant's.
///
/// # Errors
/// [`Failure::Usage`], or those of [`send`](crate::http::Client::send).
pub(super) async fn check_who_asks(new: &New, context: &Context) -> Result<(), Failure> {
    let Err(refused) = check(new, context.tenant) else { return Ok(()) };
    let of_nobody = Request::get(PATH).query("tenant_id", Some(Uuid::nil())).query("limit", Some(1));
    match context.client.send(&of_nobody).await {
        Ok(_) => Err(refused),
        Err(Failure::Refused(refusal)) if refusal.code() == "tenant_not_found" => Ok(()),
        Err(failure) => Err(failure),
    }
}
