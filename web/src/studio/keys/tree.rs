//! The keys of a database as folders: `user:1:name` lies in `1`, which lies in `user`.
//!
//! The tree grows as keys come in, in any order, and is ready to be drawn at any time. It is made
//! for a million keys: a key takes its name, nine bytes, and a place in its folder; every folder
//! knows how many rows are seen in it, so that the rows of a window are found without counting
//! through what lies above them.
//!
//! Names are never removed from the run of bytes in which they lie; a new scan begins with a new
//! tree.

use std::cmp::Ordering;

use super::natural;
use super::ordered::Ordered;

/// What divides a name into folders.
pub const SEPARATOR: u8 = b':';

/// Folders in folders at most; what follows is one name.
const DEPTH_MAX: usize = 32;

/// The bit that says of the number of a child that it is a folder's.
const FOLDER: u32 = 1 << 31;

/// The folder that holds everything.
const ROOT: u32 = 0;

/// A key's number: the order in which it came.
pub type KeyId = u32;

/// A folder's number.
pub type FolderId = u32;

/// What a key holds, as TYPE tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Not asked yet.
    #[default]
    Unknown,
    /// `string`
    String,
    /// `list`
    List,
    /// `set`
    Set,
    /// `zset`
    Zset,
    /// `hash`
    Hash,
    /// `stream`
    Stream,
    /// `array`
    Array,
    /// Of a type that this program does not know.
    Other,
    /// There was such a key.
    Gone,
}

impl Kind {
    /// The types that there are.
    pub const ALL: [Self; 7] =
        [Self::String, Self::List, Self::Set, Self::Zset, Self::Hash, Self::Stream, Self::Array];

    /// The type's name in TYPE.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Array => "array",
            Self::Unknown | Self::Other | Self::Gone => "",
        }
    }

    /// What TYPE's reply means.
    pub fn named(name: &[u8]) -> Self {
        match name {
            b"none" => Self::Gone,
            _ => Self::ALL
                .into_iter()
                .find(|kind| kind.name().as_bytes() == name)
                .unwrap_or(Self::Other),
        }
    }
}

/// Keys in their folders.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// All names, one after the other.
    names: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u32>,
    kinds: Vec<Kind>,
    folders: Vec<Folder>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Folder {
    parent: FolderId,
    /// A key that is, or was, below it: its name begins with the folder's.
    sample: KeyId,
    /// The length of that beginning, with the separator.
    path_len: u32,
    children: Ordered,
    /// Those children that are open folders, in order.
    opened: Vec<FolderId>,
    is_open: bool,
    /// Rows that are seen if it is open.
    rows: usize,
    /// Keys below it.
    keys: usize,
}

/// A line of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub item: Item,
    /// In how many folders it lies.
    pub depth: usize,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A folder.
    Folder(FolderId),
    /// A key.
    Key(KeyId),
}

impl Default for Tree {
    fn default() -> Self {
        let root = Folder { is_open: true, ..Folder::default() };
        Self { names: Vec::new(), ends: Vec::new(), kinds: Vec::new(), folders: vec![root] }
    }
}

/// Looking.
impl Tree {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.folders.first().map_or(0, |root| root.keys)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of keys go up to this; some may be of keys that are gone.
    pub fn ids(&self) -> u32 {
        self.kinds.len() as u32
    }

    /// The name of a key.
    pub fn name(&self, id: KeyId) -> &[u8] {
        let index = id as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(index).copied().unwrap_or_default();
        self.names.get(start.unwrap_or_default() as usize..end as usize).unwrap_or_default()
    }

    /// What a key holds.
    pub fn kind(&self, id: KeyId) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Gone)
    }

    /// A folder's name with those of the folders it lies in and a separator at the end.
    pub fn path(&self, folder: FolderId) -> &[u8] {
        let Some(folder) = self.folders.get(folder as usize) else { return &[] };
        self.name(folder.sample).get(..folder.path_len as usize).unwrap_or_default()
    }

    /// The part of a name that a line shows.
    pub fn label(&self, row: Row) -> &[u8] {
        match row.item {
            Item::Folder(id) => self.segment(id | FOLDER, self.parent_of(id)),
            Item::Key(id) if row.depth == 0 => self.name(id),
            Item::Key(id) => {
                let name = self.name(id);
                let starts = name.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR);
                let start = starts.map(|(at, _)| at + 1).nth(row.depth - 1);
                name.get(start.unwrap_or_default()..).unwrap_or_default()
            }
        }
    }

    /// Whether a folder is open.
    pub fn is_open(&self, folder: FolderId) -> bool {
        self.folders.get(folder as usize).is_some_and(|folder| folder.is_open)
    }

    /// How many keys lie in a folder and the folders in it.
    pub fn keys_in(&self, folder: FolderId) -> usize {
        self.folders.get(folder as usize).map_or(0, |folder| folder.keys)
    }

    /// How many lines there are.
    pub fn row_count(&self) -> usize {
        self.folders.first().map_or(0, |root| root.rows)
    }

    /// The lines from `first` on, at most `count`. Costs O(count + open folders × their size / 512).
    pub fn rows(&self, first: usize, count: usize) -> Vec<Row> {
        let mut rows = Rows { tree: self, skip: first, left: count, found: Vec::new() };
        rows.of(ROOT, 0);
        rows.found
    }

    /// The key of this name.
    pub fn find(&self, name: &[u8]) -> Option<KeyId> {
        let folder = self.folder_of(name)?;
        let path_len = self.folders.get(folder as usize)?.path_len as usize;
        self.child(folder, name.get(path_len..)?, false)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let folder = |folder: &Folder| {
            folder.children.heap_bytes() + folder.opened.capacity() * size_of::<FolderId>()
        };
        self.names.capacity()
            + self.ends.capacity() * size_of::<u32>()
            + self.kinds.capacity() * size_of::<Kind>()
            + self.folders.capacity() * size_of::<Folder>()
            + self.folders.iter().map(folder).sum::<usize>()
    }

    fn parent_of(&self, folder: FolderId) -> FolderId {
        self.folders.get(folder as usize).map_or(ROOT, |folder| folder.parent)
    }

    /// The part of a child's name that stands in the folder it lies in.
    fn segment(&self, child: u32, parent: FolderId) -> &[u8] {
        let start = self.folders.get(parent as usize).map_or(0, |parent| parent.path_len as usize);
        if child & FOLDER == 0 {
            return self.name(child).get(start..).unwrap_or_default();
        }
        let path = self.path(child & !FOLDER);
        path.get(start..path.len().saturating_sub(1)).unwrap_or_default()
    }

    /// How a child lies to the one of this name: folders come first.
    fn compare(&self, child: u32, parent: FolderId, name: &[u8], is_folder: bool) -> Ordering {
        let is_key = |is_folder: bool| !is_folder;
        is_key(child & FOLDER != 0)
            .cmp(&is_key(is_folder))
            .then_with(|| natural::compare(self.segment(child, parent), name))
    }

    fn child(&self, parent: FolderId, name: &[u8], is_folder: bool) -> Option<u32> {
        let children = &self.folders.get(parent as usize)?.children;
        let found = children.find(|child| self.compare(child, parent, name, is_folder))?;
        Some(found & !FOLDER)
    }

    /// The folder that a key of this name would lie in, if it is there.
    fn folder_of(&self, name: &[u8]) -> Option<FolderId> {
        let mut folder = ROOT;
        for (start, end) in segments(name) {
            folder = self.child(folder, name.get(start..end)?, true)?;
        }
        Some(folder)
    }
}

/// Where the names of folders begin and end in a key's name.
fn segments(name: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    let ends = name.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR);
    ends.take(DEPTH_MAX).map(move |(end, _)| {
        let segment = (start, end);
        start = end + 1;
        segment
    })
}

/// Changing.
impl Tree {
    /// Adds a key, or tells what a known one holds. `None` if it was known, or if there is no room
    /// for its name. Costs O(depth × log N).
    pub fn add(&mut self, name: &[u8], kind: Kind) -> Option<KeyId> {
        if let Some(known) = self.find(name) {
            self.set_kind(known, kind);
            return None;
        }
        let end = u32::try_from(self.names.len() + name.len()).ok()?;
        let id = self.ids();
        if id == FOLDER - 1 {
            return None;
        }
        self.names.extend_from_slice(name);
        self.ends.push(end);
        self.kinds.push(kind);
        let mut folder = ROOT;
        for (start, end) in segments(name) {
            let segment = name.get(start..end).unwrap_or_default();
            folder = match self.child(folder, segment, true) {
                Some(child) => child,
                None => self.add_folder(folder, segment, id, end + 1),
            };
        }
        let path_len = self.path(folder).len();
        self.enter(folder, name.get(path_len..).unwrap_or_default(), id);
        self.each_above(folder, |folder| folder.keys += 1);
        Some(id)
    }

    fn add_folder(
        &mut self,
        parent: FolderId,
        name: &[u8],
        sample: KeyId,
        path_len: usize,
    ) -> FolderId {
        let id = self.folders.len() as FolderId;
        let path_len = path_len as u32;
        self.folders.push(Folder { parent, sample, path_len, ..Folder::default() });
        self.enter(parent, name, id | FOLDER);
        id
    }

    /// Puts a child where it belongs.
    fn enter(&mut self, parent: FolderId, name: &[u8], child: u32) {
        let Some(folder) = self.folders.get_mut(parent as usize) else { return };
        // Taken out, so that the comparison can look at the rest.
        let mut children = std::mem::take(&mut folder.children);
        let is_folder = child & FOLDER != 0;
        if children.insert(child, |other| self.compare(other, parent, name, is_folder)) {
            self.add_rows(parent, 1);
        }
        if let Some(folder) = self.folders.get_mut(parent as usize) {
            folder.children = children;
        }
    }

    /// Takes a child out of its folder.
    fn leave(&mut self, parent: FolderId, name: &[u8], is_folder: bool) -> Option<u32> {
        let mut children = std::mem::take(&mut self.folders.get_mut(parent as usize)?.children);
        let left = children.remove(|other| self.compare(other, parent, name, is_folder));
        if left.is_some() {
            self.add_rows(parent, -1);
        }
        self.folders.get_mut(parent as usize)?.children = children;
        left
    }

    /// Takes a key out, and folders that become empty with it.
    pub fn remove(&mut self, id: KeyId) {
        let name = self.name(id).to_vec();
        let Some(mut folder) = self.folder_of(&name) else { return };
        let path_len = self.path(folder).len();
        if self.leave(folder, name.get(path_len..).unwrap_or_default(), false) != Some(id) {
            return;
        }
        if let Some(kind) = self.kinds.get_mut(id as usize) {
            *kind = Kind::Gone;
        }
        self.each_above(folder, |folder| folder.keys -= 1);
        while folder != ROOT && self.keys_in(folder) == 0 {
            let parent = self.parent_of(folder);
            if self.is_open(folder) {
                self.toggle(folder);
            }
            let segment = self.segment(folder | FOLDER, parent).to_vec();
            self.leave(parent, &segment, true);
            folder = parent;
        }
    }

    /// Tells what a key holds.
    pub fn set_kind(&mut self, id: KeyId, kind: Kind) {
        if kind != Kind::Unknown
            && let Some(old) = self.kinds.get_mut(id as usize)
        {
            *old = kind;
        }
    }

    /// Opens a folder, or closes it. One that holds nothing but one folder opens that too.
    pub fn toggle(&mut self, folder: FolderId) {
        let mut at = folder;
        for _ in 0..DEPTH_MAX {
            self.toggle_one(at);
            let Some(opened) = self.folders.get(at as usize).filter(|folder| folder.is_open) else {
                return;
            };
            match opened.children.iter_from(0).next() {
                Some(only) if opened.children.len() == 1 && only & FOLDER != 0 => {
                    at = only & !FOLDER;
                    if self.is_open(at) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Opens all folders. Costs O(folders × the size of the folder each lies in).
    pub fn open_all(&mut self) {
        for id in 1..self.folders.len() as FolderId {
            if !self.is_open(id) && self.keys_in(id) > 0 {
                self.toggle_one(id);
            }
        }
    }

    fn toggle_one(&mut self, id: FolderId) {
        let Some(folder) = self.folders.get_mut(id as usize).filter(|_| id != ROOT) else { return };
        folder.is_open = !folder.is_open;
        let (parent, rows, is_open) = (folder.parent, folder.rows as isize, folder.is_open);
        let name = self.segment(id | FOLDER, parent).to_vec();
        let Some(above) = self.folders.get(parent as usize) else { return };
        let is_before = |&other: &FolderId| {
            natural::compare(self.segment(other | FOLDER, parent), &name).is_lt()
        };
        let at = above.opened.partition_point(is_before);
        let Some(above) = self.folders.get_mut(parent as usize) else { return };
        if is_open {
            above.opened.insert(at, id);
        } else if above.opened.get(at) == Some(&id) {
            above.opened.remove(at);
        }
        self.add_rows(parent, if is_open { rows } else { -rows });
    }

    /// Rows have come or gone in a folder; they count above it as far as folders are open.
    fn add_rows(&mut self, folder: FolderId, rows: isize) {
        let mut at = folder;
        while let Some(folder) = self.folders.get_mut(at as usize) {
            folder.rows = folder.rows.saturating_add_signed(rows);
            if at == ROOT || !folder.is_open {
                return;
            }
            at = folder.parent;
        }
    }

    fn each_above(&mut self, folder: FolderId, mut change: impl FnMut(&mut Folder)) {
        let mut at = folder;
        while let Some(folder) = self.folders.get_mut(at as usize) {
            change(folder);
            if at == ROOT {
                return;
            }
            at = folder.parent;
        }
    }
}

/// The lines of a window, as they are found.
struct Rows<'a> {
    tree: &'a Tree,
    /// Lines before the window.
    skip: usize,
    /// Lines that are wanted still.
    left: usize,
    found: Vec<Row>,
}

impl Rows<'_> {
    /// The lines below a folder. Calls itself once a level, of which there are few.
    fn of(&mut self, id: FolderId, depth: usize) {
        let Some(folder) = self.tree.folders.get(id as usize) else { return };
        let mut at = 0;
        for &opened in &folder.opened {
            let name = self.tree.segment(opened | FOLDER, id);
            let compare = |child| self.tree.compare(child, id, name, true);
            let Some(rank) = folder.children.rank(compare) else { continue };
            self.plain(folder, at, rank + 1 - at, depth);
            at = rank + 1;
            let below = self.tree.folders.get(opened as usize).map_or(0, |folder| folder.rows);
            if self.left == 0 {
                return;
            } else if self.skip >= below {
                self.skip -= below;
            } else {
                self.of(opened, depth + 1);
            }
        }
        self.plain(folder, at, folder.children.len() - at, depth);
    }

    /// The lines of `count` children from `first` on.
    fn plain(&mut self, folder: &Folder, first: usize, count: usize, depth: usize) {
        if self.skip >= count {
            self.skip -= count;
            return;
        }
        let taken = (count - self.skip).min(self.left);
        let item = |child: u32| {
            if child & FOLDER == 0 { Item::Key(child) } else { Item::Folder(child & !FOLDER) }
        };
        let children = folder.children.iter_from(first + self.skip).take(taken);
        self.found.extend(children.map(|child| Row { item: item(child), depth }));
        self.left -= taken;
        self.skip = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for name in names {
            tree.add(name.as_bytes(), Kind::String);
        }
        tree
    }

    /// The lines as they look.
    fn drawn(tree: &Tree, first: usize, count: usize) -> Vec<String> {
        let line = |row: Row| {
            let label = String::from_utf8_lossy(tree.label(row)).into_owned();
            let indent = "  ".repeat(row.depth);
            match row.item {
                Item::Folder(id) => format!("{indent}{label}/{}", tree.keys_in(id)),
                Item::Key(_) => format!("{indent}{label}"),
            }
        };
        tree.rows(first, count).into_iter().map(line).collect()
    }

    fn open(tree: &mut Tree, path: &str) {
        let found = (0..tree.folders.len() as FolderId)
            .find(|&id| tree.path(id) == path.as_bytes() && tree.keys_in(id) > 0);
        tree.toggle(found.unwrap());
    }

    #[test]
    fn names_lie_in_folders() {
        let mut tree = tree(&["user:10:name", "b", "user:9:name", "user:9:age", "user", "a:"]);
        assert_eq!(drawn(&tree, 0, 99), ["a/1", "user/3", "b", "user"]);
        open(&mut tree, "user:");
        open(&mut tree, "user:9:");
        open(&mut tree, "a:");
        let all = ["a/1", "  ", "user/3", "  9/2", "    age", "    name", "  10/1", "b", "user"];
        assert_eq!(drawn(&tree, 0, 99), all);
        assert_eq!(tree.row_count(), all.len());
        for first in 0..all.len() + 2 {
            for count in 0..4 {
                let expect: Vec<&str> = all.iter().copied().skip(first).take(count).collect();
                assert_eq!(drawn(&tree, first, count), expect, "{first} {count}");
            }
        }
        open(&mut tree, "user:");
        assert_eq!(drawn(&tree, 2, 9), ["user/3", "b", "user"]);
        let mut all_open = tree.clone();
        all_open.open_all();
        assert_eq!(all_open.row_count(), all.len() + 1);
        // A folder remembers what was open in it.
        open(&mut tree, "user:");
        assert_eq!(drawn(&tree, 0, 99), all);
    }

    #[test]
    fn keys_that_come_and_go_are_counted_where_they_are_seen() {
        let mut tree = tree(&["a:b:1", "a:b:2"]);
        open(&mut tree, "a:");
        // The only folder in it is open too.
        assert_eq!(drawn(&tree, 0, 99), ["a/2", "  b/2", "    1", "    2"]);
        assert_eq!(tree.add(b"a:b:1", Kind::Hash), None);
        assert_eq!(tree.kind(0), Kind::Hash);
        tree.add(b"a:c", Kind::Unknown);
        assert_eq!(drawn(&tree, 0, 99), ["a/3", "  b/2", "    1", "    2", "  c"]);
        let id = tree.find(b"a:b:1").unwrap();
        tree.remove(id);
        tree.remove(id);
        assert_eq!(tree.kind(id), Kind::Gone);
        tree.remove(tree.find(b"a:b:2").unwrap());
        assert_eq!(drawn(&tree, 0, 99), ["a/1", "  c"]);
        tree.remove(tree.find(b"a:c").unwrap());
        assert_eq!((tree.row_count(), tree.len()), (0, 0));
        tree.add(b"a:b:1", Kind::Unknown);
        assert_eq!(drawn(&tree, 0, 99), ["a/1"]);
    }

    #[test]
    fn names_of_nothing_but_separators_end_somewhere() {
        let mut tree = Tree::default();
        let name = vec![SEPARATOR; 10_000];
        let id = tree.add(&name, Kind::String).unwrap();
        assert_eq!(tree.find(&name), Some(id));
        open(&mut tree, ":");
        assert_eq!(tree.row_count(), DEPTH_MAX + 1);
        let last = *tree.rows(DEPTH_MAX, 1).first().unwrap();
        assert_eq!(tree.label(last).len(), 10_000 - DEPTH_MAX);
        tree.remove(id);
        assert!(tree.is_empty() && tree.row_count() == 0);
        tree.add(b"", Kind::String);
        assert_eq!(drawn(&tree, 0, 9), [""]);
    }

    /// What a million keys take, a tenth of it here: the rest is the same again.
    #[test]
    fn keys_take_little_memory() {
        let mut flat = Tree::default();
        let mut deep = Tree::default();
        for number in 0..100_000u64 {
            let number = number.wrapping_mul(77_773) % 100_000;
            flat.add(format!("key:{number}").as_bytes(), Kind::Unknown);
            deep.add(format!("user:{}:f{}", number / 4, number % 4).as_bytes(), Kind::Unknown);
        }
        assert_eq!((flat.len(), deep.len()), (100_000, 100_000));
        let per_key = |tree: &Tree| tree.heap_bytes() / tree.len();
        assert!(per_key(&flat) <= 32, "{}", per_key(&flat));
        assert!(per_key(&deep) <= 110, "{}", per_key(&deep));
    }
}
