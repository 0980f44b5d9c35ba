//! What a pane shows: blocks from oldest to newest, and a bound on all of them.

use std::collections::VecDeque;
use std::rc::Rc;

/// How many blocks stay on the screen.
pub const BLOCKS_MAX: usize = 2_000;

/// How many lines stay on the screen, those that were typed not counted.
pub const LINES_MAX: usize = 10_000;

/// How many lines of one block are shown.
pub const BLOCK_LINES_MAX: usize = 2_000;

/// How many bytes of one block are shown.
pub const BLOCK_BYTES_MAX: usize = 256 << 10;

/// How many lines of messages share a block: one block for each would be slow to draw when many
/// come, one for all would be drawn again for each.
const LIVE_LINES_MAX: usize = 50;

/// A piece of the log, shared with the view that draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its number, never used twice in a pane.
    pub id: u64,
    /// What it is.
    pub kind: BlockKind,
    /// What is printed; lines, the last one ended too.
    pub text: String,
    /// How many lines that is.
    lines: usize,
    /// What is too much to be shown.
    pub hidden: Hidden,
    /// How long the reply took, where that is worth telling.
    pub took_ms: Option<f64>,
}

/// How much of a block is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Lines.
    pub lines: usize,
    /// Bytes.
    pub bytes: usize,
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
    /// Lines of all blocks.
    lines: usize,
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
        let (text_kept, hidden) = (String::new(), Hidden::default());
        let block = Block { id, kind, text: text_kept, lines: 0, hidden, took_ms: None };
        self.blocks.push_back(Rc::new(block));
        self.append(id, text);
        id
    }

    /// Adds a message that answers nothing.
    pub fn push_live(&mut self, text: &str) {
        let last = self
            .blocks
            .back()
            .filter(|last| last.kind == BlockKind::Live && last.lines < LIVE_LINES_MAX);
        match last.map(|last| last.id) {
            Some(id) => self.append(id, text),
            None => {
                self.push(BlockKind::Live, text);
            }
        }
    }

    /// Adds text to a block, if it is still there.
    pub fn append(&mut self, id: u64, text: &str) {
        self.change(id, |block| block.append(text));
        while self.blocks.len() > BLOCKS_MAX || (self.lines > LINES_MAX && self.blocks.len() > 1) {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.lines -= oldest.lines;
        }
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
        self.lines = 0;
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Block)) {
        // Numbers only grow, and the block is almost always one of the last.
        let found = self.blocks.iter_mut().rev().find(|block| block.id == id);
        if let Some(block) = found {
            let before = block.lines;
            change(Rc::make_mut(block));
            self.lines += block.lines - before;
        }
    }
}

impl Block {
    /// Adds text as far as the bounds allow, and counts what they do not.
    fn append(&mut self, more: &str) {
        for line in more.split_inclusive('\n') {
            let fits = self.lines < BLOCK_LINES_MAX
                && self.text.len() + line.len() <= BLOCK_BYTES_MAX
                && self.hidden.lines == 0;
            if fits {
                self.text.push_str(line);
                self.lines += 1;
            } else {
                self.hidden.lines += 1;
                self.hidden.bytes += line.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_blocks_go_first() {
        let mut log = Log::default();
        let first = log.push(BlockKind::Notice, "first\n");
        for _ in 0..BLOCKS_MAX {
            log.push(BlockKind::Notice, "x\n");
        }
        assert_eq!(log.blocks().count(), BLOCKS_MAX);
        log.append(first, "gone, so nothing happens");
        assert!(log.blocks().all(|block| block.text == "x\n"));
    }

    #[test]
    fn a_huge_reply_is_cut_and_says_so() {
        let mut log = Log::default();
        let id = log.push(BlockKind::Notice, &"line\n".repeat(BLOCK_LINES_MAX + 5));
        log.append(id, "more\n");
        let block = log.blocks().next().unwrap();
        assert_eq!(block.text.lines().count(), BLOCK_LINES_MAX);
        assert_eq!(block.hidden, Hidden { lines: 6, bytes: 30 });
        log.push(BlockKind::Notice, &"x".repeat(BLOCK_BYTES_MAX + 1));
        assert_eq!(log.blocks().last().unwrap().text, "");
    }

    #[test]
    fn lines_are_bounded_too() {
        let mut log = Log::default();
        for _ in 0..10 {
            log.push(BlockKind::Notice, &"line\n".repeat(BLOCK_LINES_MAX));
        }
        assert_eq!(log.blocks().count(), LINES_MAX / BLOCK_LINES_MAX);
    }

    #[test]
    fn messages_share_blocks() {
        let mut log = Log::default();
        for _ in 0..LIVE_LINES_MAX + 1 {
            log.push_live("message\n");
        }
        assert_eq!(log.blocks().count(), 2);
        log.push(BlockKind::Notice, "between\n");
        log.push_live("message\n");
        assert_eq!(log.blocks().count(), 4);
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
