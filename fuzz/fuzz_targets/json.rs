#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| catspaw_fuzz::records::json(data));
