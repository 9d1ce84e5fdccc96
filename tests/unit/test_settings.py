"""Settings: sources in their order, unknown keys refused, the written default file true."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from agents.dimensions import registry
from cli.reference import default_yaml
from schemas.errors import SettingsError
from schemas.settings import Settings, load_settings, settings_from
from tests.support.needs import REPOSITORY

DEFAULT_FILE = REPOSITORY / "config" / "default.yaml"


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_file_is_what_prism_config_default_prints() -> None:
    assert DEFAULT_FILE.read_text(encoding="utf-8") == default_yaml(), (
        "config/default.yaml is out of date: prism config default > config/default.yaml"
    )


def test_loading_the_default_file_gives_the_defaults_with_the_same_hash() -> None:
    loaded = load_settings(DEFAULT_FILE, environ={})
    assert loaded == Settings()
    assert loaded.config_hash() == Settings().config_hash()


def test_the_default_file_names_every_key_once_and_every_option_of_every_dimension() -> None:
    text = default_yaml()
    written = yaml.safe_load(text)
    assert written.keys() == Settings.model_fields.keys()
    for name, section in written.items():
        assert section.keys() == type(getattr(Settings(), name)).model_fields.keys()
    uncommented = text.replace("  # ", "  ")
    for name, dimension in registry.dimensions().items():
        assert f"    {name}:\n" in uncommented
        for option in dimension.options_type.model_fields:
            assert f"    {option}: " in uncommented


def test_the_commented_options_load_and_are_the_dimensions_own_defaults() -> None:
    lines = default_yaml().splitlines()
    start = lines.index("  # options:")
    block = []
    for line in lines[start:]:
        if not line.startswith("  # "):
            break
        block.append(line.removeprefix("  # "))
    options = yaml.safe_load("\n".join(block))["options"]
    assert options.keys() == registry.dimensions().keys()
    for name, dimension in registry.dimensions().items():
        assert dimension.options_type.model_validate(options[name]) == dimension.options_type()


def test_every_setting_says_why_it_is_there() -> None:
    for name, section in Settings.model_fields.items():
        assert isinstance(section.annotation, type)
        for key, field in section.annotation.model_fields.items():
            assert field.description, f"{name}.{key} has no description"


def test_later_sources_win(tmp_path: Path) -> None:
    path = write(tmp_path, "signals: {long_threshold: 60, cooldown_s: 1}\nframes: {levels: 20}\n")
    environ = {"PRISM_SIGNALS__LONG_THRESHOLD": "61", "PRISM_FRAMES__LEVELS": "21", "HOME": "x"}
    settings = load_settings(path, overrides=["frames.levels=22"], environ=environ)
    assert settings.signals.long_threshold == 61
    assert settings.signals.cooldown_s == 1
    assert settings.frames.levels == 22
    assert settings.signals.short_threshold == Settings().signals.short_threshold


def test_an_unknown_key_is_refused_with_the_nearest_one_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^unknown setting frames.intervall_ms; .* frames.interval_ms$"
    ):
        load_settings(write(tmp_path, "frames: {intervall_ms: 100}"), environ={})
    with pytest.raises(SettingsError, match=r"^unknown setting frame; .* frames$"):
        load_settings(overrides=["frame.levels=3"], environ={})
    with pytest.raises(SettingsError, match=r"unknown setting paper.balanse; .* paper.balance$"):
        load_settings(environ={"PRISM_PAPER__BALANSE": "5"})


def test_every_fault_is_named_in_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({"frames": {"levels": 0}, "paper": {"balance": -1}, "fees": {}})
    text = str(caught.value)
    assert "\n" not in text
    assert "frames.levels" in text
    assert "paper.balance" in text
    assert "unknown setting fees" in text


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"frames": {"interval_ms": 0}}, "frames.interval_ms"),
        ({"frames": {"score_interval_ms": 250}}, "multiple of interval_ms"),
        ({"signals": {"long_threshold": 40}}, "signals.long_threshold"),
        ({"signals": {"short_threshold": 60}}, "signals.short_threshold"),
        ({"signals": {"reliability_floor": 1.5}}, "signals.reliability_floor"),
        ({"sizing": {"scaling": "cubic"}}, "sizing.scaling"),
        ({"weights": {"volume": -0.1}}, "weights.volume"),
        ({"account": {"id": ""}}, "account.id"),
    ],
)
def test_an_impossible_value_is_refused_with_its_key(
    values: dict[str, dict[str, object]], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        settings_from(values)


def test_what_is_no_settings_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing.yaml: cannot be read .*check the path"):
        load_settings(tmp_path / "missing.yaml", environ={})
    with pytest.raises(SettingsError, match="not valid YAML") as caught:
        load_settings(write(tmp_path, "frames: {levels: ["), environ={})
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match="expected sections with keys, found list"):
        load_settings(write(tmp_path, "- frames"), environ={})
    with pytest.raises(SettingsError, match=r"write it as section.key=value"):
        load_settings(overrides=["frames.levels"], environ={})
    (tmp_path / "settings.yaml").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(SettingsError, match=r"settings.yaml: no text in UTF-8"):
        load_settings(tmp_path / "settings.yaml", environ={})
    with pytest.raises(SettingsError, match="levels is a value, not a section"):
        load_settings(overrides=["frames.levels=3", "frames.levels.deep=3"], environ={})


@pytest.mark.parametrize("text", ["[3", "@3", "2024-13-45"])
def test_an_override_and_a_variable_that_are_no_yaml_are_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--set frames.levels: not valid YAML") as caught:
        load_settings(overrides=[f"frames.levels={text}"], environ={})
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"^PRISM_FRAMES__LEVELS: not valid YAML"):
        load_settings(environ={"PRISM_FRAMES__LEVELS": text})


def test_a_section_or_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = "risk: {max_leverage: 2}\nframes: {levels: 20}\nrisk: {max_positions: 1}\n"
    with pytest.raises(SettingsError, match=r"risk is there twice; keep one .* line 3"):
        load_settings(write(tmp_path, twice), environ={})
    with pytest.raises(SettingsError, match="levels is there twice"):
        load_settings(write(tmp_path, "frames: {levels: 20, levels: 30}"), environ={})
    merged = "frames: &some {levels: 20}\n"
    assert load_settings(write(tmp_path, merged), environ={}).frames.levels == 20


@pytest.mark.parametrize("name", ["BTC/USDT", "BTC/USDT:USDT", " binance:BTC/USDT", "binance:", ""])
def test_a_symbol_to_wait_for_is_named_with_its_venue(name: str) -> None:
    with pytest.raises(SettingsError, match="write venue:symbol, as binanceusdm:BTC/USDT:USDT"):
        settings_from({"runtime": {"symbols": [name]}})


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "# nothing\n"), environ={}) == Settings()


def test_the_hash_follows_what_decides_and_not_where_it_runs() -> None:
    plain = Settings().config_hash()
    assert settings_from({"broker": {"partitions": 3}}).config_hash() == plain
    assert settings_from({"runtime": {"instance": "elsewhere"}}).config_hash() == plain
    assert settings_from({"signals": {"long_threshold": 69}}).config_hash() != plain
    assert settings_from({"paper": {"latency_ms": 51}}).config_hash() != plain


def test_money_stays_exact() -> None:
    settings = load_settings(overrides=["paper.balance=0.1"], environ={})
    assert settings.paper.balance == Decimal("0.1")


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().frames.levels = 3  # type: ignore[misc]
