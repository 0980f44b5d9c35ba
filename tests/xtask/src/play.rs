//! `cargo xtask play`: from a clone to the page in a browser.

use crate::{bundle, serve, shell};
use anyhow::Result;
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the bundle, serves it on `port` and opens it in the browser if `open`. Returns only with
/// an error.
pub(crate) fn play(port: u16, open: bool) -> Result<()> {
    let dist = Path::new("dist");
    // The port is taken before the work, so that nobody waits for a build that cannot be served.
    let listener = serve::listen(port)?;
    bundle::build(dist)?;
    let site = serve::Site::new(listener, dist, "/")?.announce();
    println!("    Press Ctrl-C to stop.");
    if open && !open_browser(&site.url()) {
        println!("    No browser could be opened from here: open that address in yours.");
    }
    site.run();
    Ok(())
}

/// Asks the desktop to show `url`; whether there was a desktop to ask.
fn open_browser(url: &str) -> bool {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(target_os = "windows") {
        Command::new("explorer")
    } else {
        let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some());
        if !display || shell::find("xdg-open").is_none() {
            return false;
        }
        Command::new("xdg-open")
    };
    command.arg(url).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}
