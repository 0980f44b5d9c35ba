//! What the operating system says is ready.
//!
//! Sockets are registered with mio, which knows every system. On Linux the question itself is put
//! directly, because it is asked very often and most of what it costs by way of the C library is a
//! look whether the thread is to be cancelled. What is asked of is the same set of sockets.

use std::io;
use std::time::Duration;

use mio::{Poll, Token};

/// Events taken at once; what does not fit comes with the next.
const EVENTS_MAX: usize = 1024;

/// Something that is ready.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// What it was registered under.
    pub token: Token,
    /// There is something to read, or the end.
    pub is_readable: bool,
    /// There is room to write into.
    pub is_writable: bool,
    /// The other side has closed, or it is broken.
    pub has_ended: bool,
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::buffer::spare_capacity;
    use rustix::event::Timespec;
    use rustix::event::epoll::{self, Event, EventFlags};

    use super::{Duration, EVENTS_MAX, Poll, Ready, Token, io};

    /// A batch of events.
    pub struct Events(Vec<Event>);

    impl Default for Events {
        fn default() -> Self {
            Self(Vec::with_capacity(EVENTS_MAX))
        }
    }

    impl Events {
        /// Takes what is ready; waits for it until the timeout, if there is one.
        pub fn take(&mut self, poll: &mut Poll, timeout: Option<Duration>) -> io::Result<()> {
            self.0.clear();
            // The longest times do not fit, which nobody will notice.
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            epoll::wait(poll.registry(), spare_capacity(&mut self.0), timeout.as_ref())?;
            Ok(())
        }

        /// All of them.
        pub fn iter(&self) -> impl Iterator<Item = Ready> {
            self.0.iter().map(|event| {
                let flags = event.flags;
                let ends = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
                Ready {
                    token: Token(event.data.u64() as usize),
                    is_readable: flags.contains(EventFlags::IN),
                    is_writable: flags.contains(EventFlags::OUT),
                    has_ended: flags.intersects(ends),
                }
            })
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Duration, EVENTS_MAX, Poll, Ready, io};

    /// A batch of events.
    pub struct Events(mio::Events);

    impl Default for Events {
        fn default() -> Self {
            Self(mio::Events::with_capacity(EVENTS_MAX))
        }
    }

    impl Events {
        /// Takes what is ready; waits for it until the timeout, if there is one.
        pub fn take(&mut self, poll: &mut Poll, timeout: Option<Duration>) -> io::Result<()> {
            poll.poll(&mut self.0, timeout)
        }

        /// All of them.
        pub fn iter(&self) -> impl Iterator<Item = Ready> {
            self.0.iter().map(|event| Ready {
                token: event.token(),
                is_readable: event.is_readable(),
                is_writable: event.is_writable(),
                has_ended: event.is_read_closed() || event.is_error(),
            })
        }
    }
}

pub use system::Events;
