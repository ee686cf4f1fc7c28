//! Deterministic stories: what a group goes through, and what must come of it.

use std::time::Duration;

use stateful_asg_tests::group::NewGroup;
use stateful_asg_tests::lab::{Lab, World, simulate};

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30}}"#;

const LIMIT: Duration = Duration::from_secs(600);

/// Fails with the whole story where something was broken.
fn told(world: &World, story: impl AsyncFnOnce(&Lab)) {
    simulate(world, async |lab: &Lab| {
        story(lab).await;
        let broken = lab.violations();
        assert!(broken.is_empty(), "{}\n{broken:#?}", lab.story());
    });
}

#[test]
fn a_replaced_node_keeps_its_volume_address_and_name() {
    told(&World::quiet(1), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 3));
        assert!(lab.until_served(&group, LIMIT).await, "{}\n{:#?}", lab.story(), lab.unserved(&group));
    });
}
