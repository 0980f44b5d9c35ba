//! SORT: the elements of a list, a set or a sorted set in an order of their own or of other keys.
//!
//! The elements are copied, what each is sorted by is looked up, and then their numbers are sorted.
//! Letters are compared as bytes, as in Redis with the C locale: up to the first zero byte if the
//! result is replied, with all of them if it is stored.

use std::cmp::Ordering;

use crate::base::error::until_zero;
use crate::base::{Error, num, order};
use crate::ds::QuickList;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    self, Access::*, Acl, Arg, BeginSearch, Category, FindKeys, Flag::*, Group, KeySpec, block,
    derive, integer, key, key_pattern, many, one_of, opt, range, token,
};
use crate::store::{Type, Value, ValueMut, ValueRef};

pub(crate) const COMMANDS: &[&Command] = &[&SORT, &SORT_RO];

const KEY: Arg = key("key", &[Ro, Access]);
const BY: Arg = opt(key_pattern("by-pattern", &[Ro, Access]).after("BY").shown("pattern"));
const LIMIT: Arg = opt(block("limit", &[integer("offset"), integer("count")]).after("LIMIT"));
const GET: Arg =
    opt(many(key_pattern("get-pattern", &[Ro, Access]).after("GET").shown("pattern").each()));
const ORDER: Arg = opt(one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]));
const ALPHA: Arg = opt(token("sorting", "ALPHA"));

/// The keys of BY and GET are made of what is sorted.
const PATTERNS: KeySpec = KeySpec {
    begin: BeginSearch::Unknown,
    find: FindKeys::Unknown,
    access: &[Ro, Access],
    notes: Some("The keys that BY and GET read are made of the elements."),
};

/// What is done with the key of STORE.
const STORED: &[spec::Access] = &[Ow, Update];

const DESTINATION: KeySpec = KeySpec {
    begin: BeginSearch::Unknown,
    find: FindKeys::Unknown,
    access: STORED,
    notes: Some("STORE may be any of the options."),
};

const CATEGORIES: Acl =
    Acl::Only(&[Category::Set, Category::SortedSet, Category::List, Category::Dangerous]);

const SORT: Command = Command {
    name: "SORT",
    summary: "Returns or stores the elements of a list, a set or a sorted set in an order of their own or of other keys.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(N log N+M) with N the elements, M those returned.",
    flags: &[Write, DenyOom],
    acl: CATEGORIES,
    args: &[KEY, BY, LIMIT, GET, ORDER, ALPHA, opt(key("destination", STORED).after("STORE"))],
    key_specs: Some(&[range(1, 0, 1, &[Ro, Access]), PATTERNS, DESTINATION]),
    find_keys: Some(|argv, found| {
        found.push((1, &[Ro, Access]));
        // The last STORE counts.
        derive::options(argv, 2, &[("LIMIT", 2), ("GET", 1), ("BY", 1)], &mut |place| {
            if derive::is_option(argv, place, "STORE", 1) {
                found.truncate(1);
                found.push((place + 1, STORED));
            }
        });
    }),
    example: "> RPUSH ages 30 4 11\n(integer) 3\n> SORT ages\n1) \"4\"\n2) \"11\"\n3) \"30\"\n\
              > SORT ages ALPHA DESC LIMIT 0 2\n1) \"4\"\n2) \"30\"\n",
    run: |cx, args| sort(cx, args, true),
    ..Command::BASE
};

const SORT_RO: Command = Command {
    name: "SORT_RO",
    summary: "As SORT, without storing.",
    since: "7.0.0",
    group: Group::Generic,
    complexity: "O(N log N+M) with N the elements, M those returned.",
    flags: &[Readonly],
    acl: CATEGORIES,
    args: &[KEY, BY, LIMIT, GET, ORDER, ALPHA],
    key_specs: Some(&[range(1, 0, 1, &[Ro, Access]), PATTERNS]),
    example: "> RPUSH ages 30 4 11\n(integer) 3\n> SORT_RO ages DESC\n1) \"30\"\n2) \"11\"\n3) \"4\"\n",
    run: |cx, args| sort(cx, args, false),
    ..Command::BASE
};

fn sort(cx: &mut Ctx<'_>, mut args: Args<'_>, may_store: bool) -> Outcome {
    let key = args.take()?;
    let mut request = Request::take(args, may_store)?;
    let kind = cx.read(key).map(|found| found.value.kind());
    match kind {
        None | Some(Type::List | Type::Set | Type::SortedSet) => {}
        Some(_) => return Err(Error::WrongType),
    }
    if kind == Some(Type::SortedSet) {
        // Redis looks into the large form only, and makes it of the small one, which stays so.
        let limits = cx.zset_limits();
        let db = cx.session.db;
        if let Some(ValueMut::SortedSet(set)) = cx.shard.db_mut(db).get_mut(key) {
            set.unpack(&limits);
        }
    }
    if request.is_unsorted && kind == Some(Type::Set) && request.store.is_some() {
        // The order of a set means nothing, and what is stored should not depend on it.
        (request.by, request.is_unsorted, request.alpha) = (None, false, true);
    }
    let elements = if request.is_unsorted {
        request.unsorted(cx, key)
    } else {
        let elements = elements(cx, key, false);
        let order = request.order(cx, &elements)?;
        let span = request.span(order.len());
        order[span].iter().map(|&index| elements[index].clone()).collect()
    };
    match request.store {
        None => reply(cx, &request, elements),
        Some(destination) => store(cx, &request, destination, elements),
    }
    Ok(())
}

/// Replies with the elements, or with what GET finds for each.
fn reply(cx: &mut Ctx<'_>, request: &Request<'_>, elements: Vec<Vec<u8>>) {
    let each = request.gets.len().max(1);
    cx.out.array(elements.len() * each);
    for element in &elements {
        if request.gets.is_empty() {
            cx.out.bulk(element);
        }
        for pattern in &request.gets {
            match pattern.look_up(cx, element) {
                Some(value) => cx.out.bulk(&value),
                None => cx.out.null(),
            }
        }
    }
}

/// Stores the elements, or what GET finds for each, as a list; nothing found is an empty element.
fn store(cx: &mut Ctx<'_>, request: &Request<'_>, destination: &[u8], elements: Vec<Vec<u8>>) {
    let mut stored = Vec::new();
    for element in elements {
        let found = request.gets.iter().map(|get| get.look_up(cx, &element).unwrap_or_default());
        stored.extend(found);
        if request.gets.is_empty() {
            stored.push(element);
        }
    }
    let count = stored.len();
    if count > 0 {
        let list = QuickList::of(stored.iter().map(Vec::as_slice), cx.list_limits());
        cx.insert(destination, Value::List(Box::new(list)), None);
        let dirty = cx.dirty + count as u64;
        cx.changed(destination, Class::List, "sortstore");
        cx.dirty = dirty;
    } else if cx.delete(destination) {
        cx.changed(destination, Class::Generic, "del");
    }
    cx.out.count(count);
}

/// What a command is told.
#[derive(Default)]
struct Request<'a> {
    by: Option<Pattern<'a>>,
    /// Some BY names one key for all elements, which means that they are not to be sorted.
    is_unsorted: bool,
    gets: Vec<Pattern<'a>>,
    is_falling: bool,
    alpha: bool,
    offset: i64,
    /// Negative for no limit.
    count: i64,
    store: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn take(mut args: Args<'a>, may_store: bool) -> Result<Self, Error> {
        let mut request = Self { count: -1, ..Self::default() };
        while !args.is_empty() {
            let more = args.len() - 1;
            if args.eat("ASC") {
                request.is_falling = false;
            } else if args.eat("DESC") {
                request.is_falling = true;
            } else if args.eat("ALPHA") {
                request.alpha = true;
            } else if more >= 2 && args.eat("LIMIT") {
                (request.offset, request.count) = (args.integer()?, args.integer()?);
            } else if may_store && more >= 1 && args.eat("STORE") {
                request.store = Some(args.take()?);
            } else if more >= 1 && args.eat("BY") {
                let by = Pattern::new(args.take()?);
                request.is_unsorted |= matches!(by, Pattern::Nothing | Pattern::Element);
                request.by = Some(by);
            } else if more >= 1 && args.eat("GET") {
                request.gets.push(Pattern::new(args.take()?));
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(request)
    }

    /// Which of `length` elements are wanted.
    fn span(&self, length: usize) -> std::ops::Range<usize> {
        let at_most = |number: i64| usize::try_from(number).unwrap_or(usize::MAX).min(length);
        let start = at_most(self.offset.max(0));
        let count = if self.count < 0 { length } else { at_most(self.count) };
        start..start + count.min(length - start)
    }

    /// The wanted elements as they come, or backwards. That says nothing about a set.
    fn unsorted(&self, cx: &Ctx<'_>, key: &[u8]) -> Vec<Vec<u8>> {
        let mut elements = elements(cx, key, self.is_falling);
        let span = self.span(elements.len());
        elements.truncate(span.end);
        elements.drain(..span.start);
        elements
    }

    /// The indices of `elements` in their order.
    fn order(&self, cx: &mut Ctx<'_>, elements: &[Vec<u8>]) -> Result<Vec<usize>, Error> {
        let turned = |order: Ordering| if self.is_falling { order.reverse() } else { order };
        if !self.alpha {
            let scores = self.scores(cx, elements)?;
            // Among equal scores the elements themselves decide.
            let mut compare = |one: usize, other: usize| {
                let by_score = scores[one].partial_cmp(&scores[other]).unwrap_or(Ordering::Equal);
                turned(by_score.then_with(|| elements[one].cmp(&elements[other])))
            };
            return Ok(order::places(elements.len(), &mut compare));
        }
        let texts: Option<Vec<Option<Vec<u8>>>> = self
            .by
            .as_ref()
            .map(|by| elements.iter().map(|element| by.look_up(cx, element)).collect());
        let seen = |index: usize| {
            let text = match &texts {
                Some(texts) => texts[index].as_deref()?,
                None => &elements[index],
            };
            Some(if self.store.is_some() { text } else { until_zero(text) })
        };
        let mut compare = |one: usize, other: usize| turned(seen(one).cmp(&seen(other)));
        Ok(order::places(elements.len(), &mut compare))
    }

    /// What each element counts as a number; what BY does not find counts as 0.
    fn scores(&self, cx: &mut Ctx<'_>, elements: &[Vec<u8>]) -> Result<Vec<f64>, Error> {
        let mut all_numbers = true;
        let mut scores = Vec::with_capacity(elements.len());
        for element in elements {
            let score = match &self.by {
                Some(by) => by.look_up(cx, element).map_or(Some(0.0), |text| number(&text)),
                None => number(element),
            };
            // Those that follow are looked up all the same.
            all_numbers &= score.is_some();
            scores.push(score.unwrap_or_default());
        }
        let refused = Error::text("ERR One or more scores can't be converted into double");
        if all_numbers { Ok(scores) } else { Err(refused) }
    }
}

/// Reads a number as SORT does, which is not how scores are read: nothing is 0, and there are no
/// hexadecimal numbers.
fn number(text: &[u8]) -> Option<f64> {
    let text = until_zero(text);
    if text.is_empty() { Some(0.0) } else { num::parse_decimal(text) }
}

/// What an element stands for in BY and GET.
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without a `*`: nothing.
    Nothing,
    /// The string under a key, which is made by putting the element between two parts.
    Key { before: &'a [u8], behind: &'a [u8] },
    /// A field of the hash under such a key.
    Field { before: &'a [u8], behind: &'a [u8], field: &'a [u8] },
}

impl<'a> Pattern<'a> {
    fn new(text: &'a [u8]) -> Self {
        if until_zero(text) == b"#" {
            return Self::Element;
        }
        let visible = until_zero(text);
        let Some(star) = memchr::memchr(b'*', visible) else { return Self::Nothing };
        let (before, behind) = (&text[..star], &text[star + 1..]);
        let arrow = visible[star + 1..].windows(2).position(|two| two == b"->");
        // An arrow at the end is a part of the key.
        match arrow.filter(|&arrow| behind.get(arrow + 2).is_some_and(|&byte| byte != 0)) {
            Some(arrow) => {
                Self::Field { before, behind: &behind[..arrow], field: &behind[arrow + 2..] }
            }
            None => Self::Key { before, behind },
        }
    }

    /// What `element` stands for, if there is such a thing.
    fn look_up(&self, cx: &mut Ctx<'_>, element: &[u8]) -> Option<Vec<u8>> {
        match *self {
            Self::Element => Some(element.to_vec()),
            Self::Nothing => None,
            Self::Key { before, behind } => {
                let found = cx.read(&[before, element, behind].concat())?;
                found.value.text().map(|text| text.to_vec())
            }
            Self::Field { before, behind, field } => {
                let (hash, _) = cx.read_hash(&[before, element, behind].concat()).ok()??;
                hash.get(field).map(|found| found.value.to_vec())
            }
        }
    }
}

/// The elements under `key`, or backwards.
fn elements(cx: &Ctx<'_>, key: &[u8], backwards: bool) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    let found = cx.shard.db(cx.session.db).get(key);
    match found.map(|found| found.value) {
        Some(ValueRef::List(list)) => {
            elements.extend(list.iter_from(0).map(|element| element.to_vec()));
        }
        Some(ValueRef::SortedSet(set)) => {
            elements.extend(set.iter_from(0).map(|(member, _)| member.to_vec()));
        }
        Some(ValueRef::Set(set)) => {
            set.each(|member| elements.push(member.to_vec()));
            return elements;
        }
        _ => {}
    }
    if backwards {
        elements.reverse();
    }
    elements
}
