"""Promotion from Dagster's UI: a job whose launchpad asks for the version, who and why."""

from datetime import UTC, datetime

from dagster import Config, OpExecutionContext, ResourceParam, job, op
from pydantic import Field

from attrition_assets.adapters.model_cards import ModelCards
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.model_card import refresh_cards
from attrition_assets.defs.partitions import UNITS
from attrition_assets.defs.promotion import promote_version
from attrition_assets.defs.runs import PROMOTION


class PromotionConfig(Config):
    """What is promoted, and who answers for it."""

    version: int = Field(description="the version that shall score")
    who: str = Field(description="who promotes it")
    why: str = Field(description="why: it is kept in the decision log")
    override: bool = Field(False, description="promote it although its evidence does not advise it")


@op
def move_champion(
    context: OpExecutionContext,
    config: PromotionConfig,
    registry: ResourceParam[Registry],
    cards: ResourceParam[ModelCards],
) -> None:
    """Makes a version the champion; fails with the reasons if its evidence speaks against it."""
    previous = promote_version(
        context.instance,
        registry,
        config.version,
        who=config.who,
        why=config.why,
        now=datetime.now(UTC),
        override=config.override,
    )
    for said in refresh_cards(cards)[1].values():
        context.log.warning(said)
    context.log.info(f"version {config.version} is champion now; it was {previous or 'none'}")


@job(
    name=PROMOTION,
    partitions_def=UNITS,
    description="A version made champion by a person; refused as `attrition promote` refuses it.",
)
def promotion_job() -> None:
    """One op: there is nothing to do half of."""
    move_champion()
