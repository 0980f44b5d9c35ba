//! Members inside an area: GEOSEARCH, which replaced GEORADIUS, and what stores them.
//!
//! BYPOLYGON is Valkey's (9.0); Redis knows circles and boxes only.

use super::{UNIT, distance_text, place_of, point, unit_m, write_point};
use crate::base::{Error, num, order};
use crate::commands::sorted_set_range::store;
use crate::ds::geo::{Point, Search, Shape};
use crate::ds::{Element, SortedSet};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Arg, BeginSearch, FindKeys, Flag::*, Group, KeySpec, block, double, integer, key,
    many, one_of, opt, range, string, token,
};
use crate::store::ValueRef;

const CENTER: Arg = opt(one_of(
    "from",
    &[
        string("member").after("FROMMEMBER"),
        block("fromlonlat", &[double("longitude"), double("latitude")]).after("FROMLONLAT"),
    ],
));

const AREA: Arg = one_of(
    "by",
    &[
        block("circle", &[double("radius").after("BYRADIUS"), UNIT]),
        block("box", &[double("width").after("BYBOX"), double("height"), UNIT]),
        block(
            "polygon",
            &[
                integer("num-vertices").after("BYPOLYGON"),
                many(block("vertices", &[double("longitude"), double("latitude")])),
            ],
        )
        .since("9.0.0"),
    ],
);

const ORDER: Arg = opt(one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]));

const COUNT: Arg =
    opt(block("count-block", &[integer("count").after("COUNT"), opt(token("any", "ANY"))]));

const COUNT_SINCE: Arg = opt(block(
    "count-block",
    &[integer("count").after("COUNT"), opt(token("any", "ANY").since("6.2.0"))],
));

const WITH_COORD: Arg = opt(token("withcoord", "WITHCOORD"));
const WITH_DIST: Arg = opt(token("withdist", "WITHDIST"));
const WITH_HASH: Arg = opt(token("withhash", "WITHHASH"));

const STORE: Arg = opt(one_of(
    "store",
    &[
        key("storekey", &[Ow, Update]).after("STORE").shown("key"),
        key("storedistkey", &[Ow, Update]).after("STOREDIST").shown("key"),
    ],
));

/// Where the keys of a command are that may store, with its options from argument `first` on.
const fn stored(first: i32) -> [KeySpec; 3] {
    const fn behind(word: &'static str, first: i32) -> KeySpec {
        KeySpec {
            begin: BeginSearch::Keyword(word, first),
            find: FindKeys::Range { last: 0, step: 1, limit: 0 },
            access: &[Ow, Update],
            notes: None,
        }
    }
    [range(1, 0, 1, &[Ro, Access]), behind("STORE", first), behind("STOREDIST", first)]
}

pub(super) const GEOSEARCH: Command = Command {
    name: "GEOSEARCH",
    summary: "Returns the members inside a circle, a box or a polygon.",
    since: "6.2.0",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        CENTER,
        AREA,
        ORDER,
        COUNT,
        WITH_COORD,
        WITH_DIST,
        WITH_HASH,
    ],
    // A polygon of three corners would have more words, a circle has this many.
    arity: Some(-7),
    example: "> GEOADD towns 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n\
              > GEOSEARCH towns FROMLONLAT 15 37 BYRADIUS 100 km\n1) \"Catania\"\n\
              > GEOSEARCH towns FROMLONLAT 15 37 BYBOX 400 400 km ASC\n1) \"Catania\"\n2) \"Palermo\"\n",
    run: |cx, args| search(cx, args, Kind::Search { stores: false }),
    ..Command::BASE
};

pub(super) const GEOSEARCHSTORE: Command = Command {
    name: "GEOSEARCHSTORE",
    summary: "Stores the members inside a circle, a box or a polygon, with their places or their distances.",
    since: "6.2.0",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Write, DenyOom],
    args: &[
        key("destination", &[Ow, Update]),
        key("source", &[Ro, Access]),
        CENTER,
        AREA,
        ORDER,
        COUNT,
        opt(token("storedist", "STOREDIST")),
    ],
    arity: Some(-8),
    example: "> GEOADD towns 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n\
              > GEOSEARCHSTORE near towns FROMLONLAT 15 37 BYRADIUS 100 km\n(integer) 1\n",
    run: |cx, args| search(cx, args, Kind::Search { stores: true }),
    ..Command::BASE
};

pub(super) const GEORADIUS: Command = Command {
    name: "GEORADIUS",
    summary: "Returns or stores the members that are not farther than so much from a place.",
    since: "3.2.0",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Ro, Access]),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNIT,
        WITH_COORD,
        WITH_DIST,
        WITH_HASH,
        COUNT_SINCE,
        ORDER,
        STORE,
    ],
    key_specs: Some(&stored(6)),
    deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")),
    run: |cx, args| search(cx, args, Kind::Radius { stores: true }),
    ..Command::BASE
};

pub(super) const GEORADIUS_RO: Command = Command {
    name: "GEORADIUS_RO",
    summary: "Returns the members that are not farther than so much from a place.",
    since: "3.2.10",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNIT,
        WITH_COORD,
        WITH_DIST,
        WITH_HASH,
        COUNT_SINCE,
        ORDER,
    ],
    deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")),
    run: |cx, args| search(cx, args, Kind::Radius { stores: false }),
    ..Command::BASE
};

pub(super) const GEORADIUSBYMEMBER: Command = Command {
    name: "GEORADIUSBYMEMBER",
    summary: "Returns or stores the members that are not farther than so much from one of them.",
    since: "3.2.0",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Ro, Access]),
        string("member"),
        double("radius"),
        UNIT,
        WITH_COORD,
        WITH_DIST,
        WITH_HASH,
        COUNT,
        ORDER,
        STORE,
    ],
    key_specs: Some(&stored(5)),
    deprecated: Some((
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    )),
    run: |cx, args| search(cx, args, Kind::RadiusByMember { stores: true }),
    ..Command::BASE
};

pub(super) const GEORADIUSBYMEMBER_RO: Command = Command {
    name: "GEORADIUSBYMEMBER_RO",
    summary: "Returns the members that are not farther than so much from one of them.",
    since: "3.2.10",
    group: Group::Geo,
    complexity: "O(N+log M) with N the members in the squares around the area, M those of the set.",
    flags: &[Readonly],
    args: &[
        key("key", &[Ro, Access]),
        string("member"),
        double("radius"),
        UNIT,
        WITH_COORD,
        WITH_DIST,
        WITH_HASH,
        COUNT,
        ORDER,
    ],
    deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")),
    run: |cx, args| search(cx, args, Kind::RadiusByMember { stores: false }),
    ..Command::BASE
};

/// Which command it is, and whether it may store what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Radius { stores: bool },
    RadiusByMember { stores: bool },
    Search { stores: bool },
}

fn search(cx: &mut Ctx<'_>, mut args: Args<'_>, kind: Kind) -> Outcome {
    let store = if kind == (Kind::Search { stores: true }) { Some(args.take()?) } else { None };
    let key = args.take()?;
    let exists = cx.read_zset(key)?.is_some();
    let mut request = Request { key, exists, store, ..Request::default() };
    match kind {
        Kind::Radius { .. } => {
            request.center = Center::Place(point(&mut args)?);
            request.area = Some(circle(&mut args)?);
        }
        // What is wrong with the radius is not told if there is no key.
        Kind::RadiusByMember { .. } if !exists => {
            args.take_many(3)?;
        }
        Kind::RadiusByMember { .. } => {
            request.center = request.member(cx, args.take()?)?;
            request.area = Some(circle(&mut args)?);
        }
        Kind::Search { .. } => {}
    }
    while !args.is_empty() {
        request.take_option(cx, &mut args, kind)?;
    }
    request.check(kind, &args)?;
    match request.store {
        Some(destination) => store_found(cx, &request, destination, kind),
        None => reply(cx, &request),
    }
    Ok(())
}

/// Where the middle of the area is.
#[derive(Clone, Copy, Default)]
enum Center {
    #[default]
    Unsaid,
    /// At a member; nowhere if there is no set.
    Member(Option<Point>),
    Place(Point),
}

/// What a command is told.
#[derive(Default)]
struct Request<'a> {
    key: &'a [u8],
    exists: bool,
    center: Center,
    /// The form of the area, and the metres of its unit.
    area: Option<(Shape, f64)>,
    with_coord: bool,
    with_dist: bool,
    with_hash: bool,
    /// Return no more.
    count: Option<usize>,
    /// Any will do, not only the nearest.
    any: bool,
    order: Option<Order>,
    store: Option<&'a [u8]>,
    store_dist: bool,
}

/// The order of distances.
#[derive(Clone, Copy)]
enum Order {
    Rising,
    Falling,
}

impl<'a> Request<'a> {
    fn take_option(&mut self, cx: &Ctx<'_>, args: &mut Args<'a>, kind: Kind) -> Outcome {
        let more = args.len() - 1;
        let is_search = matches!(kind, Kind::Search { .. });
        let may_store =
            matches!(kind, Kind::Radius { stores: true } | Kind::RadiusByMember { stores: true });
        if args.eat("WITHDIST") {
            self.with_dist = true;
        } else if args.eat("WITHHASH") {
            self.with_hash = true;
        } else if args.eat("WITHCOORD") {
            self.with_coord = true;
        } else if args.eat("ANY") {
            self.any = true;
        } else if args.eat("ASC") {
            self.order = Some(Order::Rising);
        } else if args.eat("DESC") {
            self.order = Some(Order::Falling);
        } else if more >= 1 && args.eat("COUNT") {
            let count = args.integer()?;
            if count <= 0 {
                return Err(Error::text("ERR COUNT must be > 0"));
            }
            // On a machine of 32 bits, more than it could hold is all.
            self.count = Some(usize::try_from(count).unwrap_or(usize::MAX));
        } else if may_store && more >= 1 && args.eat("STORE") {
            (self.store, self.store_dist) = (Some(args.take()?), false);
        } else if may_store && more >= 1 && args.eat("STOREDIST") {
            (self.store, self.store_dist) = (Some(args.take()?), true);
        } else if kind == (Kind::Search { stores: true }) && args.eat("STOREDIST") {
            self.store_dist = true;
        } else if is_search {
            return self.take_area(cx, args);
        } else {
            return Err(Error::Syntax);
        }
        Ok(())
    }

    /// An option of GEOSEARCH that says where to search. Each may be given again, but no other one
    /// that says the same.
    fn take_area(&mut self, cx: &Ctx<'_>, args: &mut Args<'a>) -> Outcome {
        let more = args.len() - 1;
        let (is_circle, is_box, is_polygon) = match &self.area {
            None => (false, false, false),
            Some((Shape::Circle { .. }, _)) => (true, false, false),
            Some((Shape::Box { .. }, _)) => (false, true, false),
            Some((Shape::Polygon { .. }, _)) => (false, false, true),
        };
        let (is_member, is_place) = match self.center {
            Center::Unsaid => (false, false),
            Center::Member(_) => (true, false),
            Center::Place(_) => (false, true),
        };
        if more >= 1 && !is_place && !is_polygon && args.eat("FROMMEMBER") {
            let member = args.take()?;
            self.center = if self.exists { self.member(cx, member)? } else { Center::Member(None) };
        } else if more >= 2 && !is_member && !is_polygon && args.eat("FROMLONLAT") {
            self.center = Center::Place(point(args)?);
        } else if more >= 2 && !is_box && !is_polygon && args.eat("BYRADIUS") {
            self.area = Some(circle(args)?);
        } else if more >= 3 && !is_circle && !is_polygon && args.eat("BYBOX") {
            let width = length(args, "ERR need numeric width")?;
            let height = length(args, "ERR need numeric height")?;
            if width < 0.0 || height < 0.0 {
                return Err(Error::text("ERR height or width cannot be negative"));
            }
            self.area = Some((Shape::Box { width, height }, unit_m(args)?));
        } else if more >= 2
            && !(is_circle || is_box || is_member || is_place)
            && args.eat("BYPOLYGON")
        {
            self.area = Some((Shape::Polygon { corners: corners(args)? }, 1.0));
        } else {
            return Err(Error::Syntax);
        }
        Ok(())
    }

    fn check(&self, kind: Kind, args: &Args<'_>) -> Outcome {
        let has_with = self.with_coord || self.with_dist || self.with_hash;
        let is_search = matches!(kind, Kind::Search { .. });
        let called = args.all().get(0).unwrap_or_default();
        if self.store.is_some() && has_with {
            return Err(Error::text(if is_search {
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            } else {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
                 WITHCOORD options"
            }));
        }
        let is_polygon = matches!(self.area, Some((Shape::Polygon { .. }, _)));
        if is_search && !is_polygon && matches!(self.center, Center::Unsaid) {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(Error::showing(text, called, ""));
        }
        if is_search && self.area.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
            return Err(Error::showing(text, called, ""));
        }
        if self.any && self.count.is_none() {
            return Err(Error::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// The place of `member` of the set, which is there.
    fn member(&self, cx: &Ctx<'_>, member: &[u8]) -> Result<Center, Error> {
        let place = self.set(cx).and_then(|set| place_of(set, member));
        let place = place.ok_or(Error::text("ERR could not decode requested zset member"))?;
        Ok(Center::Member(Some(place)))
    }

    /// The set to search, which has been looked up before.
    fn set<'b>(&self, cx: &'b Ctx<'_>) -> Option<&'b SortedSet> {
        match cx.shard.db(cx.session.db).get(self.key)?.value {
            ValueRef::SortedSet(set) => Some(set),
            _ => None,
        }
    }

    /// What is searched, if there is anything to search.
    fn area(&self) -> Option<Search> {
        let (shape, unit_m) = self.area.clone()?;
        match (shape, self.center) {
            (Shape::Polygon { corners }, _) => Some(Search::in_polygon(corners)),
            (shape, Center::Place(center) | Center::Member(Some(center))) => {
                Some(Search { shape, center, unit_m })
            }
            (_, Center::Unsaid | Center::Member(None)) => None,
        }
    }

    /// The members inside the area.
    fn find<'b>(&self, set: &'b SortedSet, area: &Search) -> Vec<Found<'b>> {
        let enough = if self.any { self.count.unwrap_or(usize::MAX) } else { usize::MAX };
        let mut found = Vec::new();
        for (min, max) in area.scores() {
            let first = set.count_while(|score, _| score < min);
            for (member, score) in set.iter_from(first).take_while(|&(_, score)| score < max) {
                if found.len() >= enough {
                    break;
                }
                let place = Point::of_score(score);
                if let Some(distance_m) = area.distance_m(place) {
                    let distance = distance_m / area.unit_m;
                    found.push(Found { member, score, place, distance_m, distance });
                }
            }
        }
        // Those that were asked for are the nearest ones, unless any will do.
        let nearest = self.count.filter(|_| !self.any).map(|_| Order::Rising);
        match self.order.or(nearest) {
            Some(Order::Rising) => {
                order::sort_by(&mut found, |a, b| a.distance_m.total_cmp(&b.distance_m));
            }
            Some(Order::Falling) => {
                order::sort_by(&mut found, |a, b| b.distance_m.total_cmp(&a.distance_m));
            }
            None => {}
        }
        found.truncate(self.count.unwrap_or(usize::MAX));
        found
    }
}

/// A member inside the area.
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    place: Point,
    distance_m: f64,
    /// In the unit of the command.
    distance: f64,
}

fn reply(cx: &mut Ctx<'_>, request: &Request<'_>) {
    let db = cx.session.db;
    let value = cx.engine.shard.db(db).get(request.key).map(|found| found.value);
    let (Some(ValueRef::SortedSet(set)), Some(area)) = (value, request.area()) else {
        cx.out.array(0);
        return;
    };
    let found = request.find(set, &area);
    let parts = [request.with_dist, request.with_hash, request.with_coord];
    let parts = parts.into_iter().filter(|&part| part).count();
    let out = &mut *cx.out;
    out.array(found.len());
    for one in found {
        if parts > 0 {
            out.array(parts + 1);
        }
        one.member.with_bytes(|member| out.bulk(member));
        if request.with_dist {
            out.bulk(&distance_text(one.distance));
        }
        if request.with_hash {
            out.int(one.score as i64);
        }
        if request.with_coord {
            write_point(out, one.place);
        }
    }
}

fn store_found(cx: &mut Ctx<'_>, request: &Request<'_>, destination: &[u8], kind: Kind) {
    let limits = cx.zset_limits();
    let result = request.set(cx).zip(request.area()).map(|(set, area)| {
        let mut result = SortedSet::to_fill(&limits);
        for one in request.find(set, &area) {
            let score = if request.store_dist { one.distance } else { one.score };
            one.member.with_bytes(|member| result.insert(member, score, &limits));
        }
        result.pack(&limits);
        result
    });
    let count = result.as_ref().map_or(0, SortedSet::len);
    let is_search = matches!(kind, Kind::Search { .. });
    store(cx, destination, result, if is_search { "geosearchstore" } else { "georadiusstore" });
    // Each member counts as a change.
    cx.dirty += count.saturating_sub(1) as u64;
}

/// `radius unit`.
fn circle(args: &mut Args<'_>) -> Result<(Shape, f64), Error> {
    let radius = length(args, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(Error::text("ERR radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, unit_m(args)?))
}

fn length(args: &mut Args<'_>, otherwise: &'static str) -> Result<f64, Error> {
    num::parse_f64(args.take()?).ok_or_else(|| Error::text(otherwise))
}

/// `num-vertices longitude latitude …`.
fn corners(args: &mut Args<'_>) -> Result<Vec<Point>, Error> {
    let count = args.int32_or(Error::text("ERR invalid number of vertices"))?;
    let count = usize::try_from(count).ok().filter(|&count| {
        count >= 3 && count.checked_mul(2).is_some_and(|words| words <= args.len())
    });
    let few = Error::text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
    (0..count.ok_or(few)?).map(|_| point(args)).collect()
}
