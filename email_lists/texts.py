"""What the rendered e-mails say, by language; a language without texts reads English."""

from typing import Any

FALLBACK = "en"

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Your selection this morning",
        "campaigns": "Sales open for you",
        "products": "Chosen for you",
        "until": "until {closes_on}",
        "footer": "You receive this e-mail because you agreed to it. You may withdraw at any time.",
        "ranked_for_you": "Chosen for you",
        "similar_to_bought": "Like “{cause}”, which you bought",
        "bought_together": "Often bought together with “{cause}”",
        "kinds_bought_together": "Goes with things like “{cause}”",
        "new_sector": "From a department that is new to you",
        "new_brand": "A brand that is new to you: {brand}",
        "popular_in_cluster": "Popular with customers like you",
        "popular": "Popular now",
    },
    "fr": {
        "title": "Votre sélection de ce matin",
        "campaigns": "Ventes ouvertes pour vous",
        "products": "Choisis pour vous",
        "until": "jusqu’au {closes_on}",
        "footer": "Vous recevez cet e-mail car vous l’avez accepté. Vous pouvez vous désinscrire.",
        "ranked_for_you": "Choisie pour vous",
        "similar_to_bought": "Dans l’esprit de « {cause} », que vous avez acheté",
        "bought_together": "Souvent acheté avec « {cause} »",
        "kinds_bought_together": "Va bien avec des articles comme « {cause} »",
        "new_sector": "D’un rayon nouveau pour vous",
        "new_brand": "Une marque nouvelle pour vous : {brand}",
        "popular_in_cluster": "Apprécié des clients comme vous",
        "popular": "Populaire en ce moment",
    },
    "de": {
        "title": "Ihre Auswahl von heute Morgen",
        "campaigns": "Aktionen, die für Sie offen sind",
        "products": "Für Sie ausgesucht",
        "until": "bis {closes_on}",
        "footer": "Sie erhalten diese E-Mail, weil Sie zugestimmt haben. Sie können widerrufen.",
        "ranked_for_you": "Für Sie ausgesucht",
        "similar_to_bought": "Ähnlich wie „{cause}“, das Sie gekauft haben",
        "bought_together": "Oft zusammen gekauft mit „{cause}“",
        "kinds_bought_together": "Passt zu Artikeln wie „{cause}“",
        "new_sector": "Aus einer für Sie neuen Abteilung",
        "new_brand": "Eine für Sie neue Marke: {brand}",
        "popular_in_cluster": "Beliebt bei Kunden wie Ihnen",
        "popular": "Gerade beliebt",
    },
    "es": {
        "title": "Su selección de esta mañana",
        "campaigns": "Ventas abiertas para usted",
        "products": "Elegidos para usted",
        "until": "hasta el {closes_on}",
        "footer": "Recibe este correo porque lo aceptó. Puede retirarlo en cualquier momento.",
        "ranked_for_you": "Elegida para usted",
        "similar_to_bought": "Parecido a «{cause}», que usted compró",
        "bought_together": "A menudo se compra con «{cause}»",
        "kinds_bought_together": "Va con artículos como «{cause}»",
        "new_sector": "De una sección nueva para usted",
        "new_brand": "Una marca nueva para usted: {brand}",
        "popular_in_cluster": "Popular entre clientes como usted",
        "popular": "Popular ahora",
    },
    "it": {
        "title": "La sua selezione di stamattina",
        "campaigns": "Vendite aperte per lei",
        "products": "Scelti per lei",
        "until": "fino al {closes_on}",
        "footer": "Riceve questa e-mail perché ha acconsentito. Può revocare in ogni momento.",
        "ranked_for_you": "Scelta per lei",
        "similar_to_bought": "Simile a «{cause}», che ha acquistato",
        "bought_together": "Spesso acquistato con «{cause}»",
        "kinds_bought_together": "Si abbina ad articoli come «{cause}»",
        "new_sector": "Da un reparto nuovo per lei",
        "new_brand": "Una marca nuova per lei: {brand}",
        "popular_in_cluster": "Apprezzato da clienti come lei",
        "popular": "Popolare ora",
    },
}


def texts(language: str) -> dict[str, str]:
    """Return the texts of an ISO 639-1 language, English where there are none.

    >>> texts("mt")["popular"]
    'Popular now'
    """
    return TEXTS.get(language, TEXTS[FALLBACK])


def reason(language: str, shown: dict[str, Any]) -> str:
    """Say why a campaign or product of a list is shown; `shown` is its struct.

    >>> reason("en", {"reason": "similar_to_bought", "cause_name": "Red mug", "brand": "Kiln"})
    'Like “Red mug”, which you bought'
    """
    text = texts(language)[shown["reason"]]
    return text.format(cause=shown.get("cause_name"), brand=shown["brand"])
