//! The handlers, one file a family.
//!
//! A family's file opens with the list of its commands; each command is a `const` directly above
//! its handler. [`table`] gathers the families.

use std::sync::LazyLock;

use crate::engine::{Table, help};

mod acl;
mod array;
mod bitmap;
mod client;
mod client_list;
mod client_tracking;
mod command;
mod config;
mod connection;
mod databases;
mod debug;
mod diagnose;
mod dump;
mod expire;
mod function;
mod geo;
mod hash;
mod hash_expire;
mod hyperloglog;
mod info;
mod keys;
mod list;
mod list_move;
mod list_move_many;
mod memory;
mod monitor;
mod object;
mod pubsub;
mod saving;
mod scan;
mod server;
mod set;
mod set_combine;
mod sort;
mod sorted_set;
mod sorted_set_combine;
mod sorted_set_pop;
mod sorted_set_range;
mod stream;
mod string;
mod transaction;
mod wait;

/// All commands of the engine.
pub fn table() -> &'static Table {
    // Derived from constants alone, so one for all nodes of a process is no shared state.
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        let families = [
            acl::COMMANDS,
            array::COMMANDS,
            array::cursor::COMMANDS,
            array::search::COMMANDS,
            bitmap::COMMANDS,
            client::COMMANDS,
            command::COMMANDS,
            config::COMMANDS,
            connection::COMMANDS,
            databases::COMMANDS,
            debug::COMMANDS,
            diagnose::COMMANDS,
            dump::COMMANDS,
            expire::COMMANDS,
            function::COMMANDS,
            geo::COMMANDS,
            hyperloglog::COMMANDS,
            hash::COMMANDS,
            hash_expire::COMMANDS,
            info::COMMANDS,
            keys::COMMANDS,
            list::COMMANDS,
            list_move::COMMANDS,
            memory::COMMANDS,
            list_move_many::COMMANDS,
            monitor::COMMANDS,
            object::COMMANDS,
            pubsub::COMMANDS,
            saving::COMMANDS,
            scan::COMMANDS,
            server::COMMANDS,
            set::COMMANDS,
            set_combine::COMMANDS,
            sort::COMMANDS,
            sorted_set::COMMANDS,
            sorted_set_combine::COMMANDS,
            sorted_set_pop::COMMANDS,
            sorted_set_range::COMMANDS,
            stream::COMMANDS,
            stream::claim::COMMANDS,
            stream::group::COMMANDS,
            stream::idempotence::COMMANDS,
            stream::info::COMMANDS,
            stream::nack::COMMANDS,
            stream::read::COMMANDS,
            stream::remove::COMMANDS,
            string::COMMANDS,
            transaction::COMMANDS,
            wait::COMMANDS,
        ];
        Table::new(families.into_iter().flatten().copied(), help::help)
    });
    &TABLE
}
