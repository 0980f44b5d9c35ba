//! The playground's page, served by the server, and its way to the server's data.
//!
//! `--playground yes` opens one more port, for browsers. It answers requests for the files of the page
//! ([`site`]) and takes WebSockets whose messages carry RESP ([`websocket`]): such a connection is a client
//! of the node like any other, with the same authentication and the same limits. [`visitor`] is one
//! connection, as bytes in and bytes out; the event loop has the sockets.
//!
//! Browsers run pages of strangers, and these can send requests to this port too. So a request must name
//! this server by an address or as `localhost` (a name of the stranger's own, pointed at this machine, is
//! refused), and a WebSocket must come from the page that this server has sent ([`request`]).

pub mod request;
pub mod site;
pub mod visitor;
pub mod websocket;

use crate::engine::Config;

/// Connections of browsers that are no clients, at most; the oldest makes room for the next.
pub const GUESTS_MAX: usize = 256;

/// What the settings ask for.
pub struct Wish {
    /// The addresses to listen on.
    pub bind: Vec<String>,
    /// The port.
    pub port: u16,
    /// The folder with the page's files; empty for the page that came with the program.
    pub dir: String,
}

impl Wish {
    /// What `config` asks for; `None` if the playground is not wanted.
    pub fn read(config: &Config) -> Option<Self> {
        let text = |name: &str| config.text_named(name);
        (text("playground") == "yes").then(|| Self {
            bind: text("playground-bind").split_whitespace().map(str::to_owned).collect(),
            port: text("playground-port").parse().unwrap_or_default(),
            dir: text("playground-dir"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_and_on_this_machine_alone_unless_said_otherwise() {
        let mut config = Config::default();
        assert!(Wish::read(&config).is_none());
        config.set_named("playground", "yes").unwrap();
        let wish = Wish::read(&config).unwrap();
        assert_eq!((wish.bind, wish.port, wish.dir), (vec!["127.0.0.1".into()], 8080, "".into()));
    }
}
