"""`model_card`: what people must know of a version, written anew every month."""

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.model_cards import DATASHEET_PAGE, PAGE, ModelCards
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.errors import AttritionError, RegistryError
from attrition_assets.governance.model_card import render_model_card
from attrition_assets.settings import Settings

HELD_MONTHS = "every month that it scored, as it was judged, and every promotion"


@asset(
    partitions_def=MONTHS,
    deps=["drift_report", "monthly_summary"],  # by name: `model` reads this file
    group_name="attrition",
    kinds={"markdown"},
)
def model_card(
    context: AssetExecutionContext,
    registry: ResourceParam[Registry],
    cards: ResourceParam[ModelCards],
    settings: ResourceParam[Settings],
) -> MaterializeResult[None]:
    """The card of the version that scored the month, with all months up to now; and its datasheet.

    The champion's if the month was not judged. Cards of other versions that lack something since,
    as which version took their place, are written anew as well.
    """
    month = read_key_month(context.partition_key)
    scored = DriftReports(settings.home).scored_by(month)
    version = scored[0] if scored else registry.champion_version()
    if version is None:
        raise RegistryError(
            "there is no model yet, so there is no card: materialize reference_data and model"
        )
    metadata = write_model_card(cards, version, settings, anew=False)
    others, failed = refresh_cards(cards, but=version)
    for said in failed.values():
        context.log.warning(said)
    return MaterializeResult(
        metadata={
            "version": version,
            **metadata,
            "also_written": ", ".join(map(str, others)) or "none",
            "not_written": ", ".join(map(str, failed)) or "none",
        }
    )


def write_model_card(
    cards: ModelCards, version: int, settings: Settings, *, anew: bool = True
) -> dict[str, MetadataValue]:
    """Write a version's card and tell it as metadata: in words, and where people see it.

    Raises AttritionError that says what of the version is lost, and writes nothing then.
    """
    card = cards.write(version, anew=anew)
    url = f"{settings.reports_url}/models/{version}"
    return {
        "card": MetadataValue.md(render_model_card(card)),
        "card_link": MetadataValue.url(f"{url}/{PAGE}"),
        "datasheet_link": MetadataValue.url(f"{url}/{DATASHEET_PAGE}"),
    }


def refresh_cards(cards: ModelCards, but: int | None = None) -> tuple[list[int], dict[int, str]]:
    """Write anew the cards that lack something, and the champion's if it has none.

    Returns the versions written, and why others could not be: one that is lost keeps no other from
    being written.
    """
    champion = cards.registry.present_champion()
    wanted = {*cards.written(), *([champion] if champion else [])} - {but}
    written, failed = [], {}
    for version in sorted(wanted):
        try:
            if cards.find_lacks(version):
                cards.write(version, anew=False)
                written.append(version)
        except AttritionError as error:
            failed[version] = f"the card of version {version} is as it was: {error}"
    return written, failed


@asset_check(asset=model_card, partitions_def=MONTHS)
def model_card_is_current(
    context: AssetCheckExecutionContext,
    registry: ResourceParam[Registry],
    cards: ResourceParam[ModelCards],
) -> AssetCheckResult:
    """The champion's card shows all that was judged and decided about it, whichever month ran."""
    version = registry.present_champion()
    if version is None:
        lacks: tuple[str, ...] = ("a champion",)
        said = "no version is champion, so none has its card: `attrition promote --version N`"
    elif lacks := cards.find_lacks(version):
        said = (
            f"the card of version {version} lacks {'; '.join(lacks)}: `attrition card --version "
            f"{version}` writes it anew"
        )
    else:
        said = f"the card of version {version} shows {HELD_MONTHS}"
    return AssetCheckResult(
        passed=not lacks,
        severity=AssetCheckSeverity.WARN,
        description=said,
        metadata={"value": len(lacks), "limit": 0, "offenders": "; ".join(lacks) or "none"},
    )
