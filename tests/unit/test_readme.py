"""The README documents every setting, with its real default."""

import re
from pathlib import Path

import pytest

from earthgql.settings import PREFIX, PROJECT_ROOT, Settings

README = (PROJECT_ROOT / "README.md").read_text()


def documented() -> dict[str, str]:
    """Rows of the configuration table: name → the rest of the row."""
    return dict(re.findall(rf"^\| `({PREFIX}[A-Z_]+)` \|(.*)\|$", README, flags=re.MULTILINE))


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(documented()) == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    "name", [n for n, f in Settings.model_fields.items() if f.default is not None]
)
def test_documented_default_is_the_real_one(name: str) -> None:
    default = Settings.model_fields[name].default
    if name == "var_dir":
        default = Path(default).name + "/"
    if name == "cors_origins":
        default = "any port of localhost"
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    assert (
        f"`{shown}`" in documented()[PREFIX + name.upper()]
        or shown in documented()[PREFIX + name.upper()]
    )


def test_links_to_files_of_the_repository_resolve() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert targets
    assert [t for t in targets if not (PROJECT_ROOT / t).exists()] == []
