"""The commit of the program's repository, as git itself tells it."""

import subprocess

import pytest

from diagnose.cli._commit import commit


def git(folder, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_the_commit_is_that_of_git_wherever_its_name_is_kept(repository, tmp_path):
    inside = repository / "deep" / "down"
    inside.mkdir(parents=True)
    first = git(repository, "rev-parse", "HEAD")
    assert commit(repository) == commit(inside) == first
    git(repository, "pack-refs", "--all")
    assert commit(repository) == first
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "beside"))
    git(tmp_path / "beside", "commit", "-q", "--allow-empty", "-m", "second")
    assert commit(tmp_path / "beside") == git(tmp_path / "beside", "rev-parse", "HEAD") != first
    git(repository, "checkout", "-q", "--detach")
    assert commit(repository) == first


def test_no_commit_is_no_fault(tmp_path):
    assert commit(tmp_path / "nowhere") is None
    (tmp_path / ".git").write_text("nonsense")
    assert commit(tmp_path) is None
    (tmp_path / ".git").unlink()
    git(tmp_path, "init", "-q")
    assert commit(tmp_path) is None  # nothing was committed yet
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert commit(tmp_path) is None
