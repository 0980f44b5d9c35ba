//! The engine's files, in memory: SAVE, BGSAVE and the append-only file work, and end with the engine.
//!
//! Snapshots come and go through them: one that was made is the file that came into its place last, and
//! one that is to be loaded is put where the node looks for it.

use redstart::node::{DiskDone, DiskOp};
use redstart_web::sandbox;

/// Files by name.
#[derive(Default)]
pub(crate) struct Files {
    files: sandbox::Files,
    /// The file that was put in its place last.
    placed: Option<String>,
    offered: Option<Offer>,
}

/// A file that is put where the node looks next.
enum Offer {
    /// Nobody has looked.
    Waiting(Vec<u8>),
    /// It is there, under this name.
    Found(String),
}

impl Files {
    /// Has the next file that is read hold `bytes`, whichever it is.
    pub(crate) fn offer(&mut self, bytes: Vec<u8>) {
        self.offered = Some(Offer::Waiting(bytes));
    }

    /// Takes away what was offered.
    pub(crate) fn withdraw(&mut self) {
        if let Some(Offer::Found(name)) = self.offered.take() {
            self.files.take(&name);
        }
    }

    /// Takes the file away that was put in its place last.
    pub(crate) fn take_placed(&mut self) -> Option<Vec<u8>> {
        self.files.take(&self.placed.take()?)
    }

    /// Does what the node asks of its disk.
    pub(crate) fn run(&mut self, op: DiskOp) -> DiskDone {
        match &op {
            DiskOp::Rename { to: name, .. } | DiskOp::Replace { name, .. } => {
                self.placed = Some(name.clone());
            }
            DiskOp::Read { name, .. } => match self.offered.take() {
                Some(Offer::Waiting(bytes)) => {
                    self.files.run(DiskOp::Replace { name: name.clone(), bytes });
                    self.offered = Some(Offer::Found(name.clone()));
                }
                other => self.offered = other,
            },
            _ => {}
        }
        self.files.run(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redstart::node::Part;

    #[test]
    fn a_snapshot_is_the_file_that_came_into_its_place() {
        let mut files = Files::default();
        let name = || "temp".to_owned();
        for bytes in [b"ab".to_vec(), b"c".to_vec()] {
            files.run(DiskOp::Append { name: name(), bytes });
        }
        let done = files.run(DiskOp::Rename { from: name(), to: "dump".to_owned() });
        assert_eq!(done.error(), None);
        assert_eq!(files.take_placed(), Some(b"abc".to_vec()));
        assert_eq!(files.take_placed(), None);
    }

    #[test]
    fn what_is_offered_is_found_until_it_is_withdrawn() {
        let mut files = Files::default();
        files.offer(b"rdb".to_vec());
        let read = || DiskOp::Read { name: "dump".to_owned(), from: 0, bytes_max: 100 };
        let done = |part: Option<Part>| DiskDone::Read {
            name: "dump".to_owned(),
            from: 0,
            result: Ok(part),
        };
        for _ in 0..2 {
            assert_eq!(files.run(read()), done(Some(Part::of(b"rdb", 0, 100))));
        }
        files.withdraw();
        assert_eq!(files.run(read()), done(None));
    }
}
