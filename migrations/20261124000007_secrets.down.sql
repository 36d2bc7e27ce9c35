drop table run_secrets;
