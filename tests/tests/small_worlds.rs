//! Every interleaving of small worlds: no rule is broken in any, and from each of them one actor alone gets all served.
//!
//! `WORLDS=1000000 cargo test --workspace --test small_worlds -- --nocapture` looks further where a world was not searched
//! through.

use std::time::Duration;

use stateful_asg_campaign::small::{Small, explore};

/// A million small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VOLUME: &str = r#"{"v":1,"volumes":{"data":{"size":"8GiB","mount":"/data"}}}"#;
const NAMED: &str = r#"{"v":1,"volumes":{"data":{"size":"8GiB","mount":"/data"}},"address":{"kind":"eni"},
    "dns":{"zone":"ZONE","slot":"db-{slot}.prod.internal"}}"#;

/// How many worlds a test looks at.
const MOST: usize = 5_000;

#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn most() -> usize {
    std::env::var("WORLDS").map_or(MOST, |text| text.parse().expect("WORLDS is a number"))
}

#[track_caller]
fn holds(small: &Small) {
    let small = Small { most: most(), ..small.clone() };
    let seen = explore(&small, |_| ());
    let how = if small.most > seen.worlds && seen.whole { "searched through" } else { "searched in part" };
    eprintln!("{}: {how}: {} worlds, {} moves, the longest way {}", small.name, seen.worlds, seen.moves, seen.longest);
    if let Some((violation, way)) = seen.broken {
        panic!("{}: {violation}\n  {}", small.name, way.join("\n  "));
    }
}

#[test]
fn an_instance_is_launched_and_two_actors_serve_it() {
    let minutes = Duration::from_secs(240);
    holds(&Small { name: "launch", spec: VOLUME, members: 1, actors: 2, killed: 0, horizon: minutes, most: 0 });
}

#[test]
fn one_of_two_instances_dies_and_two_actors_replace_it() {
    let minutes = Duration::from_secs(600);
    holds(&Small { name: "replacement", spec: VOLUME, members: 2, actors: 2, killed: 1, horizon: minutes, most: 0 });
}

#[test]
fn both_of_two_instances_die_and_two_actors_replace_them_with_their_names() {
    let minutes = Duration::from_secs(600);
    holds(&Small {
        name: "two replacements",
        spec: NAMED,
        members: 2,
        actors: 2,
        killed: 2,
        horizon: minutes,
        most: 0,
    });
}

#[test]
fn three_actors_replace_one_instance() {
    let minutes = Duration::from_secs(600);
    holds(&Small { name: "three actors", spec: VOLUME, members: 1, actors: 3, killed: 1, horizon: minutes, most: 0 });
}
