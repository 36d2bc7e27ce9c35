-- The role stays: it is the cluster's, and other databases may have it.
revoke all on all tables in schema public from runplane_functions;
revoke usage on schema public from runplane_functions;
