//! The files of a sandbox: they are in memory, and every operation works at once.

use redstart::node::{DiskDone, DiskError, DiskOp, Part};

/// Files by name. A sandbox has a handful.
#[derive(Default)]
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// Does what a node asks of its disk.
    pub fn run(&mut self, op: DiskOp) -> DiskDone {
        let result = Ok(());
        match op {
            DiskOp::Read { name, from, bytes_max } => {
                let found = self.find(&name).map(|index| &self.0[index].1);
                let part = found.map(|all| Part::of(all, from, bytes_max));
                DiskDone::Read { name, from, result: Ok(part) }
            }
            DiskOp::Replace { name, bytes } => {
                *self.file(&name) = bytes;
                DiskDone::Replace { name, result }
            }
            DiskOp::Append { name, mut bytes } => {
                self.file(&name).extend_from_slice(&bytes);
                bytes.clear();
                DiskDone::Append { name, bytes, result }
            }
            DiskOp::Sync { name } => DiskDone::Sync { name, result },
            DiskOp::Truncate { name, bytes } => {
                let length = usize::try_from(bytes).unwrap_or(usize::MAX);
                self.file(&name).truncate(length);
                DiskDone::Truncate { name, result }
            }
            DiskOp::Rename { from, to } => {
                let Some(bytes) = self.take(&from) else {
                    let result = Err(DiskError("there is no such file".to_owned()));
                    return DiskDone::Rename { from, to, result };
                };
                *self.file(&to) = bytes;
                DiskDone::Rename { from, to, result }
            }
            DiskOp::Remove { name } => {
                self.take(&name);
                DiskDone::Remove { name, result }
            }
            op @ DiskOp::Enter { .. } => op.has_no_folders(),
            DiskOp::List { folder } => {
                let result = Ok(self.list(&folder));
                DiskDone::List { folder, result }
            }
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(other, _)| other == name)
    }

    /// The content of a file, which is made if there is none.
    fn file(&mut self, name: &str) -> &mut Vec<u8> {
        let index = self.find(name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), Vec::new()));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }

    /// Takes a file away; its content.
    pub fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        self.find(name).map(|index| self.0.remove(index).1)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = |name: &String| {
            let (place, file) = name.rsplit_once('/').unwrap_or(("", name));
            (place == folder).then(|| file.to_owned())
        };
        self.0.iter().filter_map(|(name, _)| inside(name)).collect()
    }
}
