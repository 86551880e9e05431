"""What memory is free, and how its lack is told from other faults."""

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
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(error: BaseException, ran_out: bool) -> None:
    assert memory.ran_out(error) is ran_out


def test_the_containers_bound_counts_where_it_is_the_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = memory.free_bytes()
    assert machine is None or machine > 0
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
