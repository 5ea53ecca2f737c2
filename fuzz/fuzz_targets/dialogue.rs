#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| catspaw::fuzzed::dialogue(data));
