-- Inserts tenants of the replaced service.
--
-- $1 the rows, a list of objects with a field for each column
insert into tenants (id, name, created_at)
select s.id, s.name, s.created_at
from json_to_recordset($1::json) as s (id uuid, name text, created_at timestamptz)
