drop index run_attempts_lost;
