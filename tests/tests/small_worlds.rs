//! Small worlds, searched through or in part: no rule is broken in any, and from each of them one actor alone gets all
//! served. What is searched, what counts as one world and what is left out is told in `stateful_asg_campaign::small`; how
//! many worlds there are, in docs/safety.md.
//!
//! `cargo test --workspace --test small_worlds -- --nocapture` says how many were seen. `WORLDS=1000000` looks further where
//! a world was searched in part, and `HOLDUPS=2` lets actors be held up more often.

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
    holdups: None,
    guest: false,
    blind: false,
    most: 2_500,
};

/// Of two instances one leaves through its hook, where its guest lets go of the volume.
const LEAVING: Small = Small { name: "leaving", begins: Begins::Leaving, guest: true, ..REPLACEMENT };

#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn switch(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

#[track_caller]
fn holds(small: &Small) -> Seen {
    let holdups = switch("HOLDUPS").filter(|_| small.holdups.is_some()).or(small.holdups);
    let small = Small { most: switch("WORLDS").unwrap_or(small.most), holdups, ..small.clone() };
    let seen = explore(&small, |_| ());
    let how = if seen.whole { "whole" } else { "in part" };
    let Seen { worlds, moves, longest, steps, .. } = &seen;
    eprintln!("{}: {how}: {worlds} worlds, {moves} moves, the longest way {longest}; steps: {steps:?}", small.name);
    if let Some((violation, way)) = &seen.broken {
        panic!("{}: {violation}\n  {}", small.name, way.join("\n  "));
    }
    seen
}

/// The same, and nothing is left out.
#[track_caller]
fn holds_in_all(small: &Small) -> Seen {
    let seen = holds(&Small { most: 100_000, ..small.clone() });
    assert!(seen.whole || switch("WORLDS").is_some(), "{}: {} worlds are not all", small.name, seen.worlds);
    seen
}

#[test]
fn one_actor_that_dies_and_begins_anew_anywhere_replaces_one_of_two_instances() {
    let seen = holds_in_all(&Small { name: "replacement, one actor", actors: 1, ..REPLACEMENT });
    assert!(seen.longest >= 40, "{}", seen.longest);
}

#[test]
fn two_actors_of_which_one_is_held_up_once_replace_one_of_two_instances() {
    holds(&Small { name: "replacement, held up once", holdups: Some(1), ..REPLACEMENT });
}

#[test]
fn two_actors_that_are_not_held_up_replace_one_of_two_instances() {
    holds_in_all(&Small { name: "replacement, never held up", holdups: Some(0), ..REPLACEMENT });
}

#[test]
fn one_of_two_instances_dies_and_two_actors_replace_it() {
    holds(&REPLACEMENT);
}

#[test]
fn one_actor_replaces_an_instance_that_leaves_and_its_guest_lets_go() {
    let seen = holds(&Small { name: "leaving, one actor", actors: 1, most: 4_000, ..LEAVING });
    assert!(seen.steps.contains_key("DetachVolume"), "{:?}", seen.steps);
}

#[test]
fn two_actors_that_are_not_held_up_replace_an_instance_that_leaves() {
    let seen = holds_in_all(&Small { name: "leaving, never held up", holdups: Some(0), ..LEAVING });
    assert!(seen.steps.contains_key("DetachVolume"), "{:?}", seen.steps);
}

#[test]
fn two_actors_replace_an_instance_that_leaves_and_its_guest_lets_go() {
    holds(&LEAVING);
}

#[test]
fn an_instance_is_launched_and_two_actors_serve_it() {
    holds(&Small { name: "launch", members: 1, begins: Begins::New, ..REPLACEMENT });
}

#[test]
fn an_instance_dies_whenever_it_may_be() {
    holds(&Small { name: "death", begins: Begins::Served, deaths: 1, holdups: Some(1), ..REPLACEMENT });
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
fn actors_that_see_no_attachment_are_found_out() {
    let small = Small { name: "blind", begins: Begins::Killed(1), actors: 1, blind: true, ..REPLACEMENT };
    let (violation, way) = explore(&small, |_| ()).broken.expect("a slot is given away while its volume is attached");
    assert_eq!(violation.rule, 2, "{violation}\n  {}", way.join("\n  "));
}
