//! What a pane shows: blocks from oldest to newest, and a bound on all of them.

use std::collections::VecDeque;
use std::rc::Rc;

/// How many blocks stay on the screen.
pub const BLOCKS_MAX: usize = 2_000;

/// How many lines of one reply are shown.
pub const LINES_MAX: usize = 2_000;

/// How many bytes of one reply are shown.
pub const BLOCK_BYTES_MAX: usize = 256 << 10;

/// A piece of the log, shared with the view that draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its number, never used twice in a pane.
    pub id: u64,
    /// What it is.
    pub kind: BlockKind,
    /// What is printed; lines, the last one ended too.
    pub text: String,
    /// How long the reply took, where that is worth telling.
    pub took_ms: Option<f64>,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// A line that was typed, and the replies to it.
    Command {
        /// The prompt it was typed at.
        prompt: String,
        /// The line.
        line: String,
        /// Whether a reply is still to come.
        waiting: bool,
    },
    /// A message that answers nothing: of a channel, of MONITOR, an invalidation.
    Live,
    /// The page speaks.
    Notice,
}

/// The blocks of a pane.
#[derive(Clone, Debug, Default)]
pub struct Log {
    blocks: VecDeque<Rc<Block>>,
    next: u64,
}

impl PartialEq for Log {
    /// Whether both show the same; cheap, because equal blocks are the same allocation.
    fn eq(&self, other: &Self) -> bool {
        self.blocks.len() == other.blocks.len()
            && self.blocks.iter().zip(&other.blocks).all(|(a, b)| Rc::ptr_eq(a, b))
    }
}

impl Log {
    /// The blocks, oldest first.
    pub fn blocks(&self) -> impl Iterator<Item = &Rc<Block>> {
        self.blocks.iter()
    }

    /// Adds a block and returns its number.
    pub fn push(&mut self, kind: BlockKind, text: &str) -> u64 {
        let id = self.next;
        self.next += 1;
        if self.blocks.len() == BLOCKS_MAX {
            self.blocks.pop_front();
        }
        let mut block = Block { id, kind, text: String::new(), took_ms: None };
        append(&mut block.text, text);
        self.blocks.push_back(Rc::new(block));
        id
    }

    /// Adds text to a block, if it is still there.
    pub fn append(&mut self, id: u64, text: &str) {
        self.change(id, |block| append(&mut block.text, text));
    }

    /// Says that nothing more comes for a block.
    pub fn finish(&mut self, id: u64, took_ms: Option<f64>) {
        self.change(id, |block| {
            block.took_ms = took_ms;
            if let BlockKind::Command { waiting, .. } = &mut block.kind {
                *waiting = false;
            }
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.blocks.clear();
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Block)) {
        // Numbers only grow, and the block is almost always one of the last.
        let found = self.blocks.iter_mut().rev().find(|block| block.id == id);
        if let Some(block) = found {
            change(Rc::make_mut(block));
        }
    }
}

/// Adds `more` to `text` as far as the bounds allow, and says so where they do not.
fn append(text: &mut String, more: &str) {
    let lines = text.lines().count();
    let mut taken = 0;
    for (index, line) in more.split_inclusive('\n').enumerate() {
        if lines + index >= LINES_MAX || text.len() + line.len() > BLOCK_BYTES_MAX {
            break;
        }
        text.push_str(line);
        taken += line.len();
    }
    let rest = more.get(taken..).unwrap_or_default();
    if !rest.is_empty() {
        let (lines, bytes) = (rest.lines().count(), rest.len());
        text.push_str(&format!("… {lines} more lines, {bytes} bytes, are not shown here\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_blocks_go_first() {
        let mut log = Log::default();
        let first = log.push(BlockKind::Live, "first\n");
        for _ in 0..BLOCKS_MAX {
            log.push(BlockKind::Live, "x\n");
        }
        assert_eq!(log.blocks().count(), BLOCKS_MAX);
        log.append(first, "gone, so nothing happens");
        assert!(log.blocks().all(|block| block.text == "x\n"));
    }

    #[test]
    fn a_huge_reply_is_cut_and_says_so() {
        let mut log = Log::default();
        log.push(BlockKind::Live, &"line\n".repeat(LINES_MAX + 5));
        let text = log.blocks().next().unwrap().text.clone();
        assert_eq!(text.lines().count(), LINES_MAX + 1);
        assert!(text.ends_with("… 5 more lines, 25 bytes, are not shown here\n"));
        let id = log.push(BlockKind::Live, &"x".repeat(BLOCK_BYTES_MAX + 1));
        log.append(id, "y\n");
        assert!(log.blocks().last().unwrap().text.len() < 200);
    }

    #[test]
    fn logs_differ_when_a_block_does() {
        let mut log = Log::default();
        let id = log.push(BlockKind::Notice, "a\n");
        let before = log.clone();
        assert_eq!(log, before);
        log.append(id, "b\n");
        assert_ne!(log, before);
    }
}
