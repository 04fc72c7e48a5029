"""What each feature should say, computed from the raw rows: one module a subject.

Each function answers for one entity at one instant and returns every feature of its model by name.
They are written to be read beside the descriptions in the models' YAML, and to be obviously right;
they are slow, and share no code with what computes the features. They share definitions: the words
of each class (`classes`), and the clusters that landing gave to customers.
"""

from collections.abc import Callable

from vitrine.errors import VitrineError
from vitrine.feature_catalogue import FeatureModel
from vitrine.proof.history import History
from vitrine.proof.references.campaign import campaign
from vitrine.proof.references.context import context
from vitrine.proof.references.customer import customer
from vitrine.proof.references.customer_sectors import customer_sector
from vitrine.proof.references.offers import on_sale
from vitrine.proof.references.pair import pair
from vitrine.proof.references.performance import campaign_performance, cluster_campaign
from vitrine.proof.references.product import product
from vitrine.proof.references.shopping import customer_groups, customer_segments

Values = dict[str, float | str]
Reference = Callable[..., Values]

REFERENCES: dict[str, Reference] = {
    "feat_context": context,
    "feat_customer": customer,
    "feat_customer_sector": customer_sector,
    "customer_groups": customer_groups,
    "customer_segments": customer_segments,
    "feat_product": product,
    "feat_campaign": campaign,
    "feat_customer_campaign": pair,
    "feat_campaign_performance": campaign_performance,
    "feat_cluster_campaign": cluster_campaign,
    "on_sale": on_sale,
}


def expected(history: History, model: FeatureModel, *question: object) -> Values:
    """Compute the features of a model for one row of a spine.

    Raises
    ------
    VitrineError
        If the model, or one of its features, has no reference, or the reference one that the
        catalogue does not know: then the proof would not be whole.
    """
    if model.name not in REFERENCES:
        raise VitrineError(f"prove-time has no reference for {model.name}; write one beside these")
    values = REFERENCES[model.name](history, *question)
    names = {feature.name for feature in model.features}
    if set(values) != names:
        raise VitrineError(
            f"prove-time cannot judge {model.name}: no reference for"
            f" {', '.join(sorted(names - set(values))) or 'nothing'}; no feature for"
            f" {', '.join(sorted(set(values) - names)) or 'nothing'}"
        )
    return values
