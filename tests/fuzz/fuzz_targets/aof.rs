//! Append-only files and their manifests, as a fuzzer makes them up.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redstart_tests::fuzz::aof(data));
