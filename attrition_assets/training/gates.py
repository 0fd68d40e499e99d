"""What a trained model must be before it may be registered at all."""

from attrition_assets.contract import Contract
from attrition_assets.training.evaluation import Evaluation, find_leaks
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.validation.verdicts import Verdict

SLOPE_RANGE = (0.7, 1.4)
LEAK_AUC = 0.95
MODEL_CHECKS = {
    "better_than_base_rate": "Its log-loss on unseen people is below that of the base rate.",
    "calibrated": f"Its calibration slope may well lie in {SLOPE_RANGE[0]} to {SLOPE_RANGE[1]}.",
    "no_leaking_feature": f"No feature alone tells who leaves with an AUC above {LEAK_AUC}.",
}


def check_model(
    evaluation: Evaluation, reference: ReferenceData, contract: Contract
) -> dict[str, Verdict]:
    """The verdicts on a trained model, by name; all must hold."""
    rows = reference.labelled
    leaks = find_leaks(rows, rows[LABEL].to_numpy(dtype="int64"), contract)
    strongest = next(iter(leaks))
    return {
        "better_than_base_rate": Verdict(
            holds=evaluation.log_loss < evaluation.base_rate_log_loss,
            explanation=f"log-loss {evaluation.log_loss:.4f} out of fold; the base rate alone has "
            f"{evaluation.base_rate_log_loss:.4f}",
            value=evaluation.log_loss,
            limit=evaluation.base_rate_log_loss,
        ),
        "calibrated": _check_calibration(evaluation),
        "no_leaking_feature": Verdict(
            holds=leaks[strongest] <= LEAK_AUC,
            explanation=f"{strongest} alone has an AUC of {leaks[strongest]:.3f}, the highest of "
            f"{len(leaks)} features; at most {LEAK_AUC} is accepted (set its role to ignored if "
            "it is known only after leaving)",
            value=leaks[strongest],
            limit=LEAK_AUC,
        ),
    }


def _check_calibration(evaluation: Evaluation) -> Verdict:
    """Fails only where the slope's 95 % interval lies outside: few leavers tell little of it."""
    slope, margin = evaluation.calibration_slope, 1.96 * evaluation.calibration_slope_error
    lowest, highest = SLOPE_RANGE
    return Verdict(
        holds=slope + margin >= lowest and slope - margin <= highest,
        explanation=f"calibration slope {slope:.2f}, 95 % interval {slope - margin:.2f} to "
        f"{slope + margin:.2f}, which must reach into {lowest} to {highest}; expected calibration "
        f"error {evaluation.calibration_error:.3f}",
        value=slope,
        limit=lowest,
    )
