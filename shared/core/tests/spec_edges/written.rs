//! What is read is written again, in the words of the spec.

use serde_json::json;
use stateful_asg_core::spec::{MountPath, Owner, Spec};

use super::read;

#[test]
fn a_spec_is_written_in_its_own_words_and_read_as_the_same() {
    let spec = read(&json!({"v": 1, "dns": {"zone": "Z1", "slot": "Node-{slot}.Test."}, "volumes": {
        "data": {"size": 1, "mount": "/var/lib/db", "owner": "999:1000"},
        "log": {"size": 1, "mount": "/l", "snapshots": false}}}));
    let spec = spec.spec;
    let written = serde_json::to_value(&spec).unwrap();
    assert_eq!(written["dns"]["slot"], "node-{slot}.test");
    assert_eq!(written["volumes"]["data"]["owner"], "999:1000");
    assert_eq!(written["volumes"]["data"]["mount"], "/var/lib/db");
    assert_eq!(written["volumes"]["data"].get("snapshots"), None, "it has the group's, which goes without saying");
    assert_eq!(written["volumes"]["log"]["snapshots"], false);
    assert_eq!(Spec::parse(&written.to_string()).unwrap().spec, spec);
}

#[test]
fn a_directory_and_an_owner_are_shown_as_a_guest_reads_them() {
    assert_eq!(MountPath::new("/var/lib/db").unwrap().to_string(), "/var/lib/db");
    let owner = Owner { uid: 999, gid: 1_000 };
    assert_eq!(owner.to_string(), "999:1000");
    assert_eq!(String::from(owner), "999:1000");
}
