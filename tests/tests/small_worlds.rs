//! Small worlds, searched through or in part: no rule is broken in any, and from each of them one actor alone gets all
//! served. What is searched, what counts as one world and what is left out is told in `stateful_asg_campaign::small`; how
//! many worlds there are, in docs/safety.md.
//!
//! `cargo test --workspace --test small_worlds -- --nocapture` says how many were seen. `WORLDS=100000000` looks further
//! where a world is searched in part.

use stateful_asg_campaign::small::{Begins, Seen, Small, explore};

/// A million small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VOLUME: &str = r#"{"v":1,"volumes":{"data":{"size":"8GiB","mount":"/data"}}}"#;
const NAMED: &str = r#"{"v":1,"volumes":{"data":{"size":"8GiB","mount":"/data"}},"address":{"kind":"eni"},
    "dns":{"zone":"ZONE","slot":"db-{slot}.prod.internal"}}"#;

/// Of two instances one is dead, another comes in its place, and two actors see to it.
const REPLACEMENT: Small = Small {
    name: "replacement",
    spec: VOLUME,
    members: 2,
    actors: 2,
    begins: Begins::Killed(1),
    deaths: 0,
    guest: false,
    blind: false,
    plain: false,
    most: 20_000,
};

/// Of two instances one leaves through its hook, where its guest lets go of the volume.
const LEAVING: Small = Small { name: "leaving", begins: Begins::Leaving, guest: true, ..REPLACEMENT };

#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn most() -> Option<usize> {
    std::env::var("WORLDS").ok().map(|text| text.parse().expect("it is a number"))
}

#[track_caller]
fn holds(small: &Small) -> Seen {
    let small = Small { most: most().unwrap_or(small.most), ..small.clone() };
    let seen = explore(&small, |_| ());
    let how = if seen.whole { "whole" } else { "in part" };
    let Seen { worlds, moves, places, minds, made, longest, steps, .. } = &seen;
    eprintln!(
        "{}: {how}: {worlds} worlds ({} places, {minds} minds), {moves} moves ({made} made), the longest way {longest}; \
         steps: {steps:?}",
        small.name,
        places.len()
    );
    if let Some((violation, way)) = &seen.broken {
        panic!("{}: {violation}\n  {}", small.name, way.join("\n  "));
    }
    seen
}

/// The same, and nothing is left out.
#[track_caller]
fn holds_in_all(small: &Small) -> Seen {
    let seen = holds(&Small { most: 1_000_000, ..small.clone() });
    assert!(seen.whole || most().is_some(), "{}: {} worlds are not all", small.name, seen.worlds);
    seen
}

#[test]
fn one_of_two_instances_dies_and_two_actors_that_die_anywhere_replace_it() {
    let seen = holds_in_all(&REPLACEMENT);
    assert!(seen.longest >= 40, "{}", seen.longest);
}

#[test]
fn one_actor_replaces_an_instance_that_leaves_and_its_guest_lets_go() {
    let seen = holds_in_all(&Small { name: "leaving, one actor", actors: 1, ..LEAVING });
    assert!(seen.steps.contains_key("DetachVolume"), "{:?}", seen.steps);
}

#[test]
fn two_actors_replace_an_instance_that_leaves_and_its_guest_lets_go() {
    holds(&LEAVING);
}

#[test]
fn an_instance_is_launched_and_two_actors_serve_it() {
    holds_in_all(&Small { name: "launch", members: 1, begins: Begins::New, ..REPLACEMENT });
}

#[test]
fn an_instance_dies_whenever_it_may_be() {
    holds(&Small { name: "death", begins: Begins::Served, deaths: 1, ..REPLACEMENT });
}

#[test]
fn both_of_two_instances_die_and_two_actors_replace_them_with_their_names() {
    holds(&Small { name: "two replacements", spec: NAMED, begins: Begins::Killed(2), ..REPLACEMENT });
}

#[test]
fn three_actors_replace_one_instance() {
    holds(&Small { name: "three actors", members: 1, actors: 3, ..REPLACEMENT });
}

#[test]
fn what_does_not_count_of_what_actors_know_leads_nowhere_else() {
    let launch = Small { members: 1, begins: Begins::New, ..REPLACEMENT };
    for small in [Small { actors: 1, ..REPLACEMENT }, launch] {
        let [seen, plain] =
            [false, true].map(|plain| explore(&Small { plain, most: 100_000, ..small.clone() }, |_| ()));
        assert!(seen.whole && plain.whole && seen.broken.is_none() && plain.broken.is_none());
        assert_eq!(seen.places, plain.places, "{small:?}");
        assert!(seen.worlds < plain.worlds, "{} and {}", seen.worlds, plain.worlds);
    }
}

#[test]
fn actors_that_see_no_attachment_are_found_out() {
    let small = Small { name: "blind", begins: Begins::Killed(1), actors: 1, blind: true, ..REPLACEMENT };
    let (violation, way) = explore(&small, |_| ()).broken.expect("a slot is given away while its volume is attached");
    assert_eq!(violation.rule, 2, "{violation}\n  {}", way.join("\n  "));
    assert!(way.len() > 1, "{way:?}");
}
