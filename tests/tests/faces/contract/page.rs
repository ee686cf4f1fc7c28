//! docs/contract.md lists every case; `UPDATE=1` writes its table anew.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::cases;

const BEGIN: &str = "<!-- the cases -->\n";

fn targets(case: &Value) -> String {
    let known = |face: &str| match case.get("faces").and_then(Value::as_array) {
        Some(faces) => faces.iter().any(|known| known == face),
        None => true,
    };
    ["typed", "sdk", "boto3"].into_iter().filter(|face| known(face)).collect::<Vec<_>>().join(", ")
}

fn difference(case: &Value, target: &str) -> String {
    if !targets(case).contains("boto3") {
        return String::new();
    }
    let differs = &case["differs"][target];
    let text = |name: &str| differs[name].as_str().unwrap_or_default().replace('|', "\\|");
    if differs.is_null() { "as AWS".to_owned() } else { format!("{}; {} is right", text("why"), text("right")) }
}

fn table() -> String {
    let mut table = "| case | what AWS does | how it is known | faces | moto | MiniStack |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    for case in cases() {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(
            table,
            "| `{}` | {} | [{}]({}) | {} | {} | {} |",
            text("name"),
            text("says"),
            text("mark"),
            text("source"),
            targets(&case),
            difference(&case, "moto"),
            difference(&case, "ministack"),
        );
    }
    table
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn the_page_lists_every_case() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contract.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, listed) = page.split_once(BEGIN).expect("the page has a place for the table");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}", table())).unwrap();
        return;
    }
    assert_eq!(listed, table(), "run it with UPDATE=1");
}

#[test]
fn every_case_is_whole() {
    let all = cases();
    let names: std::collections::BTreeSet<_> = all.iter().map(|case| case["name"].to_string()).collect();
    assert_eq!(names.len(), all.len(), "two cases of one name");
    for case in &all {
        assert!(["documented", "observed", "assumed"].map(Value::from).contains(&case["mark"]), "{case}");
        assert!(
            case["source"].as_str().is_some_and(|source| source.starts_with("https://docs.aws.amazon.com/")),
            "{case}"
        );
        for differs in case.get("differs").and_then(Value::as_object).into_iter().flat_map(|all| all.values()) {
            assert!(["outcome", "right", "why"].iter().all(|part| differs[part].is_string()), "{case}");
        }
    }
}
