"""Finding the provider on a machine."""

from __future__ import annotations

from pathlib import Path

from groundsill.terraform.mirror import AWS_PROVIDER, cli_config, find_mirror, mirrored_versions


def _mirror(folder: Path, *versions: str) -> Path:
    for version in versions:
        (folder / AWS_PROVIDER / version / "linux_amd64").mkdir(parents=True)
    return folder


def test_the_folder_that_the_environment_names_comes_first(tmp_path: Path) -> None:
    named = _mirror(tmp_path / "named", "5.100.0")
    home = tmp_path / "home"
    _mirror(home / ".terraform.d" / "plugins", "5.99.0")
    assert (
        find_mirror({"GROUNDSILL_PROVIDER_MIRROR": str(named)}, home=home, optional=tmp_path / "none")
        == named
    )
    assert find_mirror({}, home=home, optional=tmp_path / "none") == home / ".terraform.d" / "plugins"


def test_a_mirror_below_the_folder_of_optional_software_is_found(tmp_path: Path) -> None:
    (tmp_path / "opt" / "aaa").mkdir(parents=True)
    mirror = _mirror(tmp_path / "opt" / "plugins", "5.100.0", "5.9.0")
    assert find_mirror({}, home=tmp_path / "home", optional=tmp_path / "opt") == mirror
    assert mirrored_versions(mirror) == ["5.9.0", "5.100.0"]


def test_packed_providers_count_as_well(tmp_path: Path) -> None:
    folder = tmp_path / AWS_PROVIDER
    folder.mkdir(parents=True)
    (folder / "terraform-provider-aws_5.100.0_linux_amd64.zip").touch()
    assert mirrored_versions(tmp_path) == ["5.100.0"]


def test_without_a_mirror_terraform_downloads(tmp_path: Path) -> None:
    assert find_mirror({}, home=tmp_path, optional=tmp_path / "none") is None


def test_a_path_with_quotes_stays_one_string(tmp_path: Path) -> None:
    assert '"/a \\"b\\"/c"' in cli_config(Path('/a "b"/c'))
