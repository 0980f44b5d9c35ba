//! The one program of the page: run in a page it is the page, run in a worker it is the engine's
//! host.
//!
//! Two programs would each bring their own copy of what both need (the allocator, formatting, the
//! protocol, the bindings), a tenth of the download.

use wasm_bindgen::JsCast as _;

fn main() {
    if js_sys::global().has_type::<web_sys::Window>() {
        redstart_web::page::start();
    } else {
        redstart_web::worker::start();
    }
}
