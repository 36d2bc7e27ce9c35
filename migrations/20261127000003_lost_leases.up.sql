-- Whoever waits for the table keeps everybody out who comes after.
set local lock_timeout = '10s';

-- How many leases were lost of late (sweep_standing.sql). Of attempts that ended otherwise there may be very many more.
create index run_attempts_lost on run_attempts (ended_at) where outcome = 'LOST';
