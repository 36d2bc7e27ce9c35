drop function see_worker;
drop table workers;
