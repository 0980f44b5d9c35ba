//! What is kept over a reload, by name, in localStorage.
//!
//! Where the browser refuses storage, nothing is kept and nothing is said: it is only comfort.

use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// What is kept under a name.
pub fn get(name: &str) -> Option<String> {
    storage()?.get_item(&format!("redstart.{name}")).ok()?
}

/// Keeps something under a name.
pub fn set(name: &str, value: &str) {
    if let Some(storage) = storage() {
        // A full or refused storage only loses comfort.
        let _ = storage.set_item(&format!("redstart.{name}"), value);
    }
}
