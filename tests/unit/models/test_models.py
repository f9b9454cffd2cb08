"""The model registry: what is in it, and how users' files are laid over it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ModelsError, SuiteError
from harness.models import Rates, Registry
from harness.models.table import load_registry

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def overlay(folder: Path, text: str) -> Path:
    path = folder / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        load_registry(overlay(folder, text))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opus", "claude-opus-4-6"),
        ("sonnet", "claude-sonnet-4-6"),
        ("haiku", "claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-opus-5-5", "claude-opus-5-5"),
    ],
)
def test_an_alias_or_id_resolves_to_its_model(registry, name, expected):
    assert registry.resolve(name).id == expected


def test_a_full_id_in_no_table_is_a_model_of_which_nothing_is_known(registry):
    model = registry.resolve("claude-opus-9")
    assert model.id == "claude-opus-9"
    assert model.context_tokens is None
    assert model.rates_on(TODAY, 0) is None
    assert registry.get("claude-opus-9") is None


def test_an_unknown_short_name_is_refused_with_the_closest_name(registry):
    with pytest.raises(ModelsError, match="'hiaku' names no model; did you mean `haiku`"):
        registry.resolve("hiaku")


def test_a_name_close_to_nothing_is_refused_with_the_aliases(registry):
    with pytest.raises(ModelsError, match="write one of opus, sonnet, haiku"):
        registry.resolve("zzz")


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("claude-haiku-4-5-20251001", "haiku"),
        ("claude-haiku-4-5", "haiku"),
        ("opus", "opus"),
        ("claude-opus-5-5", None),
        ("no-such-model", None),
    ],
)
def test_the_short_alias_of_a_model_is_found(registry, name, alias):
    assert registry.alias_of(name) == alias


# Input, output, 5-minute write, 1-hour write, read: Anthropic's pricing page of 2026-09-02, and the
# pages of the 5.5 models and the release notes for what is newer.
PRICES = {
    "claude-fable-5-2": "8 40 10 16 0.20",
    "claude-mythos-5-1": "10 50 12.50 20 0.25",
    "claude-fable-5": "10 50 12.50 20 1",
    "claude-opus-5-5": "4 20 5 8 0.20",
    "claude-opus-5": "5 25 6.25 10 0.50",
    "claude-opus-4-6": "5 25 6.25 10 0.50",
    "claude-sonnet-5-5": "2 10 2.50 4 0.10",
    "claude-sonnet-5": "2 10 2.50 4 0.20",
    "claude-sonnet-4-6": "3 15 3.75 6 0.30",
    "claude-haiku-5-5": "0.10 0.50 0.125 0.20 0.01",
    "claude-haiku-4-5": "1 5 1.25 2 0.10",
    "claude-opus-4-1": "15 75 18.75 30 1.50",
    "claude-3-5-haiku-latest": "0.80 4 1 1.60 0.08",
}


@pytest.mark.parametrize(("name", "prices"), PRICES.items(), ids=PRICES)
def test_the_packaged_prices_are_those_of_the_pricing_page(registry, name, prices):
    assert registry.get(name).rates_on(TODAY, 1000) == Rates(*map(Decimal, prices.split()))


def test_every_packaged_cache_write_is_the_published_multiple_of_the_input(registry):
    bands = [(m.id, b.rates) for m in registry for p in m.prices for b in p.bands]
    for model, rates in bands:
        assert rates.cache_write_1h in (None, rates.input * 2), model
        if model != "claude-3-haiku-20240307":  # the one published rate that was rounded
            assert rates.cache_write_5m in (None, rates.input * Decimal("1.25")), model


def test_every_packaged_model_that_is_not_retired_says_what_it_accepts(registry):
    asked = [m for m in registry if m.lifecycle == "active"]
    assert len(asked) >= 15
    for model in asked:
        facts = (model.context_tokens, model.max_output_tokens, model.sampling, model.thinking)
        assert None not in (*facts, model.efforts, model.prefill, model.rate_class), model.id


@pytest.mark.parametrize(
    ("day", "read"),
    [(date(2026, 10, 6), "0.20"), (date(2026, 10, 7), "0.10")],
    ids=["day-before", "day-of-change"],
)
def test_a_price_holds_from_its_day_on(registry, day, read):
    assert registry.get("claude-sonnet-5-5").rates_on(day, 0).cache_read == Decimal(read)


@pytest.mark.parametrize(("prompt", "rate"), [(100_000, "0.10"), (100_001, "0.50")])
def test_the_band_is_chosen_by_the_whole_prompt(registry, prompt, rate):
    assert registry.get("claude-haiku-5-5").rates_on(TODAY, prompt).input == Decimal(rate)


def test_a_users_model_needs_only_an_id(tmp_path):
    registry = load_registry(overlay(tmp_path, "models: [{id: my-model}]"))
    model = registry.resolve("my-model")
    assert (model.max_output_tokens, model.sampling, model.prices) == (None, None, ())


def test_a_users_fields_replace_those_of_the_model_and_leave_the_others(tmp_path):
    text = "models: [{id: claude-haiku-4-5, max_output_tokens: 100, prefill: null}]"
    model = load_registry(overlay(tmp_path, text)).resolve("haiku")
    assert (model.max_output_tokens, model.prefill) == (100, None)
    assert model.rates_on(TODAY, 0).input == Decimal(1)


def test_a_simple_price_derives_cache_writes_but_never_cache_reads(tmp_path):
    text = "models: [{id: m, prices: {input: 0.1, output: 15}}]"
    rates = load_registry(overlay(tmp_path, text)).resolve("m").rates_on(TODAY, 0)
    tenth = Decimal("0.1")
    assert rates == Rates(tenth, Decimal(15), tenth * Decimal("1.25"), tenth * 2, None)


def test_a_cache_rate_given_as_null_is_unknown_not_derived(tmp_path):
    text = "models: [{id: m, prices: {input: 1, cache_write_1h: null}}]"
    rates = load_registry(overlay(tmp_path, text)).resolve("m").rates_on(TODAY, 0)
    assert (rates.cache_write_5m, rates.cache_write_1h) == (Decimal("1.25"), None)


def test_prices_given_as_null_are_unknown(tmp_path):
    text = "models: [{id: claude-haiku-4-5, prices: null, aliases: null}]"
    model = load_registry(overlay(tmp_path, text)).resolve("haiku")
    assert (model.rates_on(TODAY, 0), model.aliases) == (None, ())


def test_bands_and_periods_hold_in_whatever_order_they_are_written(tmp_path):
    text = """
models:
  - id: m
    prices:
      - {since: "2026-06-01", bands: [{input: 9}, {up_to_prompt_tokens: 10, input: 5}]}
      - bands: [{input: 1}]
"""
    model = load_registry(overlay(tmp_path, text)).resolve("m")
    asked = [(date(2026, 5, 31), 5), (date(2026, 6, 1), 10), (date(2026, 6, 1), 11)]
    assert [model.rates_on(day, prompt).input for day, prompt in asked] == [1, 5, 9]


def test_no_price_holds_before_the_first_period(tmp_path):
    text = 'models: [{id: m, prices: [{since: "2026-06-01", bands: [{input: 9}]}]}]'
    model = load_registry(overlay(tmp_path, text)).resolve("m")
    assert model.rates_on(date(2026, 5, 31), 0) is None


def test_no_price_holds_above_the_last_band(tmp_path):
    text = "models: [{id: m, prices: [{bands: [{up_to_prompt_tokens: 10, input: 9}]}]}]"
    assert load_registry(overlay(tmp_path, text)).resolve("m").rates_on(TODAY, 11) is None


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("aliases: {opus: claude-opus-5-5}", "opus", "claude-opus-5-5"),
        ("aliases: {cheap: haiku}", "cheap", "claude-haiku-4-5-20251001"),
        ("aliases: {next: claude-opus-9}", "next", "claude-opus-9"),
        ("{aliases: {mine: m}, models: [{id: m}]}", "mine", "m"),
        ("models: [{id: m, aliases: [opus]}]", "opus", "m"),
    ],
    ids=["repointed", "alias-of-alias", "id-in-no-table", "users-model", "own-alias"],
)
def test_a_users_alias_names_the_model_that_it_points_to(tmp_path, text, name, expected):
    assert load_registry(overlay(tmp_path, text)).resolve(name).id == expected


def test_a_later_file_lies_over_an_earlier_one(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("{prices_as_of: '2027-01-01', batch_multiplier: '0.4'}")
    second.write_text("batch_multiplier: '0.3'")
    registry = load_registry(first, second)
    assert (registry.prices_as_of, registry.batch_multiplier) == ("2027-01-01", Decimal("0.3"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modles: []", "1:1: `modles` is no key of a model table; did you mean `models`?"),
        (
            "models: [{id: m, prefil: true}]",
            "1:18: `prefil` is no key of an entry of `models`; did you mean `prefill`?",
        ),
        ("models: [{id: m, prices: {imput: 1}}]", "did you mean `input`?"),
        ("models: [{id: m, prices: {input: -1}}]", "`input` must be a number, 0 or above, not -1"),
        ("models: [{id: m, prices: {input: cheap}}]", "must be a number, 0 or above, not 'cheap'"),
        ("models: [{id: m, prices: {input: true}}]", "must be a number, 0 or above, not True"),
        ("models: [{id: m, prices: {input: .nan}}]", "must be a number, 0 or above"),
        ("models: [{id: m, prices: [{since: soon, bands: []}]}]", "must be a date in quotes"),
        ("models: [{id: m, prices: [{bands: 3}]}]", "`bands` must be a list, not 3"),
        ("models: [{id: m, prices: [{bands: []}, {bands: []}]}]", "begin on the same day"),
        ("models: [{id: m, prices: [{bands: [{}, {}]}]}]", "two bands have the same"),
        ("models: [{id: m, context_tokens: 1.5}]", "must be a whole number of tokens"),
        ("models: [{id: m, sampling: maybe}]", "must be one of `both`, `one`, `none`"),
        ("models: [{id: m, efforts: [huge]}]", "must be a list out of `low`"),
        ("models: [{id: m, thinking_efforts: {off: [low]}}]", "must be a mapping of `adaptive`"),
        ("models: [{prefill: true}]", "1:10: a model needs an `id`"),
        ("models: [{id: m}, {id: m}]", "1:20: the model 'm' stands twice; join the two"),
        ("models: [3]", "an entry of `models` must be a mapping, not 3"),
        ("models: {id: m}", "`models` must be a list"),
        ("aliases: {x: hiaku}", "1:11: 'hiaku' names no model; did you mean `haiku`?"),
        ("aliases: {claude-opus-5: opus}", "`claude-opus-5` is a model's id"),
        ("aliases: [opus]", "`aliases` must map short names"),
        ("prices_as_of: yesterday", "`prices_as_of` must be a date in quotes"),
        ("just a text", "a model table must be a mapping"),
        ("models: [", "not valid YAML"),
    ],
)
def test_what_is_no_model_table_is_refused_where_it_stands(tmp_path, text, expected):
    assert any(expected in problem for problem in problems(tmp_path, text))


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    text = "models:\n  - {id: m, prefil: 1}\n  - {id: n, released: 3}\naliases: {x: y}\n"
    places = [problem.split(": ")[0] for problem in problems(tmp_path, text)]
    assert places == [f"{tmp_path / 'models.yaml'}:{at}" for at in ("2:13", "3:13", "4:11")]


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_a_price_that_is_written_is_the_price_that_is_read(tmp_path_factory, price):
    path = overlay(
        tmp_path_factory.mktemp("t"), f"models: [{{id: m, prices: {{output: {price}}}}}]"
    )
    assert load_registry(path).resolve("m").rates_on(TODAY, 0).output == price
