//! Finds the compiled functions.

use std::path::{Path, PathBuf};

use anyhow::Context;

const NAME: &str = "stateful-asg-functions";
const BUILD: &str = "cargo build --workspace --bins";

/// The binary that was named, or else the one beside this program.
///
/// # Errors
/// There is none; says how to build it.
pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let binary = match named {
        Some(named) => named.to_owned(),
        None => {
            let me = std::env::current_exe()
                .context("cannot tell where this program is: name the functions with --functions PATH")?;
            me.with_file_name(format!("{NAME}{}", std::env::consts::EXE_SUFFIX))
        }
    };
    anyhow::ensure!(
        binary.is_file(),
        "the compiled functions are not there: {} is missing. Build them with `{BUILD}`, or name them with --functions PATH",
        binary.display()
    );
    // A process that is started by a relative path may have another working directory.
    std::path::absolute(&binary).with_context(|| format!("cannot resolve {}", binary.display()))
}
