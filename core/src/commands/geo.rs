//! Places: sorted sets whose scores are geohashes.
//!
//! How a place becomes a score is in [`geo`](crate::ds::geo), searching an area in [`search`].
//! Everything that works on sorted sets works on these too.

mod search;

use super::sorted_set::{AddOptions, add_all};
use crate::base::{Error, num};
use crate::ds::SortedSet;
use crate::ds::geo::Point;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::resp::{Argv, Out};
use crate::spec::{
    Access::*, Arg, Flag::*, Group, block, double, key, many, one_of, opt, string, token,
};

pub(crate) const COMMANDS: &[&Command] = &[
    &GEOADD,
    &GEODIST,
    &GEOHASH,
    &GEOPOS,
    &search::GEORADIUS,
    &search::GEORADIUSBYMEMBER,
    &search::GEORADIUSBYMEMBER_RO,
    &search::GEORADIUS_RO,
    &search::GEOSEARCH,
    &search::GEOSEARCHSTORE,
];

/// The units of lengths.
const UNIT: Arg =
    one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]);

const GEOADD: Command = Command {
    name: "GEOADD",
    summary: "Adds members with longitude and latitude to a sorted set, or moves them; makes the set if there is none.",
    since: "3.2.0",
    group: Group::Geo,
    complexity: "O(log N) for each member, with N the members of the set.",
    flags: &[Write, DenyOom],
    args: &[
        key("key", &[Rw, Update]),
        opt(one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("6.2.0")),
        opt(token("change", "CH").since("6.2.0")),
        many(block("data", &[double("longitude"), double("latitude"), string("member")])),
    ],
    example: "> GEOADD towns 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n",
    run: geoadd,
    ..Command::BASE
};

fn geoadd(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let key = args.take()?;
    let mut options = AddOptions::default();
    loop {
        if args.eat("NX") {
            options.nx = true;
        } else if args.eat("XX") {
            options.xx = true;
        } else if args.eat("CH") {
            options.ch = true;
        } else {
            break;
        }
    }
    if args.is_empty() || !args.len().is_multiple_of(3) || options.nx && options.xx {
        return Err(Error::Syntax);
    }
    let mut pairs = Vec::new();
    while !args.is_empty() {
        let score = point(&mut args)?.score();
        pairs.push((score, args.take()?));
    }
    let dirty = cx.dirty;
    add_all(cx, key, options, &pairs)?;
    if cx.dirty != dirty && cx.propagates() {
        propagate_scores(cx, args.all(), &pairs);
    }
    Ok(())
}

/// Records a GEOADD as the ZADD that it is.
fn propagate_scores(cx: &mut Ctx<'_>, argv: Argv<'_>, pairs: &[(f64, &[u8])]) {
    let options = argv.len() - 3 * pairs.len();
    let mut words = vec![b"zadd".as_slice()];
    words.extend(argv.iter().take(options).skip(1));
    // A place is a whole number of 52 bits.
    let scores: Vec<_> = pairs.iter().map(|(score, _)| num::Digits::of(*score as i64)).collect();
    for (score, (_, member)) in scores.iter().zip(pairs) {
        words.extend([&**score, *member]);
    }
    cx.propagate_as(&words);
}

const GEODIST: Command = Command {
    name: "GEODIST",
    summary: "Tells how far two members are from each other.",
    since: "3.2.0",
    group: Group::Geo,
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), string("member1"), string("member2"), opt(UNIT)],
    example: "> GEOADD towns 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n\
              > GEODIST towns Palermo Catania km\n\"166.2742\"\n",
    run: geodist,
    ..Command::BASE
};

fn geodist(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (key, one, other) = (args.take()?, args.take()?, args.take()?);
    if args.len() > 1 {
        return Err(Error::Syntax);
    }
    let unit_m = if args.is_empty() { 1.0 } else { unit_m(&mut args)? };
    let distance_m = match cx.read_zset(key)? {
        Some((set, _)) => {
            place_of(set, one).zip(place_of(set, other)).map(|(one, other)| one.distance_m(other))
        }
        None => None,
    };
    match distance_m {
        Some(distance_m) => cx.out.bulk(&distance_text(distance_m / unit_m)),
        None => cx.out.null(),
    }
    Ok(())
}

const GEOHASH: Command = Command {
    name: "GEOHASH",
    summary: "Returns the places of members as the usual geohashes.",
    since: "3.2.0",
    group: Group::Geo,
    complexity: "O(1) for each member",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), opt(many(string("member")))],
    example: "> GEOADD towns 13.361389 38.115556 Palermo\n(integer) 1\n> GEOHASH towns Palermo\n\
              1) \"sqc8b49rny0\"\n",
    run: geohash,
    ..Command::BASE
};

fn geohash(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    for place in places(cx, args)? {
        match place {
            Some(place) => cx.out.bulk(&place.geohash()),
            None => cx.out.null(),
        }
    }
    Ok(())
}

const GEOPOS: Command = Command {
    name: "GEOPOS",
    summary: "Returns the longitude and latitude of members.",
    since: "3.2.0",
    group: Group::Geo,
    complexity: "O(1) for each member",
    flags: &[Readonly],
    args: &[key("key", &[Ro, Access]), opt(many(string("member")))],
    example: "> GEOADD towns 13.361389 38.115556 Palermo\n(integer) 1\n> GEOPOS towns Palermo\n\
              1) 1) \"13.361389338970184\"\n   2) \"38.1155563954963\"\n",
    run: geopos,
    ..Command::BASE
};

fn geopos(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    for place in places(cx, args)? {
        match place {
            Some(place) => write_point(cx.out, place),
            None => cx.out.null_array(),
        }
    }
    Ok(())
}

/// The places of the members that are asked for, whose array is begun.
fn places(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Result<Vec<Option<Point>>, Error> {
    let key = args.take()?;
    let members = args.rest();
    let set = cx.read_zset(key)?.map(|(set, _)| set);
    let places: Vec<_> =
        members.iter().map(|member| set.and_then(|set| place_of(set, member))).collect();
    cx.out.array(places.len());
    Ok(places)
}

fn place_of(set: &SortedSet, member: &[u8]) -> Option<Point> {
    set.score(member).map(Point::of_score)
}

fn write_point(out: &mut Out, point: Point) {
    out.array(2);
    out.double(point.longitude);
    out.double(point.latitude);
}

/// `longitude latitude`.
fn point(args: &mut Args<'_>) -> Result<Point, Error> {
    let mut degrees = || num::parse_f64(args.take()?).ok_or(Error::NotFloat);
    let point = Point { longitude: degrees()?, latitude: degrees()? };
    if !point.is_valid() {
        let [longitude, latitude] =
            [point.longitude, point.latitude].map(|degrees| num::format_fixed(degrees, 6));
        return Err(Error::from(format!(
            "ERR invalid longitude,latitude pair {longitude},{latitude}"
        )));
    }
    Ok(point)
}

/// The metres of `m | km | ft | mi`.
fn unit_m(args: &mut Args<'_>) -> Result<f64, Error> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = UNITS.iter().find(|(word, _)| args.eat(word));
    found
        .map(|&(_, unit_m)| unit_m)
        .ok_or(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A distance with four digits behind the point, rounded to the nearest, and to the even one of two.
fn distance_text(distance: f64) -> Vec<u8> {
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    let mut text = num::Digits::of_u64(scaled / 10_000).to_vec();
    // A digit before these four keeps their leading zeros.
    let fraction = num::Digits::of_u64(10_000 + scaled % 10_000);
    text.push(b'.');
    text.extend_from_slice(fraction.get(1..).unwrap_or_default());
    text
}
