-- Inserts pipelines of the replaced service.
--
-- $1 the rows, a list of objects with a field for each column
insert into pipelines (id, tenant_id, name, description, created_at)
select s.id, s.tenant_id, s.name, s.description, s.created_at
from json_to_recordset($1::json) as s (id uuid, tenant_id uuid, name text, description text, created_at timestamptz)
