"""The metric of the verdict, and the figure by which a baseline chooses its settings on the validation rows."""

from finetooth.baselines.choosing import Figure
from finetooth.evaluation import deciding
from finetooth.evaluation.cost import COST, cost_metric
from finetooth.evaluation.decisions import Decision
from finetooth.recipe import Recipe
from finetooth.rows.context import Context
from finetooth.runs.plan_file import Plan
from finetooth.tasks import Logits, Metric, Targets


def metric_of(recipe: Recipe, plan: Plan) -> Metric:
    """The metric by which the verdict compares rows."""
    if recipe.verdict_metric == COST:
        return cost_metric(deciding.costs_of(recipe.decision.costs or {}, plan.classes), classes=len(plan.classes))
    return plan.of_task().metric(recipe.verdict_metric)


def figure_of(context: Context) -> Figure:
    """The metric of the verdict, with its sign changed if lower is better, of validation logits and targets.

    Answers are by the costs of the recipe and, where it matters, by a temperature fitted on the same rows. Thresholds
    are not: they are fitted for the settings that are chosen, as for a candidate at its best step.
    """
    recipe, plan = context.recipe, context.plan
    task, metric, settings = plan.of_task(), metric_of(recipe, plan), recipe.decision
    costs = deciding.costs_of(settings.costs or {}, plan.classes)
    is_scaled = settings.temperature and (bool(costs) or metric.key == "loss")

    def figure(logits: Logits, targets: Targets) -> float:
        temperature = deciding.temperature(logits, targets, task=task) if is_scaled else 1.0
        outputs = Decision(temperature=temperature, costs=costs, task=task).outputs(logits)
        return metric.gain(metric.value(outputs, targets))

    return figure
