-- Whose API key it is, noted as used at most once a minute, and a part of the requests that it may make. No row: there is no such key, or it has
-- expired or was revoked.
--
-- $1 key id   $2 SHA-256 of the secret   $3 requests that are wanted
with used as (
  update api_keys k set last_used_at = now()
  where k.id in (
    -- Nobody waits for another request that notes the same.
    select u.id
    from api_keys u
    where u.id = $1 and u.secret_sha256 = $2 and u.revoked_at is null
      and (u.expires_at is null or u.expires_at > now())
      and (u.last_used_at is null or u.last_used_at <= now() - interval '1 minute')
    for no key update skip locked)
), given as (
  -- Ten seconds' worth of requests can be saved up, and a quarter of that is given out at once: others want some, too.
  insert into api_key_budgets as b (key_id, tokens, refilled_at, given)
  select k.id, k.requests_per_second * 10 - least($3::int, 1 + k.requests_per_second * 10 / 4), clock_timestamp(),
         least($3::int, 1 + k.requests_per_second * 10 / 4)
  from api_keys k
  where k.id = $1 and k.secret_sha256 = $2 and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now()) and k.requests_per_second is not null
  on conflict (key_id) do update
  set (tokens, refilled_at, given) = (
    select full_again.tokens - part.given, clock_timestamp(), part.given
    from api_keys k,
         lateral (select least(k.requests_per_second * 10,
                               b.tokens + k.requests_per_second
                                 * greatest(0, extract(epoch from clock_timestamp() - b.refilled_at))) as tokens) full_again,
         lateral (select least($3::int, 1 + k.requests_per_second * 10 / 4, floor(full_again.tokens)::int) as given) part
    where k.id = b.key_id)
  returning b.tokens, b.given
)
select k.tenant_id, k.name, k.roles, k.secret_sha256, extract(epoch from k.expires_at - now())::float8 as expires_in,
       g.given as "given?", ((1 - g.tokens) / k.requests_per_second)::float8 as "wait?"
from api_keys k left join given g on true
where k.id = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
