//! The page in the browser: draws the state, passes on what happens, does what the state asks for.

mod app;
mod components;
mod connections;
mod keep;
mod shell;

use app::App;

/// Runs the page's program.
pub fn start() {
    yew::set_custom_panic_hook(Box::new(|info| shell::fail(&info.to_string())));
    let Some(root) = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("app"))
    else {
        return shell::fail("The page has no element for the program.");
    };
    wasm_bindgen_futures::spawn_local(async {
        crate::i18n::load().await;
        // Taken before the first drawing replaces what the page showed so far.
        let early = shell::Early::take();
        yew::Renderer::<App>::with_root_and_props(root, app::Props { early }).render();
        shell::keep();
    });
}
