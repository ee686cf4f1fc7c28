//! docs/waits.md names every reason, and marks those that alarm.
#![allow(clippy::unwrap_used, reason = "helpers of a test")]

const SOURCE: &str = include_str!("../src/waiting/nature.rs");
const PAGE: &str = include_str!("../../../docs/waits.md");

/// The names that `Reason::kind` gives.
fn kinds() -> Vec<&'static str> {
    let body = SOURCE.split("pub fn kind(&self)").nth(1).unwrap().split("pub fn pace").next().unwrap();
    body.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The variants that stand before `=> true` in `Reason::alarms`, and `CallFailed`, which alarms at times.
fn alarming() -> Vec<&'static str> {
    let body = SOURCE.split("pub fn alarms(&self)").nth(1).unwrap().split("=> true").next().unwrap();
    let names = body.split("Self::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap());
    names.chain(["CallFailed"]).collect()
}

#[test]
fn every_reason_has_one_row_and_the_bell_tells_the_truth() {
    let kinds = kinds();
    assert!(kinds.len() > 30, "{kinds:?}");
    for kind in &kinds {
        let rows: Vec<_> = PAGE.lines().filter(|line| line.starts_with(&format!("| `{kind}`"))).collect();
        assert_eq!(rows.len(), 1, "docs/waits.md has {} rows for {kind}", rows.len());
        assert_eq!(rows[0].contains('🔔'), alarming().contains(kind), "the bell of {kind}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, kinds.len(), "docs/waits.md has rows for reasons that do not exist");
}
