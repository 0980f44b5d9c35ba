//! Members of a sorted set that are places, on a map.

use redstart::ds::geo::Point;
use yew::prelude::*;

use super::edit::Edit;
use super::map::{self, Map};
use super::text::brief;
use super::view::{Msg, ValueView};
use crate::i18n::t;
use crate::studio::dom;

/// The size of the drawing.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 400.0;

/// Bits of a score that is a place.
const PLACE_BITS: u32 = 52;

/// Whether scores look like those that GEOADD gives: whole numbers of 52 bits, none of them small.
pub fn are_places(scored: &[(Vec<u8>, String)]) -> bool {
    let is_place = |(_, score): &(Vec<u8>, String)| {
        let score = score.parse::<f64>().unwrap_or(-1.0);
        let least = 2f64.powi(PLACE_BITS as i32 - 22);
        score.fract() == 0.0 && (least..2f64.powi(PLACE_BITS as i32)).contains(&score)
    };
    !scored.is_empty() && scored.iter().all(is_place)
}

pub(super) fn draw(
    view: &ValueView,
    ctx: &Context<ValueView>,
    scored: &[(Vec<u8>, String)],
) -> Html {
    let place = |(member, score): &(Vec<u8>, String)| {
        (brief(member, 24), Point::of_score(score.parse().unwrap_or(0.0)))
    };
    let places: Vec<(String, Point)> = scored.iter().map(place).collect();
    let points: Vec<Point> = places.iter().map(|(_, point)| *point).collect();
    let map = Map::around(&points, WIDTH / HEIGHT);
    html! {
        <>
            <div>{ picture(ctx, map, &places) }</div>
            <p class="note">{ t("A click on the map fills in where it is.") }</p>
            { adding(view, ctx) }
        </>
    }
}

fn picture(ctx: &Context<ValueView>, map: Map, places: &[(String, Point)]) -> Html {
    let onclick = ctx.link().batch_callback(move |event: MouseEvent| {
        let Some((x, y)) = dom::place(&event) else { return Vec::new() };
        let point = map.point(x, y);
        let draft = |index, degrees: f64| Msg::Draft(index, format!("{degrees:.4}"));
        vec![draft(1, point.longitude), draft(2, point.latitude)]
    });
    let (meridians, parallels) = map.lines();
    let meridian = |&(degrees, x): &(f64, f64)| {
        let x = format!("{:.1}", x * WIDTH);
        html! {
            <>
                <line class="grid" x1={x.clone()} x2={x.clone()} y1="0" y2={HEIGHT.to_string()} />
                <text class="degrees" {x} y={(HEIGHT - 6.0).to_string()} dx="3">{ map::degrees(degrees, "E", "W") }</text>
            </>
        }
    };
    let parallel = |&(degrees, y): &(f64, f64)| {
        let y = format!("{:.1}", y * HEIGHT);
        html! {
            <>
                <line class="grid" y1={y.clone()} y2={y.clone()} x1="0" x2={WIDTH.to_string()} />
                <text class="degrees" x="4" {y} dy="-3">{ map::degrees(degrees, "N", "S") }</text>
            </>
        }
    };
    let point = |(name, point): &(String, Point)| {
        let (x, y) = map.place(*point);
        let is_right = x > 0.75;
        let where_to = format!("translate({:.1} {:.1})", x * WIDTH, y * HEIGHT);
        let exact = format!("{name}: {:.5} {:.5}", point.longitude, point.latitude);
        html! {
            <g class="place" transform={where_to}>
                <title>{ exact }</title>
                <circle r="5" />
                <text dx={if is_right { "-9" } else { "9" }} dy="4" text-anchor={if is_right { "end" } else { "start" }}>{ name }</text>
            </g>
        }
    };
    let (metres, part) = map.scale();
    let length = format!("{:.1}", part * WIDTH);
    let text =
        if metres >= 1000.0 { format!("{} km", metres / 1000.0) } else { format!("{metres} m") };
    let names: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
    html! {
        <svg class="map" {onclick} viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img"
            aria-label={format!("{}: {}", t("Map"), names.join(", "))}>
            { for meridians.iter().map(meridian) }
            { for parallels.iter().map(parallel) }
            { for places.iter().map(point) }
            <g class="scale" transform={format!("translate({:.1} 20)", WIDTH - part * WIDTH - 12.0)}>
                <path d={format!("M0 -4v4h{length}v-4")} />
                <text x={format!("{:.1}", part * WIDTH / 2.0)} y="14" text-anchor="middle">{ text }</text>
            </g>
        </svg>
    }
}

fn adding(view: &ValueView, ctx: &Context<ValueView>) -> Html {
    let draft = view.draft.clone();
    let onsubmit = ctx.link().callback(move |event: SubmitEvent| {
        event.prevent_default();
        let [name, longitude, latitude] = draft.clone();
        Msg::Do(Edit::AddPlace(longitude, latitude, name))
    });
    let field = |(index, label): (usize, AttrValue)| {
        let oninput =
            ctx.link().callback(move |event: InputEvent| Msg::Draft(index, dom::value(&event)));
        html! {
            <input type="text" aria-label={label.clone()} placeholder={label} {oninput}
                value={view.draft[index].clone()} autocapitalize="off" autocomplete="off" spellcheck="false" />
        }
    };
    let is_whole = view.draft.iter().all(|text| !text.trim().is_empty());
    html! {
        <form class="adding" {onsubmit}>
            { for [t("Name"), t("Longitude"), t("Latitude")].into_iter().enumerate().map(field) }
            <button type="submit" disabled={!is_whole}>{ t("Add place") }</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use crate::studio::value::load::{self, Page, Part};

    fn scored(server: &mut Server) -> Vec<(Vec<u8>, String)> {
        use crate::studio::keys::tree::Kind;
        let replies = server.all(&load::ask_body(Kind::Zset, b"k", &Page::default()));
        match load::read_body(Kind::Zset, &replies).unwrap().part {
            Part::Scored(scored) => scored,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_are_told_from_scores() {
        let mut server = Server::new();
        server.run("GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
        assert!(are_places(&scored(&mut server)));
        server.run("ZADD k 3120 ada");
        assert!(!are_places(&scored(&mut server)));
        assert!(!are_places(&[]));
    }
}
