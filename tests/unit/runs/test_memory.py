"""What memory is free, and how its lack is distinguished from other faults."""

import platform
from pathlib import Path

import pytest

from finetooth.runs import memory


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(error: BaseException, ran_out: bool) -> None:
    assert memory.ran_out(error) is ran_out


def test_the_containers_bound_counts_where_it_is_the_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ((memory.free_bytes() or 0) > 0) is Path("/proc/meminfo").exists()
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory.free_bytes() == 3000
    (tmp_path / "memory.stat").write_text("anon 1500\ninactive_file 400\nactive_file 100\n")
    assert memory.free_bytes() == 3400
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.free_bytes() == 0
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_bytes() != 0


def test_kills_of_the_kernel_are_counted_where_it_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.kernel_kills() >= 0
    paths = [tmp_path / name for name in ("memory.events", "memory.oom_control", "vmstat")]
    monkeypatch.setattr(memory, "_KILLS", paths)
    assert memory.kernel_kills() == 0
    paths[2].write_text("nr_free_pages 7\noom_kill 9\n")
    assert memory.kernel_kills() == 9
    paths[0].mkdir()  # is not to be read
    paths[1].write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert memory.kernel_kills() == 11


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_was_freed_is_given_back() -> None:
    blocks = [bytearray(64 * 1024) for _ in range(2000)]  # too small to be mapped: of the heap, 131 MB
    del blocks[:-1]  # the last one keeps the heap from shrinking by itself
    before = resident()
    memory.give_back()
    assert resident() < before - 100e6


def test_what_is_held_falls_again_and_the_peak_does_not() -> None:
    before = memory.held_bytes()
    block = bytearray(b"x" * 100_000_000)
    assert memory.held_bytes() > before + 90e6 and memory.peak_bytes() >= memory.held_bytes()
    peak = memory.peak_bytes()
    del block
    assert memory.peak_bytes() >= peak - 1e7  # Linux counts it on each processor, and adds up late
    if platform.system() == "Linux":  # elsewhere nothing tells what is held
        assert memory.held_bytes() < peak - 50e6


def test_where_nothing_tells_what_is_held_it_is_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_status", {"RssAnon": None, "VmHWM": 7}.get)
    assert memory.held_bytes() == 7
    monkeypatch.setattr(memory, "_status", lambda name: None)
    assert memory.peak_bytes() == memory.held_bytes() > 1e6


def resident() -> float:
    """Bytes that this process holds."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
