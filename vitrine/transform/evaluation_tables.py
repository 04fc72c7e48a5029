r"""What `\d` says of the tables that `vitrine evaluate` publishes."""

RUN = {
    "as_of": "Instant that the weeks end by.",
    "run": "Name of the evaluation's folder: its instant and a hash of the result.",
    "weeks": "How many weeks were judged.",
    "reference": "Model that the differences are taken from.",
}
MODEL_WEEK = {"model": "Name, as in docs/evaluation.md.", "week": "First instant of the week."}
LEADERBOARD = {
    **RUN,
    **MODEL_WEEK,
    "week": "First instant of the week, or `all weeks`.",
    "slice": "Which lists, and what was relevant for them; `all` is every list.",
    "metric": "Name, as in docs/evaluation.md.",
    "value": "The metric of the model.",
    "low": "Lower bound of the 95 % interval over customers; null for what is no mean.",
    "high": "Upper bound.",
    "difference": "Value less that of the reference, on the same draws of customers.",
    "difference_low": "Lower bound of its 95 % interval.",
    "difference_high": "Upper bound.",
    "list_count": "How many lists the slice has.",
}
CLASSIFIER_RUN = {
    "as_of": "Instant whose held-out products were asked about.",
    "run": "Name of the evaluation's folder: its instant and a hash of the result.",
    "version": "Registered version of the classifier that was judged.",
}
CLASSIFIER_SCORES = {
    **CLASSIFIER_RUN,
    "subject": "Who answered: classifier, the same with less to look at, or a peer.",
    "task": "Name of the label, or `all tasks`: their mean.",
    "metric": "Name, as in docs/evaluation.md.",
    "value": "The metric of the subject.",
    "low": "Lower bound of the 95 % interval over products; null for what has none.",
    "high": "Upper bound.",
    "difference": "Value less that of the classifier, on the same products.",
    "difference_low": "Lower bound of its 95 % interval.",
    "difference_high": "Upper bound.",
    "product_count": "How many held-out products the subject was asked about.",
}
TABLES = {
    "leaderboard": "One row per model, week, slice and metric of the current evaluation.",
    "leaderboard_history": "Leaderboards of all kept evaluations, also of those kept aside.",
    "model_costs": "One row per model and week of the current evaluation: what it took.",
    "learning_curves": "One row per model, week, curve and epoch of the current evaluation.",
    "classifier_scores": "One row per subject, task and metric of the champion classifier.",
    "classifier_scores_history": "The same of all kept evaluations, also of other versions.",
    "classifier_mistakes": "One row per held-out product, task, class missed and class given.",
}
COLUMNS: dict[str, dict[str, str]] = {
    "leaderboard": LEADERBOARD,
    "leaderboard_history": LEADERBOARD,
    "model_costs": {
        **MODEL_WEEK,
        "fit_s": "Seconds of fitting; what models share is charged to the first of them.",
        "judge_s": "Seconds of ranking all lists.",
    },
    "learning_curves": {
        **MODEL_WEEK,
        "curve": "Name of the loss, such as train_loss.",
        "epoch": "From 1.",
        "value": "The loss.",
    },
    "classifier_scores": CLASSIFIER_SCORES,
    "classifier_scores_history": CLASSIFIER_SCORES,
    "classifier_mistakes": {
        **CLASSIFIER_RUN,
        "task": "Name of the label.",
        "product_id": "The product.",
        "true_label": "The class that it has, or `(nothing)`.",
        "given_label": "The class that the classifier gave instead, or `(nothing)`.",
        "probability": "How sure it was.",
        "true_count": "How many held-out products have the true class.",
    },
}
