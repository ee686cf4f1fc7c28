//! The reference page of a spec, written from the table of its fields.

use std::fmt::{self, Write};

use super::fields::SPEC;
use super::form::{Absent, Field, Form, Object, Words};
use super::mount::{SHARED_DIRECTORIES, SYSTEM_TREES};
use super::units::time_shown;
use super::volume_types::{IOPS_PER_MIB, VolumeType};

const INTRODUCTION: &str = r#"<!-- Written by the tests from the code (UPDATE=1 cargo test -p stateful-asg-core --test spec_docs); do not edit. -->
# The spec: a group's settings

A spec is one JSON object. It stands in the `NotificationMetadata` of the group's launch hook (at most 4,000 printable
ASCII characters), or in the table, to which the hook then points with `{"spec":"table"}`. The smallest spec:

```json
{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}
```

`stateful-asg spec check FILE` names everything that is wrong with a spec, or prints it in its shortest form. A spec with
a problem changes nothing: the last valid one stays in force.

- Fields that are not listed here are refused, and so is a field that is given twice.
- `null` means absent, at every level.
- Numbers may be text (`"3000"`), and so may `true` and `false`.
- Sizes are GiB of 2^30 bytes: `50`, `"50GiB"`, `"2TiB"`. Decimal units such as GB are refused.
- Durations are `"90s"`, `"30m"`, `"6h"`, `"9d"`, `"1w"`, or whole seconds.
- The deployment sets limits: which groups, hosted zones, DNS names, KMS keys and subnets, and the largest volume.
"#;

/// The reference page, in Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    write_page(&mut page).expect("text is written to memory");
    page
}

fn write_page(page: &mut String) -> fmt::Result {
    for object in SPEC.with_inner() {
        write_object(page, object)?;
    }
    write!(page, "\n## Volume types\n\n| type | GiB | IOPS | IOPS a GiB | MiB/s |\n| --- | --- | --- | --- | --- |\n")?;
    for kind in VolumeType::ALL {
        let rules = kind.rules();
        let range = |(least, most): (u32, u32)| format!("{least} to {most}");
        let iops = rules
            .iops
            .as_ref()
            .map_or("-".to_owned(), |iops| range(iops.range) + if iops.required { ", required" } else { "" });
        let per_gib = rules.iops.as_ref().map_or("-".to_owned(), |iops| format!("up to {}", iops.per_gib));
        let throughput = rules.throughput.map_or("-".to_owned(), range);
        writeln!(page, "| {kind} | {} | {iops} | {per_gib} | {throughput} |", range(rules.size_gib))?;
    }
    writeln!(
        page,
        "\nThe least IOPS of a type are allowed at every size. Each MiB/s of a gp3 volume needs {IOPS_PER_MIB} IOPS.\n\
         Source: the [CreateVolume API](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html)."
    )?;
    let quoted = |paths: &[&str]| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    write!(
        page,
        "\n## Where volumes are not mounted\n\nOn or below {}.\n\nOn {}; below them is fine.\n",
        quoted(&SYSTEM_TREES),
        quoted(&SHARED_DIRECTORIES),
    )
}

fn write_object(page: &mut String, object: &Object) -> fmt::Result {
    write!(
        page,
        "\n## {}\n\n| field | takes | absent means | what it says |\n| --- | --- | --- | --- |\n",
        object.title
    )?;
    for field in object.fields {
        writeln!(page, "| `{}` | {} | {} | {} |", field.name, takes(field), absent(field), field.doc)?;
    }
    Ok(())
}

fn takes(field: &Field) -> String {
    let anchor = |inner: &Object| -> String { inner.title.to_lowercase().chars().filter(|c| *c != '.').collect() };
    match &field.form {
        Form::Version => "`1`".to_owned(),
        Form::Count { min, max } => format!("{min} to {max}"),
        Form::Size => "a size".to_owned(),
        Form::Time { min, max } => format!("a duration, {} to {}", time_shown(*min), time_shown(*max)),
        Form::Flag => "`true`, `false`".to_owned(),
        Form::Word(known) => words(known),
        Form::WordOrTime { words: known, bound, min, max } => format!(
            "{}, or `{{\"{bound}\": …}}` with a duration, {} to {}",
            words(known),
            time_shown(*min),
            time_shown(*max)
        ),
        Form::FlagOr(inner) => format!("`true`, `false`, or [an object](#{})", anchor(inner)),
        Form::Text { like, .. } => (*like).to_owned(),
        Form::Choice { like, .. } => format!("`\"group\"`, or a list of {like}"),
        Form::Object(inner) | Form::Volumes(inner) => format!("[an object](#{})", anchor(inner)),
        Form::Tags => "an object of texts".to_owned(),
    }
}

fn words(words: &Words) -> String {
    words.known.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
}

fn absent(field: &Field) -> String {
    match field.absent {
        Absent::Required => "a problem".to_owned(),
        Absent::Means(default) => format!("`{default}`"),
        Absent::Told => "-".to_owned(),
    }
}
