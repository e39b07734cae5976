"""Namespaces in which podman and buildah leave nothing behind on this machine.

A command in the sandbox has its own mounts, process numbers, `/dev` and, if asked, network. All
processes, mounts, bridges and firewall rules end with it, also after SIGKILL. Only the files in the
state folder remain.
"""

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from crypto_assets_tests.services.programs import run_program

# The device nodes of the sandbox. Those of this machine are invisible.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# Where podman, netavark and crun keep the state of running containers.
_RUNTIME_FOLDERS = ("netns", "containers", "libpod", "crun")
# crun refuses a machine that has both versions of control groups.
_CGROUPS = Path("/sys/fs/cgroup")
_HYBRID_CGROUP = _CGROUPS / "unified"

# A process may not have the right to raise the limits that podman sets by default.
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "crun"
init_path = "/usr/bin/catatonit"
tmp_dir = "/run/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{state}/networks"
"""
_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{state}/storage"
runroot = "/run/containers/storage"
"""
# No registry is searched for an image without a host in its name.
_REGISTRIES_CONF = """\
unqualified-search-registries = []
"""


def run_in_sandbox(module: str, arguments: Sequence[str], *, own_network: bool) -> int:
    """Run a Python module in a new sandbox, as root, and return its exit code.

    With `own_network`, it reaches nothing outside of the sandbox.
    """
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive", "--preserve-env=PATH"]
    namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*as_root, "unshare", *namespaces, *(["--net"] if own_network else [])]
    # The first process of the sandbox takes over the processes whose parents have ended.
    program = ["catatonit", "--", sys.executable, "-m", module, *arguments]
    return subprocess.run([*command, *program]).returncode


def list_devices() -> dict[str, tuple[int, ...]]:
    """Return the owners, permissions and numbers of this machine's devices by name."""
    found = {}
    for entry in os.scandir("/dev"):
        node = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(node.st_mode) or stat.S_ISBLK(node.st_mode):
            found[entry.name] = (node.st_uid, node.st_gid, node.st_mode, node.st_rdev)
    return found


def prepare_sandbox(state: Path) -> None:
    """Set up `/dev`, the runtime folders and the configuration of podman in this sandbox."""
    _replace_devices(state)
    for name in _RUNTIME_FOLDERS:
        _mount_tmpfs(Path("/run") / name)
    if _HYBRID_CGROUP.is_mount():
        run_program(["umount", _HYBRID_CGROUP])
    run_program(["ip", "link", "set", "lo", "up"])
    for name in ("tmp", "networks"):
        (state / name).mkdir(exist_ok=True)
    configurations = {
        "CONTAINERS_CONF": ("containers.conf", _CONTAINERS_CONF),
        "CONTAINERS_STORAGE_CONF": ("storage.conf", _STORAGE_CONF),
        "CONTAINERS_REGISTRIES_CONF": ("registries.conf", _REGISTRIES_CONF),
    }
    for variable, (name, text) in configurations.items():
        (state / name).write_text(text.replace("{state}", str(state)))
        os.environ[variable] = str(state / name)
    # Of buildah's caches and of the programs' temporary files.
    os.environ["TMPDIR"] = str(state / "tmp")
    os.environ["PATH"] += ":/usr/sbin:/sbin"


def remove_control_groups() -> None:
    """Remove the empty control groups of containers that have ended, which have no namespace."""
    for parent in [*_CGROUPS.glob("libpod_parent"), *_CGROUPS.glob("*/libpod_parent")]:
        for folder, _, _ in os.walk(parent, topdown=False):
            # Those of other containers are in use.
            with suppress(OSError):
                Path(folder).rmdir()


def _replace_devices(state: Path) -> None:
    devices = state / "dev"
    _mount_tmpfs(devices)
    # Nodes of its own, since crun gives that of a container's input to the container's user.
    for name in _DEVICES:
        node = Path("/dev", name).stat()
        os.mknod(devices / name, stat.S_IFCHR | 0o666, node.st_rdev)
        (devices / name).chmod(0o666)
    for name, target in _LINKS.items():
        (devices / name).symlink_to(target)
    (devices / "pts").mkdir()
    options = "newinstance,ptmxmode=0666,mode=620"
    run_program(["mount", "-t", "devpts", "-o", options, "devpts", devices / "pts"])
    _mount_tmpfs(devices / "shm")
    run_program(["mount", "--move", devices, "/dev"])
    # The input of this process may be a device of the machine.
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())


def _mount_tmpfs(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    run_program(["mount", "-t", "tmpfs", "tmpfs", folder])
