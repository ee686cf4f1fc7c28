"""infra/guest/first-boot.sh, on real loop devices and filesystems, with an instance-metadata service of its own."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import cfn

SCRIPT = cfn.INFRA / "guest/first-boot.sh"
MIB = 1 << 20
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("script", [SCRIPT, cfn.ROOT / ".ci/run"], ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    done = subprocess.run([SHELLCHECK, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def call(function, *arguments, **environment):
    """Sources the script and calls one of its functions."""
    return subprocess.run(
        ["bash", "-c", f'source "{SCRIPT}"; "$@"', "bash", function, *arguments],
        env=dict(os.environ, **environment), capture_output=True, text=True, timeout=60,
    )


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/data", True), ("/data/a", True), ("/var/lib/cassandra", True),
        ("/etc", False), ("/", False), ("data", False), ("/data2", False), ("/data/../etc", False),
        ("/data/..", False), ("/data/a b", False), ("/data/$(id)", False), ("", False),
    ],
)
def test_only_allowed_paths_are_mounted(path, allowed):
    assert (call("is_allowed", path).returncode == 0) == allowed


# --- on devices


def _loop_devices_work():
    if os.geteuid() != 0 or not shutil.which("losetup"):
        return False
    return subprocess.run(["losetup", "--find"], capture_output=True, timeout=10).returncode == 0


needs_devices = pytest.mark.skipif(not _loop_devices_work(), reason="needs root and loop devices")


class Disk:
    """A sparse file behind a loop device, linked as EC2's udev rules would."""

    def __init__(self, folder, volume="vol-0123456789abcdef0", size=400 * MIB):
        self.serial = volume.replace("-", "")
        self.volume = volume
        self.file = folder / self.serial
        with self.file.open("wb") as file:
            file.truncate(size)
        done = subprocess.run(["losetup", "--find", "--show", self.file], capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            pytest.skip(f"no loop device to be had: {done.stderr.strip()}")
        self.device = done.stdout.strip()

    def close(self):
        subprocess.run(["losetup", "--detach", self.device], check=True, timeout=30)

    def write(self, offset, data):
        with open(self.device, "r+b") as file:
            file.seek(offset)
            file.write(data)


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path)
    yield made
    made.close()


@needs_devices
def test_zeroes_are_blank(disk):
    assert call("is_blank", disk.device).returncode == 0


@needs_devices
@pytest.mark.parametrize("tool", [["mkfs.ext4", "-q"], ["mkfs.xfs", "-q"], ["mkswap"]], ids=lambda t: t[0])
def test_formatted_devices_are_not_blank(disk, tool):
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    subprocess.run([*tool, disk.device], check=True, capture_output=True, timeout=60)
    assert call("is_blank", disk.device).returncode != 0


@needs_devices
@pytest.mark.parametrize("offset", [0, 1, 4096, MIB - 1])
def test_one_byte_without_meaning_is_enough(disk, offset):
    disk.write(offset, b"\x01")
    assert call("is_blank", disk.device).returncode != 0


@needs_devices
def test_a_partition_table_is_not_blank(disk):
    disk.write(510, b"\x55\xaa")
    assert call("is_blank", disk.device).returncode != 0


@needs_devices
def test_a_raid_member_is_not_blank(disk):
    """Version 1.0 superblocks stand at the end, with nothing in the first MiB: blkid and wipefs must see them."""
    sectors = os.stat(disk.file).st_size // 512
    at = ((sectors - 16) & ~7) * 512
    block = bytearray(256)
    block[0:4] = (0xA92B4EFC).to_bytes(4, "little")
    block[4:8] = (1).to_bytes(4, "little")
    block[144:152] = (at // 512).to_bytes(8, "little")
    disk.write(at, bytes(block))
    assert call("is_blank", disk.device).returncode != 0


def test_what_cannot_be_read_is_not_blank(tmp_path):
    assert call("is_blank", str(tmp_path / "nothing")).returncode != 0


# --- the whole script


class Metadata(http.server.BaseHTTPRequestHandler):
    """Instance metadata, version 2: without the token there is no answer."""

    def do_PUT(self):
        self._answer("token" if self.path == "/latest/api/token" else None)

    def do_GET(self):
        values = self.server.values
        path = self.path.removeprefix("/latest/meta-data/")
        if self.headers.get("X-aws-ec2-metadata-token") != "token":
            self._answer(None, 401)
        elif path == "tags/instance/":
            self._answer("\n".join(key.removeprefix(path) for key in values if key.startswith(path)))
        else:
            self._answer(values.get(path))

    def _answer(self, text, missing=404):
        self.send_response(missing if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_):
        pass


class Node:
    """A node at boot: its metadata, its devices, and a record of what it told AWS."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.mount = Path("/mnt") / f"stateful-asg-test-{os.getpid()}"
        self.devices, self.bin = folder / "by-id", folder / "bin"
        self.told = folder / "told"
        for made in (self.devices, self.bin):
            made.mkdir()
        self._program("aws", f'echo "$*" >> {self.told}')
        self._program("lsblk", f'readlink {self.folder}/serials/$(basename "$3")')
        (folder / "serials").mkdir()
        server.values = {"instance-id": "i-1", "placement/region": "eu-central-1"}

    def _program(self, name, line):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def attach(self, disk, serial=None):
        link = self.devices / f"nvme-Amazon_Elastic_Block_Store_{disk.serial}"
        link.symlink_to(disk.device)
        (self.folder / "serials" / link.name).symlink_to(serial or disk.serial)

    def tag(self, **tags):
        for key, value in tags.items():
            self.server.values[f"tags/instance/stateful-asg:{key.replace('__', ':')}"] = value

    def boot(self, wait=20):
        environment = dict(
            os.environ,
            PATH=f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            IMDS=f"http://127.0.0.1:{self.server.server_port}",
            DEVICES=str(self.devices),
            PER_BOOT=str(self.folder / "per-boot"),
            WAIT_SECONDS=str(wait),
            no_proxy="127.0.0.1",
        )
        return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, timeout=120)

    def reports(self):
        return self.told.read_text().splitlines() if self.told.exists() else []

    def unmount(self):
        subprocess.run(["umount", self.mount], capture_output=True, timeout=60)


@pytest.fixture
def node(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Node(tmp_path, server)
    yield made
    made.unmount()
    if made.mount.exists():
        made.mount.rmdir()
    server.shutdown()
    server.server_close()


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")


@needs_devices
@needs_curl
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_replacement_finds_the_data_of_its_predecessor(node, disk, kind):
    if not shutil.which(f"mkfs.{kind}"):
        pytest.skip(f"mkfs.{kind} is not installed")
    node.attach(disk)
    node.tag(slot="0", claim="1", volume__data=f"{disk.volume} {node.mount} {kind} 12:34")
    first = node.boot()
    assert first.returncode == 0, first.stderr
    assert node.mount.is_mount()
    assert (node.mount.stat().st_uid, node.mount.stat().st_gid) == (12, 34)
    (node.mount / "witness").write_text("kept")
    node.unmount()

    node.tag(claim="2")
    second = node.boot()
    assert second.returncode == 0, second.stderr
    assert (node.mount / "witness").read_text() == "kept"
    sent = "ec2 create-tags --region eu-central-1 --resources i-1 --tags Key=stateful-asg:mounted,Value="
    assert node.reports() == [f"{sent}1", f"{sent}2"]


@needs_devices
@needs_curl
def test_a_second_run_changes_nothing_and_a_copy_waits_for_the_next_boot(node, disk):
    node.attach(disk)
    node.tag(claim="1", volume__data=f"{disk.volume} {node.mount} ext4")
    assert [node.boot().returncode for _ in range(2)] == [0, 0]
    assert len(subprocess.run(["findmnt", "-n", "--mountpoint", node.mount], capture_output=True, text=True).stdout.splitlines()) == 1
    copy = node.folder / "per-boot/stateful-asg"
    assert copy.read_text() == SCRIPT.read_text() and os.access(copy, os.X_OK)


@needs_devices
@needs_curl
def test_data_that_is_no_filesystem_is_left_alone(node, disk):
    disk.write(0, b"precious")
    node.attach(disk)
    node.tag(claim="1", volume__data=f"{disk.volume} {node.mount} ext4")
    done = node.boot()
    assert done.returncode != 0
    assert "holds no good ext4" in done.stderr
    assert Path(disk.device).open("rb").read(8) == b"precious"
    assert node.reports() == []


@needs_devices
@needs_curl
def test_a_stale_link_to_another_volume_is_not_trusted(node, disk):
    node.attach(disk, serial="vol0ffffffffffffffff")
    node.tag(claim="1", volume__data=f"{disk.volume} {node.mount} ext4")
    done = node.boot(wait=3)
    assert done.returncode != 0 and "gave up after 3 s" in done.stderr
    assert not node.mount.is_mount()
    assert call("is_blank", disk.device).returncode == 0
    assert node.reports() == []


@needs_curl
def test_without_a_claim_nothing_is_reported(node):
    done = node.boot(wait=3)
    assert done.returncode != 0 and "waiting for: tag claim" in done.stderr
    assert node.reports() == []


@needs_curl
@pytest.mark.parametrize(
    ("described", "reason"),
    [("vol-1 /etc ext4", "may not mount on '/etc'"), ("vol-1 /data btrfs", "of type 'btrfs'"), ("vol-1 /data", "of type ''")],
)
def test_what_the_tags_may_not_ask_for(node, described, reason):
    node.tag(claim="1", volume__data=described)
    done = node.boot(wait=3)
    assert done.returncode != 0 and reason in done.stderr
    assert node.reports() == []


@needs_curl
def test_attach_only_volumes_are_not_touched(node):
    node.tag(claim="7", volume__raw="vol-1 - none")
    done = node.boot(wait=3)
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in node.reports()] == ["Key=stateful-asg:mounted,Value=7"]
