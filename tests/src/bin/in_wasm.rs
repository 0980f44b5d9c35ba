//! The transcripts' player as a WebAssembly module: the engine as the page runs it, without a page.
//!
//! `cargo xtask test` compiles this for the browser with the page's profile and lets node hand it
//! every transcript (`tests/src/bin/in_wasm.mjs`).

use redstart_tests::local::Local;
use redstart_tests::{play, transcript};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn print_error(text: &str);
}

/// Runs when the module is loaded: a panic says where, instead of only `unreachable`.
fn main() {
    std::panic::set_hook(Box::new(|panic| print_error(&panic.to_string())));
}

/// How many scenarios a transcript has.
#[wasm_bindgen]
pub fn count(text: &str) -> Result<usize, String> {
    Ok(transcript::parse(text)?.len())
}

/// Plays one scenario of a transcript on a new node; the error says what differed.
#[wasm_bindgen]
pub fn check(text: &str, index: usize) -> Result<(), String> {
    let scenarios = transcript::parse(text)?;
    let scenario = scenarios.get(index).ok_or("no such scenario")?;
    play::check(&mut Local::for_tests(), scenario).map_err(|failure| {
        format!("{}: {}\n{}", failure.line, scenario.title.join(" "), failure.text)
    })
}
