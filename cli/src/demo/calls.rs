//! API calls by operation.

use std::collections::BTreeMap;

/// How often each operation was called, such as `ec2:AttachVolume`.
pub(super) type Calls = BTreeMap<String, u64>;

/// What was called since.
pub(super) fn since(before: &Calls, now: &Calls) -> Calls {
    let grown = now.iter().map(|(operation, count)| (operation.clone(), count - before.get(operation).unwrap_or(&0)));
    grown.filter(|(_, count)| *count > 0).collect()
}

/// Whether the operation only reads: waiting repeats these, and no others.
pub(super) fn is_read(operation: &str) -> bool {
    let name = operation.split_once(':').map_or(operation, |(_, name)| name);
    ["Describe", "Get", "List", "Query", "Scan"].iter().any(|verb| name.starts_with(verb))
}

/// All calls together; those that only read; those that change something.
pub(super) fn sums(calls: &Calls) -> (u64, u64, u64) {
    let reads = calls.iter().filter(|(operation, _)| is_read(operation)).map(|(_, count)| count).sum();
    let all: u64 = calls.values().sum();
    (all, reads, all - reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_called_since_is_counted() {
        let calls =
            |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Calls>();
        let before = calls(&[("ec2:AttachVolume", 3), ("ec2:CreateVolume", 3)]);
        let now = calls(&[("ec2:AttachVolume", 4), ("ec2:CreateVolume", 3), ("ec2:DescribeVolumes", 9)]);
        let grown = since(&before, &now);
        assert_eq!(grown, calls(&[("ec2:AttachVolume", 1), ("ec2:DescribeVolumes", 9)]));
        assert_eq!(sums(&grown), (10, 9, 1));
    }
}
