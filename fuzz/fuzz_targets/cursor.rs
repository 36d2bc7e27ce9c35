#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| runplane::testing::fuzz::cursor(bytes));
