//! Sorting with a single copy of the sort.
//!
//! The standard library's sort is compiled anew for every type and comparison, 8 kB of code each
//! time, all of which a page must download. Here places are sorted, and the comparison is called
//! through a pointer: slower by an indirect call each, which only matters where sorting is the
//! work itself, and small.

use std::cmp::Ordering;

/// The places `0..count` in the order that `compare` says, equal ones in their own. Costs
/// O(`count` log `count`) comparisons.
pub fn places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|&one, &other| compare(one, other));
    places
}

/// Sorts `items` as `compare` says, equal ones in their own order.
pub fn sort_by<T>(items: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    let places = places(items.len(), &mut |one, other| compare(&items[one], &items[other]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| taken[place].take()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_keep_their_order() {
        let mut items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (0, 'e')];
        sort_by(&mut items, |one, other| one.0.cmp(&other.0));
        assert_eq!(items, [(0, 'e'), (1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        sort_by(&mut Vec::<u8>::new(), u8::cmp);
    }
}
