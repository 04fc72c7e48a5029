"""What the letters say, by language, with its numbers and dates; other languages read English.

Formats are the Unicode CLDR's (https://cldr.unicode.org), by way of Babel. Nothing here knows of
templates: `email_lists.mail.rendering` lays out what this module words.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_time
from babel.numbers import format_currency, format_decimal

from vitrine.contracts import NO_COUNTRY

FALLBACK = "en"
FORMATTED = 65_536
"""Prices and moments that are kept in memory: many letters show the same ones."""

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "popular_title": "Worth a look right now",
        "popular_intro": "Picked from what is on sale, with the reason beside each.",
        "popular_subject": "{brand} and more: worth a look right now",
        "selection_title": "Your selection today",
        "selection_intro": "Chosen for you, with the reason beside each.",
        "selection_subject": "{brand} and more, chosen for you",
        "early_access_title": "Before everyone else",
        "early_access_intro": "Thank you for your loyalty: see first what opens next.",
        "early_access_subject": "Before everyone else: {brand}",
        "premium_title": "The finest of today",
        "premium_intro": "A choice made for our best customers.",
        "premium_subject": "{brand} and more: the finest of today",
        "win_back_title": "It has been a while",
        "win_back_intro": "We looked for what you used to like.",
        "win_back_subject": "It has been a while: {brand} and more",
        "campaigns": "Sales for you",
        "products": "Chosen for you",
        "until": "until {day}, {time}",
        "opens": "opens {day}, {time}",
        "bought_today_one": "{count} person bought this today",
        "bought_today_other": "{count} people bought this today",
        "consent": "You receive this e-mail because you agreed to it.",
        "unsubscribe": "Unsubscribe with one click",
        "pinned": "Our pick of the day",
        "loved_brand": "More from {brand}, which you have bought before",
        "loved_kind": "Close to what you have bought before",
        "ranked_for_you": "Chosen for you",
        "liked_by_many": "Liked by many",
        "early_access": "For you before everyone else",
        "similar_to_bought": "Because you bought “{cause}”",
        "similar_to_several": "Similar to things you have bought",
        "bought_together": "Often bought together with “{cause}”",
        "kinds_bought_together": "Goes well with things like “{cause}”",
        "new_sector": "From a department that is new to you",
        "new_brand_in_sector": "{brand}: a new brand in your favourite department",
        "new_brand": "{brand}: a brand that is new to you",
        "popular_in_cluster": "Popular with customers like you",
        "popular_in_region": "Popular in your region right now",
        "popular": "Popular now",
        "just_opened": "Just in",
        "buy_again": "Time to buy it again?",
    },
    "fr": {
        "popular_title": "À voir en ce moment",
        "popular_intro": "Un choix parmi les ventes en cours : nous vous disons pourquoi.",
        "popular_subject": "{brand} et d’autres, à voir en ce moment",
        "selection_title": "Votre sélection du jour",
        "selection_intro": "Choisie pour vous : nous vous disons pourquoi.",
        "selection_subject": "{brand} et d’autres, choisis pour vous",
        "early_access_title": "En avant-première",
        "early_access_intro": "Merci de votre fidélité : découvrez avant tous les prochaines"
        " ouvertures.",
        "early_access_subject": "En avant-première pour vous : {brand}",
        "premium_title": "Le meilleur du jour",
        "premium_intro": "Un choix réservé à nos meilleurs clients.",
        "premium_subject": "{brand} et d’autres : le meilleur du jour",
        "win_back_title": "Cela fait longtemps",
        "win_back_intro": "Nous avons cherché ce que vous aimiez.",
        "win_back_subject": "Cela fait longtemps : {brand} et d’autres vous attendent",
        "campaigns": "Les ventes pour vous",
        "products": "Nos choix pour vous",
        "until": "jusqu’au {day} à {time}",
        "opens": "ouverture {day} à {time}",
        "bought_today_one": "{count} personne l’a acheté aujourd’hui",
        "bought_today_other": "{count} personnes l’ont acheté aujourd’hui",
        "consent": "Vous recevez cet e-mail car vous l’avez accepté.",
        "unsubscribe": "Se désinscrire en un clic",
        "pinned": "Notre coup de cœur du jour",
        "loved_brand": "Encore {brand}, que vous avez déjà choisi",
        "loved_kind": "Proche de vos achats passés",
        "ranked_for_you": "Choisie pour vous",
        "liked_by_many": "Appréciée par beaucoup",
        "early_access": "Pour vous, avant tout le monde",
        "similar_to_bought": "Parce que vous avez acheté « {cause} »",
        "similar_to_several": "Proche de plusieurs de vos achats",
        "bought_together": "Souvent acheté avec « {cause} »",
        "kinds_bought_together": "Va bien avec des articles comme « {cause} »",
        "new_sector": "D’un rayon nouveau pour vous",
        "new_brand_in_sector": "{brand} : une nouvelle marque dans votre rayon préféré",
        "new_brand": "{brand} : une marque nouvelle pour vous",
        "popular_in_cluster": "Plaît aux clients comme vous",
        "popular_in_region": "Plaît en ce moment dans votre région",
        "popular": "Plaît en ce moment",
        "just_opened": "Vient d’arriver",
        "buy_again": "À racheter ?",
    },
    "de": {
        "popular_title": "Gerade einen Blick wert",
        "popular_intro": "Eine Auswahl aus dem aktuellen Angebot, mit dem Grund dazu.",
        "popular_subject": "{brand} und mehr: gerade einen Blick wert",
        "selection_title": "Ihre Auswahl von heute",
        "selection_intro": "Für Sie ausgesucht, mit dem Grund dazu.",
        "selection_subject": "{brand} und mehr, für Sie ausgesucht",
        "early_access_title": "Vor allen anderen",
        "early_access_intro": "Danke für Ihre Treue: Sehen Sie zuerst, was bald beginnt.",
        "early_access_subject": "Vor allen anderen: {brand}",
        "premium_title": "Das Beste von heute",
        "premium_intro": "Eine Auswahl für unsere besten Kundinnen und Kunden.",
        "premium_subject": "{brand} und mehr: das Beste von heute",
        "win_back_title": "Lange nicht gesehen",
        "win_back_intro": "Wir haben gesucht, was Ihnen gefallen hat.",
        "win_back_subject": "Lange nicht gesehen: {brand} und mehr",
        "campaigns": "Aktionen für Sie",
        "products": "Für Sie ausgesucht",
        "until": "bis {day}, {time} Uhr",
        "opens": "ab {day}, {time} Uhr",
        "bought_today_one": "Heute von {count} Person gekauft",
        "bought_today_other": "Heute von {count} Personen gekauft",
        "consent": "Sie erhalten diese E-Mail, weil Sie zugestimmt haben.",
        "unsubscribe": "Mit einem Klick abmelden",
        "pinned": "Unsere Empfehlung des Tages",
        "loved_brand": "Mehr von {brand}, wo Sie schon gekauft haben",
        "loved_kind": "Nah an Ihren früheren Käufen",
        "ranked_for_you": "Für Sie ausgesucht",
        "liked_by_many": "Bei vielen beliebt",
        "early_access": "Für Sie vor allen anderen",
        "similar_to_bought": "Weil Sie „{cause}“ gekauft haben",
        "similar_to_several": "Ähnlich wie mehrere Ihrer Einkäufe",
        "bought_together": "Oft zusammen gekauft mit „{cause}“",
        "kinds_bought_together": "Passt zu Artikeln wie „{cause}“",
        "new_sector": "Aus einer für Sie neuen Abteilung",
        "new_brand_in_sector": "{brand}: eine neue Marke in Ihrer Lieblingsabteilung",
        "new_brand": "{brand}: eine für Sie neue Marke",
        "popular_in_cluster": "Beliebt bei Kunden wie Ihnen",
        "popular_in_region": "Gerade beliebt in Ihrer Region",
        "popular": "Gerade beliebt",
        "just_opened": "Gerade eingetroffen",
        "buy_again": "Zeit, es wieder zu kaufen?",
    },
    "es": {
        "popular_title": "Lo que vale la pena ver ahora",
        "popular_intro": "Una selección de lo que está a la venta, con el porqué de cada artículo.",
        "popular_subject": "{brand} y más: lo que vale la pena ver ahora",
        "selection_title": "Su selección de hoy",
        "selection_intro": "Elegida para usted, con el porqué de cada artículo.",
        "selection_subject": "{brand} y más, elegido para usted",
        "early_access_title": "Antes que nadie",
        "early_access_intro": "Gracias por su fidelidad: vea primero lo que está por abrir.",
        "early_access_subject": "Antes que nadie: {brand}",
        "premium_title": "Lo mejor de hoy",
        "premium_intro": "Una selección para nuestros mejores clientes.",
        "premium_subject": "{brand} y más: lo mejor de hoy",
        "win_back_title": "Cuánto tiempo",
        "win_back_intro": "Hemos buscado lo que le gustaba.",
        "win_back_subject": "Cuánto tiempo: {brand} y más le esperan",
        "campaigns": "Ventas para usted",
        "products": "Elegido para usted",
        "until": "hasta el {day}, {time} h",
        "opens": "abre el {day}, {time} h",
        "bought_today_one": "{count} persona lo ha comprado hoy",
        "bought_today_other": "{count} personas lo han comprado hoy",
        "consent": "Recibe este correo porque lo aceptó.",
        "unsubscribe": "Darse de baja con un clic",
        "pinned": "Nuestra recomendación del día",
        "loved_brand": "Más de {brand}, que ya ha comprado",
        "loved_kind": "Parecido a sus compras anteriores",
        "ranked_for_you": "Elegida para usted",
        "liked_by_many": "Gusta a mucha gente",
        "early_access": "Para usted antes que nadie",
        "similar_to_bought": "Porque compró «{cause}»",
        "similar_to_several": "Parecido a varias de sus compras",
        "bought_together": "Se compra a menudo con «{cause}»",
        "kinds_bought_together": "Combina con artículos como «{cause}»",
        "new_sector": "De una sección nueva para usted",
        "new_brand_in_sector": "{brand}: una marca nueva en su sección favorita",
        "new_brand": "{brand}: una marca nueva para usted",
        "popular_in_cluster": "Popular entre clientes como usted",
        "popular_in_region": "Popular ahora en su región",
        "popular": "Popular ahora",
        "just_opened": "Recién llegado",
        "buy_again": "¿Toca volver a comprarlo?",
    },
    "it": {
        "popular_title": "Da vedere in questo momento",
        "popular_intro": "Una scelta tra le vendite in corso, con il perché di ogni articolo.",
        "popular_subject": "{brand} e altro, da vedere in questo momento",
        "selection_title": "La sua selezione di oggi",
        "selection_intro": "Scelta per lei, con il perché di ogni articolo.",
        "selection_subject": "{brand} e altro, scelti per lei",
        "early_access_title": "Prima di tutti",
        "early_access_intro": "Grazie per la sua fedeltà: scopra in anteprima le prossime vendite.",
        "early_access_subject": "Prima di tutti: {brand}",
        "premium_title": "Il meglio di oggi",
        "premium_intro": "Una scelta per i nostri migliori clienti.",
        "premium_subject": "{brand} e altro: il meglio di oggi",
        "win_back_title": "È passato un po’ di tempo",
        "win_back_intro": "Abbiamo cercato ciò che le piaceva.",
        "win_back_subject": "È passato un po’ di tempo: {brand} e altro la aspettano",
        "campaigns": "Vendite per lei",
        "products": "Scelti per lei",
        "until": "fino a {day}, ore {time}",
        "opens": "apre {day}, ore {time}",
        "bought_today_one": "Oggi l’ha acquistato {count} persona",
        "bought_today_other": "Oggi l’hanno acquistato {count} persone",
        "consent": "Riceve questa e-mail perché ha acconsentito.",
        "unsubscribe": "Annulli l’iscrizione con un clic",
        "pinned": "Il nostro consiglio del giorno",
        "loved_brand": "Ancora {brand}, che ha già acquistato",
        "loved_kind": "Vicino ai suoi acquisti passati",
        "ranked_for_you": "Scelta per lei",
        "liked_by_many": "Piace a molti",
        "early_access": "Per lei, prima di tutti",
        "similar_to_bought": "Perché ha acquistato «{cause}»",
        "similar_to_several": "Simile a diversi suoi acquisti",
        "bought_together": "Spesso acquistato con «{cause}»",
        "kinds_bought_together": "Si abbina ad articoli come «{cause}»",
        "new_sector": "Da un reparto nuovo per lei",
        "new_brand_in_sector": "{brand}: una nuova marca nel suo reparto preferito",
        "new_brand": "{brand}: una marca nuova per lei",
        "popular_in_cluster": "Piace a clienti come lei",
        "popular_in_region": "Piace in questo momento nella sua regione",
        "popular": "Piace in questo momento",
        "just_opened": "Appena arrivato",
        "buy_again": "È ora di ricomprarlo?",
    },
}


def _unbroken(text: str) -> str:
    """Keep French signs on the line of their words, as its typography asks (no-break spaces)."""
    for sign, kept in (("« ", "«\u00a0"), (" »", "\u00a0»"), (" :", "\u202f:")):
        text = text.replace(sign, kept)
    return text


TEXTS["fr"] = {name: _unbroken(text) for name, text in TEXTS["fr"].items()}

_DAYS = {
    "en": "EEEE d MMMM",
    "en_US": "EEEE, MMMM d",
    "fr": "EEEE d MMMM",
    "de": "EEEE, d. MMMM",
    "es": "EEEE d 'de' MMMM",
    "it": "EEEE d MMMM",
}
"""Weekday, day and month without the year, which CLDR has in short forms alone."""
_FRENCH_FIRST = "EEEE d'er' MMMM"


def texts(language: str) -> dict[str, str]:
    """Return the texts of an ISO 639-1 language, English where there are none.

    >>> texts("mt")["popular"]
    'Popular now'
    """
    return TEXTS.get(language, TEXTS[FALLBACK])


@cache
def locale(language: str, country: str) -> Locale:
    """Return what numbers and dates are written by: the texts' language, as the country has it.

    >>> [str(locale(*of)) for of in [("fr", "BE"), ("mt", "MT"), ("fr", "ZZ"), ("en", "ZZ")]]
    ['fr_BE', 'en_MT', 'fr', 'en_GB']
    """
    spoken = language if language in TEXTS else FALLBACK
    # English of no country is American to CLDR; the hours and days of most of the world are not.
    usual = Locale.parse("en_GB") if spoken == "en" else Locale(spoken)
    if country == NO_COUNTRY:
        return usual
    try:
        return Locale.parse(f"{spoken}_{country}")
    except (UnknownLocaleError, ValueError):
        return usual


@lru_cache(FORMATTED)
def price(amount: float, currency: str, where: Locale) -> str:
    r"""Write an amount of an ISO 4217 currency.

    >>> price(1234.5, "EUR", locale("de", "DE")), price(9.9, "GBP", locale("en", "GB"))
    ('1.234,50\xa0€', '£9.90')
    """
    return format_currency(amount, currency, locale=where)


@lru_cache(FORMATTED)
def moment(text: str, instant: datetime, timezone: str, where: Locale) -> str:
    """Fill {day} and {time} of a text by the customer's clock.

    >>> from vitrine.interval import parse_instant
    >>> midnight = parse_instant("2026-02-28T23:00:00Z")
    >>> moment("jusqu’au {day} à {time}", midnight, "Europe/Paris", locale("fr", "FR"))
    'jusqu’au dimanche 1er mars à 00:00'
    """
    local = instant.astimezone(ZoneInfo(timezone))
    pattern = _DAYS.get(str(where), _DAYS[where.language])
    if where.language == "fr" and local.day == 1:
        pattern = _FRENCH_FIRST
    day = format_datetime(local, pattern, locale=where)
    return text.format(day=day, time=format_time(local, "short", locale=where))


def bought_today(language: str, count: int, where: Locale) -> str:
    """Say how many people bought a product today, in the language's own number.

    >>> bought_today("en", 1, locale("en", "GB")), bought_today("fr", 2, locale("fr", "FR"))
    ('1 person bought this today', '2 personnes l’ont acheté aujourd’hui')
    """
    form = "one" if where.plural_form(count) == "one" else "other"
    text = texts(language)[f"bought_today_{form}"]
    return text.format(count=format_decimal(count, locale=where))


def reason(language: str, shown: Mapping[str, Any]) -> str:
    """Say why a campaign or product of a list is shown; `shown` is its struct.

    >>> reason("en", {"reason": "similar_to_bought", "cause_name": "Red mug", "brand": "Kiln"})
    'Because you bought “Red mug”'
    """
    text = texts(language)[shown["reason"]]
    return text.format(cause=shown.get("cause_name"), brand=shown["brand"])


def subject(language: str, strategy: str, brand: str | None) -> str:
    """Return the subject of a letter, after the brand that it begins with, if any.

    >>> subject("en", "win_back", "Kiln")
    'It has been a while: Kiln and more'
    """
    if brand is None:
        return texts(language)[f"{strategy}_title"]
    return texts(language)[f"{strategy}_subject"].format(brand=brand)
