#!/usr/bin/env python3
"""Takes each rule's guard out of a copy of the code and demands that the random histories notice, naming the rule; where
the histories do not run the code, that the tests which a guard names do.

    tests/guards.py [--rule N]... [--histories N] [--target DIR] [--copy DIR]

Needs cargo and Python 3.11. Exit code 0: every guard was missed when it was gone; 1: not; 2: wrong usage.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUARDS = ROOT / "tests/guards/guards.toml"
TEST = ["cargo", "test", "--quiet", "--offline", "--package", "stateful-asg-campaign", "--test", "histories"]
# Where the first history that fails names another rule, so many are run to their end.
GO_ON = 1_000
LEFT_OUT = shutil.ignore_patterns("target", ".git", ".venv", ".tools", "*.out")


def copy_of_the_code(to: Path) -> None:
    """Brings the copy up to date, touching only what differs, so that cargo builds little."""
    fresh = Path(tempfile.mkdtemp(prefix="guards-"))
    try:
        shutil.copytree(ROOT, fresh / "tree", ignore=LEFT_OUT, symlinks=True)
        for path in sorted((fresh / "tree").rglob("*")):
            if not path.is_file():
                continue
            there = to / path.relative_to(fresh / "tree")
            if not there.is_file() or there.read_bytes() != path.read_bytes():
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_bytes(path.read_bytes())
        for path in to.rglob("*"):
            if path.is_file() and not (fresh / "tree" / path.relative_to(to)).is_file():
                path.unlink()
    finally:
        shutil.rmtree(fresh)


class Stale(Exception):
    """The code has changed, and a guard's text must follow."""


def edit(tree: Path, change: dict) -> None:
    path = tree / change["file"]
    text = path.read_text()
    found = text.count(change["text"])
    if found != 1:
        raise Stale(f"{change['file']} holds this text {found} times, not once; mend {GUARDS.name}:\n{change['text']}")
    path.write_text(text.replace(change["text"], change["with"]))


def try_without(guard: dict, shared: list, options: argparse.Namespace) -> tuple[bool, str]:
    """Whether the histories fail by the guard's own rule, and what they say."""
    copy_of_the_code(options.copy)
    for change in shared + guard["edit"]:
        edit(options.copy, change)
    environment = dict(
        os.environ,
        CARGO_TARGET_DIR=str(options.target.resolve()),
        HISTORIES=str(options.histories),
        RUST_BACKTRACE="0",
    )
    test = ["cargo", "test", "--quiet", "--offline", *guard["test"]] if "test" in guard else TEST
    done = subprocess.run(test, cwd=options.copy, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if "test" in guard:
        failed = sorted(set(re.findall(rf"^    (\S*rule_{guard['rule']}_\S+)$", said, re.MULTILINE)))
        return bool(failed), ", ".join(failed) or "no test of the rule failed: " + said[-1500:]
    broken = re.search(r"^seed (\d+): rule (\d+) broken.*?: (.*)$", said, re.MULTILINE)
    if done.returncode == 0:
        return False, f"{options.histories} histories noticed nothing"
    if broken is None:
        return False, "it does not build or run: " + said[-1500:]
    rules = {int(rule) for rule in re.findall(r"^rule (\d+) broken", said, re.MULTILINE)}
    if guard["rule"] not in rules:
        # The first history may break another rule: that all is served again is 9 with events and 11 without.
        more = dict(environment, HISTORIES=str(min(options.histories, GO_ON)), KEEP_GOING="1")
        done = subprocess.run(test, cwd=options.copy, env=more, capture_output=True, text=True)
        rules |= {int(rule) for rule in re.findall(r"\brule (\d+) broken", done.stdout + done.stderr)}
    return guard["rule"] in rules, f"seed {broken[1]}, rules {sorted(rules)}: {broken[3][:110]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", type=int, action="append", help="this rule alone; may be said again")
    parser.add_argument("--histories", type=int, default=20_000, help="at most so many for each guard")
    parser.add_argument(
        "--target",
        type=Path,
        default=ROOT / "target/guards",
        help="cargo's target directory, of its own: cargo takes the copy's crates for those of this tree",
    )
    parser.add_argument("--copy", type=Path, default=ROOT / "target/guards-tree", help="where the copy stands")
    options = parser.parse_args()
    wanted = tomllib.loads(GUARDS.read_text())
    guards = [guard for guard in wanted["guard"] if not options.rule or guard["rule"] in options.rule]
    if not guards:
        parser.error(f"there is no guard of these rules: {options.rule}")
    missed = True
    for guard in guards:
        try:
            noticed, how = try_without(guard, wanted["shared"], options)
        except Stale as stale:
            noticed, how = False, str(stale)
        missed = missed and noticed
        print(f"{'noticed' if noticed else 'NOT NOTICED':<12} rule {guard['rule']:>2}  {guard['what']}\n{'':13}{how}", flush=True)
    return 0 if missed else 1


if __name__ == "__main__":
    sys.exit(main())
